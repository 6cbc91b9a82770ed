"""A job as Azure's clients send it, turned into the document of a job file.

Source: the JobBase resource of Microsoft.MachineLearningServices, api-version 2024-01-01-preview, in which
azure-ai-ml sends command, sweep, pipeline and AutoML jobs.
"""

from collections.abc import Mapping
from typing import Any

from app.dialects.arm import asset_ids, automl_shapes
from app.dialects.arm.job_nodes import node_of
from app.dialects.arm.job_parts import FindCode, inputs_of, name_of, outputs_of, resources_of
from app.dialects.arm.wire import fields, mapping, said, seconds, snake
from app.errors import Invalid
from app.jobs.specification.search_space import DISTRIBUTIONS

PRIORITIES = {1: "low", 2: "medium", 3: "high"}
_COMMON = {
    "displayName": "display_name",
    "description": "description",
    "experimentName": "experiment_name",
    "tags": "tags",
    "properties": "properties",
    "parentJobName": "parent_job_name",
}
_SUPPORTED = "Command, Sweep, Pipeline, AutoML"


def document_of(name: str, body: Mapping[str, Any], find_code: FindCode) -> dict[str, Any]:
    """The document that a job file would hold.

    Raises Invalid for a body that is no job; what its fields say is checked by the reader of job files.
    """
    asked = mapping(body, "properties", "body")
    kind = asked.get("jobType")
    reader = _READERS.get(str(kind).lower())
    if reader is None:
        raise Invalid(
            f"properties.jobType: {kind!r} is no kind of job that runs here; it must be one of: {_SUPPORTED}.",
            target="properties.jobType",
        )
    document = {"type": str(kind).lower(), "name": name}
    document |= {to: asked[of] for of, to in _COMMON.items() if asked.get(of) not in (None, "", {})}
    document |= {
        "compute": name_of(asked.get("computeId")),
        "identity": _identity(asked),
        "services": _services(asked),
    }
    document |= {"queue_settings": _queue_settings(asked)}
    document |= {"inputs": inputs_of(mapping(asked, "inputs")), "outputs": outputs_of(mapping(asked, "outputs"))}
    return said(document | reader(asked, find_code))


def _command(asked: Mapping, find_code: FindCode) -> dict[str, Any]:
    timeout = seconds(mapping(asked, "limits").get("timeout"), "properties.limits.timeout")
    return _run(asked, find_code) | {"limits": said({"timeout": timeout})}


def _run(asked: Mapping, find_code: FindCode, path: str = "properties") -> dict[str, Any]:
    """What a command job and the trial of a sweep have in common."""
    code, environment, component = (asked.get(name) for name in ("codeId", "environmentId", "componentId"))
    return {
        "command": asked.get("command"),
        "component": asset_ids.reference(str(component)) if component else None,
        "code": find_code(str(code)) if code else None,
        "environment": asset_ids.reference(str(environment)) if environment else None,
        "environment_variables": mapping(asked, "environmentVariables", path),
        "distribution": _distribution(mapping(asked, "distribution", path)),
        "resources": resources_of(mapping(asked, "resources", path)),
    }


def _distribution(asked: Mapping) -> dict[str, Any]:
    kind = asked.get("distributionType")
    return {"type": snake(str(kind))} | fields(asked, without=["distributionType"]) if kind else {}


def _identity(asked: Mapping) -> dict[str, Any]:
    found = mapping(asked, "identity")
    kind = found.get("identityType")
    return {"type": snake(str(kind))} | fields(found, without=["identityType"]) if kind else {}


def _services(asked: Mapping) -> dict[str, Any]:
    found = mapping(asked, "services")
    # A job that a client had read says where its page is.
    return {name: service for name in found if (service := _service(found, name)).get("type") != "studio"}


def _service(services: Mapping, name: str) -> dict[str, Any]:
    service = mapping(services, name, "properties.services")
    kind, nodes = service.get("jobServiceType"), service.get("nodes")
    shown = fields(service, without=["jobServiceType", "nodes", "properties", "status", "endpoint", "errorMessage"])
    own = fields(mapping(service, "properties", f"properties.services.{name}"))
    return said({"type": snake(str(kind)) if kind else None, "nodes": "all" if nodes else None} | shown | own)


def _queue_settings(asked: Mapping) -> dict[str, Any]:
    found = mapping(asked, "queueSettings")
    tier, priority = found.get("jobTier"), found.get("priority")
    return said({"job_tier": tier.lower() if tier else None, "priority": PRIORITIES.get(priority, priority)})


def _sweep(asked: Mapping, find_code: FindCode) -> dict[str, Any]:
    limits = mapping(asked, "limits")
    trial = said(_run(mapping(asked, "trial"), find_code, "properties.trial"))
    return {
        "trial": trial.get("component", trial),
        "search_space": {name: _space(name, value) for name, value in mapping(asked, "searchSpace").items()},
        "sampling_algorithm": _typed(mapping(asked, "samplingAlgorithm"), "samplingAlgorithmType"),
        "objective": {name: snake(str(v)) if name == "goal" else v for name, v in _objective(asked).items()},
        "early_termination": _typed(mapping(asked, "earlyTermination"), "policyType"),
        "limits": said(
            {
                "max_total_trials": limits.get("maxTotalTrials"),
                "max_concurrent_trials": limits.get("maxConcurrentTrials"),
                "timeout": seconds(limits.get("timeout"), "properties.limits.timeout"),
                "trial_timeout": seconds(limits.get("trialTimeout"), "properties.limits.trialTimeout"),
            }
        ),
        "resources": resources_of(mapping(asked, "resources")),
    }


def _objective(asked: Mapping) -> dict[str, Any]:
    return fields(mapping(asked, "objective"))


def _typed(asked: Mapping, discriminator: str) -> dict[str, Any]:
    kind = asked.get(discriminator)
    return {"type": snake(str(kind))} | fields(asked, without=[discriminator]) if kind else {}


def _space(name: str, value: Any) -> dict[str, Any]:
    """`["uniform", [0.1, 1]]` as `{"type": "uniform", "min_value": 0.1, "max_value": 1}`."""
    field = f"properties.searchSpace.{name}"
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], list):
        raise Invalid(f'{field}: must be a distribution such as ["uniform", [0, 1]].', target=field)
    kind, arguments = str(value[0]), value[1]
    names = DISTRIBUTIONS.get(kind, ())
    if names and len(names) != len(arguments):
        raise Invalid(f"{field}: {kind} takes {', '.join(names)}; {len(arguments)} values are given.", target=field)
    return {"type": kind, **dict(zip(names, arguments, strict=False))}


def _pipeline(asked: Mapping, find_code: FindCode) -> dict[str, Any]:
    jobs = mapping(asked, "jobs")
    settings = fields(mapping(asked, "settings"), without=["_source"])
    places = ("default_compute", "default_datastore")
    settings |= {name: name_of(settings[name]) for name in places if name in settings}
    return {
        "jobs": {name: node_of(mapping(jobs, name, "properties.jobs"), find_code) for name in jobs},
        "component": asset_ids.reference(str(asked["componentId"])) if asked.get("componentId") else None,
        "settings": settings,
    }


def _automl(asked: Mapping, _find_code: FindCode) -> dict[str, Any]:
    return automl_shapes.task_of(asked)


_READERS = {"command": _command, "sweep": _sweep, "pipeline": _pipeline, "automl": _automl}
