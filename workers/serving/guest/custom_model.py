"""Scores with a user's scoring script, or with a plain model file that needs none."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import answers, bodies
from .errors import BadInput, ScoringError
from .signature import Table, read_cells

TORCHSCRIPT = (".pt", ".pth", ".torchscript")
PICKLED = (".joblib", ".pkl", ".pickle")
EXPORTED = ".pt2"


class ScriptModel:
    """Azure's contract for scoring scripts: `init()` once, then `run(data)` with the body as a string."""

    inputs: list[dict] = []
    outputs: list[dict] = []

    def __init__(self, script: Path, model_folder: Path | None) -> None:
        if not script.is_file():
            raise FileNotFoundError(f"scoring_script: {script.name} is not in the code folder {script.parent}.")
        if model_folder is not None:
            os.environ.setdefault("AZUREML_MODEL_DIR", str(model_folder))
        sys.path.insert(0, str(script.parent))
        module = _load_module(script)
        self._run = _function(module, "run", script)
        init = _function(module, "init", script)
        init()

    def score(self, raw: bytes, content_type: str, *, wrapped: bool) -> bytes:
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise BadInput(f"body: byte {error.start} is not UTF-8.", target="body") from None
        return answers.encode(self._run(text))


def _load_module(script: Path) -> Any:
    spec = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


def _function(module: Any, name: str, script: Path) -> Callable:
    found = getattr(module, name, None)
    if not callable(found):
        raise AttributeError(f"scoring_script: {script.name} has no function {name}(). Expected init() and run(data).")
    return found


class FileModel:
    """A TorchScript or exported PyTorch program, or a pickled estimator with `predict`."""

    inputs: list[dict] = []
    outputs: list[dict] = []

    def __init__(self, model_folder: Path) -> None:
        path = find_file(model_folder)
        load = _load_torch if path.suffix in (*TORCHSCRIPT, EXPORTED) else _load_pickled
        # The model as its own framework knows it, and what scores with it.
        self.native, self._predict = load(path)

    def score(self, raw: bytes, content_type: str, *, wrapped: bool) -> bytes:
        body = bodies.read(raw, content_type)
        is_text = isinstance(body.data, Table) and body.data.is_text
        try:
            predictions = self._predict(read_cells(body.data) if is_text else body.data)
        except (ValueError, TypeError, RuntimeError) as error:
            # Without a signature the model itself is the only judge of its input.
            reason = str(error).strip().rpartition("\n")[2]
            raise BadInput(f"{body.field}: the model refused the input: {reason}", target=body.field) from error
        return answers.encode({"predictions": predictions} if wrapped else predictions)


def find_file(folder: Path) -> Path:
    """The one model file in a folder, or the file itself. Raises ScoringError when there is none or more."""
    suffixes = (*TORCHSCRIPT, EXPORTED, *PICKLED)
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in paths if path.suffix in suffixes]
    if len(found) == 1:
        return found[0]
    what = ", ".join(path.name for path in found) or "no such file"
    raise ScoringError(
        f"model: expected one file with the suffix {', '.join(suffixes)}, or a scoring script; found {what}.",
        target="model",
    )


def _load_torch(path: Path) -> tuple[Any, Callable[[Any], Any]]:
    import torch

    if path.suffix == EXPORTED:
        module = torch.export.load(path).module()
    else:
        module = torch.jit.load(str(path), map_location="cpu").eval()

    def predict(data: Any) -> Any:
        rows = data.rows if isinstance(data, Table) else data
        with torch.inference_mode():
            return module(torch.tensor(rows, dtype=torch.float32))

    return module, predict


def _load_pickled(path: Path) -> tuple[Any, Callable[[Any], Any]]:
    if path.suffix == ".joblib" or importlib.util.find_spec("joblib"):
        import joblib

        model = joblib.load(path)
    else:
        import pickle

        model = pickle.loads(path.read_bytes())
    if not hasattr(model, "predict"):
        raise ScoringError(f"model: {path.name} holds {type(model).__name__}, which has no predict().", target="model")

    def predict(data: Any) -> Any:
        if isinstance(data, Table) and data.columns is not None:
            import pandas

            return model.predict(pandas.DataFrame(data.rows, columns=data.columns))
        return model.predict(data.rows if isinstance(data, Table) else data)

    return model, predict
