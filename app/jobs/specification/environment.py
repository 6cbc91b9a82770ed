"""The `environment` field of a job file: a reference, or an inline definition."""

from typing import Any

from app.kit.sections import Section, kind_of

FIELDS = (
    "name",
    "version",
    "description",
    "tags",
    "image",
    "conda_file",
    "build",
    "inference_config",
    "os_type",
    "datastore",
    "id",
    "auto_delete_setting",
)
SET_BY_SERVER = ("creation_context", "latest_version", "intellectual_property")


def read_environment(job: Section) -> str | dict[str, Any] | None:
    value = job.values.get("environment")
    if value is None or isinstance(value, str):
        if value is not None and not value.strip():
            job.wrong("environment", "is empty; name one, such as azureml:pytorch-2.13-cpu@latest.")
        return value
    if not isinstance(value, dict):
        job.wrong("environment", f"is {kind_of(value)}; give a reference such as azureml:NAME:VERSION.")
        return None
    return _inline(job.section("environment", "an environment"))


def _inline(environment: Section) -> dict[str, Any]:
    environment.check_fields(FIELDS, SET_BY_SERVER)
    environment.choice("os_type", ("linux", "windows"))
    if environment.values.get("os_type") == "windows":
        environment.wrong("os_type", "is windows; jobs run on Linux here.")
    if "build" in environment:
        environment.wrong(
            "build", "asks for a container image, which this server does not build; list the packages in `conda_file`."
        )
    if "conda_file" not in environment and "image" not in environment and "build" not in environment:
        text = "`environment` defines nothing to run in; give `conda_file`, a path or an inline definition."
        environment.problems.add(environment.path, text)
    if "image" in environment:
        environment.warn(
            "image", "is not pulled: the environment is built from `conda_file`, on the worker's own system."
        )
    conda = environment.values.get("conda_file")
    if conda is not None and not isinstance(conda, str | dict):
        environment.wrong("conda_file", f"must be a path or a conda definition, not {kind_of(conda)}.")
    kept = {"image": environment.text("image"), "name": environment.text("name"), "conda_file": conda}
    return {key: value for key, value in kept.items() if value is not None}
