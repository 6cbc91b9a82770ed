"""AutoML jobs as azure-ai-ml sends them: kept as their file would be, and read back as they were sent."""

import pytest

from app.database import reading
from app.jobs import queries

JOBS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default/jobs"
TABLE = {"uri": "https://example.org/table", "jobInputType": "mltable", "mode": "ReadOnlyMount"}
CLASSIFICATION = {
    "taskType": "Classification",
    "targetColumnName": "y",
    "trainingData": TABLE,
    "nCrossValidations": {"value": 5, "mode": "Custom"},
    "featurizationSettings": {
        "mode": "Custom",
        "blockedTransformers": ["WoETargetEncoder"],
        "columnNameAndTypes": {"someColumn": "Categorical"},
        "transformerParams": {"Imputer": [{"fields": ["a"], "parameters": {"strategy": "constant"}}]},
    },
    "limitSettings": {"maxTrials": 5, "timeout": "PT10H", "trialTimeout": "PT20M", "sweepTrials": 0},
    "trainingSettings": {
        "enableOnnxCompatibleModels": True,
        "ensembleModelDownloadTimeout": "PT5M",
        "blockedTrainingAlgorithms": ["XGBoostClassifier", "KNN"],
    },
    "primaryMetric": "AUCWeighted",
    "logVerbosity": "Info",
}
FORECASTING = {
    "taskType": "Forecasting",
    "targetColumnName": "y",
    "trainingData": TABLE,
    "nCrossValidations": {"mode": "Auto"},
    "primaryMetric": "R2Score",
    "forecastingSettings": {
        "timeColumnName": "t",
        "forecastHorizon": {"value": 24, "mode": "Custom"},
        "targetLags": {"values": [12], "mode": "Custom"},
        "seasonality": {"mode": "Auto"},
        "useStl": "seasontrend",
    },
}
NER = {
    "taskType": "TextNER",
    "trainingData": TABLE,
    "validationData": TABLE,
    "primaryMetric": "Accuracy",
    "fixedParameters": {"modelName": "bert-base-cased"},
    "searchSpace": [{"modelName": "choice('bert-base-cased','roberta-base')", "learningRate": "uniform(0.01,0.1)"}],
    "sweepSettings": {
        "samplingAlgorithm": "Random",
        "earlyTermination": {"policyType": "Bandit", "slackFactor": 0.2, "evaluationInterval": 2},
    },
}


def put(client, name: str, task: dict):
    return client.put(f"{JOBS}/{name}", json={"properties": {"jobType": "AutoML", "taskDetails": task}})


@pytest.mark.parametrize("task", [CLASSIFICATION, FORECASTING, NER], ids=lambda task: task["taskType"])
def test_a_task_is_kept_and_read_back_as_it_was_sent(alice, sent, task):
    answer = put(alice, "auto", task)
    assert answer.status_code == 201, answer.text
    found = alice.get(f"{JOBS}/auto").json()["properties"]
    assert (found["jobType"], found["status"], found["inputs"], sent) == ("AutoML", "NotStarted", {}, [])
    limits = {name: value for name, value in task.get("limitSettings", {}).items() if name != "sweepTrials"}
    limits |= {"timeout": "PT36000S", "trialTimeout": "PT1200S"} if limits else {}
    training = dict(task.get("trainingSettings", {}))
    training |= {"ensembleModelDownloadTimeout": "PT300S"} if training else {}
    wanted = {"limitSettings": limits, "trainingSettings": training}
    assert found["taskDetails"] == task | {name: value for name, value in wanted.items() if value}


def test_a_task_stands_in_the_registry_as_a_file_says_it(alice):
    assert put(alice, "auto", CLASSIFICATION).status_code == 201
    with reading() as session:
        job = queries.get(session, 1, "auto")
        # No line is told of a file that the client never saw.
        assert job.warnings[0].startswith("`type` is automl")
        kept = job.spec["automl"]
    assert (kept["task"], kept["primary_metric"], kept["n_cross_validations"]) == ("classification", "auc_weighted", 5)
    assert kept["limits"] == {"max_trials": 5, "timeout_minutes": 600, "trial_timeout_minutes": 20}
    assert kept["training"]["blocked_training_algorithms"] == ["xg_boost_classifier", "knn"]
    assert kept["featurization"]["blocked_transformers"] == ["wo_e_target_encoder"]


def test_what_is_wrong_with_a_task_is_named(alice):
    answer = put(alice, "auto", CLASSIFICATION | {"primaryMetric": "Speed"})
    assert answer.status_code == 400 and "`primary_metric` is 'speed'" in answer.json()["error"]["message"]
    answer = put(alice, "auto", CLASSIFICATION | {"limitSettings": {"timeout": "long"}})
    assert answer.json()["error"]["target"] == "properties.taskDetails.timeout"
