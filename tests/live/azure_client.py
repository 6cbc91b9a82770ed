"""What users of the azure-ai-ml SDK do, run by the interpreter of one of its releases; prints what came of it as JSON.

Nothing in it knows of the server: where it is and who calls is said by the variables of `atelier env`.
"""

import json
import logging
import os
import warnings
from pathlib import Path

from azure.ai.ml import Input, MLClient, automl, command, dsl, load_component
from azure.ai.ml.entities import (
    CodeConfiguration,
    CronTrigger,
    Data,
    Environment,
    JobSchedule,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.ai.ml.sweep import Choice
from azure.identity import DefaultAzureCredential

ENVIRONMENT = "azureml:pytorch-2.13-cpu@latest"
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
ml = MLClient(
    DefaultAzureCredential(),
    os.environ["AZURE_SUBSCRIPTION_ID"],
    os.environ["AZURE_RESOURCE_GROUP"],
    os.environ["AZUREML_WORKSPACE_NAME"],
)
source = Path("src")
source.mkdir()
(source / "main.py").write_text(
    "import pathlib, sys\n"
    "text = pathlib.Path(sys.argv[1]).read_text()\n"
    "pathlib.Path(sys.argv[2], 'result.txt').write_text(text.upper())\n"
    "print('the text is', text)\n"
)
(source / "measure.py").write_text("import sys, mlflow\nmlflow.log_metric('score', float(sys.argv[1]))\n")
(source / "score.py").write_text(
    "import json, os, pathlib\n"
    "def init():\n"
    "    global text\n"
    "    text = next(pathlib.Path(os.environ['AZUREML_MODEL_DIR']).rglob('result.txt')).read_text()\n"
    "    print('the model is', text)\n"
    "def run(body):\n"
    "    return {'said': text, 'rows': len(json.loads(body)['data'])}\n"
)
Path("text.txt").write_text("hello")
Path("request.json").write_text('{"data": [1, 2]}')
Path("component.yml").write_text(
    "name: shout\nversion: 1\ntype: command\ncode: ./src\nenvironment: azureml:pytorch-2.13-cpu@latest\n"
    "inputs: {text: {type: uri_file}}\noutputs: {result: {type: uri_folder}}\n"
    "command: python main.py ${{inputs.text}} ${{outputs.result}}\n"
)
found = {"workspace": ml.workspaces.get(os.environ["AZUREML_WORKSPACE_NAME"]).name}

data = ml.data.create_or_update(Data(name="text", path="text.txt", type="uri_file", tags={"by": "sdk"}))
found["data"] = [data.version, ml.data.get("text", label="latest").tags]

environment = ml.environments.create_or_update(
    Environment(name="mine", image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04", version="1")
)
found["environment"] = [environment.name, environment.version]

component = ml.components.create_or_update(load_component("component.yml"))
found["component"] = [component.name, component.version, sorted(component.inputs)]

job = command(
    code="./src",
    command="python main.py ${{inputs.text}} ${{outputs.result}}",
    environment=ENVIRONMENT,
    inputs={"text": Input(type="uri_file", path="azureml:text:1")},
    outputs={"result": {"type": "uri_folder"}},
    experiment_name="sdk",
)
job = ml.jobs.create_or_update(job)
ml.jobs.stream(job.name)
ml.jobs.download(job.name, output_name="result", download_path="out")
found["job"] = [ml.jobs.get(job.name).status, next(Path("out").rglob("result.txt")).read_text()]

model = ml.models.create_or_update(
    Model(name="shouted", path=f"azureml://jobs/{job.name}/outputs/result", type="custom_model")
)
ml.models.download("shouted", version=model.version, download_path="downloaded")
found["model"] = [model.version, next(Path("downloaded").rglob("result.txt")).read_text()]


def sweep() -> list:
    trial = command(code="./src", command="python measure.py ${{inputs.x}}", environment=ENVIRONMENT, inputs={"x": 0.0})
    job = trial(x=Choice([0.25, 0.5])).sweep(sampling_algorithm="grid", primary_metric="score", goal="Maximize")
    job.set_limits(max_total_trials=2, max_concurrent_trials=2, timeout=600)
    job = ml.jobs.create_or_update(job)
    ml.jobs.stream(job.name)
    done = ml.jobs.get(job.name)
    return [done.status, float(done.properties["score"]), len(list(ml.jobs.list(parent_job_name=job.name)))]


shout = load_component("component.yml")


@dsl.pipeline()
def twice(text: Input(type="uri_file")):
    first = shout(text=text)
    return {"result": first.outputs.result}


@dsl.pipeline(default_compute="cpu")
def nested(text: Input(type="uri_file")):
    inner = twice(text=text)
    return {"result": inner.outputs.result}


def pipeline() -> list:
    job = ml.jobs.create_or_update(nested(text=Input(type="uri_file", path="text.txt")), experiment_name="sdk")
    ml.jobs.stream(job.name)
    ml.jobs.download(job.name, all=True, download_path="whole")
    return [ml.jobs.get(job.name).status, next(Path("whole").rglob("result.txt")).read_text()]


def schedule() -> list:
    job = nested(text=Input(type="uri_file", path="text.txt"))
    nightly = JobSchedule(name="nightly", trigger=CronTrigger(expression="0 3 * * *"), create_job=job)
    made = ml.schedules.begin_create_or_update(nightly).result()
    listed = [one.name for one in ml.schedules.list()]
    enabled = ml.schedules.begin_disable("nightly").result().is_enabled
    ml.schedules.begin_delete("nightly").result()
    return [made.trigger.expression, listed, enabled, [one.name for one in ml.schedules.list()]]


def endpoint() -> list:
    ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="said", auth_mode="key")).result()
    deployment = ManagedOnlineDeployment(
        name="blue",
        endpoint_name="said",
        model=f"azureml:shouted:{model.version}",
        environment=ENVIRONMENT,
        code_configuration=CodeConfiguration(code="src", scoring_script="score.py"),
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )
    ml.online_deployments.begin_create_or_update(deployment).result()
    served = ml.online_endpoints.get("said")
    served.traffic = {"blue": 100}
    ml.online_endpoints.begin_create_or_update(served).result()
    answer = json.loads(ml.online_endpoints.invoke(endpoint_name="said", request_file="request.json"))
    keys = ml.online_endpoints.get_keys("said")
    logs = ml.online_deployments.get_logs(name="blue", endpoint_name="said", lines=50)
    ml.online_endpoints.begin_delete("said").result()
    return [
        answer,
        keys.primary_key != keys.secondary_key,
        "the model is HELLO" in logs,
        len(list(ml.online_endpoints.list())),
    ]


def search_of_models() -> list:
    table = Input(type="mltable", path="https://example.org/table")
    job = automl.classification(training_data=table, target_column_name="y", primary_metric="accuracy", compute="cpu")
    job.set_limits(max_trials=3, timeout_minutes=30)
    kept = ml.jobs.get(ml.jobs.create_or_update(job).name)
    return [type(kept).__name__, kept.status, kept.limits.max_trials]


found |= {"sweep": sweep(), "pipeline": pipeline(), "schedule": schedule(), "endpoint": endpoint()}
found["automl"] = search_of_models()
# The clients print dots without an end of line.
print(f"\n{json.dumps(found)}")
