"""Inputs and outputs of a job file: literals and typed assets."""

import re
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from app.assets.addresses import output_place
from app.assets.names import NAME, VERSION
from app.kit.sections import Section, as_text, kind_of

FILE_TYPES = ("uri_file", "uri_folder", "mltable")
MODEL_TYPES = ("mlflow_model", "custom_model", "triton_model")
DATA_TYPES = (*FILE_TYPES, *MODEL_TYPES, "path")
LITERAL_TYPES = ("string", "number", "integer", "boolean")
INPUT_MODES = ("ro_mount", "download", "direct", "eval_mount", "eval_download")
OUTPUT_MODES = ("rw_mount", "mount", "upload", "direct")
PORT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

INPUT_FIELDS = ("type", "path", "mode", "value", "default", "optional", "description", "path_on_compute", "datastore")
INTERFACE_FIELDS = ("type", "optional", "default", "description", "min", "max", "enum", "mode")
PORT_MODES = (*INPUT_MODES, "rw_mount", "mount", "upload", "link")
OUTPUT_FIELDS = ("type", "path", "mode", "name", "version", "description")


@dataclass(frozen=True)
class Input:
    """A literal (`value` is set) or an asset (`path` is set). A type of a literal may be unsaid."""

    type: str | None
    value: str | int | float | bool | None = None
    path: str | None = None
    mode: str | None = None

    @property
    def is_literal(self) -> bool:
        return self.path is None

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Output:
    """`name` and `version` say as which asset the output is registered when the job completes."""

    type: str = "uri_folder"
    mode: str = "rw_mount"
    path: str | None = None
    name: str | None = None
    version: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Port:
    """What a component takes or leaves under a name; `min`, `max` and `enum` bound a literal."""

    type: str
    optional: bool = False
    default: str | int | float | bool | None = None
    description: str | None = None
    min: int | float | None = None
    max: int | float | None = None
    enum: tuple[str, ...] = ()
    mode: str | None = None

    @property
    def is_literal(self) -> bool:
        return self.type in LITERAL_TYPES

    def to_dict(self) -> dict[str, Any]:
        found = {**asdict(self), "optional": self.optional or None, "enum": list(self.enum) or None}
        return {key: value for key, value in found.items() if value is not None}

    def refuses(self, value: str | int | float | bool) -> str | None:
        """Why a literal is none that this port takes, said so that it follows the name of a field."""
        if not _is(value, self.type):
            return f"is {value!r}, which is no {self.type}."
        if self.type in ("integer", "number"):
            number = float(value)
            if self.min is not None and number < self.min:
                return f"is {value!r}; it must be at least {self.min}."
            if self.max is not None and number > self.max:
                return f"is {value!r}; it must be at most {self.max}."
        if self.enum and as_text(value) not in self.enum:
            close = get_close_matches(as_text(value), self.enum, 1, 0.6)
            hint = f"did you mean {close[0]!r}?" if close else f"it must be one of: {', '.join(self.enum)}."
            return f"is {value!r}; {hint}"
        return None


def read_interface(file: Section, field: str, types: tuple[str, ...]) -> dict[str, Port]:
    """The `inputs` or `outputs` of a component."""
    declared = file.section(field)
    found = {name: _port(declared, name, types) for name in declared.values if _named(declared, name)}
    return {name: port for name, port in found.items() if port is not None}


def _port(declared: Section, name: str, types: tuple[str, ...]) -> Port | None:
    value = declared.values[name]
    if not isinstance(value, dict):
        declared.wrong(name, f"is {kind_of(value)}; declare it with a type, such as `{{type: {types[0]}}}`.")
        return None
    port = declared.section(name, "a port of a component")
    port.check_fields(INTERFACE_FIELDS)
    if "type" not in port:
        port.wrong("type", f"is missing; it must be one of: {', '.join(types)}.")
        return None
    found = Port(
        type=port.choice("type", types) or types[0],
        optional=port.boolean("optional", False),
        default=_default(port),
        description=port.text("description"),
        min=_bound(port, "min"),
        max=_bound(port, "max"),
        enum=_allowed(port),
        mode=port.choice("mode", PORT_MODES),
    )
    problem = found.refuses(found.default) if found.is_literal and found.default is not None else None
    if problem:
        port.wrong("default", problem)
    return found


def _default(port: Section) -> str | int | float | bool | None:
    value = port.values.get("default")
    if isinstance(value, dict | list):
        port.wrong("default", f"must be a plain value, not {kind_of(value)}.")
        return None
    return value


def _bound(port: Section, name: str) -> int | float | None:
    value = port.values.get(name)
    if value is None:
        return None
    if not _is(value, "number"):
        port.wrong(name, f"is {value!r}; it must be a number.")
        return None
    return value if isinstance(value, int | float) else float(value)


def _allowed(port: Section) -> tuple[str, ...]:
    value = port.values.get("enum")
    if value is None:
        return ()
    if not isinstance(value, list) or any(item is None or isinstance(item, dict | list) for item in value):
        port.wrong("enum", f"is {kind_of(value)}; it must be a list of plain values.")
        return ()
    return tuple(as_text(item) for item in value)


def read_inputs(job: Section) -> dict[str, Input]:
    inputs = job.section("inputs")
    found = {name: _input(inputs, name) for name in inputs.values if _named(inputs, name)}
    return {name: value for name, value in found.items() if value is not None}


def read_outputs(job: Section) -> dict[str, Output]:
    outputs = job.section("outputs")
    return {name: _output(outputs, name) for name in outputs.values if _named(outputs, name)}


def _named(ports: Section, name: str) -> bool:
    if PORT_NAME.fullmatch(name):
        return True
    ports.wrong(name, "is not a name that expressions can use: take letters, digits and '_', no digit first.")
    return False


def _input(inputs: Section, name: str) -> Input | None:
    value = inputs.values[name]
    if value is None:
        inputs.wrong(name, "has no value; give one, or leave the input out.")
        return None
    if isinstance(value, list):
        inputs.wrong(name, "is a list; an input is one value, or a mapping with `type` and `path`.")
        return None
    if not isinstance(value, dict):
        return Input(None, value=value)
    port = inputs.section(name, "an input")
    port.check_fields(INPUT_FIELDS)
    if "path" in port:
        return _asset(port)
    return _literal(inputs, port, name)


def _asset(port: Section) -> Input:
    kind = port.choice("type", (*FILE_TYPES, *MODEL_TYPES), "uri_folder")
    mode = port.choice("mode", (*INPUT_MODES, "rw_mount"), "ro_mount")
    if mode == "rw_mount":
        port.warn("mode", "is rw_mount, and inputs are only read here, as with ro_mount; write to an output.")
        mode = "ro_mount"
    for name in ("path_on_compute", "datastore"):
        if name in port:
            port.warn(name, "is not used by this server: it mounts inputs where it finds room.")
    return Input(kind, path=port.text("path"), mode=mode)


def _literal(inputs: Section, port: Section, name: str) -> Input | None:
    key = "value" if port.values.get("value") is not None else "default"
    value = port.values.get(key)
    if value is None:
        if "type" in port and port.text("type") in (*FILE_TYPES, *MODEL_TYPES):
            port.wrong("path", "is missing: say where the data is, such as azureml:NAME:VERSION.")
        else:
            inputs.wrong(name, "has neither `path` nor `value`; give one of them, or a plain value.")
        return None
    if isinstance(value, dict | list):
        port.wrong(key, f"must be a plain value, not {kind_of(value)}.")
        return None
    kind = port.choice("type", LITERAL_TYPES)
    if kind and not _is(value, kind):
        port.wrong(key, f"is {value!r}, which is no {kind}.")
    return Input(kind, value=value)


def _is(value: Any, kind: str) -> bool:
    text = str(value)
    match kind:
        case "boolean":
            return isinstance(value, bool) or text.lower() in ("true", "false")
        case "integer":
            return not isinstance(value, bool) and re.fullmatch(r"[+-]?\d+", text) is not None
        case "number":
            return not isinstance(value, bool) and _is_number(text)
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _output(outputs: Section, name: str) -> Output:
    value = outputs.values[name]
    if value is None:
        return Output()
    if not isinstance(value, dict):
        outputs.wrong(name, f"is {kind_of(value)}; leave it empty for a folder, or give a mapping with `type`.")
        return Output()
    port = outputs.section(name, "an output")
    port.check_fields(OUTPUT_FIELDS)
    kind = port.choice("type", (*FILE_TYPES, *MODEL_TYPES), "uri_folder")
    mode = port.choice("mode", OUTPUT_MODES, "rw_mount")
    if (path := port.text("path")) and output_place(path) is None:
        port.warn("path", "is not used; the output is kept at azureml://jobs/JOB/outputs/NAME.")
    return Output(kind, mode, path, _asset_name(port), _version(port))


def _asset_name(port: Section) -> str | None:
    name = port.text("name")
    if name is not None and not NAME.fullmatch(name):
        port.wrong("name", f"is {name!r}; use up to 255 letters, digits, '_', '-' and '.', a letter or digit first.")
    return name


def _version(port: Section) -> str | None:
    version = port.text("version")
    if version is not None and not VERSION.fullmatch(version):
        port.wrong("version", f"is {version!r}; use letters, digits, '_', '-' and '.'.")
    if version is not None and "name" not in port:
        port.wrong("version", "needs `name` beside it: the asset that gets this version.")
    return version
