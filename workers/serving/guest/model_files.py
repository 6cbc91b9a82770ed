"""Loads plain model files, each by its framework, and a class of the user's with `load` and `predict`."""

import ast
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import BadInput, ScoringError
from .signature import Table

Predict = Callable[[Any], Any]


def rows_of(data: Any) -> Any:
    return data.rows if isinstance(data, Table) else data


def frame_or_rows(data: Any) -> Any:
    """A DataFrame where the columns have names."""
    if isinstance(data, Table) and data.columns is not None:
        import pandas

        return pandas.DataFrame(data.rows, columns=data.columns)
    return rows_of(data)


def load_exported(path: Path) -> tuple[Any, Predict]:
    import torch

    return _torch(torch.export.load(path).module())


def load_torchscript(path: Path) -> tuple[Any, Predict]:
    """TorchScript, or a module that `torch.save` kept whole."""
    import torch

    try:
        module = torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        if "constants.pkl" not in str(error) and "archive" not in str(error):
            raise
        module = _saved_module(path)
    return _torch(module.eval())


def _saved_module(path: Path) -> Any:
    import torch

    # The class lies beside the file, where it is not installed.
    sys.path.append(str(path.parent))
    try:
        found = torch.load(path, map_location="cpu", weights_only=False)
    except (AttributeError, ImportError) as error:
        raise ScoringError(
            f"model: {path.name} needs the code of its class: {error}. Put the file that defines it beside the model, "
            "or save the model with torch.jit.script or torch.export.",
            target="model",
        ) from error
    if not isinstance(found, torch.nn.Module):
        raise ScoringError(
            f"model: {path.name} holds {type(found).__name__} and no module; weights alone say nothing of the model. "
            "Save it with torch.jit.script or torch.export, or give a class with load and predict.",
            target="model",
        )
    return found


def _torch(module: Any) -> tuple[Any, Predict]:
    import torch

    def predict(data: Any) -> Any:
        with torch.inference_mode():
            return module(torch.tensor(rows_of(data), dtype=torch.float32))

    return module, predict


def load_pickled(path: Path) -> tuple[Any, Predict]:
    if path.suffix == ".joblib" or importlib.util.find_spec("joblib"):
        import joblib

        model = joblib.load(path)
    else:
        import pickle

        model = pickle.loads(path.read_bytes())
    if not hasattr(model, "predict"):
        raise ScoringError(f"model: {path.name} holds {type(model).__name__}, which has no predict().", target="model")
    return model, lambda data: model.predict(frame_or_rows(data))


def load_onnx(path: Path) -> tuple[Any, Predict]:
    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = {found.name: _onnx_dtype(found.type) for found in session.get_inputs()}
    names = [found.name for found in session.get_outputs()]

    def predict(data: Any) -> Any:
        given = _by_name(rows_of(data), inputs)
        found = session.run(None, {name: numpy.asarray(value, dtype=inputs[name]) for name, value in given.items()})
        return found[0] if len(found) == 1 else dict(zip(names, found, strict=True))

    return session, predict


def _onnx_dtype(kind: str) -> str:
    """`tensor(float)` as NumPy calls it."""
    name = kind.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64", "string": "object"}.get(name, name)


def load_xgboost(path: Path) -> tuple[Any, Predict]:
    import numpy
    import xgboost

    booster = xgboost.Booster(model_file=str(path))

    def predict(data: Any) -> Any:
        names = data.columns if isinstance(data, Table) else None
        rows = numpy.asarray(rows_of(data), dtype="float32")
        return booster.predict(xgboost.DMatrix(rows, feature_names=names or booster.feature_names))

    return booster, predict


def load_lightgbm(path: Path) -> tuple[Any, Predict]:
    import lightgbm
    import numpy

    booster = lightgbm.Booster(model_file=str(path))
    return booster, lambda data: booster.predict(numpy.asarray(rows_of(data), dtype="float64"))


def load_keras(path: Path) -> tuple[Any, Predict]:
    """`.keras`, or HDF5 as older versions of Keras saved it."""
    import numpy

    keras = _imported("keras", path)
    model = keras.models.load_model(str(path), compile=False)
    kinds = {found.name.partition(":")[0]: str(keras.backend.standardize_dtype(found.dtype)) for found in model.inputs}

    def predict(data: Any) -> Any:
        given = _by_name(rows_of(data), kinds)
        arrays = {name: numpy.asarray(value, dtype=kinds[name]) for name, value in given.items()}
        return model.predict_on_batch(next(iter(arrays.values())) if len(arrays) == 1 else arrays)

    return model, predict


def load_saved_model(path: Path) -> tuple[Any, Predict]:
    """The folder of TensorFlow's SavedModel, by its signature `serving_default` or the only one that it has."""
    import numpy

    tensorflow = _imported("tensorflow", path)
    model = tensorflow.saved_model.load(str(path.parent))
    signatures = dict(model.signatures)
    function = signatures.get("serving_default") or (next(iter(signatures.values())) if len(signatures) == 1 else None)
    if function is None:
        known = ", ".join(signatures) or "none"
        raise ScoringError(
            f"model: the SavedModel has no signature serving_default; it has {known}. Save it with one.", target="model"
        )
    kinds = {name: spec.dtype for name, spec in function.structured_input_signature[1].items()}

    def predict(data: Any) -> Any:
        given = _by_name(rows_of(data), kinds)
        tensors = {
            name: tensorflow.constant(numpy.asarray(value, dtype=kinds[name].as_numpy_dtype), kinds[name])
            for name, value in given.items()
        }
        found = {name: value.numpy() for name, value in function(**tensors).items()}
        return next(iter(found.values())) if len(found) == 1 else found

    return model, predict


def _imported(package: str, path: Path) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ScoringError(
            f"model: {path.name} needs the package {package}, which the environment of the deployment lacks ({error}). "
            "Give one that has it, such as a conda_file with tensorflow.",
            target="environment",
        ) from error


def _by_name(given: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each input; one that is alone needs no name. Raises BadInput."""
    if not isinstance(given, dict):
        if len(inputs) > 1:
            raise BadInput(f"The model has the inputs {', '.join(inputs)}: send an object of them.", target="inputs")
        return {next(iter(inputs)): given}
    wrong = next((name for name in (*inputs, *given) if (name in inputs) != (name in given)), None)
    if wrong is not None:
        raise BadInput(f"The model has the inputs {', '.join(inputs)}.", target=wrong)
    return given


def load_class(path: Path) -> tuple[Any, Predict]:
    """`load(folder)` is called once, `predict(data)` with a DataFrame, nested lists or an object of them."""
    name = next(iter(classes_in(path)))
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    model = getattr(module, name)()
    model.load(str(path.parent))
    return model, lambda data: model.predict(frame_or_rows(data))


def classes_in(path: Path) -> list[str]:
    """Names of the classes in a Python file that have `load` and `predict`."""
    try:
        tree = ast.parse(path.read_text())
    except (SyntaxError, UnicodeDecodeError):
        return []
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            found += [node.name] if {"load", "predict"} <= methods else []
    return found


LOADERS: dict[str, Callable[[Path], tuple[Any, Predict]]] = {
    ".pt": load_torchscript,
    ".pth": load_torchscript,
    ".torchscript": load_torchscript,
    ".pt2": load_exported,
    ".joblib": load_pickled,
    ".pkl": load_pickled,
    ".pickle": load_pickled,
    ".onnx": load_onnx,
    ".ubj": load_xgboost,
    ".json": load_xgboost,
    ".txt": load_lightgbm,
    ".keras": load_keras,
    ".h5": load_keras,
    ".hdf5": load_keras,
    ".pb": load_saved_model,
    ".py": load_class,
}


def is_model(path: Path) -> bool:
    """Whether a file is a model; of formats that other files have too, its content says so."""
    if path.suffix == ".py":
        return bool(classes_in(path))
    if path.suffix == ".pb":
        return path.name == "saved_model.pb"
    if path.suffix == ".txt":
        with path.open("rb") as file:
            return file.read(5) == b"tree\n"
    if path.suffix == ".json":
        try:
            return "learner" in json.loads(path.read_bytes())
        except (ValueError, TypeError):
            return False
    return path.suffix in LOADERS


def find(folder: Path) -> Path:
    """The one model file in a folder, or the file itself; a class with `load` goes before what it loads.

    Raises ScoringError when there is none or more.
    """
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in paths if is_model(path)]
    found = _newest([path for path in found if path.suffix == ".py"] or found)
    if len(found) == 1:
        return found[0]
    what = ", ".join(path.name for path in found) or "no such file"
    raise ScoringError(
        f"model: expected one file with the suffix {', '.join(LOADERS)} (.py: a class with load and predict), or a "
        f"scoring script; found {what}.",
        target="model",
    )


def _newest(found: list[Path]) -> list[Path]:
    """Of a SavedModel in the layout of TensorFlow Serving, folders named by version, the newest one."""
    folders = {path.parent.parent for path in found}
    if len(folders) > 1 or not all(path.name == "saved_model.pb" and path.parent.name.isdigit() for path in found):
        return found
    return [max(found, key=lambda path: int(path.parent.name))] if found else found


def find_triton(folder: Path) -> Path:
    """The ONNX file of the newest version in Triton's layout, NAME/VERSION/model.onnx or VERSION/model.onnx.

    Raises ScoringError where there is no model of that kind, or several.
    """
    found = [path for path in folder.rglob("model.onnx") if path.parent.name.isdigit()]
    models = sorted({path.parent.parent for path in found})
    if len(models) == 1:
        return max(found, key=lambda path: int(path.parent.name))
    what = ", ".join(str(path.relative_to(folder)) for path in models) or "none"
    raise ScoringError(
        f"model: expected one model with files VERSION/model.onnx; found {what}. Other kinds that Triton serves need "
        "a scoring script.",
        target="model",
    )
