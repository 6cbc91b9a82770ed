"""Online endpoints and deployments as Azure's clients send them and read them back.

Source: the OnlineEndpoint and OnlineDeployment resources, api-versions 2022-02-01-preview and 2023-04-01-preview.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from app.dialects.arm import asset_ids, collector_shapes
from app.dialects.arm.wire import camel, duration, fields, mapping, pascal, said, seconds
from app.endpoints.autoscaling import MOST_INSTANCES
from app.endpoints.schemas import DeploymentCreate
from app.endpoints.tables import OnlineDeployment, OnlineEndpoint
from app.errors import Invalid

AUTH_MODES = {"Key": "key", "AMLToken": "aml_token", "AADToken": "aad_token"}
_AUTH_MODES = {mode: word for word, mode in AUTH_MODES.items()}
_MILLISECONDS = {"requestTimeout": "request_timeout_ms", "maxQueueWait": "max_queue_wait_ms"}
_PROBE_TIMES = ("initial_delay", "period", "timeout")
_PROBES = {"livenessProbe": "liveness_probe", "readinessProbe": "readiness_probe"}
_AS_SAID = ("app_insights_enabled", "egress_public_network_access", "model_mount_path")
LOCATION = "local"
SCALE_TYPES = {"Default": "default", "TargetUtilization": "target_utilization"}
DEFAULT_SCALE = {"scaleType": "Default"}


def auth_mode_of(asked: Mapping) -> str:
    mode = asked.get("authMode") or "Key"
    found = next((name for word, name in AUTH_MODES.items() if word.lower() == str(mode).lower()), None)
    if found is None:
        raise Invalid(
            f"properties.authMode: {mode!r} is not one of {', '.join(AUTH_MODES)}.", target="properties.authMode"
        )
    return found


def changes_of(sent: Mapping) -> dict[str, Any]:
    """What of an endpoint can be changed, where it is said."""
    asked = mapping(sent, "properties", "body")
    found: dict[str, Any] = {"description": asked.get("description"), "tags": sent.get("tags")}
    for field, name in (("traffic", "traffic"), ("mirrorTraffic", "mirror_traffic")):
        found[name] = mapping(asked, field) if asked.get(field) is not None else None
    return {name: value for name, value in found.items() if value is not None}


def endpoint(found: OnlineEndpoint, address: str) -> dict[str, Any]:
    """Properties of an endpoint; `address` is where it answers, without a slash at the end."""
    return {
        "authMode": _AUTH_MODES[found.auth_mode],
        "description": found.description,
        "properties": found.properties,
        "traffic": found.traffic,
        "mirrorTraffic": found.mirror_traffic,
        "scoringUri": f"{address}/score",
        "swaggerUri": f"{address}/swagger.json",
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled",
    }


def deployment_of(name: str, sent: Mapping, find_code: Callable[[str], str]) -> DeploymentCreate:
    """A deployment as its file would say it; raises Invalid that names what is wrong as it was sent."""
    asked = mapping(sent, "properties", "body")
    code, environment = mapping(asked, "codeConfiguration"), asked.get("environmentId")
    document = {
        "name": name,
        "model": asset_ids.reference(str(asked["model"])) if asked.get("model") else None,
        "environment": asset_ids.reference(str(environment)) if environment else None,
        "environment_variables": mapping(asked, "environmentVariables"),
        "description": asked.get("description"),
        "instance_type": asked.get("instanceType"),
        "instance_count": instance_count_of(sent),
        "request_settings": _request_settings(mapping(asked, "requestSettings")),
        "tags": mapping(sent, "tags", "body"),
        "properties": mapping(asked, "properties"),
        "scale_settings": _scale_settings(mapping(asked, "scaleSettings")),
        "data_collector": collector_shapes.read(mapping(asked, "dataCollector")),
        "type": asked.get("endpointComputeType"),
        "resources": mapping(asked, "containerResourceRequirements"),
    }
    document |= {name: asked.get(camel(name)) for name in _AS_SAID}
    document |= {to: _probe(mapping(asked, of), f"properties.{of}") for of, to in _PROBES.items()}
    if code.get("codeId"):
        script = code.get("scoringScript")
        document["code_configuration"] = {"code": find_code(str(code["codeId"])), "scoring_script": script}
    try:
        return DeploymentCreate.model_validate(said(document))
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> Invalid:
    problems = [(".".join(camel(str(part)) for part in item["loc"]), item["msg"]) for item in error.errors()]
    texts = [f"properties.{field}: {message}." for field, message in problems]
    return Invalid(texts[0], target=f"properties.{problems[0][0]}", details=texts[1:])


def instance_count_of(sent: Mapping) -> Any:
    return mapping(sent, "sku", "body").get("capacity") or 1


def small_changes_of(sent: Mapping) -> dict[str, Any]:
    """What of a deployment can be changed alone, where it is said."""
    found: dict[str, Any] = {}
    if mapping(sent, "sku", "body").get("capacity") is not None:
        found["instance_count"] = instance_count_of(sent)
        if not isinstance(found["instance_count"], int):
            raise Invalid(f"sku.capacity: {found['instance_count']!r} is no whole number.", target="sku.capacity")
    if sent.get("tags") is not None:
        found["tags"] = mapping(sent, "tags", "body")
    return found


def sku() -> dict[str, Any]:
    """Source: SkuResource, api-version 2023-04-01."""
    bounds = {"minimum": 1, "maximum": MOST_INSTANCES, "default": 1, "scaleType": "Manual"}
    kind = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
    return {"resourceType": kind, "sku": {"name": "Default", "tier": "Standard"}, "capacity": bounds}


def compute_type(found: OnlineDeployment) -> str:
    return pascal((found.spec or {}).get("type", "managed"))


def _request_settings(asked: Mapping) -> dict[str, Any]:
    found = fields(asked, without=_MILLISECONDS)
    for of, to in _MILLISECONDS.items():
        length = seconds(asked.get(of), f"properties.requestSettings.{of}")
        found |= {} if length is None else {to: round(length * 1000)}
    return found


def _scale_settings(asked: Mapping) -> dict[str, Any] | None:
    if not asked:
        return None
    found = fields(asked, without=("scaleType", "pollingInterval"))
    kind = str(asked.get("scaleType", "Default"))
    found["type"] = SCALE_TYPES.get(kind, kind)
    length = seconds(asked.get("pollingInterval"), "properties.scaleSettings.pollingInterval")
    return found | ({} if length is None else {"polling_interval": round(length)})


def _scale_shown(settings: Mapping | None) -> dict[str, Any]:
    if not settings or settings["type"] == "default":
        return DEFAULT_SCALE
    shown = {camel(name): value for name, value in settings.items() if name != "type"}
    return shown | {"scaleType": "TargetUtilization", "pollingInterval": duration(settings["polling_interval"])}


def _probe(asked: Mapping, path: str) -> dict[str, Any]:
    found = fields(asked)
    return found | {name: seconds(found[name], f"{path}.{camel(name)}") for name in _PROBE_TIMES if name in found}


def deployment(found: OnlineDeployment, scope: str) -> dict[str, Any]:
    """Properties of a deployment; `scope` is the resource id of the workspace."""
    version, code, spec = found.model_version, found.code, found.spec or {}
    settings = found.request_settings
    shown = {
        "endpointComputeType": compute_type(found),
        "provisioningState": found.provisioning_state,
        "description": found.description,
        "model": asset_ids.asset_id(scope, "models", version.model.name, version.version) if version else None,
        "environmentId": asset_ids.environment_id(scope, spec.get("environment"), found.environment),
        "instanceType": found.instance_type,
        "requestSettings": {
            "maxConcurrentRequestsPerInstance": settings.get("max_concurrent_requests_per_instance"),
            **{of: duration(settings[to] / 1000) for of, to in _MILLISECONDS.items() if settings.get(to) is not None},
        },
        "livenessProbe": _probe_shown(found.liveness_probe),
        "readinessProbe": _probe_shown(found.readiness_probe),
        "scaleSettings": _scale_shown(found.scale_settings),
        "egressPublicNetworkAccess": pascal(spec.get("egress_public_network_access", "enabled")),
        "modelMountPath": spec.get("model_mount_path"),
        "dataCollector": collector_shapes.shown(found.data_collector),
        "containerResourceRequirements": spec.get("resources"),
    }
    if code:
        code_id = asset_ids.code_id(scope, code)
        shown["codeConfiguration"] = {"codeId": code_id, "scoringScript": found.scoring_script}
    return said(shown) | {
        "properties": found.properties,
        "environmentVariables": found.environment_variables,
        "appInsightsEnabled": spec.get("app_insights_enabled", False),
    }


def _probe_shown(probe: Mapping) -> dict[str, Any]:
    times = {camel(name): duration(probe[name]) for name in _PROBE_TIMES if name in probe}
    return {camel(name): value for name, value in probe.items()} | times
