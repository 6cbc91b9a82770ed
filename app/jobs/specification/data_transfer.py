"""Steps and components of type data_transfer: a copy of their inputs into their output is a command like any other.

Source: Azure ML CLI v2, dataTransferCopyComponent and data transfer jobs of a pipeline.
"""

from typing import Any

from app.jobs.specification.component import COMMON
from app.kit.sections import Section

MODES = ("merge_with_overwrite", "fail_if_conflict")
TASKS = ("copy_data", "import_data", "export_data")
FIELDS = (
    "type",
    "task",
    "data_copy_mode",
    "compute",
    "inputs",
    "outputs",
    "description",
    "display_name",
    "tags",
    "source",
    "sink",
)
OWN_FIELDS = ("task", "data_copy_mode")
COMPONENT_FIELDS = (*COMMON, *OWN_FIELDS)
INSTEAD = "copy_data is done here; a `command` step reads or writes databases and buckets, with their connection."

_FILE = 'cp "$from" "{output}" || exit 1'
_FOLDER = """mkdir -p "{output}"
if [ -d "$from" ]; then cp -R "$from/." "{output}/" || exit 1; else cp "$from" "{output}/" || exit 1; fi"""
_CONFLICT = """if [ -d "$from" ]; then names=$(cd "$from" && find . -type f); else names=$(basename "$from"); fi
conflict=$(printf '%s\\n' "$names" | while IFS= read -r name; do [ -e "{output}/$name" ] && echo "$name"; done)
if [ -n "$conflict" ]; then echo "Several inputs have $conflict" >&2; exit 1; fi"""


def as_command(file: Section) -> Section:
    """The step or component as one that runs a command; notes every problem and raises nothing."""
    task = file.choice("task", TASKS)
    inputs, outputs = file.mapping("inputs"), file.mapping("outputs")
    if "task" not in file:
        file.wrong("task", f"is missing; write `task: copy_data`: {INSTEAD}")
    elif task in ("import_data", "export_data"):
        file.wrong("task", f"is {task!r}; {INSTEAD}")
    else:
        _check(file, inputs, outputs)
    is_strict = file.values.get("data_copy_mode") == "fail_if_conflict" and len(inputs) > 1
    command = _command(list(inputs), *next(iter(outputs.items())), is_strict=is_strict) if outputs else "true"
    rest = {name: value for name, value in file.values.items() if name not in OWN_FIELDS}
    return Section(file.problems, rest | {"type": "command", "command": command}, file.path, file.what)


def _check(file: Section, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
    if not inputs:
        file.wrong("inputs", "is missing; name what is copied.")
    if len(outputs) != 1:
        file.wrong("outputs", f"has {len(outputs)} outputs; a copy goes to one.")
    file.choice("data_copy_mode", MODES)
    if len(inputs) > 1 and "data_copy_mode" not in file:
        file.wrong("data_copy_mode", f"is missing; where there are several inputs it is one of: {', '.join(MODES)}.")


def _command(inputs: list[str], output: str, port: Any, *, is_strict: bool) -> str:
    is_file = isinstance(port, dict) and port.get("type") == "uri_file"
    place = f"${{{{outputs.{output}}}}}"
    body = _FILE if is_file else "\n".join([_CONFLICT, _FOLDER] if is_strict else [_FOLDER])
    from_each = " ".join(f'"${{{{inputs.{name}}}}}"' for name in inputs)
    return f"for from in {from_each}; do\n{body.format(output=place)}\ndone"
