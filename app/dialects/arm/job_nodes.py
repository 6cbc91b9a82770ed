"""The nodes of a pipeline as Azure's clients send them: file fields under their own names, ids in camelCase."""

import json
from collections.abc import Mapping
from typing import Any

from app.dialects.arm import asset_ids
from app.dialects.arm.job_parts import MODES, inputs_of, name_of, outputs_of, resources_of
from app.dialects.arm.wire import fields, mapping, said

_LEFT_OUT = ("name", "_source", "inputs", "outputs", "computeId", "componentId", "trial", "resources", "items", "jobId")


def node_of(node: Mapping[str, Any]) -> dict[str, Any]:
    """One entry of `jobs` in a file."""
    found = fields(node, without=_LEFT_OUT) | {
        "compute": name_of(node.get("computeId")),
        "component": _component(node),
        "resources": resources_of(mapping(node, "resources", "properties.jobs")),
        "inputs": inputs_of(mapping(node, "inputs", "properties.jobs")),
        "outputs": _outputs(mapping(node, "outputs", "properties.jobs")),
    }
    if trial := node.get("trial"):
        found["trial"] = _component(trial) if isinstance(trial, dict) else asset_ids.reference(str(trial))
    if (items := node.get("items")) is not None:
        found["items"] = _items(items)
    if isinstance(node.get("partition_keys"), str):
        found["partition_keys"] = json.loads(node["partition_keys"])
    return said(found)


def _component(node: Mapping) -> str | None:
    named = node.get("componentId")
    return asset_ids.reference(str(named)) if named else None


def _outputs(asked: Mapping) -> dict[str, Any]:
    """An output bound to one of the pipeline is its expression, with a mode beside it where one is given."""
    plain = {name: value for name, value in asked.items() if not (isinstance(value, dict) and "value" in value)}
    bound = {name: _bound(value) for name, value in asked.items() if name not in plain}
    return bound | outputs_of(plain)


def _bound(output: Mapping) -> Any:
    mode = output.get("mode")
    return {"path": output["value"], "mode": MODES.get(mode, mode)} if mode else output["value"]


def _items(items: Any) -> Any:
    """What a `parallel_for` runs over: an expression, or JSON with the inputs of each round."""
    if not isinstance(items, str) or not items.lstrip().startswith(("[", "{")):
        return items
    rounds = json.loads(items)
    if isinstance(rounds, dict):
        return {name: _round(value) for name, value in rounds.items()}
    return [_round(value) for value in rounds]


def _round(values: Mapping) -> dict[str, Any]:
    assets = {name: value for name, value in values.items() if isinstance(value, dict)}
    return {name: value for name, value in values.items() if name not in assets} | inputs_of(assets)
