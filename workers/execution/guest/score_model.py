"""Entry script of a parallel step that scores files with an MLflow model.

Its rows are comma-separated: the number of the row in its file, the prediction, and the name of the file. It is given
pieces of files; the rows of parts are numbered by the leader, who knows how many came before them.
"""

import csv
import io
import os

import mlflow.pyfunc
import numpy
import pandas
from pieces import DELIMITERS, text_of

MODEL = None
# The specification of the one array that the model takes; None for a model that takes tables.
ARRAY = None
CHUNK_ROWS = 50_000
# What a piece has that is a part of its file.
PARTS = {"start", "group"}


def init():
    global MODEL, ARRAY
    MODEL = mlflow.pyfunc.load_model(os.environ["AZUREML_MODEL_DIR"])
    taken = MODEL.metadata.get_input_schema()
    if taken is not None and taken.is_tensor_spec() and not taken.has_input_names():
        ARRAY = taken.inputs[0]


def run(mini_batch):
    return [line for piece in mini_batch for line in scored(piece)]


def scored(piece):
    """Lines with the prediction and the name of the file, and before them the row where the piece is a whole file."""
    name, is_whole, first = os.path.basename(piece["path"]), len(piece.keys() & PARTS) == 0, 0
    for table in tables(piece):
        if not len(table):
            continue
        frame = columns(MODEL.predict(table if ARRAY is None else array_of(table)))
        if is_whole:
            frame.insert(0, "row", range(first, first + len(frame)))
        frame["file"] = name
        first += len(frame)
        yield from lines_of(frame)


def array_of(table):
    """The rows of a table in the shape and type of the model's array."""
    return table.to_numpy().astype(ARRAY.type).reshape(len(table), *ARRAY.shape[1:])


def lines_of(frame):
    text = frame.to_csv(header=False, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    lines = text.splitlines()
    if len(lines) == len(frame):
        return lines
    # Some text has line breaks of its own.
    return [row.to_csv(header=False, index=False).removesuffix("\n") for row in one_by_one(frame)]


def one_by_one(frame):
    return (frame.iloc[at : at + 1] for at in range(len(frame)))


def columns(predictions):
    """One column a value that the model gives for a row."""
    if isinstance(predictions, pandas.DataFrame):
        return predictions.reset_index(drop=True)
    values = predictions.to_numpy() if isinstance(predictions, pandas.Series) else numpy.asarray(predictions)
    return pandas.DataFrame(values.reshape(len(values), -1))


def tables(piece):
    """Raises ValueError for a file that is no table."""
    path = piece["path"]
    kind = os.path.splitext(path)[1].lower()
    if "group" in piece:
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(path) as file:
            return [file.read_row_group(piece["group"]).to_pandas()]
    source = io.BytesIO(text_of(piece)) if "start" in piece else path
    if kind in DELIMITERS:
        return pandas.read_csv(source, sep=DELIMITERS[kind], chunksize=CHUNK_ROWS)
    if kind == ".jsonl":
        return pandas.read_json(source, lines=True, chunksize=CHUNK_ROWS)
    if kind == ".json":
        return [pandas.read_json(path)]
    if kind in (".parquet", ".pq"):
        return [pandas.read_parquet(path)]
    kinds = ".csv, .tsv, .json, .jsonl and .parquet"
    raise ValueError(f"{os.path.basename(path)} is none of the files that are scored without a script: {kinds}")
