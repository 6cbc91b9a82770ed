"""What Azure ML's scoring scripts import, where their environment does not have it.

Names and behaviour are those of `azureml.contrib.services`, `azureml_inference_server_http.api` and the package
`inference-schema` (https://learn.microsoft.com/azure/machine-learning/how-to-deploy-advanced-entry-script).
"""

import functools
import importlib.util
import inspect
import json
import sys
import types
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any
from urllib.parse import parse_qs

from . import multipart
from .collecting import BasicCorrelationContext, Collector
from .errors import BadInput

RAW, INPUTS, OUTPUT = "_atelier_raw", "_atelier_inputs", "_atelier_output"


class AMLRequest:
    """A request as `@rawhttp` functions get it; the parts of a Flask request that scripts use."""

    def __init__(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, self.full_path = method, path, f"{path}?{query}"
        self.query_string = query.encode()
        self.args = multipart.Several(
            [(name, value) for name, values in parse_qs(query, keep_blank_values=True).items() for value in values]
        )
        self.headers = {name.title(): value for name, value in headers.items()}
        self.content_type = headers.get("content-type", "")
        self.data = body
        self.form, self.files = multipart.parts(self.content_type, body)

    def get_data(self, as_text: bool = False) -> bytes | str:
        return self.data.decode() if as_text else self.data

    @property
    def json(self) -> Any:
        return self.get_json()

    def get_json(self, force: bool = False, silent: bool = False) -> Any:
        try:
            return json.loads(self.data)
        except ValueError:
            if silent:
                return None
            raise


class AMLResponse:
    """An answer with a status and headers of the script's own; `json_str` encodes what it holds as JSON."""

    def __init__(
        self, message: Any, status_code: int, response_headers: dict | None = None, json_str: bool = False
    ) -> None:
        self.message, self.status_code, self.json_str = message, int(status_code), json_str
        self.response_headers = dict(response_headers or {})

    @property
    def headers(self) -> dict:
        return self.response_headers

    @property
    def mimetype(self) -> str | None:
        """What is answered as its type, as scripts set it on a response of Flask."""
        return next((value for name, value in self.response_headers.items() if name.lower() == "content-type"), None)

    @mimetype.setter
    def mimetype(self, kind: str) -> None:
        others = {name: value for name, value in self.response_headers.items() if name.lower() != "content-type"}
        self.response_headers = {**others, "Content-Type": kind}

    content_type = mimetype


def rawhttp(function: Callable) -> Callable:
    setattr(function, RAW, True)
    return function


class ParameterType:
    """`sample` says of which type a value is, and is the example of the description."""

    def __init__(self, sample_input: Any, *_: Any, **__: Any) -> None:
        self.sample = sample_input

    def convert(self, value: Any) -> Any:
        return value

    def plain_sample(self) -> Any:
        return self.sample


class StandardPythonParameterType(ParameterType):
    def convert(self, value: Any) -> Any:
        if isinstance(self.sample, dict) and isinstance(value, dict):
            return {
                name: self.sample[name].convert(item) if isinstance(self.sample.get(name), ParameterType) else item
                for name, item in value.items()
            }
        if isinstance(self.sample, datetime | date | time) and isinstance(value, str):
            return type(self.sample).fromisoformat(value)
        if isinstance(self.sample, bytes) and isinstance(value, str):
            return value.encode()
        if isinstance(self.sample, tuple | set | frozenset) and isinstance(value, list):
            return type(self.sample)(value)
        kinds = (int, float) if isinstance(self.sample, float) else type(self.sample)
        if isinstance(self.sample, int | float | str | list) and not isinstance(value, kinds):
            raise ValueError(f"expected {type(self.sample).__name__}, got {type(value).__name__}")
        return value

    def plain_sample(self) -> Any:
        if isinstance(self.sample, dict):
            return {
                name: item.plain_sample() if isinstance(item, ParameterType) else item
                for name, item in self.sample.items()
            }
        return self.sample


class NumpyParameterType(ParameterType):
    def __init__(self, sample_input: Any, enforce_column_type: bool = True, enforce_shape: bool = True) -> None:
        super().__init__(sample_input)
        self._same_type, self._same_shape = enforce_column_type, enforce_shape

    def convert(self, value: Any) -> Any:
        import numpy

        found = numpy.array(value, dtype=self.sample.dtype if self._same_type else None)
        if self._same_shape and found.shape[1:] != self.sample.shape[1:]:
            raise ValueError(f"expected the shape (n, {', '.join(map(str, self.sample.shape[1:]))}), got {found.shape}")
        return found


class PandasParameterType(ParameterType):
    def __init__(
        self,
        sample_input: Any,
        enforce_column_type: bool = True,
        enforce_shape: bool = True,
        apply_column_names: bool = False,
        orient: str = "records",
    ) -> None:
        super().__init__(sample_input)
        self._same_type, self._same_shape = enforce_column_type, enforce_shape
        self._named, self._orient = apply_column_names, orient

    def convert(self, value: Any) -> Any:
        import pandas

        if self._orient == "split" and isinstance(value, dict):
            found = pandas.DataFrame(**{name: value[name] for name in ("data", "columns", "index") if name in value})
        else:
            found = pandas.DataFrame(value)
        columns = list(self.sample.columns)
        if self._same_shape and len(found.columns) != len(columns):
            raise ValueError(f"expected {len(columns)} columns, got {len(found.columns)}")
        if self._named and self._same_shape:
            found.columns = columns
        if self._same_type:
            known = {name: kind for name, kind in self.sample.dtypes.items() if name in found.columns}
            found = found.astype(known)
        return found

    def plain_sample(self) -> Any:
        return json.loads(self.sample.to_json(orient=self._orient))


def input_schema(
    param_name: str, param_type: ParameterType, convert_to_provided_type: bool = True, optional: bool = False
) -> Callable:
    def decorate(function: Callable) -> Callable:
        known = {param_name: (param_type, convert_to_provided_type, optional), **getattr(function, INPUTS, {})}
        return _marked(function, INPUTS, known)

    return decorate


def output_schema(output_type: ParameterType) -> Callable:
    return lambda function: _marked(function, OUTPUT, output_type)


def _marked(function: Callable, name: str, value: Any) -> Callable:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    setattr(call, name, value)
    return call


def has_schema(function: Callable) -> bool:
    """Whether it is decorated, by us or by the package itself."""
    return hasattr(function, INPUTS) or _is_decorated_by_package(function)


def _is_decorated_by_package(function: Callable) -> bool:
    utilities = sys.modules.get("inference_schema.schema_util")
    return utilities is not None and utilities.is_schema_decorated(function)


def samples_of(function: Callable) -> tuple[Any, Any]:
    """A body that a function's schema says it takes, and what it says that it answers; None where it does not."""
    if _is_decorated_by_package(function):
        utilities = sys.modules["inference_schema.schema_util"]
        found = utilities.get_input_schema(function), utilities.get_output_schema(function)
        return tuple(schema.get("example") if isinstance(schema, dict) else None for schema in found)
    inputs, output = getattr(function, INPUTS, None), getattr(function, OUTPUT, None)
    body = {name: kind.plain_sample() for name, (kind, *_) in inputs.items()} if inputs else None
    return body, output.plain_sample() if output is not None else None


def arguments_of(function: Callable, sent: Any) -> dict[str, Any]:
    """What a decorated function is called with. Raises BadInput that names the parameter."""
    defaults = inspect.signature(function).parameters
    # What the package decorates converts by itself.
    known = getattr(function, INPUTS, None) or dict.fromkeys(defaults, (None, False, False))
    if not isinstance(sent, dict):
        raise BadInput(f"The body is no object. Expected one with {', '.join(known)}.", target="body")
    extra = next((name for name in sent if name not in defaults), None)
    if extra is not None:
        raise BadInput(f"{extra}: unknown field. Expected {', '.join(known)}.", target=extra)
    values = dict(sent)
    for name, (kind, converts, optional) in known.items():
        if name not in sent:
            if optional or defaults[name].default is not inspect.Parameter.empty:
                continue
            raise BadInput(f"{name} is missing. Expected {', '.join(known)}.", target=name)
        if converts:
            try:
                values[name] = kind.convert(sent[name])
            except (ValueError, TypeError, KeyError) as error:
                raise BadInput(f"{name}: {error}.", target=name) from error
    return values


def install() -> None:
    """Make what is not there importable, name by name: what the environment has itself stays.

    Requests and responses are always these, as those of Azure's packages are of Flask and of their own server.
    """
    services = {"AMLRequest": AMLRequest, "AMLResponse": AMLResponse, "rawhttp": rawhttp}
    schema = {"input_schema": input_schema, "output_schema": output_schema}
    kinds = "inference_schema.parameter_types."
    for name, offered in {
        "azureml.contrib.services.aml_request": services,
        "azureml.contrib.services.aml_response": services,
        "azureml_inference_server_http.api.aml_request": services,
        "azureml_inference_server_http.api.aml_response": services,
        "inference_schema.schema_decorators": schema,
        "azureml.ai.monitoring": {"Collector": Collector},
        "azureml.ai.monitoring.context": {"BasicCorrelationContext": BasicCorrelationContext},
        kinds + "numpy_parameter_type": {"NumpyParameterType": NumpyParameterType},
        kinds + "pandas_parameter_type": {"PandasParameterType": PandasParameterType},
        kinds + "standard_py_parameter_type": {"StandardPythonParameterType": StandardPythonParameterType},
        kinds + "abstract_parameter_type": {"AbstractParameterType": ParameterType},
    }.items():
        if offered is services or not _is_there(name):
            _offer(name, offered)


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _offer(name: str, offered: dict[str, Any]) -> None:
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        place = ".".join(parts[:count])
        if place == name or (place not in sys.modules and not _is_there(place)):
            module = types.ModuleType(place)
            module.__path__ = []
            sys.modules[place] = module
            if count > 1 and (above := sys.modules.get(".".join(parts[: count - 1]))) is not None:
                setattr(above, parts[count - 1], module)
    for key, value in offered.items():
        setattr(sys.modules[name], key, value)
