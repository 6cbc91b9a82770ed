"""BentoML with batches around a model, which the environment names: BENCH_MODEL, BENCH_FOLDER."""

import os
import sys
from pathlib import Path

import bentoml
import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
from models import load


@bentoml.service(workers=1)
class Model:
    def __init__(self) -> None:
        self.predict_rows = load(os.environ["BENCH_MODEL"], Path(os.environ["BENCH_FOLDER"]))

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1000, route="/predict")
    def predict(self, inputs: numpy.ndarray) -> numpy.ndarray:
        return numpy.asarray(self.predict_rows(numpy.asarray(inputs, dtype="float32")))
