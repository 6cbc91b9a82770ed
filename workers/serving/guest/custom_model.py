"""Scores with a user's scoring script, or with a plain model file that needs none."""

import importlib.util
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from . import answers, azure_scripts, bodies, collecting, model_files
from .batching import Given
from .errors import BadInput, ScoringError
from .signature import Table, read_cells
from .wire import Request, Response

log = logging.getLogger("scoring")


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
        azure_scripts.install()
        module = _load_module(script)
        self._run = _function(module, "run", script)
        self.takes_raw = hasattr(self._run, azure_scripts.RAW)
        self._has_schema = azure_scripts.has_schema(self._run)
        self._folder = script.parent
        init = _function(module, "init", script)
        init()

    def own_description(self, query: str) -> bytes | None:
        """`swagger2.json` or `swagger3.json` beside the script, as `version` of the query asks; the first without."""
        asked = parse_qs(query).get("version", ["2", "3"])
        files = [self._folder / f"swagger{version[:1]}.json" for version in asked if version[:1] in ("2", "3")]
        return next((file.read_bytes() for file in files if file.is_file()), None)

    @property
    def samples(self) -> tuple[Any, Any]:
        """A body that the script's schema says it takes, and what it says that it answers; None where it does not."""
        body, answer = azure_scripts.samples_of(self._run)
        return answers.plain(body), answers.plain(answer)

    def answer(self, request: Request) -> Response:
        collecting.begin(request)
        return collecting.attach(self._answer(request))

    def _answer(self, request: Request) -> Response:
        """Any error of `run` is the script's own, and said to be."""
        try:
            found = self._call(request)
            if not isinstance(found, azure_scripts.AMLResponse) and not _is_response(found):
                return Response(200, answers.encode(found))
            return _response(found)
        except ScoringError:
            raise
        except Exception as error:
            log.exception("scoring failed")
            failed = ScoringError(f"{type(error).__name__}: {error}")
            return Response(failed.status, json.dumps(failed.body()).encode(), {"x-ms-run-function-failed": "True"})

    def _call(self, request: Request) -> Any:
        if self.takes_raw:
            given = azure_scripts.AMLRequest(request.method, request.path, request.query, request.headers, request.body)
            return self._run(given)
        if request.method == "GET":
            return self._call_with(_parameters(request.query))
        try:
            text = request.body.decode()
        except UnicodeDecodeError as error:
            raise BadInput(f"body: byte {error.start} is not UTF-8.", target="body") from None
        if not self._has_schema:
            return self._run(text)
        try:
            sent = json.loads(text)
        except ValueError as error:
            raise BadInput(f"body: this is not JSON: {error}.", target="body") from None
        return self._call_with(sent)

    def _call_with(self, sent: Any) -> Any:
        if not self._has_schema:
            return self._run(json.dumps(sent))
        return self._run(**azure_scripts.arguments_of(self._run, sent))


def _parameters(query: str) -> dict[str, Any]:
    """Of a GET, as Azure's inference server reads them: JSON where they are, and a list where one comes again."""
    found = {}
    for name, values in parse_qs(query, keep_blank_values=True).items():
        read = [_json_or_text(value) for value in values]
        found[name] = read[0] if len(read) == 1 else read
    return found


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _is_response(found: Any) -> bool:
    """Whether it is a response of Azure's own package, or of Flask, on which that one stands."""
    return hasattr(found, "status_code") and hasattr(found, "get_data") and hasattr(found, "headers")


def _response(found: Any) -> Response:
    if isinstance(found, azure_scripts.AMLResponse):
        headers, status, message = found.response_headers, found.status_code, found.message
        body = message if isinstance(message, bytes) else _text(message, found.json_str)
    else:
        headers, status, body = dict(found.headers), found.status_code, found.get_data()
    named = {str(name).lower(): str(value) for name, value in headers.items()}
    kind = named.pop("content-type", "application/json")
    named.pop("content-length", None)
    return Response(status, body, {name: " ".join(value.split()) for name, value in named.items()}, kind)


def _text(message: Any, as_json: bool) -> bytes:
    return message.encode() if isinstance(message, str) and not as_json else answers.encode(message)


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
    """A model file of a known framework, or a class with `load` and `predict`; see `model_files`.

    A class gets the rows of several requests at once only where it says `batches = True`.
    """

    inputs: list[dict] = []
    outputs: list[dict] = []

    def __init__(self, model_folder: Path) -> None:
        path = model_files.find(model_folder)
        # The model as its own framework knows it, and what scores with it.
        self.native, self._predict = model_files.LOADERS[path.suffix](path)
        self.is_framework = path.suffix != ".py"
        self.batches = self.is_framework or bool(getattr(self.native, "batches", False))

    def score(self, raw: bytes, content_type: str, *, wrapped: bool) -> bytes:
        return answers.encode(answers.wrap(self.predict(self.read(raw, content_type)), wrapped))

    def read(self, raw: bytes, content_type: str) -> Given:
        """Raises BadInput."""
        body = bodies.read(raw, content_type)
        is_text = isinstance(body.data, Table) and body.data.is_text
        return Given(read_cells(body.data) if is_text else body.data, body.field)

    def predict(self, given: Given) -> Any:
        """Raises BadInput where the model refuses its input."""
        try:
            return self._predict(given.value)
        except (ValueError, TypeError, RuntimeError) as error:
            # Without a signature the model itself is the only judge of its input.
            reason = str(error).strip().rpartition("\n")[2]
            raise BadInput(f"{given.field}: the model refused the input: {reason}", target=given.field) from error
