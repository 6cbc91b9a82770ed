"""The nodes of a pipeline as Azure's clients send them: file fields under their own names, ids in camelCase."""

import json
from collections.abc import Mapping
from typing import Any

from app.dialects.arm import asset_ids
from app.dialects.arm.job_parts import MODES, TO_WIRE, FindCode, inputs_of, name_of, outputs_of, resources_of
from app.dialects.arm.wire import fields, mapping, said, snake

_LEFT_OUT = (
    "name",
    "_source",
    "inputs",
    "outputs",
    "computeId",
    "componentId",
    "trial",
    "resources",
    "items",
    "jobId",
    "task",
)


def node_of(node: Mapping[str, Any], find_code: FindCode) -> dict[str, Any]:
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
    if policy := mapping(node, "early_termination", "properties.jobs"):
        kind = policy.get("policy_type") or policy.get("policyType") or policy.get("type")
        found["early_termination"] = fields(policy, without=["policy_type", "policyType"]) | {"type": snake(str(kind))}
    if task := node.get("task"):
        found["task"] = task_of(task, find_code) if isinstance(task, dict) else task
    if (items := node.get("items")) is not None:
        found["items"] = _items(items)
    if isinstance(node.get("partition_keys"), str):
        found["partition_keys"] = json.loads(node["partition_keys"])
    return said(found)


def task_of(task: Mapping[str, Any], find_code: FindCode) -> dict[str, Any]:
    """What a parallel step or component runs, with addresses for ids."""
    code, environment = task.get("code"), task.get("environment")
    found = said({name: value for name, value in task.items() if name not in ("code", "environment")})
    found |= {"code": find_code(str(code))} if code else {}
    return found | ({"environment": asset_ids.reference(str(environment))} if environment else {})


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


def node_shown(node: Mapping[str, Any], scope: str) -> dict[str, Any]:
    """An entry of `jobs` in a file as clients read it back; `scope` is the resource id of the workspace."""
    found = {name: value for name, value in node.items() if name not in ("component", "trial", "compute")}
    if compute := node.get("compute"):
        found["computeId"] = f"{scope}/computes/{name_of(compute)}"
    if component := _component_id(node.get("component"), scope):
        found["componentId"] = component
    if trial := node.get("trial"):
        found["trial"] = {"componentId": _component_id(trial, scope)}
    return found | {
        "type": node.get("type") or ("sweep" if "trial" in node else "command"),
        "inputs": {name: _input_shown(value) for name, value in (node.get("inputs") or {}).items()},
        "outputs": {name: _output_shown(value) for name, value in (node.get("outputs") or {}).items()},
    }


def _component_id(component: Any, scope: str) -> str | None:
    """The id of a component by its reference, or by the `id` of one that was looked up."""
    reference = component.get("id") if isinstance(component, dict) else component
    found = asset_ids.named(str(reference or ""))
    return asset_ids.asset_id(scope, "components", *found) if found else None


def _input_shown(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"job_input_type": "literal", "value": str(value)}
    return said({"job_input_type": value.get("type"), "uri": value.get("path"), "mode": TO_WIRE.get(value.get("mode"))})


def _output_shown(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"type": "literal", "value": value}
    value = value or {}
    if str(value.get("path") or "").startswith("${{"):
        return {"type": "literal", "value": value["path"]}
    return said({"job_output_type": value.get("type") or "uri_folder", "mode": TO_WIRE.get(value.get("mode"))})
