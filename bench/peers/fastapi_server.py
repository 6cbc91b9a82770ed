"""Bare FastAPI around a model: python fastapi_server.py NAME FOLDER PORT"""

import sys
from pathlib import Path

import numpy
import uvicorn
from fastapi import FastAPI
from models import load
from pydantic import BaseModel

predict = load(sys.argv[1], Path(sys.argv[2]))
app = FastAPI()


class Rows(BaseModel):
    inputs: list[list[float]]


@app.post("/predict")
async def score(body: Rows) -> dict:
    return {"predictions": predict(numpy.array(body.inputs, dtype="float32"))}


uvicorn.run(app, port=int(sys.argv[3]), access_log=False, log_level="warning")
