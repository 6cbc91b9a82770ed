"""Fills stores of MLflow through its own client (3.17) and packs them: `python make_store.py FOLDER`, by hand.

With an address instead of a folder, that store is filled and nothing is packed. `stores.tar.gz` holds a file store
(`files`) and an SQLite store (`mlflow.db`) with its artifacts (`mlruns`).
"""

import math
import os
import subprocess
import sys
import tarfile
from pathlib import Path

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Metric, RunStatus, SpanType


def experiments(client: MlflowClient) -> str:
    made = client.create_experiment("vision/digits", tags={"team": "vision", "mlflow.note.content": "Digits."})
    client.delete_experiment(client.create_experiment("abandoned"))
    return made


def runs(client: MlflowClient, experiment_id: str) -> str:
    parent = client.create_run(
        experiment_id, run_name="sweep", tags={"mlflow.user": "ada", "mlflow.source.name": "train.py"}
    )
    run = client.create_run(
        experiment_id, run_name="trial 1", start_time=1_700_000_000_000,
        tags={"mlflow.parentRunId": parent.info.run_id, "mlflow.user": "ada", "note": "two\nlines — é"},
    )  # fmt: skip
    run_id = run.info.run_id
    for name, value in {"learning_rate": "0.01", "optimizer/name": "adam", "empty": "", "text": "a\nb"}.items():
        client.log_param(run_id, name, value)
    points = [Metric("train/loss", 1 / (step + 1), 1_700_000_000_000 + step * 1000, step) for step in range(25)]
    odd = [("nan", math.nan, 0), ("nan", 1.5, 1), ("up", math.inf, 0), ("down", -math.inf, -3), ("same", 2.0, 0)]
    points += [Metric(name, value, 1_700_000_000_500, step) for name, value, step in odd]
    client.log_batch(run_id, metrics=points)
    client.log_text(run_id, "hello\n", "notes/ä b.txt")
    client.log_dict(run_id, {"a": [1, 2]}, "config.json")
    client.set_terminated(run_id, "FINISHED", end_time=1_700_000_060_000)
    client.set_terminated(parent.info.run_id, RunStatus.to_string(RunStatus.FAILED))
    deleted = client.create_run(experiment_id, run_name="mistake")
    client.set_terminated(deleted.info.run_id, "KILLED")
    client.delete_run(deleted.info.run_id)
    return run_id


def inputs_and_models(client: MlflowClient, run_id: str) -> None:
    import numpy

    with mlflow.start_run(run_id=run_id):
        dataset = mlflow.data.from_numpy(numpy.arange(6.0).reshape(3, 2), source="digits.npz", name="digits")
        mlflow.log_input(dataset, context="training", tags={"split": "train"})
        model = mlflow.pyfunc.log_model(
            name="classifier", python_model=_twice, params={"depth": 3}, pip_requirements=[]
        )
        mlflow.log_metric("accuracy", 0.9, step=1, dataset=dataset, model_id=model.model_id)
        mlflow.set_logged_model_tags(model.model_id, {"reviewed": "yes"})
    client.set_terminated(run_id, "FINISHED", end_time=1_700_000_060_000)
    registry(client, run_id, model)


def _twice(model_input: list[float]) -> list[float]:
    return [2 * value for value in model_input]


def registry(client: MlflowClient, run_id: str, model) -> None:
    location = client.get_logged_model(model.model_id).artifact_location
    client.create_registered_model("digits-model", tags={"owner": "ada"}, description="Reads digits.")
    for stage in ("Archived", "Production"):
        version = client.create_model_version(
            "digits-model", location, run_id, tags={"checked": stage}, description=f"For {stage}.",
            model_id=model.model_id,
        )  # fmt: skip
        client.transition_model_version_stage("digits-model", version.version, stage)
    client.set_registered_model_alias("digits-model", "champion", "2")
    client.create_registered_model("empty-model")
    mlflow.genai.register_prompt("greeting", "Hello {{name}}", commit_message="first", tags={"tone": "warm"})
    mlflow.genai.register_prompt("greeting", "Good day {{name}}", commit_message="second")
    mlflow.genai.set_prompt_alias("greeting", "production", 1)


def traces(experiment_id: str, run_id: str) -> None:
    mlflow.set_experiment(experiment_id=experiment_id)
    with mlflow.start_run(run_id=run_id), mlflow.start_span("answer", span_type=SpanType.CHAIN) as root:
        root.set_inputs({"question": "What is 2 × 21?"})
        with mlflow.start_span("model", span_type=SpanType.LLM) as span:
            span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6})
            span.set_outputs("42")
        root.set_outputs("42")
        mlflow.update_current_trace(tags={"session": "s1"})
    mlflow.flush_trace_async_logging()
    trace_id = root.trace_id
    judge = AssessmentSource("LLM_JUDGE", "judge-1")
    mlflow.log_feedback(trace_id=trace_id, name="correct", value=True, source=judge, rationale="It is 42.")
    mlflow.log_expectation(trace_id=trace_id, name="expected", value="42", source=AssessmentSource("HUMAN", "ada"))
    try:
        with mlflow.start_span("failing"):
            raise ValueError("out of luck")
    except ValueError:
        mlflow.flush_trace_async_logging()


def fill(uri: str) -> None:
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    experiment_id = experiments(client)
    run_id = runs(client, experiment_id)
    inputs_and_models(client, run_id)
    traces(experiment_id, run_id)
    client.set_terminated(run_id, "FINISHED", end_time=1_700_000_060_000)


def pack(folder: Path) -> None:
    folder.mkdir(parents=True)
    for uri in ("file:files", "sqlite:///mlflow.db"):
        subprocess.run([sys.executable, Path(__file__).resolve(), uri], cwd=folder, check=True)
    with tarfile.open(Path(__file__).with_name("stores.tar.gz"), "w:gz") as archive:
        for name in ("files", "mlflow.db", "mlruns"):
            archive.add(folder / name, name)


if __name__ == "__main__":
    pack(Path(sys.argv[1])) if ":" not in sys.argv[1] else fill(sys.argv[1])
