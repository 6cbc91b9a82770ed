"""What users of the azure-ai-ml SDK do, run by the interpreter of one of its releases; prints what came of it as JSON.

Nothing in it knows of the server: where it is and who calls is said by the variables of `atelier env`.
"""

import json
import logging
import os
import warnings
from pathlib import Path

from azure.ai.ml import Input, MLClient, command, load_component
from azure.ai.ml.entities import Data, Environment, Model
from azure.identity import DefaultAzureCredential

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
Path("text.txt").write_text("hello")
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
    environment="azureml:pytorch-2.13-cpu@latest",
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
print(json.dumps(found))
