"""The job that an invocation is, as a file of CLI v2."""

from typing import Any

import yaml

from app.endpoints.batch.schemas import BatchInput, BatchOutput, Invocation
from app.endpoints.batch.tables import BatchDeployment
from app.errors import Invalid
from app.jobs.specification.ports import LITERAL_TYPES

# As Azure ML calls the step of an invocation, and the folder with what it wrote.
STEP, OUTPUT = "batchscoring", "score"


def job_file(deployment: BatchDeployment, asked: Invocation) -> dict[str, Any]:
    """Raises Invalid that names the input or output that the deployment has no use for."""
    job = _of_model(deployment.spec, asked) if deployment.spec["type"] == "model" else _of_pipeline(deployment, asked)
    own = {
        "type": "pipeline",
        "name": asked.job_name,
        "experiment_name": asked.experiment_name or deployment.endpoint.name,
        "display_name": f"{deployment.endpoint.name}/{deployment.name}",
    }
    return _said(own | job)


def _said(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def _of_pipeline(deployment: BatchDeployment, asked: Invocation) -> dict[str, Any]:
    """The component, or the job that was deployed with other inputs and outputs."""
    spec = deployment.spec
    settings = spec["settings"]
    named = ("default_compute", "default_datastore", "continue_on_step_failure", "force_rerun")
    inputs = {"input": asked.input, **asked.inputs} if asked.input else asked.inputs
    job = {
        "inputs": {name: _input(value) for name, value in inputs.items()},
        "outputs": {name: value.model_dump(exclude_none=True) for name, value in asked.outputs.items()},
        "settings": _said({name: settings[name] for name in named}),
    }
    if spec["component"]:
        return {"component": spec["component"], **job}
    source = yaml.safe_load(spec["source"]["yaml"])
    kept = {name: value for name, value in source.items() if name not in ("name", "experiment_name", "display_name")}
    return kept | {name: {**(source.get(name) or {}), **value} for name, value in job.items()}


def _input(value: BatchInput) -> dict[str, Any]:
    return value.model_dump(exclude_none=True)


def _of_model(spec: dict[str, Any], asked: Invocation) -> dict[str, Any]:
    """A pipeline of one parallel step, which writes the rows into a file of its output `score`."""
    model_type = "custom_model" if spec["code_configuration"] else "mlflow_model"
    data = _only_input(asked)
    output, file_name = _only_output(asked)
    settings = {**spec["settings"], **asked.changes()}
    settings["output_file_name"] = file_name or settings["output_file_name"]
    return {
        "inputs": {"input": _input(data), "model": {"type": model_type, "path": spec["model"]}},
        "outputs": {OUTPUT: output},
        # Who invokes it twice wants it scored twice.
        "settings": {"force_rerun": True},
        "jobs": {STEP: _step(spec, settings, asked.instance_count, data.type, model_type)},
    }


def _only_input(asked: Invocation) -> BatchInput:
    given = {**({"input": asked.input} if asked.input else {}), **asked.inputs}
    if len(given) != 1:
        text = f"a deployment of a model takes one input; it was given {', '.join(given) or 'none'}."
        raise Invalid(f"inputs: {text}", target="inputs")
    name, found = next(iter(given.items()))
    if found.type in LITERAL_TYPES:
        text = f"a deployment of a model takes data, not a {found.type}: give a uri_file, uri_folder or mltable."
        raise Invalid(f"inputs.{name}: {text}", target=f"inputs.{name}")
    return found


def _only_output(asked: Invocation) -> tuple[dict[str, Any], str | None]:
    """The output and, where its path names a file, the name of that."""
    if len(asked.outputs) > 1:
        raise Invalid("outputs: a deployment of a model has one, `score`.", target="outputs")
    output = next(iter(asked.outputs.values()), BatchOutput(path=asked.output_path))
    path, file_name = output.path or asked.output_path, asked.output_file_name
    if output.type == "uri_file" and path:
        folder, _, file_name = path.rpartition("/")
        path = f"{folder}/"
    return _said({"type": "uri_folder", "path": path, "name": output.name, "version": output.version}), file_name


def _step(
    spec: dict[str, Any], settings: dict[str, Any], instances: int | None, data_type: str, model_type: str
) -> dict[str, Any]:
    step = {
        "type": "parallel",
        "compute": spec["compute"],
        "resources": {"instance_count": instances or spec["resources"]["instance_count"]},
        "inputs": {
            "input": {"type": data_type, "path": "${{parent.inputs.input}}"},
            "model": {"type": model_type, "path": "${{parent.inputs.model}}"},
        },
        "outputs": {OUTPUT: f"${{{{parent.outputs.{OUTPUT}}}}}"},
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
    return _said(step)


def _task(spec: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    task: dict[str, Any] = {"type": "model", "model": "${{inputs.model}}", "environment": spec["environment"]}
    if code := spec["code_configuration"]:
        task |= {"type": "run_function", "code": code["code"], "entry_script": code["scoring_script"]}
    if settings["output_action"] == "append_row":
        task |= {"append_row_to": f"${{{{outputs.{OUTPUT}}}}}", "append_row_file_name": settings["output_file_name"]}
    return _said(task)
