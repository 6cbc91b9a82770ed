"""Entry script of a parallel step that scores files with an MLflow model.

Its rows are comma-separated: the number of the row in its file, the prediction, and the name of the file.
"""

import csv
import io
import os

import mlflow.pyfunc
import numpy
import pandas

MODEL = None
CHUNK_ROWS = 50_000


def init():
    global MODEL
    MODEL = mlflow.pyfunc.load_model(os.environ["AZUREML_MODEL_DIR"])


def run(mini_batch):
    return [line for path in mini_batch for line in scored(path)]


def scored(path):
    first = 0
    for table in tables(path):
        predictions = MODEL.predict(table)
        frame = columns(predictions)
        frame.insert(0, "row", range(first, first + len(frame)))
        frame["file"] = os.path.basename(path)
        first += len(frame)
        text = io.StringIO()
        frame.to_csv(text, header=False, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        yield from text.getvalue().splitlines()


def columns(predictions):
    """One column a value that the model gives for a row."""
    if isinstance(predictions, pandas.DataFrame):
        return predictions.reset_index(drop=True)
    values = predictions.to_numpy() if isinstance(predictions, pandas.Series) else numpy.asarray(predictions)
    return pandas.DataFrame(values.reshape(len(values), -1))


def tables(path):
    """Raises ValueError for a file that is no table."""
    name = path.lower()
    if name.endswith(".csv"):
        return pandas.read_csv(path, chunksize=CHUNK_ROWS)
    if name.endswith(".tsv"):
        return pandas.read_csv(path, sep="\t", chunksize=CHUNK_ROWS)
    if name.endswith(".jsonl"):
        return pandas.read_json(path, lines=True, chunksize=CHUNK_ROWS)
    if name.endswith(".json"):
        return [pandas.read_json(path)]
    if name.endswith((".parquet", ".pq")):
        return [pandas.read_parquet(path)]
    kinds = ".csv, .tsv, .json, .jsonl and .parquet"
    raise ValueError(f"{os.path.basename(path)} is none of the files that are scored without a script: {kinds}")
