"""A job as Azure's clients read it back: the JobBase resource of api-version 2024-01-01-preview."""

from collections.abc import Mapping
from typing import Any

from app.assets import addresses
from app.dialects.arm import asset_ids, automl_shapes
from app.dialects.arm.job_documents import PRIORITIES
from app.dialects.arm.job_parts import TO_WIRE
from app.dialects.arm.pipeline_shapes import pipeline
from app.dialects.arm.wire import duration, pascal, said, wire
from app.jobs.places import output_path
from app.jobs.specification.search_space import DISTRIBUTIONS
from app.jobs.tables import Job

TYPES = {"sweep": "Sweep", "pipeline": "Pipeline", "automl": "AutoML"}
_PRIORITIES = {name: number for number, name in PRIORITIES.items()}
_LITERALS = ("string", "number", "integer", "boolean")


def properties_of(job: Job, scope: str, page: str) -> dict[str, Any]:
    """`scope` is the resource id of the workspace, `page` the address at which a browser shows the job."""
    spec = job.spec or {}
    shown = {
        "jobType": TYPES.get(job.type, "Command"),
        "status": job.status.value,
        "displayName": job.display_name,
        "description": job.description,
        "experimentName": job.experiment.name,
        "tags": job.tag_map,
        "properties": {name: str(value) for name, value in job.properties.items()},
        "isArchived": job.archived or job.lifecycle_stage == "deleted",
        "computeId": _compute(spec.get("compute"), scope),
        "services": {"Studio": {"jobServiceType": "Studio", "endpoint": page}} | _services(spec),
        "inputs": _inputs(job, scope),
        "outputs": {name: _output(job, name, output, scope) for name, output in job.outputs.items()},
        "identity": _typed(spec.get("identity"), "identityType"),
        "queueSettings": _queue_settings(spec.get("queue_settings")),
    }
    shown |= _READERS.get(job.type, _command)(job, spec, scope)
    # Clients look into these without asking whether they are there.
    return said(shown) | {name: shown[name] for name in ("tags", "properties", "inputs", "outputs")}


def _compute(name: str | None, scope: str) -> str | None:
    return f"{scope}/computes/{name}" if name else None


def _services(spec: Mapping) -> dict[str, Any]:
    return {name: _service(service) for name, service in (spec.get("services") or {}).items()}


def _service(service: Mapping) -> dict[str, Any]:
    own = wire(service, without=["type", "nodes", "port"])
    nodes = {"nodesValueType": "All"} if service.get("nodes") else None
    kind = service.get("type")
    return said(
        {"jobServiceType": pascal(kind) if kind else None, "port": service.get("port"), "nodes": nodes}
        | {"properties": {name: str(value) for name, value in own.items()}}
    )


def _typed(part: Mapping | None, discriminator: str) -> dict[str, Any] | None:
    return {discriminator: pascal(part["type"])} | wire(part, without=["type"]) if part else None


def _queue_settings(part: Mapping | None) -> dict[str, Any] | None:
    if not part:
        return None
    tier = part.get("job_tier")
    return said({"jobTier": tier.capitalize() if tier else None, "priority": _PRIORITIES.get(part.get("priority"))})


def _inputs(job: Job, scope: str) -> dict[str, Any]:
    space = (job.spec or {}).get("sweep", {}).get("search_space", {})
    return {name: _input(port, scope) for name, port in job.inputs.items() if name not in space}


def _input(port: Mapping, scope: str) -> dict[str, Any]:
    if "value" in port:
        return {"jobInputType": "literal", "value": str(port["value"])}
    asset = port.get("asset")
    if asset:
        uri = asset_ids.asset_id(scope, asset["kind"], asset["name"], asset["version"])
    else:
        uri = address_of(port.get("path", ""), scope)
    return said({"jobInputType": port["type"], "uri": uri, "mode": TO_WIRE.get(port.get("mode", ""))})


def _output(job: Job, name: str, output: Mapping, scope: str) -> dict[str, Any]:
    return said(
        {
            "jobOutputType": output.get("type", "uri_folder"),
            "mode": TO_WIRE.get(output.get("mode", "")),
            "uri": address_of(addresses.stored_address(output_path(job, name)), scope),
            "assetName": output.get("name"),
            "assetVersion": output.get("version"),
            "description": output.get("description"),
        }
    )


def address_of(path: str, scope: str) -> str:
    """An address of the workspace's store in its long form, which clients need to find the workspace."""
    short = path.removeprefix("azureml://datastores/")
    return f"azureml:/{scope}/datastores/{short}".replace(_PROVIDER, "") if short != path else path


_PROVIDER = "/providers/Microsoft.MachineLearningServices"


def _command(job: Job, spec: Mapping, scope: str) -> dict[str, Any]:
    limits = {"jobLimitsType": "Command", "timeout": duration(job.timeout_seconds)} if job.timeout_seconds else None
    return _run(job, spec, scope) | {"limits": limits, "parentJobName": spec.get("parent_job_name")}


def _run(job: Job, spec: Mapping, scope: str) -> dict[str, Any]:
    resources = spec.get("resources") or {}
    arguments = resources.get("docker_args")
    shown = wire(resources, without=["docker_args", "properties"]) | said({"properties": resources.get("properties")})
    shown |= {"dockerArgsList" if isinstance(arguments, list) else "dockerArgs": arguments} if arguments else {}
    return {
        # A run that was logged from elsewhere has none, and clients demand one.
        "command": job.command or "",
        "codeId": asset_ids.code_id(scope, job.code) if job.code else None,
        "environmentId": asset_ids.environment_id(scope, spec.get("environment"), job.environment),
        "environmentVariables": spec.get("environment_variables"),
        "resources": shown,
        "distribution": _typed(spec.get("distribution"), "distributionType"),
    }


def _sweep(job: Job, spec: Mapping, scope: str) -> dict[str, Any]:
    asked = spec["sweep"]
    space, limits = asked["search_space"], asked["limits"]
    trial = said(_run(job, spec, scope)) | {"command": job.written_command}
    times = {"timeout": duration(limits.get("timeout")), "trialTimeout": duration(job.timeout_seconds)}
    return {
        "trial": trial,
        "searchSpace": {name: _distribution(value) for name, value in space.items()},
        "samplingAlgorithm": _typed(asked["sampling"], "samplingAlgorithmType"),
        "objective": {
            "goal": pascal(asked["objective"]["goal"]),
            "primaryMetric": asked["objective"]["primary_metric"],
        },
        "earlyTermination": _typed(asked.get("early_termination"), "policyType"),
        "limits": said({"jobLimitsType": "Sweep", **wire(limits, without=["timeout"]), **times}),
        "resources": trial.get("resources"),
    }


def _distribution(value: Mapping) -> list:
    return [value["type"], [value[name] for name in DISTRIBUTIONS[value["type"]]]]


def _pipeline(job: Job, _spec: Mapping, scope: str) -> dict[str, Any]:
    return pipeline(job, scope)


def _automl(job: Job, spec: Mapping, scope: str) -> dict[str, Any]:
    return {"taskDetails": automl_shapes.details_of(spec["automl"], _inputs(job, scope)), "inputs": {}}


_READERS = {"sweep": _sweep, "pipeline": _pipeline, "automl": _automl}
