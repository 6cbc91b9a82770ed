"""Trains a classifier on a table whose column `target` says what each row is."""

import argparse
import pickle
from pathlib import Path

import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", required=True)
parser.add_argument("--kind", choices=("logistic", "nearest"), required=True)
parser.add_argument("--neighbours", type=int, default=5)
parser.add_argument("--model", type=Path, required=True, help="folder that the model is written into")
arguments = parser.parse_args()

table = pd.read_csv(arguments.data)
rows, target = table.drop(columns="target"), table["target"]
if arguments.kind == "logistic":
    model = LogisticRegression(max_iter=200)
else:
    model = KNeighborsClassifier(arguments.neighbours)
model.fit(rows, target)
mlflow.log_param("kind", arguments.kind)
mlflow.log_metric("training_accuracy", model.score(rows, target))
Path(arguments.model, "model.pkl").write_bytes(pickle.dumps(model))
