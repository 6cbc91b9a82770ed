"""Scores with a user's scoring script, or with a plain model file that needs none."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import answers, bodies, model_files
from .errors import BadInput
from .signature import Table, read_cells


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
    """A model file of a known framework, or a class with `load` and `predict`; see `model_files`."""

    inputs: list[dict] = []
    outputs: list[dict] = []

    def __init__(self, model_folder: Path) -> None:
        path = model_files.find(model_folder)
        # The model as its own framework knows it, and what scores with it.
        self.native, self._predict = model_files.LOADERS[path.suffix](path)

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
