"""What a step of a pipeline takes from elsewhere: `${{parent.inputs.x}}` and `${{parent.jobs.a.outputs.b}}`.

Source: Azure ML CLI v2, core YAML syntax.
"""

import re
from dataclasses import dataclass
from typing import Any

_BINDING = re.compile(
    r"\$\{\{\s*parent\.(?:jobs\.(?P<step>\w+)\.(?P<side>inputs|outputs)\.(?P<port>\w+)"
    r"|(?P<kind>inputs|outputs)\.(?P<name>\w+))\s*\}\}"
)
_NAME = re.compile(r"\$\{\{\s*name\s*\}\}")
_FOLDERS = {"uri_folder", "mltable", "mlflow_model", "triton_model"}
_ANY = {"path", "custom_model", None}


@dataclass(frozen=True)
class Binding:
    """A port of the pipeline, or of one of its steps; `side` is `inputs` or `outputs`."""

    side: str
    name: str
    step: str | None = None

    def __str__(self) -> str:
        return f"${{{{parent.{f'jobs.{self.step}.' if self.step else ''}{self.side}.{self.name}}}}}"


def binding_of(value: Any) -> Binding | None:
    found = _BINDING.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    return Binding(found["side"] or found["kind"], found["port"] or found["name"], found["step"])


def has_expression(value: Any) -> bool:
    """Whether a value is made of expressions; `${{name}}` in a path is one that every job fills in."""
    return isinstance(value, str) and "${{" in _NAME.sub("", value)


def fits(source: str | None, target: str | None) -> bool:
    """Whether data of one type may be read as another; None is a type that nobody said."""
    return source == target or bool({source, target} & _ANY) or {source, target} <= _FOLDERS


def filled(value: Any, literals: dict[str, Any]) -> Any:
    """A value with `${{parent.inputs.x}}`, wherever one stands for itself, replaced by the literal of that input."""
    if isinstance(value, dict):
        return {key: filled(item, literals) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, literals) for item in value]
    binding = binding_of(value)
    if binding and binding.step is None and binding.side == "inputs":
        return literals.get(binding.name, value)
    return value
