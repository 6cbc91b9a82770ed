"""A pipeline as Azure's clients read it back: nodes under the names of files, with ids in camelCase."""

from collections.abc import Mapping
from typing import Any

from app.dialects.arm import asset_ids
from app.dialects.arm.job_parts import TO_WIRE
from app.dialects.arm.wire import said
from app.jobs.tables import Job
from app.pipelines import queries

# Clients take no node without a component; steps that stand in their file have none of their own.
ANONYMOUS = "azureml_anonymous"


def pipeline(job: Job, scope: str) -> dict[str, Any]:
    """`scope` is the resource id of the workspace."""
    settings = job.spec["pipeline"]["settings"]
    steps = queries.steps_of(job)
    return {
        "jobs": {name: _node(name, step, scope) for name, step in steps.items()},
        "settings": said({key: value for key, value in settings.items() if value}),
    }


def _node(name: str, step: Mapping, scope: str) -> dict[str, Any]:
    job = step["job"]
    kind = job.get("type", "command")
    compute, component = job.get("compute"), _component(name, step, scope)
    found = {
        "name": name,
        "type": kind,
        "display_name": job.get("display_name"),
        "comment": step.get("comment"),
        "computeId": f"{scope}/computes/{compute}" if compute else None,
        "inputs": _inputs(job, step),
        "outputs": _outputs(job, step),
        "environment_variables": job.get("environment_variables"),
        "resources": job.get("resources"),
        "tags": job.get("tags"),
        "properties": job.get("properties"),
    }
    if kind == "sweep":
        found |= {"trial": {"componentId": component}, **_sweep(job)}
    else:
        found |= {"componentId": component}
    if job.get("timeout_seconds") and kind == "command":
        found["limits"] = {"timeout": int(job["timeout_seconds"])}
    return said(found) | {"inputs": found["inputs"], "outputs": found["outputs"]}


def _component(name: str, step: Mapping, scope: str) -> str:
    found = asset_ids.named(step.get("component") or "")
    if found is None:
        return asset_ids.asset_id(scope, "components", ANONYMOUS, name)
    return asset_ids.asset_id(scope, "components", *found)


def _sweep(job: Mapping) -> dict[str, Any]:
    asked = job["sweep"]
    return {
        "search_space": asked["search_space"],
        "objective": asked["objective"],
        "sampling_algorithm": asked["sampling"],
        "early_termination": asked.get("early_termination"),
        "limits": said(asked["limits"]),
    }


def _inputs(job: Mapping, step: Mapping) -> dict[str, Any]:
    space = job.get("sweep", {}).get("search_space", {})
    own = {name: _given(port) for name, port in job.get("inputs", {}).items() if name not in space}
    return own | {name: _literal(_expression(source)) for name, source in step.get("sources", {}).items()}


def _given(port: Mapping) -> dict[str, Any]:
    if "value" in port:
        return _literal(str(port["value"]))
    return said({"job_input_type": port.get("type"), "uri": port.get("path"), "mode": TO_WIRE.get(port.get("mode"))})


def _literal(value: str) -> dict[str, Any]:
    return {"job_input_type": "literal", "value": value}


def _expression(source: Mapping) -> str:
    if "input" in source:
        return f"${{{{parent.inputs.{source['input']}}}}}"
    return f"${{{{parent.jobs.{source['step']}.outputs.{source['output']}}}}}"


def _outputs(job: Mapping, step: Mapping) -> dict[str, Any]:
    bound = {
        port: {"type": "literal", "value": f"${{{{parent.outputs.{target}}}}}"}
        for port, target in step.get("targets", {}).items()
    }
    own = {
        name: said({"job_output_type": output.get("type"), "mode": TO_WIRE.get(output.get("mode"))})
        for name, output in job.get("outputs", {}).items()
    }
    return own | bound
