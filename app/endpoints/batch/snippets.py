"""Code that invokes a batch endpoint."""

import json
import shlex

from app.endpoints.batch.tables import BatchDeployment

DATA = "azureml:DATA@latest"


def calls(server: str, path: str, endpoint: str, deployment: BatchDeployment | None) -> list[tuple[str, str]]:
    """By language; `server` is the address of the server, `path` that of the jobs of the endpoint below it."""
    inputs = _inputs(deployment)
    body = json.dumps({"inputs": inputs}, indent=2)
    flags = " ".join(
        shlex.quote(f"{name}.{field}={value}") for name, item in inputs.items() for field, value in item.items()
    )
    is_model = deployment is None or deployment.spec["type"] == "model"
    flags = f"--input {DATA}" if is_model else f"--inputs {flags}"
    command = f"atelier batch-endpoint invoke --name {endpoint} {flags}\natelier job stream --name JOB"
    python = (
        f"import os\n\nimport httpx\n\njob = httpx.post(\n    {server + path!r},\n"
        f'    headers={{"Authorization": f"Bearer {{os.environ[\'ATELIER_TOKEN\']}}"}},\n'
        f'    json={json.dumps({"inputs": inputs})},\n).raise_for_status().json()\nprint(job["name"], job["status"])'
    )
    sdk = (
        "from azure.ai.ml import Input, MLClient\nfrom azure.identity import DefaultAzureCredential\n\n"
        "client = MLClient.from_config(DefaultAzureCredential())\njob = client.batch_endpoints.invoke(\n"
        f"    endpoint_name={endpoint!r},\n    inputs={{{_of_sdk(inputs)}}},\n)\nclient.jobs.stream(job.name)"
    )
    curl = (
        'curl -H "Authorization: Bearer $ATELIER_TOKEN" -H "Content-Type: application/json" \\\n'
        f"  {server + path} \\\n  --data {shlex.quote(body)}"
    )
    return [("CLI", command), ("curl", curl), ("Python", python), ("azure-ai-ml", sdk)]


def _inputs(deployment: BatchDeployment | None) -> dict[str, dict]:
    """Those of a pipeline by their names, as far as they are known."""
    declared = (deployment.spec.get("inputs") if deployment else None) or {"input": "uri_folder"}
    literals = {"string": "text", "integer": 1, "number": 0.5, "boolean": True}
    return {
        name: {"type": kind, **({"value": literals[kind]} if kind in literals else {"path": DATA})}
        for name, kind in declared.items()
    }


def _of_sdk(inputs: dict[str, dict]) -> str:
    fields = {
        name: ", ".join(f"{'default' if key == 'value' else key}={value!r}" for key, value in item.items())
        for name, item in inputs.items()
    }
    return ", ".join(f"{name!r}: Input({text})" for name, text in fields.items())
