"""Scores a model that MLflow saved, whatever its flavour, with its signature checked first."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import answers, bodies, signature
from .batching import Given
from .errors import BadInput
from .signature import Signature, Table, read_cells

FRAME_TYPES = {
    "float": "float32",
    "double": "float64",
    "integer": "int32",
    "long": "int64",
    "boolean": "bool",
    "datetime": "datetime64[ns]",
}

ROW_BY_ROW = frozenset(
    f"mlflow.{flavour}"
    for flavour in ("catboost", "keras", "lightgbm", "onnx", "pytorch", "sklearn", "tensorflow", "xgboost")
)
"""Flavours that answer each row by itself, as far as a flavour can say so."""


class MlflowModel:
    def __init__(self, folder: Path) -> None:
        import mlflow.pyfunc

        self._model = mlflow.pyfunc.load_model(str(folder))
        found = self._model.metadata.signature
        described = found.to_dict() if found is not None else {}
        self.inputs = _schema(described.get("inputs"))
        self.outputs = _schema(described.get("outputs"))
        self.params = {param["name"] for param in _schema(described.get("params"))}
        self.signature = signature.parse(self.inputs)
        loader = self._model.metadata.flavors["python_function"].get("loader_module")
        self.is_framework = self.batches = loader in ROW_BY_ROW
        self._predict = self._predictor()

    def _predictor(self) -> Callable[[Any], Any]:
        """What MLflow itself calls with an input that fits the signature, as ours do: to fit it costs MLflow more."""
        signature = self.signature
        if not self.is_framework or self.params or signature is None:
            return self._model.predict
        if signature.tensors:
            fits = not signature.is_named
        else:
            fits = all(column.required and column.type in FRAME_TYPES for column in signature.columns)
        return self._model._model_impl.predict if fits else self._model.predict

    def native(self) -> Any:
        """The model as its own framework knows it. Raises AttributeError where it has no such form."""
        return self._model.get_raw_model()

    def example(self) -> list | None:
        """Rows of the input example that was saved with the model."""
        try:
            found = self._model.input_example
            return numpy_rows(found) if found is not None else None
        except (AttributeError, OSError, ValueError, TypeError):
            return None

    def score(self, raw: bytes, content_type: str, *, wrapped: bool) -> bytes:
        """JSON: the predictions, `wrapped` in `{"predictions": …}` as MLflow does or bare as Azure does."""
        return answers.encode(answers.wrap(self.predict(self.read(raw, content_type)), wrapped))

    def read(self, raw: bytes, content_type: str) -> Given:
        """Raises BadInput."""
        body = bodies.read(raw, content_type)
        unknown = next((name for name in body.params if name not in self.params), None)
        if unknown is not None:
            known = ", ".join(sorted(self.params)) or "none"
            raise BadInput(f"params.{unknown}: the model has no such parameter. It has: {known}.", target=unknown)
        return Given(to_input(self.signature, body), body.field, body.params)

    def predict(self, given: Given) -> Any:
        if given.params:
            return self._model.predict(given.value, params=given.params)
        return self._predict(given.value)


def numpy_rows(found: Any) -> list | None:
    import numpy

    values = numpy.asarray(found)
    if values.dtype == object and hasattr(found, "astype"):
        values = numpy.asarray(found.astype("float64"))
    return values.tolist() if values.ndim > 1 and values.dtype.kind in "iuf" else None


def _schema(text: str | None) -> list[dict]:
    return json.loads(text) if text else []


def to_input(expected: Signature | None, body: bodies.Body) -> Any:
    """What `predict` takes: a DataFrame, an array, or arrays by name. Raises BadInput."""
    if expected is None:
        return _frame(body.data) if isinstance(body.data, Table) else body.data
    if expected.tensors:
        return _tensors(expected, body)
    return _typed_frame(expected, signature.check_table(expected, _table(expected, body)))


def _table(expected: Signature, body: bodies.Body) -> Table:
    """Rows, whichever of the accepted forms they came in."""
    data, field = body.data, body.field
    if isinstance(data, Table):
        return data
    width = len(expected.columns)
    if isinstance(data, dict):
        return _by_column(data, field)
    if not isinstance(data, list):
        raise BadInput(f"{field}: expected rows of {width} values.", target=field)
    if data and not isinstance(data[0], list):
        # A column model of one column takes a list of values; of several, one row.
        data = [[cell] for cell in data] if width == 1 else [data]
    return Table(None, data, field)


def _by_column(data: dict, field: str) -> Table:
    if not all(isinstance(values, list) for values in data.values()):
        return Table(list(data), [list(data.values())], field)
    lengths = {name: len(values) for name, values in data.items()}
    if len(set(lengths.values())) > 1:
        raise BadInput(f"{field}: columns differ in length: {lengths}.", target=field)
    return Table(list(data), [list(row) for row in zip(*data.values(), strict=True)], field)


def _tensors(expected: Signature, body: bodies.Body) -> Any:
    data, field = body.data, body.field
    if isinstance(data, Table) and data.is_text:
        data = read_cells(data)
    if not expected.is_named:
        value = data.rows if isinstance(data, Table) else data
        return _array(expected.tensors[0], value, field)
    if isinstance(data, Table) and data.columns is not None:
        data = {name: [row[place] for row in data.rows] for place, name in enumerate(data.columns)}
    names = expected.names
    if not isinstance(data, dict):
        raise BadInput(f"{field}: expected an object with the tensors {', '.join(names)}.", target=field)
    wrong = next((name for name in names if name not in data), None)
    if wrong is not None:
        raise BadInput(f"Missing tensor {wrong!r}. Expected {', '.join(names)}.", target=wrong)
    wrong = next((name for name in data if name not in names), None)
    if wrong is not None:
        raise BadInput(f"Unknown tensor {wrong!r}. Expected {', '.join(names)}.", target=wrong)
    return {tensor.name: _array(tensor, data[tensor.name], field) for tensor in expected.tensors}


def _array(tensor: signature.Tensor, value: Any, field: str) -> Any:
    import numpy

    signature.check_tensor(tensor, value, field)
    try:
        return numpy.asarray(value, dtype=numpy.dtype(tensor.dtype))
    except (ValueError, OverflowError, TypeError) as error:
        name = tensor.name or field
        raise BadInput(f"{name}: expected {tensor.dtype}: {error}.", target=name) from None


def _frame(table: Table) -> Any:
    import pandas

    return pandas.DataFrame(read_cells(table).rows if table.is_text else table.rows, columns=table.columns)


def _typed_frame(expected: Signature, table: Table) -> Any:
    import numpy
    import pandas

    kinds = {column.type for column in expected.columns}
    if len(kinds) == 1 and kinds <= {"float", "double"} and table.rows:
        # All numbers of one type: one conversion instead of one a column.
        values = numpy.array(table.rows, dtype=FRAME_TYPES[kinds.pop()])
        return pandas.DataFrame(values, columns=table.columns)
    frame = pandas.DataFrame(table.rows, columns=table.columns if table.columns else range(len(expected.columns)))
    types = {column.name: column.type for column in expected.columns}
    for place, name in enumerate(list(frame.columns)):
        kind = types[name] if expected.is_named else expected.columns[place].type
        if kind == "binary":
            frame[name] = frame[name].map(lambda text: None if text is None else base64.b64decode(text))
        elif kind in FRAME_TYPES:
            frame[name] = _cast(frame[name], kind, str(name))
        elif len(table.rows):
            # Columns that hold strings stay objects: pandas 3 would make its own string type of them.
            frame[name] = frame[name].astype(object)
    return frame


def _cast(series: Any, kind: str, name: str) -> Any:
    if kind in ("integer", "long", "boolean") and series.isna().any():
        # An optional value that is missing; numpy's whole numbers have no way to say so.
        return series.astype("float64") if kind != "boolean" else series.astype(object)
    try:
        return series.astype(FRAME_TYPES[kind])
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput(f"Column {name!r}: expected {signature.WORDS[kind]}: {error}.", target=name) from None
