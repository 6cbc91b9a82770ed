"""The `environment` field of a job file: a reference, or an inline definition."""

from typing import Any

from app.environments.files import read_definition
from app.kit.sections import Section, kind_of


def read_environment(job: Section) -> str | dict[str, Any] | None:
    value = job.values.get("environment")
    if value is None or isinstance(value, str):
        if value is not None and not value.strip():
            job.wrong("environment", "is empty; name one, such as azureml:pytorch-2.13-cpu@latest.")
        return value
    if not isinstance(value, dict):
        job.wrong("environment", f"is {kind_of(value)}; give a reference such as azureml:NAME:VERSION.")
        return None
    environment = job.section("environment", "an environment")
    name = environment.text("name")
    return ({"name": name} if name else {}) | read_definition(environment)
