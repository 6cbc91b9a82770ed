"""AutoML jobs: files are read and checked, and the job is kept."""

import pytest

from app.errors import Invalid
from app.jobs.specification import load_command_job

GOOD = """
type: automl
experiment_name: bank
compute: azureml:cpu-cluster
task: classification
primary_metric: accuracy
target_column_name: y
training_data: {path: "https://example.org/bank", type: mltable}
n_cross_validations: 5
limits: {timeout_minutes: 180, max_trials: 40, max_concurrent_trials: 5}
featurization:
  mode: custom
  transformer_params: {imputer: [{fields: [job], parameters: {strategy: most_frequent}}]}
  blocked_transformers: [label_encoder]
training: {enable_model_explainability: true, allowed_training_algorithms: [gradient_boosting, logistic_regression]}
"""
PIPELINE = """
type: pipeline
jobs:
  clean: {command: make, outputs: {table: {type: mltable}}}
  search:
    type: automl
    task: regression
    primary_metric: r2_score
    target_column_name: price
    training_data: ${{parent.jobs.clean.outputs.table}}
    featurization: {mode: "off"}
    outputs: {best_model: {type: mlflow_model}}
  use: {command: "ls ${{inputs.m}}", inputs: {m: "${{parent.jobs.search.outputs.best_model}}"}}
"""
BAD = """
type: automl
task: forecasting
primary_metric: accuracy
target_column_name: y
training_data: {path: azureml:x:1}
n_cross_validations: 0
validation_data: azureml:v:1
validation_data_size: 2
limits: {max_trials: 2, max_concurrent_trials: 9}
forecasting: {forecast_horizon: lots}
training: {allowed_training_algorithms: [knn, prophets], blocked_training_algorithms: [knn]}
"""


def test_a_job_is_kept_and_says_that_it_does_not_run_yet(alice, carol, sent):
    answer = carol.post("/api/jobs", json={"yaml": GOOD})
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert (job["type"], job["status"], sent) == ("automl", "NotStarted", [])
    assert "does not run AutoML yet" in job["warnings"][0]
    page = alice.get(f"/jobs/{job['name']}")
    assert page.status_code == 200 and "does not run AutoML yet" in page.text
    assert carol.post(f"/api/jobs/{job['name']}/cancel").json()["status"] == "Canceled"


def test_a_pipeline_is_kept_with_its_automl_step(alice, sent):
    job = alice.post("/api/jobs", json={"yaml": PIPELINE}).json()
    assert (job["status"], sent) == ("NotStarted", []) and "does not run AutoML yet" in job["warnings"][0]
    edges = alice.get(f"/api/jobs/{job['name']}/graph").json()["edges"]
    assert {(edge["from"], edge["to"]) for edge in edges} >= {("clean", "search"), ("search", "use")}


def test_every_problem_of_a_file_is_told_at_once():
    with pytest.raises(Invalid) as found:
        load_command_job(BAD)
    told = "\n".join([found.value.message, *found.value.details])
    for part in (
        "line 4, column 17: `primary_metric` is 'accuracy'; it must be one of: spearman_correlation",
        "`n_cross_validations` is 0; it must be auto or a whole number from 1.",
        "`validation_data_size` is 2; it is a share",
        "`limits.max_concurrent_trials` is 9; it may be at most max_trials, 2.",
        "`forecasting.time_column_name` is missing",
        "`forecasting.forecast_horizon` is 'lots'; it must be auto or",
        "`training.allowed_training_algorithms` holds 'prophets'; did you mean `prophet`?",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("image_classification", "`primary_metric` is 'r2_score'; it must be one of: auc_weighted"),
        ("text_ner", "`primary_metric` is 'r2_score'; it must be accuracy."),
        ("clasification", "`task` is 'clasification'; did you mean `classification`?"),
    ],
)
def test_each_task_has_fields_of_its_own(task, said):
    with pytest.raises(Invalid) as found:
        load_command_job({"type": "automl", "task": task, "training_data": "azureml:x:1", "primary_metric": "r2_score"})
    assert said in "\n".join([found.value.message, *found.value.details])
