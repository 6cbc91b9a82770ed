"""Parts of connections as environment variables: for what names them, from who may read them, and told to nobody."""

import json

import pytest

from app.access import identity
from app.access.queries import get_role
from app.connections import references
from app.database import reading, transaction
from app.jobs import queries

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
SECRET = "s3cr3t-value"
MODEL = f"""\
name: model
type: azure_open_ai
azure_endpoint: https://models.example.org
api_key: {SECRET}
metadata: {{deployment: large}}
"""
JOB = """\
command: python a.py
environment: azureml:pytorch-2.13-cpu@latest
environment_variables:
  PLAIN: as it is
  KEY: ${{azureml://connections/model/credentials/key}}
  PLACE: ${{azureml://connections/model/target}}
  NAMED: ${{ azureml://connections/model/metadata/deployment }}
"""
STEPS = """\
type: pipeline
jobs:
  one: {command: python a.py, environment: azureml:pytorch-2.13-cpu@latest, environment_variables: {KEY: VALUE}}
"""


def submit(client, yaml: str):
    return client.post("/api/jobs", json={"yaml": yaml})


def test_a_job_is_handed_what_it_names_and_nobody_is_told(alice):
    alice.post("/api/connections", json={"yaml": MODEL})
    made = submit(alice, JOB)
    assert made.status_code == 201, made.text
    name = made.json()["name"]
    with reading() as session:
        job = queries.get(session, 1, name)
        filled = references.fill(session, 1, job.spec["environment_variables"])
    assert filled == {"PLAIN": "as it is", "KEY": SECRET, "PLACE": "https://models.example.org", "NAMED": "large"}
    seen = [made.text, alice.get(f"/jobs/{name}").text, json.dumps(alice.get("/api/audit").json())]
    assert all(SECRET not in text for text in seen)


@pytest.mark.parametrize(
    ("value", "status", "told"),
    [
        ("${{azureml://connections/none/target}}", 404, "no connection 'none'"),
        ("${{azureml://connections/model/credentials/pat}}", 404, "it has key"),
        ("Bearer ${{azureml://connections/model/credentials/key}}", 400, "write ${{azureml://connections/NAME"),
    ],
)
def test_what_cannot_be_followed_is_refused_at_submission(alice, value, status, told):
    alice.post("/api/connections", json={"yaml": MODEL})
    refused = submit(alice, STEPS.replace("VALUE", f'"{value}"'))
    assert refused.status_code == status and told in refused.json()["detail"], refused.text
    assert refused.json()["target"].endswith("one.job.environment_variables.KEY")


def test_who_may_not_read_secrets_cannot_have_a_job_read_them(alice, carol):
    alice.post("/api/connections", json={"yaml": MODEL})
    with transaction() as session:
        get_role(session, "Contributor").actions = ["*/read", "jobs/write", "experiments/write"]
    identity.forget()
    refused = submit(carol, JOB)
    assert (refused.status_code, refused.json()["target"]) == (403, "environment_variables.KEY")
    name = submit(alice, JOB).json()["name"]
    assert carol.post(f"/api/jobs/{name}/resubmit").status_code == 403
