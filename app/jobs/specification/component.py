"""A commandComponent of Azure ML CLI v2: a command with a typed interface, read into one normalised form."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.errors import Invalid
from app.jobs.specification import expressions, ports, resources
from app.jobs.specification.environment import read_environment
from app.jobs.specification.ports import DATA_TYPES, LITERAL_TYPES, Port
from app.kit.sections import Section, kind_of

COMMON = (
    "name",
    "version",
    "display_name",
    "description",
    "tags",
    "properties",
    "type",
    "is_deterministic",
    "inputs",
    "outputs",
    "id",
    "auto_delete_setting",
)
FIELDS = (
    *COMMON,
    "command",
    "code",
    "additional_includes",
    "environment",
    "resources",
    "distribution",
    "queue_settings",
)
SET_BY_SERVER = ("creation_context", "latest_version", "intellectual_property")


@dataclass(frozen=True)
class Component:
    """`environment` is a reference, an inline definition or None. `memory_bytes` and `processes` follow from
    `resources`; `warnings` say what is read but not used."""

    command: str
    name: str | None = None
    version: str | None = None
    display_name: str | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    is_deterministic: bool = True
    inputs: dict[str, Port] = field(default_factory=dict)
    outputs: dict[str, Port] = field(default_factory=dict)
    code: str | None = None
    environment: str | dict[str, Any] | None = None
    resources: dict[str, Any] = field(default_factory=dict)
    memory_bytes: int | None = None
    processes: int | None = None
    distribution: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    type: str = "command"

    def to_dict(self) -> dict[str, Any]:
        """The fields of its file that say something; reading them again gives the same component."""
        derived = ("memory_bytes", "processes", "warnings")
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in derived}
        found["inputs"] = {name: port.to_dict() for name, port in self.inputs.items()}
        found["outputs"] = {name: port.to_dict() for name, port in self.outputs.items()}
        return {name: value for name, value in found.items() if value not in (None, {})}


def read_component(file: Section) -> Component:
    """Notes every problem in `file.problems` and raises nothing."""
    file.check_fields(FIELDS, SET_BY_SERVER)
    asked = resources.read_resources(file)
    resources.read_queue_settings(file)
    found = Component(
        **read_common(file),
        command=(file.text("command", required=True) or "").strip(),
        code=file.text("code"),
        environment=read_environment(file),
        resources=asked.fields,
        memory_bytes=asked.memory_bytes,
        processes=asked.processes,
        distribution=resources.read_distribution(file),
    )
    _check_includes(file)
    check_command(file, found.command, optional=optional_inputs(found.inputs))
    return found


def read_common(file: Section) -> dict[str, Any]:
    """What a component of any kind says of itself, and its interface."""
    return {
        "name": file.text("name"),
        "version": file.text("version"),
        "display_name": file.text("display_name"),
        "description": file.text("description"),
        "tags": file.texts("tags"),
        "properties": file.texts("properties"),
        "is_deterministic": file.boolean("is_deterministic", True),
        "inputs": ports.read_interface(file, "inputs", (*LITERAL_TYPES, *DATA_TYPES)),
        "outputs": ports.read_interface(file, "outputs", (*DATA_TYPES, *LITERAL_TYPES)),
    }


def optional_inputs(inputs: dict[str, Port]) -> list[str]:
    """Those that may have no value at all when the command starts."""
    return [name for name, port in inputs.items() if port.optional and port.default is None]


def _check_includes(file: Section) -> None:
    """The client packs them into the code; here they only tell that it should have."""
    value = file.values.get("additional_includes")
    if value is not None and not isinstance(value, list):
        file.wrong("additional_includes", f"must be a list of paths, not {kind_of(value)}.")
    elif value and "code" not in file:
        file.warn("additional_includes", "is not used: they are packed into the folder of `code`, which is not given.")


def check_command(file: Section, command: str, *, optional: Iterable[str] = ()) -> None:
    """An expression that names nothing is found now, not when the command starts."""
    if "command" in file and not command:
        file.wrong("command", "is empty; give what bash shall run, such as `python train.py`.")
    known = {"inputs": file.mapping("inputs"), "outputs": file.mapping("outputs")}
    path = (*file.path, "command")
    try:
        used = expressions.uses(command)
    except Invalid as error:
        file.problems.add(path, f"in `command`, {error.message}")
        return
    for use in used:
        if use.name not in known[use.kind]:
            text = f"in `command`, {expressions.unknown(use, known[use.kind])}"
            if use.is_optional:
                file.problems.warn(path, f"{text} The optional part around it is left out.")
            else:
                file.problems.add(path, text)
        elif use.kind == "inputs" and use.name in optional and not use.is_optional:
            expression = f"${{{{inputs.{use.name}}}}}"
            text = f"in `command`, `{expression}` may have no value, because the input is optional"
            file.problems.add(path, f"{text}; put it into `$[[ ]]`, as in `$[[--{use.name} {expression}]]`.")
