"""Jobs as azure-ai-ml sends them are read as the job files that they stand for. Pure: no server."""

import pytest

from app.dialects.arm import asset_ids
from app.dialects.arm.job_documents import document_of
from app.errors import Invalid
from app.jobs.specification import load_command_job

SCOPE = "/subscriptions/S/resourceGroups/R/providers/Microsoft.MachineLearningServices/workspaces/W"
CODE = "azureml://datastores/workspaceblobstore/paths/code/abc"
RUN = {
    "codeId": f"azureml:{SCOPE}/codes/c/versions/1",
    "environmentId": f"azureml:{SCOPE}/environments/e/versions/3",
    "command": "python t.py ${{inputs.lr}} --in ${{inputs.data}} --out ${{outputs.model}} $[[--q ${{inputs.q}}]]",
}
COMMAND = {
    **RUN,
    "jobType": "Command",
    "displayName": "Train",
    "experimentName": "digits",
    "isArchived": False,
    "computeId": f"azureml:{SCOPE}/computes/cpu",
    "inputs": {
        "lr": {"jobInputType": "literal", "value": "0.5"},
        "q": {"jobInputType": "literal", "value": None},
        "data": {"jobInputType": "uri_file", "uri": f"azureml:{SCOPE}/data/d/versions/2", "mode": "Download"},
    },
    "outputs": {
        "model": {
            "jobOutputType": "mlflow_model",
            "assetName": "m",
            "assetVersion": "2",
            "mode": "ReadWriteMount",
            "uri": "azureml://datastores/workspaceblobstore/paths/jobs/earlier/outputs/model",
        }
    },
    "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 2},
    "identity": {"identityType": "UserIdentity"},
    "environmentVariables": {"A_b": "c"},
    "resources": {"instanceCount": 1, "properties": {}, "dockerArgs": "--memory 4g", "shmSize": "2g"},
    "limits": {"jobLimitsType": "Command", "timeout": "PT1H1M40S"},
    # What a client sends back that had read the job before.
    "services": {
        "Studio": {"jobServiceType": "Studio", "endpoint": "http://x"},
        "lab": {"jobServiceType": "JupyterLab", "nodes": {"nodesValueType": "All"}},
    },
    "queueSettings": {"jobTier": "Standard", "priority": 3},
    "tags": {"team": "vision"},
    "properties": {},
}
SWEEP = {
    "jobType": "Sweep",
    "searchSpace": {"lr": ["uniform", [0.1, 1]], "b": ["choice", [[1, 2]]]},
    "samplingAlgorithm": {"samplingAlgorithmType": "Random", "rule": "sobol", "seed": 3},
    "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 4, "maxConcurrentTrials": 2, "timeout": "PT1H"},
    "earlyTermination": {"policyType": "MedianStopping", "evaluationInterval": 2, "delayEvaluation": 0},
    "objective": {"goal": "Maximize", "primaryMetric": "acc"},
    "trial": {**RUN, "command": "python t.py ${{search_space.lr}} ${{search_space.b}} ${{inputs.d}}"},
    "inputs": {"d": {"jobInputType": "uri_folder", "uri": "azureml://datastores/workspaceblobstore/paths/x"}},
    "outputs": {},
}


def document(properties: dict) -> dict:
    return document_of("n", {"properties": properties}, lambda id: CODE if "/codes/" in id else id)


def test_a_command_job_says_what_its_file_would():
    found = document(COMMAND)
    assert found == {
        "type": "command",
        "name": "n",
        "display_name": "Train",
        "experiment_name": "digits",
        "tags": {"team": "vision"},
        "compute": "cpu",
        "command": RUN["command"],
        "code": CODE,
        "environment": "azureml:e:3",
        "environment_variables": {"A_b": "c"},
        "inputs": {"lr": "0.5", "data": {"type": "uri_file", "path": "azureml:d:2", "mode": "download"}},
        "outputs": {"model": {"type": "mlflow_model", "mode": "rw_mount", "name": "m", "version": "2"}},
        "distribution": {"type": "pytorch", "process_count_per_instance": 2},
        "identity": {"type": "user_identity"},
        "resources": {"instance_count": 1, "docker_args": "--memory 4g", "shm_size": "2g"},
        "limits": {"timeout": 3700},
        "services": {"lab": {"type": "jupyter_lab", "nodes": "all"}},
        "queue_settings": {"job_tier": "standard", "priority": "high"},
    }
    read = load_command_job(found)
    assert (read.memory_bytes, read.timeout_seconds) == (4 << 30, 3700)


def test_a_sweep_keeps_its_space_policy_and_limits():
    read = load_command_job(document(SWEEP))
    assert read.sweep["search_space"] == {
        "lr": {"type": "uniform", "min_value": 0.1, "max_value": 1},
        "b": {"type": "choice", "values": [1, 2]},
    }
    assert read.sweep["sampling"] == {"type": "random", "rule": "sobol", "seed": 3}
    assert read.sweep["early_termination"]["type"] == "median_stopping"
    assert read.sweep["objective"] == {"goal": "maximize", "primary_metric": "acc"}
    assert read.sweep["limits"] == {"max_total_trials": 4, "max_concurrent_trials": 2, "timeout": 3600}


def test_nodes_of_a_pipeline_are_bound_as_in_a_file():
    component = f"azureml:{SCOPE}/components/prep/versions/1"
    expression = {"value": "${{parent.jobs.a.outputs.o}}", "job_input_type": "literal"}
    nodes = {
        "a": {
            "name": "a",
            "type": "command",
            "_source": "BUILDER",
            "computeId": "other",
            "componentId": component,
            "inputs": {"lr": {"value": "0.7", "job_input_type": "literal"}},
            "outputs": {"o": {"mode": "Upload", "job_output_type": "uri_folder"}},
        },
        "s": {
            "type": "sweep",
            "trial": {"componentId": component},
            "inputs": {"d": expression},
            "outputs": {"o": {"value": "${{parent.outputs.out}}", "type": "literal"}},
            "search_space": {"lr": {"type": "uniform", "min_value": 0.1, "max_value": 1}},
            "early_termination": {"policy_type": "MedianStopping", "evaluation_interval": 2},
        },
    }
    found = document({"jobType": "Pipeline", "jobs": nodes, "settings": {"force_rerun": True, "_source": "DSL"}})
    assert found["settings"] == {"force_rerun": True}
    assert found["jobs"] == {
        "a": {
            "type": "command",
            "compute": "other",
            "component": "azureml:prep:1",
            "inputs": {"lr": "0.7"},
            "outputs": {"o": {"type": "uri_folder", "mode": "upload"}},
        },
        "s": {
            "type": "sweep",
            "trial": "azureml:prep:1",
            "inputs": {"d": "${{parent.jobs.a.outputs.o}}"},
            "outputs": {"o": "${{parent.outputs.out}}"},
            "search_space": {"lr": {"type": "uniform", "min_value": 0.1, "max_value": 1}},
            "early_termination": {"type": "median_stopping", "evaluation_interval": 2},
        },
    }


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"jobType": "Spark"}, "properties.jobType"),
        ({**COMMAND, "inputs": "x"}, "properties.inputs"),
        ({**COMMAND, "limits": {"timeout": "an hour"}}, "properties.limits.timeout"),
        ({**SWEEP, "searchSpace": {"lr": ["uniform", [1]]}}, "properties.searchSpace.lr"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_sent(properties, field):
    with pytest.raises(Invalid) as raised:
        document(properties)
    assert raised.value.target == field and raised.value.message.startswith(field)


def test_resource_ids_in_all_spellings():
    for text in (f"{SCOPE}/environments/e/versions/3", f"azureml:/{SCOPE}/environments/e/versions/3"):
        assert asset_ids.reference(text) == "azureml:e:3"
    assert asset_ids.reference(f"{SCOPE}/environments/e/labels/latest") == "azureml:e@latest"
    assert asset_ids.reference(f"{SCOPE}/models/m/versions/2") == "models:/m/2"
    assert asset_ids.reference("azureml://registries/azureml/environments/e/labels/latest").startswith("azureml://")
    stored = "azureml://subscriptions/S/resourcegroups/R/workspaces/W/datastores/workspaceblobstore/paths/a/b"
    assert asset_ids.reference(stored) == stored
