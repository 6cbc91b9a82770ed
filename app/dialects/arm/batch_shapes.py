"""Batch endpoints, deployments and invocations as Azure's clients send them and read them back.

Source: the BatchEndpoint and BatchDeployment resources, api-version 2024-01-01-preview, and the BatchJobResource of
api-version 2020-09-01-dataplanepreview, whose fields its users write in camel or Pascal case.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.dialects.arm import asset_ids
from app.dialects.arm.job_parts import MODES, name_of
from app.dialects.arm.wire import camel, duration, fields, mapping, pascal, said, seconds, snake
from app.endpoints.batch.schemas import BatchDeploymentCreate, Invocation
from app.endpoints.batch.tables import BatchDeployment, BatchEndpoint
from app.errors import Invalid
from app.jobs.specification.ports import LITERAL_TYPES

AUTH_MODE = "AADToken"
PIPELINE = "PipelineComponent"
# Before the settings of a pipeline, in the words of some clients.
_PREFIX = "ComponentDeployment.Settings."
_SETTINGS = (
    "errorThreshold",
    "miniBatchSize",
    "maxConcurrencyPerInstance",
    "outputFileName",
    "environmentVariables",
)
_OF_PIPELINES = ("default_compute", "default_datastore", "continue_on_step_failure", "force_rerun")
Model = TypeVar("Model", bound=BaseModel)


def changes_of(sent: Mapping) -> dict[str, Any]:
    """What of an endpoint can be changed, where it is said."""
    asked = mapping(sent, "properties", "body")
    defaults = mapping(asked, "defaults")
    name = defaults.get("deploymentName", defaults.get("deployment_name"))
    found = {"description": asked.get("description"), "tags": sent.get("tags")}
    found["defaults"] = {"deployment_name": name} if name else None
    return {key: value for key, value in found.items() if value is not None}


def endpoint(found: BatchEndpoint, address: str) -> dict[str, Any]:
    """Properties of an endpoint; `address` is that of the resource."""
    return {
        "authMode": AUTH_MODE,
        "description": found.description,
        "properties": found.properties,
        "defaults": {"deploymentName": found.default_deployment},
        "scoringUri": f"{address}/jobs",
        "swaggerUri": None,
        "provisioningState": "Succeeded",
    }


def deployment_of(name: str, sent: Mapping, find_code: Callable[[str], str]) -> BatchDeploymentCreate:
    """A deployment as its file would say it; raises Invalid that names what is wrong as it was sent."""
    asked = mapping(sent, "properties", "body")
    configuration = mapping(asked, "deploymentConfiguration")
    own = _pipeline_of(configuration) if configuration else _model_of(asked, find_code)
    document = {
        "name": name,
        "description": asked.get("description"),
        "tags": mapping(sent, "tags", "body"),
        "properties": mapping(asked, "properties"),
        "resources": fields(mapping(asked, "resources")),
        **own,
    }
    return _read(BatchDeploymentCreate, said(document))


def _pipeline_of(configuration: Mapping) -> dict[str, Any]:
    asked = {key.removeprefix(_PREFIX): value for key, value in mapping(configuration, "settings").items()}
    settings = {name: asked[name] for name in _OF_PIPELINES if asked.get(name) is not None}
    if "default_compute" in settings:
        settings["default_compute"] = _compute(settings["default_compute"])
    component = mapping(configuration, "componentId").get("assetId")
    return {
        "type": "pipeline",
        "component": asset_ids.reference(str(component)) if component else None,
        "settings": settings,
    }


def _model_of(asked: Mapping, find_code: Callable[[str], str]) -> dict[str, Any]:
    code, environment = mapping(asked, "codeConfiguration"), asked.get("environmentId")
    model, retry = mapping(asked, "model"), mapping(asked, "retrySettings")
    settings = fields({name: asked.get(name) for name in _SETTINGS})
    if asked.get("outputAction"):
        settings["output_action"] = snake(str(asked["outputAction"]))
    if asked.get("loggingLevel"):
        settings["logging_level"] = str(asked["loggingLevel"]).lower()
    if retry:
        settings["retry_settings"] = _retry(retry)
    found = {
        "model": asset_ids.reference(str(model["assetId"])) if model.get("assetId") else None,
        "environment": asset_ids.reference(str(environment)) if environment else None,
        "compute": _compute(asked.get("compute")),
        "settings": settings,
    }
    if code.get("codeId"):
        script = code.get("scoringScript")
        found["code_configuration"] = {"code": find_code(str(code["codeId"])), "scoring_script": script}
    return found


def _retry(asked: Mapping) -> dict[str, Any]:
    found = fields(asked)
    length = seconds(found.get("timeout"), "properties.retrySettings.timeout")
    return found | ({} if length is None else {"timeout": round(length)})


def _compute(id: Any) -> str | None:
    name = name_of(id)
    return f"azureml:{name}" if name else None


def _read(model: type[Model], document: dict[str, Any]) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> Invalid:
    """The settings of a deployment stand beside its other properties on the wire."""
    texts = []
    for item in error.errors():
        field = ".".join(camel(str(part)) for part in item["loc"] if part != "settings")
        text = item["msg"].removeprefix("Value error, ").rstrip(".")
        texts.append(f"properties.{field}: {text}." if field else f"properties.{text}.")
    return Invalid(texts[0], target=texts[0].partition(":")[0], details=texts[1:])


def deployment(found: BatchDeployment, scope: str) -> dict[str, Any]:
    """Properties of a deployment; `scope` is the resource id of the workspace."""
    spec = found.spec
    shown = {"description": spec["description"], "provisioningState": "Succeeded"}
    own = _model_shown if spec["type"] == "model" else _pipeline_shown
    return said(shown | own(spec, scope)) | {"properties": spec["properties"]}


def _model_shown(spec: Mapping, scope: str) -> dict[str, Any]:
    settings, code = spec["settings"], spec["code_configuration"]
    shown = {camel(name): settings[name] for name in map(snake, _SETTINGS)}
    shown |= {
        "model": {"referenceType": "Id", "assetId": _id(scope, "models", spec["model"])},
        "environmentId": asset_ids.environment_id(scope, spec["environment"], None),
        "compute": f"{scope}/computes/{name_of(spec['compute'])}" if spec["compute"] else None,
        "outputAction": pascal(settings["output_action"]),
        "loggingLevel": pascal(settings["logging_level"]),
        "resources": {"instanceCount": spec["resources"]["instance_count"]},
        "retrySettings": {
            "maxRetries": settings["retry_settings"]["max_retries"],
            "timeout": duration(settings["retry_settings"]["timeout"]),
        },
    }
    if code:
        code_id = asset_ids.code_id(scope, "/" + code["code"].partition("/paths/")[2])
        shown["codeConfiguration"] = {"codeId": code_id, "scoringScript": code["scoring_script"]}
    return shown


def _pipeline_shown(spec: Mapping, scope: str) -> dict[str, Any]:
    settings = {name: str(value) for name in _OF_PIPELINES if (value := spec["settings"][name]) is not None}
    # Clients read the one by this name only.
    settings[f"{_PREFIX}continue_on_step_failure"] = settings["continue_on_step_failure"]
    component = spec["component"] and {"referenceType": "Id", "assetId": _id(scope, "components", spec["component"])}
    configuration = {"deploymentConfigurationType": PIPELINE, "componentId": component, "settings": settings}
    return {"deploymentConfiguration": {key: value for key, value in configuration.items() if value is not None}}


def _id(scope: str, kind: str, reference: str) -> str:
    named = asset_ids.named(reference)
    return asset_ids.asset_id(scope, kind, *named) if named else reference


def invocation_of(sent: Mapping, deployment: str | None) -> Invocation:
    """Raises Invalid that names what is wrong as it was sent."""
    asked = _any_case(mapping(_any_case(sent), "properties", "body"))
    properties = _any_case(mapping(asked, "properties"))
    document = {
        "deployment_name": deployment or None,
        "job_name": asked.get("name"),
        "experiment_name": properties.get("experiment_name"),
        "inputs": {name: _input(value) for name, value in _named(asked, "input_data").items()},
        "outputs": {name: _output(value) for name, value in _named(asked, "output_data").items()},
        "mini_batch_size": asked.get("mini_batch_size"),
        "error_threshold": asked.get("error_threshold"),
        "output_file_name": asked.get("output_file_name"),
        "instance_count": _any_case(mapping(asked, "compute")).get("instance_count"),
    }
    if retry := _any_case(mapping(asked, "retry_settings")):
        document["retry_settings"] = _retry(retry)
    if dataset := _any_case(mapping(asked, "output_dataset")):
        document["output_path"] = _written_to(dataset)
    return _read(Invocation, said(document))


def _any_case(value: Mapping) -> dict[str, Any]:
    return {snake(str(name)): item for name, item in value.items()}


def _named(asked: Mapping, name: str) -> dict[str, Any]:
    found = mapping(asked, name)
    return {port: _any_case(mapping(found, port, f"properties.{camel(name)}")) for port in found}


def _kind(asked: Mapping, field: str) -> str:
    return snake(str(asked.get(field) or "")).replace("ml_flow", "mlflow")


def _input(asked: Mapping) -> dict[str, Any]:
    kind = _kind(asked, "job_input_type")
    if kind == "literal":
        return {"type": _literal_type(asked.get("value")), "value": asked.get("value")}
    path = asset_ids.reference(str(asked.get("uri") or ""))
    mode = asked.get("mode")
    return said({"type": kind or "uri_folder", "path": path, "mode": MODES.get(mode, mode)})


def _literal_type(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number")):
        if isinstance(value, kind):
            return name
    return LITERAL_TYPES[0]


def _output(asked: Mapping) -> dict[str, Any]:
    kind, mode = _kind(asked, "job_output_type"), asked.get("mode")
    return said({"type": kind or "uri_folder", "path": asked.get("uri"), "mode": MODES.get(mode, mode)})


def _written_to(dataset: Mapping) -> str:
    """A folder of a datastore, as clients before api-version 2022-05-01 name it."""
    store, path = name_of(dataset.get("datastore_id")), str(dataset.get("path") or "").strip("/")
    return f"azureml://datastores/{store or 'workspaceblobstore'}/paths/{path}/"
