"""Everything that changes a batch endpoint, and its invocation, which is a job."""

from typing import Any

import yaml
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.endpoints import deploying, names
from app.endpoints.batch import queries
from app.endpoints.batch.schemas import BatchDeploymentCreate, Invocation
from app.endpoints.batch.tables import BatchDeployment, BatchEndpoint, BatchInvocation
from app.errors import AlreadyExists, Conflict, Invalid
from app.jobs import service as jobs
from app.jobs.tables import Job
from app.kit.clock import now

# As Azure ML calls the step of an invocation.
STEP = "batchscoring"


def create(session: Session, workspace_id: int, name: str, *, created_by: str, **fields) -> BatchEndpoint:
    """Raises AlreadyExists where a batch endpoint has the name."""
    names.check(name)
    if queries.find(session, workspace_id, name):
        raise AlreadyExists(f"There is a batch endpoint {name!r} already.", target="name")
    endpoint = BatchEndpoint(workspace_id=workspace_id, name=name, created_by=created_by, **fields)
    session.add(endpoint)
    session.flush()
    return endpoint


def change(session: Session, endpoint: BatchEndpoint, *, defaults: dict | None = None, **fields) -> None:
    if defaults is not None:
        name = defaults.get("deployment_name")
        endpoint.default_deployment = name and queries.deployment_of(endpoint, name).name
    for name, value in fields.items():
        if value is not None:
            setattr(endpoint, name, value)
    endpoint.updated_at = now()
    session.flush()


def delete(session: Session, endpoint: BatchEndpoint) -> None:
    """Its deployments go with it; the jobs stay."""
    session.delete(endpoint)


def deploy(session: Session, endpoint: BatchEndpoint, new: BatchDeploymentCreate, *, created_by: str):
    """Make a deployment, or change the one of that name; the endpoint's first is its default."""
    names.check(new.name)
    version = deploying.model_version(session, endpoint.workspace_id, new.model)
    code = new.code_configuration
    if code is not None:
        deploying.code_key(endpoint.workspace_id, code.code)
    elif "python_function" not in (version.flavors or {}):
        text = "is missing: this model has no MLflow python_function to score with. Give a scoring script."
        raise Invalid(f"code_configuration: {text}", target="code_configuration")
    spec = new.model_dump(mode="json", exclude={"set_default"})
    if not new.model.startswith("azureml://registries/"):
        spec["model"] = f"azureml:{version.model.name}:{version.version}"
    found = next((item for item in endpoint.deployments if item.name == new.name), None)
    if found is None:
        found = BatchDeployment(name=new.name, created_by=created_by, spec=spec)
        endpoint.deployments.append(found)
    else:
        found.spec, found.updated_at = spec, now()
    if new.set_default or endpoint.default_deployment is None:
        endpoint.default_deployment = new.name
    session.flush()
    return found


def delete_deployment(session: Session, deployment: BatchDeployment) -> None:
    """Raises Conflict while others stand beside it and it is the default."""
    endpoint = deployment.endpoint
    if endpoint.default_deployment == deployment.name:
        if len(endpoint.deployments) > 1:
            text = f"Deployment {deployment.name!r} is the default. Make another one the default first."
            raise Conflict(text, target="defaults.deployment_name")
        endpoint.default_deployment = None
    endpoint.deployments.remove(deployment)
    session.flush()


def invoke(session: Session, caller: Caller, endpoint: BatchEndpoint, asked: Invocation) -> Job:
    """Queue a job that scores the input by a deployment, the default one where none is named."""
    name = asked.deployment_name or endpoint.default_deployment
    if name is None:
        text = f"Endpoint {endpoint.name!r} has no default deployment. Make one, or name a deployment."
        raise Conflict(text, target="deployment_name")
    deployment = queries.deployment_of(endpoint, name)
    job = jobs.submit(session, caller, yaml.safe_dump(job_file(deployment, asked), sort_keys=False))
    session.flush()
    session.add(BatchInvocation(endpoint_id=endpoint.id, deployment=name, job_id=job.id))
    return job


def job_file(deployment: BatchDeployment, asked: Invocation) -> dict[str, Any]:
    """A pipeline of one parallel step. Its output `score` is a folder with the rows in the deployment's file."""
    spec = deployment.spec
    model_type = "custom_model" if spec["code_configuration"] else "mlflow_model"
    output = {"type": "uri_folder", **({"path": asked.output_path} if asked.output_path else {})}
    job = {
        "type": "pipeline",
        "name": asked.job_name,
        "experiment_name": asked.experiment_name or deployment.endpoint.name,
        "display_name": f"{deployment.endpoint.name}/{deployment.name}",
        "inputs": {"input": asked.input.model_dump(), "model": {"type": model_type, "path": spec["model"]}},
        "outputs": {"score": output},
        "jobs": {STEP: _step(spec, asked, model_type)},
    }
    return {name: value for name, value in job.items() if value is not None}


def _step(spec: dict, asked: Invocation, model_type: str) -> dict[str, Any]:
    settings = {**spec["settings"], **asked.changes()}
    step = {
        "type": "parallel",
        "compute": spec["compute"],
        "resources": {"instance_count": asked.instance_count or spec["resources"]["instance_count"]},
        "inputs": {
            "input": {"type": asked.input.type, "path": "${{parent.inputs.input}}"},
            "model": {"type": model_type, "path": "${{parent.inputs.model}}"},
        },
        "outputs": {"score": "${{parent.outputs.score}}"},
        "input_data": "${{inputs.input}}",
        "mini_batch_size": str(settings["mini_batch_size"]),
        "max_concurrency_per_instance": settings["max_concurrency_per_instance"],
        "mini_batch_error_threshold": -1,
        "error_threshold": settings["error_threshold"],
        "retry_settings": settings["retry_settings"],
        "logging_level": settings["logging_level"].upper(),
        "environment_variables": settings["environment_variables"],
        "task": _task(spec, settings),
    }
    return {name: value for name, value in step.items() if value is not None}


def _task(spec: dict, settings: dict) -> dict[str, Any]:
    task: dict[str, Any] = {"type": "model", "model": "${{inputs.model}}", "environment": spec["environment"]}
    if code := spec["code_configuration"]:
        task |= {"type": "run_function", "code": code["code"], "entry_script": code["scoring_script"]}
    if settings["output_action"] == "append_row":
        task |= {"append_row_to": "${{outputs.score}}", "append_row_file_name": settings["output_file_name"]}
    return {name: value for name, value in task.items() if value is not None}
