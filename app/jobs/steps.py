"""The steps of a pipeline at its submission: what they name is found, so that a later version changes nothing."""

from typing import Any

from sqlalchemy.orm import Session

from app.datastores import service as datastores
from app.environments import resolving
from app.errors import AtelierError
from app.jobs import inputs, output_places
from app.jobs.specification import Input


def found_input(session: Session, workspace_id: int, port: str, value: Input) -> dict[str, Any]:
    """An input of a job file, with what its path means now: `{"value": …}` or `{"type", "path", "mode", "key", …}`."""
    if value.is_literal:
        return {"value": value.value}
    found = inputs.resolve(session, workspace_id, port, value.type, value.path)
    return {"type": value.type, "path": value.path, "mode": value.mode or "ro_mount", **found}


def check_datastore(session: Session, workspace_id: int, settings: dict[str, Any]) -> None:
    """Raises NotFound or Invalid for a default datastore that there is not, or that takes no files."""
    name = settings.get("default_datastore")
    if name and (address := output_places.in_datastore(f"azureml://datastores/{name}/paths/.")):
        datastores.find_place(session, workspace_id, address, "settings.default_datastore", writes=True)


def found_steps(session: Session, workspace_id: int, steps: dict[str, dict], above: str = "jobs") -> dict[str, dict]:
    """Each step with `code` (a storage key), `environment` and `inputs` as rows of jobs hold them.

    Raises NotFound or Invalid that names the step and its field.
    """
    return {name: _found(session, workspace_id, step, f"{above}.{name}") for name, step in steps.items()}


def _found(session: Session, workspace_id: int, step: dict, where: str) -> dict:
    job = step["job"]
    if "pipeline" in job:
        inner = found_steps(session, workspace_id, job["pipeline"]["jobs"], f"{where}.jobs")
        job = {**job, "pipeline": {**job["pipeline"], "jobs": inner}}
    try:
        known = {
            port: found_input(session, workspace_id, port, Input(**{"type": None, **value}))
            for port, value in job.get("inputs", {}).items()
        }
        output_places.check(session, workspace_id, job.get("outputs", {}))
        code = inputs.code_key(workspace_id, job["code"]) if job.get("code") else None
        environment = None if "pipeline" in job else resolving.resolve(session, workspace_id, job.get("environment"))
    except AtelierError as error:
        target = f"{where}.{error.target}" if error.target else where
        raise type(error)(f"{where}.{error.message}", target=target) from error
    # Literals travel as text to a step, as in Azure ML.
    texts = {port: {"value": str(value["value"])} if "value" in value else value for port, value in known.items()}
    return {**step, "job": job, "code": code, "environment": environment, "inputs": texts}
