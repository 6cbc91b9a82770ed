"""What uses an environment: jobs, the models that they made, and deployments."""

import pytest

from app.database import transaction
from app.jobs import queries as jobs
from app.kit.storage import store
from app.models import service as models

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_an_environment_lists_its_models_and_deployments(alice):
    conda = {"dependencies": ["python=3.11", {"pip": ["six"]}]}
    assert alice.post("/api/environments", json={"yaml": f"name: own\nconda_file: {conda}\n"}).status_code == 201
    job = alice.post("/api/jobs", json={"yaml": "command: x\nenvironment: azureml:own:1\n"}).json()["name"]
    with transaction() as session:
        store().write_bytes("workspaces/1/uploads/x/model/m.bin", b"x")
        source = "azureml://datastores/workspaceblobstore/paths/uploads/x/model"
        made = models.register(session, workspace_id=1, name="wine", source=source, created_by="alice")
        made.job_id = jobs.get(session, 1, job).id
    filled = {"endpoint": "tasting", "deployment": "blue", "model": "wine:1", "environment": "azureml:own:1"}
    deployed = alice.post("/endpoints/new", data=filled)
    assert deployed.status_code == 303, deployed.text
    page = alice.get("/environments/own/versions/1/uses").text
    assert page.count("hx-get") >= 3 and "/endpoints/_uses?kind=endpoints&amp;name=own&amp;version=1" in page
    for address, name in (("/models/_uses", "/models/wine/versions/1"), ("/endpoints/_uses", "/endpoints/tasting")):
        assert name in alice.get(address, params={"name": "own", "version": "1"}).text
        assert name not in alice.get(address, params={"name": "own", "version": "2"}).text
