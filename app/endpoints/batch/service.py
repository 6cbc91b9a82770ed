"""Everything that changes a batch endpoint, and its invocation, which is a job."""

from typing import Any

import yaml
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.components import queries as components
from app.endpoints import deploying, names
from app.endpoints.batch import queries
from app.endpoints.batch.job_files import job_file
from app.endpoints.batch.schemas import BatchDeploymentCreate, Invocation
from app.endpoints.batch.tables import BatchDeployment, BatchEndpoint, BatchInvocation
from app.environments import resolving
from app.errors import AlreadyExists, Conflict, Invalid
from app.jobs import queries as job_queries
from app.jobs import service as jobs
from app.jobs.tables import Job
from app.kit.clock import now


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


def deploy(session: Session, caller: Caller, endpoint: BatchEndpoint, new: BatchDeploymentCreate) -> BatchDeployment:
    """Make a deployment, or change the one of that name; the endpoint's first is its default."""
    names.check_deployment(new.name)
    read = _of_model if new.type == "model" else _of_pipeline
    spec = new.model_dump(mode="json", exclude={"set_default"}) | read(session, endpoint, new)
    found = next((item for item in endpoint.deployments if item.name == new.name), None)
    if found is None:
        found = BatchDeployment(name=new.name, created_by=caller.user.name, spec=spec)
        endpoint.deployments.append(found)
    else:
        found.spec, found.updated_at = spec, now()
    if new.set_default or endpoint.default_deployment is None:
        endpoint.default_deployment = new.name
    session.flush()
    return found


def _of_model(session: Session, endpoint: BatchEndpoint, new: BatchDeploymentCreate) -> dict[str, Any]:
    """The model by its version; raises Invalid where nothing says how it scores."""
    version = deploying.model_version(session, endpoint.workspace_id, new.model)
    resolving.resolve(session, endpoint.workspace_id, new.environment)
    code = new.code_configuration
    if code is not None:
        deploying.code_key(endpoint.workspace_id, code.code)
    elif "python_function" not in (version.flavors or {}):
        text = "is missing: this model has no MLflow python_function to score with. Give a scoring script."
        raise Invalid(f"code_configuration: {text}", target="code_configuration")
    if new.model.startswith("azureml://registries/"):
        return {}
    return {"model": f"azureml:{version.model.name}:{version.version}"}


def _of_pipeline(session: Session, endpoint: BatchEndpoint, new: BatchDeploymentCreate) -> dict[str, Any]:
    """What an invocation runs, as it is now: the version of the component, or what the job was submitted as."""
    if new.component is not None:
        component = components.of_reference(session, endpoint.workspace_id, new.component)
        if component.type != "pipeline":
            text = f"{new.component!r} is a component of type {component.type}; a deployment runs one of type pipeline."
            raise Invalid(f"component: {text}", target="component")
        inputs = {"inputs": {name: port.type for name, port in component.inputs.items()}}
        if new.component.startswith("azureml://registries/"):
            return inputs
        return {"component": f"azureml:{component.name}:{component.version}", **inputs}
    job = job_queries.get(session, endpoint.workspace_id, new.job_definition.removeprefix("azureml:"))
    if job.type != "pipeline" or not job.source_yaml:
        text = f"job {job.name!r} is no pipeline job that was submitted here."
        raise Invalid(f"job_definition: {text}", target="job_definition")
    source = {"yaml": job.source_yaml, "uploads": job.spec.get("uploads") or {}}
    return {"source": source, "inputs": {name: port.get("type", "string") for name, port in job.inputs.items()}}


def describe(session: Session, deployment: BatchDeployment, **changes: Any) -> None:
    """Change what is said of a deployment: `description`, `properties` and `tags`."""
    deployment.spec, deployment.updated_at = {**deployment.spec, **changes}, now()
    session.flush()


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
    text = yaml.safe_dump(job_file(deployment, asked), sort_keys=False, allow_unicode=True)
    job = jobs.submit(session, caller, text, (deployment.spec.get("source") or {}).get("uploads"))
    session.flush()
    session.add(BatchInvocation(endpoint_id=endpoint.id, deployment=name, job_id=job.id))
    return job
