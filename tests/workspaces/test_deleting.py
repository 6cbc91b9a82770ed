"""Workspaces go, empty or with all that they hold."""

from app.database import transaction
from app.jobs.discarding import delete_discarded
from app.jobs.tables import DiscardedFiles
from app.kit.storage import store
from tests.compute.test_taking import end

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces"


def made(client, name) -> str:
    assert client.post("/api/workspaces", json={"name": name}).status_code == 201
    return f"/w/{name}/api"


def test_a_workspace_is_deleted_when_empty_or_with_all_that_it_holds(alice, bob):
    api = made(alice, "spare")
    job = alice.post(f"{api}/jobs", json={"name": "held", "command": "true"})
    assert job.status_code == 201
    assert bob.delete("/api/workspaces/spare").status_code in (403, 404)
    refused = alice.delete("/api/workspaces/spare")
    assert refused.status_code == 409 and "holds 1 job; say all_resources" in refused.json()["detail"]
    everything = "/api/workspaces/spare?all_resources=true"
    assert "Jobs of the workspace wait or run: held. Cancel them first." in alice.delete(everything).json()["detail"]
    end("held")
    alice.post(f"{api}/online-endpoints", json={"name": "serves"})
    assert "Online endpoints of the workspace serve: serves" in alice.delete(everything).json()["detail"]
    assert alice.delete(f"{api}/online-endpoints/serves").status_code in (200, 202, 204)
    page = alice.post("/workspaces/spare/delete", data={})
    assert page.status_code == 409 and "holds 1 job" in page.text
    assert bob.post("/workspaces/spare/delete", data={"all_resources": "true"}).status_code == 403
    assert alice.post("/workspaces/spare/delete", data={"all_resources": "true"}).status_code in (200, 303)
    assert alice.get(f"{api}/jobs").status_code == 404
    record = alice.get("/api/audit?action=workspaces/write").json()["value"][0]
    assert (record["target_name"], record["after"]) == ("spare", {"deleted": True})
    with transaction() as session:
        (key,) = session.query(DiscardedFiles.key).filter(DiscardedFiles.key.like("workspaces/_")).one()
    assert list(store().walk(key))
    delete_discarded()
    assert not list(store().walk(key))
    made(alice, "next")
    assert "stays" in alice.delete("/api/workspaces/default").json()["detail"]
    assert alice.delete("/api/workspaces/next").status_code == 204
    delete_discarded()
    made(alice, "azure")
    assert alice.delete(f"{SCOPE}/azure").status_code == 200
    assert alice.get("/w/azure/api/jobs").status_code == 404
