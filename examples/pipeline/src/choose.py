"""Tests two models and keeps the better one."""

import argparse
import json
import pickle
import shutil
from pathlib import Path

import mlflow
import pandas as pd

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", required=True)
parser.add_argument("--first", type=Path, required=True)
parser.add_argument("--second", type=Path, required=True)
parser.add_argument("--best", type=Path, required=True)
parser.add_argument("--report", type=Path, required=True)
arguments = parser.parse_args()

table = pd.read_csv(arguments.data)
rows, target = table.drop(columns="target"), table["target"]
models = [arguments.first / "model.pkl", arguments.second / "model.pkl"]
accuracies = [pickle.loads(model.read_bytes()).score(rows, target) for model in models]
best = max(range(2), key=accuracies.__getitem__)
shutil.copy(models[best], arguments.best / "model.pkl")
arguments.report.write_text(json.dumps({"accuracies": accuracies, "best": best}))
mlflow.log_metric("accuracy", accuracies[best])
print(f"accuracies {accuracies}, the better one is {type(pickle.loads(models[best].read_bytes())).__name__}")
