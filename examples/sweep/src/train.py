"""Fits a classifier to scikit-learn's digits and logs its accuracy."""

import argparse

import mlflow
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, required=True)
parser.add_argument("--penalty", required=True)
arguments = parser.parse_args()

x, y = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x / 16, y, random_state=0)
model = SGDClassifier(alpha=arguments.alpha, penalty=arguments.penalty, random_state=0)
for epoch in range(5):
    model.partial_fit(x_train, y_train, classes=range(10))
    mlflow.log_metric("accuracy", model.score(x_test, y_test), step=epoch)
