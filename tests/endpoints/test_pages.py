"""Pages of endpoints: deploying, traffic, keys, and scoring from the Test tab."""

import asyncio
import json
import threading
import time
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select

from app.access.queries import workspaces
from app.activity.tables import AuditRecord
from app.cli import gateway
from app.database import reading, transaction
from app.endpoints import compilation, queries, serving
from app.endpoints.gateway import RoutingTable
from app.endpoints.gateway.counters import COUNTERS
from app.endpoints.gateway.marks import Marks
from app.endpoints.gateway.mirroring import COMPARISONS, Comparison
from app.endpoints.metrics.recording import Recorder
from app.endpoints.service import keys
from app.kit import crypto
from app.kit.storage import store
from app.models import service as models

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

COLUMNS = [{"name": "alcohol", "type": "double"}, {"name": "colour", "type": "string"}]
MLMODEL = f"flavors: {{sklearn: {{}}}}\nsignature:\n  inputs: '{json.dumps(COLUMNS)}'\n"
SOURCE = "azureml://datastores/workspaceblobstore/paths/uploads/x/model"


def workspace_id(session) -> int:
    return next(found.id for found in workspaces(session) if found.name == "default")


@pytest.fixture
def wine(started) -> None:
    """Two versions of a model with two columns."""
    with transaction() as session:
        place = workspace_id(session)
        store().write_bytes(f"workspaces/{place}/uploads/x/model/MLmodel", MLMODEL.encode())
        for _ in range(2):
            models.register(session, workspace_id=place, name="wine", source=SOURCE, created_by="alice")


@pytest.fixture
def served(carol, wine) -> str:
    """An endpoint with a deployment that waits for a worker."""
    answer = deploy(carol)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def deploy(client, **fields):
    filled = {"endpoint": "tasting", "deployment": "blue", "model": "wine:1", "all_traffic": "true"} | fields
    return client.post("/endpoints/new", data=filled)


def saved(name: str = "blue"):
    with reading() as session:
        return queries.get_deployment(session, workspace_id(session), "tasting", name)


def traffic() -> dict:
    with reading() as session:
        return queries.get(session, workspace_id(session), "tasting").traffic


def text_of(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def set_state(state: str, address: str | None = None, error: str | None = None) -> None:
    with transaction() as session:
        found = queries.get_deployment(session, workspace_id(session), "tasting", "blue")
        found.provisioning_state, found.error = {"Ready": "Succeeded"}.get(state, state), error
        for instance in found.instances:
            instance.state, instance.address, instance.key = state, address, crypto.encrypt("inside")


def test_without_endpoints_the_list_says_how_to_make_one(alice, bob):
    page = text_of(alice, "/endpoints")
    assert "No endpoints yet" in page and "atelier online-deployment create" in page
    assert "/endpoints/new" not in text_of(bob, "/endpoints")


def test_the_list_shows_state_and_traffic(carol, served):
    page = text_of(carol, "/endpoints")
    assert "tasting" in page and "Creating" in page and "blue 100 %" in page
    assert 'hx-trigger="every 3s"' in page
    set_state("Ready")
    assert 'hx-trigger="every 3s"' not in text_of(carol, "/endpoints")
    assert "Nothing matches" in text_of(carol, "/endpoints?text=nowhere")


def test_a_form_makes_the_endpoint_and_its_deployment(carol, served):
    assert served == "/w/default/endpoints/tasting"
    found = saved()
    assert (found.model_version.version, found.instance_count, found.provisioning_state) == (1, 1, "Creating")
    assert traffic() == {"blue": 100}
    acted = [(item["target_type"], item["target_name"]) for item in carol.get("/api/audit").json().get("value", [])]
    assert not acted or ("deployments", "tasting/blue") in acted


def test_a_second_deployment_is_suggested_another_name_and_no_traffic(carol, served):
    page = text_of(carol, "/endpoints/new?endpoint=tasting")
    assert 'value="green"' in page and 'name="all_traffic" value="true" checked' not in page
    first = text_of(carol, "/endpoints/new?model=wine:2")
    assert 'value="wine:2" selected' in first and 'name="all_traffic" value="true" checked' in first


def test_a_change_keeps_what_the_form_does_not_show(carol, wine):
    carol.post("/api/online-endpoints", json={"name": "tasting"})
    spec = {"name": "blue", "model": "azureml:wine:1", "tags": {"owner": "ada"}, "readiness_probe": {"period": 3}}
    assert carol.post("/api/online-endpoints/tasting/deployments", json=spec).status_code == 201
    assert 'value="wine:1" selected' in text_of(carol, "/endpoints/new?endpoint=tasting&deployment=blue")
    deploy(carol, model="wine:2", environment_variables="LEVEL=2\nEMPTY=", timeout_ms="9000", concurrency="4")
    found = saved()
    assert (found.generation, found.model_version.version, found.provisioning_state) == (2, 2, "Updating")
    assert (found.tags, found.readiness_probe["period"]) == ({"owner": "ada"}, 3)
    assert found.environment_variables == {"LEVEL": "2", "EMPTY": ""}
    assert found.request_settings["request_timeout_ms"] == 9000
    assert found.request_settings["max_concurrent_requests_per_instance"] == 4


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"endpoint": "x"}, "endpoint"),
        ({"deployment": "two words"}, "deployment"),
        ({"model": ""}, "model"),
        ({"model": "wine:9"}, "model"),
        ({"model": "nothing:1"}, "model"),
        ({"instance_count": "many"}, "instance_count"),
        ({"instance_count": "0"}, "instance_count"),
        ({"environment": "azureml:nothing:1"}, "environment"),
        ({"environment_variables": "no equals sign"}, "environment_variables"),
        ({"timeout_ms": "0"}, "timeout_ms"),
        ({"concurrency": "x"}, "concurrency"),
        ({"auth_mode": "none"}, "auth_mode"),
    ],
)
def test_a_refused_form_says_which_field_is_wrong_and_makes_nothing(carol, wine, fields, field):
    answer = deploy(carol, **({"description": "kept words"} | fields))
    assert answer.status_code in (400, 404), answer.text
    assert f'id="{field}-error"' in answer.text and "kept words" in answer.text
    assert carol.get("/api/online-endpoints").json()["total"] == 0


def test_a_failed_deployment_says_why_at_the_top(carol, served):
    set_state("Failed", error="The model could not be loaded: <b>no</b> file.")
    answer = carol.get("/endpoints/tasting").text
    assert "blue does not serve" in answer and "<b>no</b>" not in answer
    assert answer.index("does not serve") < answer.index("<table")


def test_the_deployments_are_looked_at_again_until_they_settle(carol, served):
    assert "every 2s" in text_of(carol, "/endpoints/tasting/_deployments")
    set_state("Ready")
    settled = text_of(carol, "/endpoints/tasting/_deployments")
    assert "every 2s" not in settled and "1 of 1 ready" in settled


def test_traffic_is_saved_when_it_adds_up(carol, served):
    deploy(carol, deployment="green", all_traffic="")
    shares = {"deployment": ["blue", "green"], "share": ["90", "10"]}
    assert carol.post("/endpoints/tasting/traffic", data=shares).status_code == 303
    assert traffic() == {"blue": 90, "green": 10}
    carol.post("/endpoints/tasting/deployments/green/all-traffic")
    assert traffic() == {"green": 100}


@pytest.mark.parametrize(
    ("shares", "said"), [(["90", "20"], "110"), (["x", "0"], "'x'"), (["-1", "0"], "'-1'"), (["1"], "one share")]
)
def test_traffic_that_does_not_add_up_is_shown_again(carol, served, shares, said):
    deploy(carol, deployment="green", all_traffic="")
    answer = carol.post("/endpoints/tasting/traffic", data={"deployment": ["blue", "green"], "share": shares})
    assert answer.status_code == 400 and said in unescape(answer.text)
    assert traffic() == {"blue": 100}


def test_a_deployment_is_scaled_and_deleted_from_its_page(carol, served):
    page = text_of(carol, "/endpoints/tasting/deployments/blue")
    assert "Waits for a worker" in page and "wine:1" in page
    carol.post("/endpoints/tasting/deployments/blue/scale", data={"instance_count": 3})
    assert saved().instance_count == 3
    rule = {"type": "target_utilization", "min_instances": 4, "max_instances": 2, "target_utilization_percentage": 50}
    refused = carol.post("/endpoints/tasting/deployments/blue/scale", data=rule)
    assert refused.status_code == 400 and "min_instances 4 is above max_instances 2" in unescape(refused.text)
    carol.post("/endpoints/tasting/deployments/blue/scale", data=rule | {"min_instances": 0})
    assert saved().scale_settings == rule | {"min_instances": 0, "polling_interval": 1}
    assert "The next request waits" in text_of(carol, "/endpoints/tasting/deployments/blue")
    assert carol.post("/endpoints/tasting/deployments/blue/delete").status_code == 409
    carol.post("/endpoints/tasting/traffic", data={"deployment": ["blue"], "share": ["0"]})
    assert carol.post("/endpoints/tasting/deployments/blue/delete").headers["location"] == served
    assert "No deployment yet" in text_of(carol, "/endpoints/tasting")


def test_what_came_of_compiling_is_shown_and_can_be_turned_off(carol, served):
    page = "/endpoints/tasting/deployments/blue"
    assert "compiled once an instance is ready" in text_of(carol, page)
    parity = {"kind": "labels", "max_abs": 0.0, "max_rel": 0.0, "tolerance": 0.0, "rows": 256}
    result = {"state": "compiled", "framework": "sklearn", "parity": parity, "plain_ms": 20.0, "compiled_ms": 0.05}
    with transaction() as session:
        found = queries.get_deployment(session, workspace_id(session), "tasting", "blue")
        compilation.keep(session, found.id, compilation.source(found), result)
    assert "400 times as fast" in text_of(carol, page)
    carol.post(f"{page}/compilation", data={"on": "false"})
    assert "Turned off" in text_of(carol, page)
    with transaction() as session:
        found = queries.get_deployment(session, workspace_id(session), "tasting", "blue")
        assert compilation.graph_of(found) is None
        found.compilation = {**found.compilation, "state": "plain", "reason": "It has strings."}
    carol.post(f"{page}/compilation", data={"on": "true"})
    assert "It has strings." in text_of(carol, page)


def test_a_graph_that_ended_the_gateway_twice_is_served_no_more(carol, served, tmp_path):
    page = "/endpoints/tasting/deployments/blue"
    parity = {"kind": "labels", "max_abs": 0.0, "max_rel": 0.0, "tolerance": 0.0, "rows": 256}
    graph = {"key": "killer", "bytes": 1, "input": {}, "output": {}}
    with transaction() as session:
        found = queries.get_deployment(session, workspace_id(session), "tasting", "blue")
        result = {"state": "compiled", "framework": "sklearn", "parity": parity, "plain_ms": 2.0, "compiled_ms": 1.0}
        compilation.keep(session, found.id, compilation.source(found), result | graph)
    for said, served_keys in (("is served by its own framework", ["killer"]), (compilation.CRASHED_TWICE, [])):
        Marks(tmp_path / "marks").of("killer").set()
        table = RoutingTable()
        table.replace(serving.read_routes())
        gateway.tell_of_crashes(table, Marks(tmp_path / "marks"))
        assert said in text_of(carol, page)
        table.replace(serving.read_routes())
        assert [known.key for known in table.compiled()] == served_keys
    # It is not compiled again as long as it is the same model.
    with transaction() as session:
        told = [
            (one.target_name, one.after["compilation"])
            for one in session.scalars(select(AuditRecord).filter_by(actor="gateway"))
        ]
        assert told == [("tasting/blue", "compiled"), ("tasting/blue", "plain")]
        assert not compilation.is_due(queries.get_deployment(session, workspace_id(session), "tasting", "blue"))


def test_an_endpoint_is_described_and_deleted(carol, served):
    carol.post("/endpoints/tasting/edit", data={"description": "Red or white", "tags": "owner=ada"})
    page = text_of(carol, "/endpoints/tasting")
    assert "Red or white" in page and "ada" in page
    assert carol.post("/endpoints/tasting/delete").headers["location"] == "/w/default/endpoints"
    assert carol.get("/endpoints/tasting").status_code == 404


def test_keys_are_shown_to_who_may_see_them(carol, bob, served):
    with reading() as session:
        plain = keys(queries.get(session, workspace_id(session), "tasting"))
    shown, hidden = (
        text_of(carol, "/endpoints/tasting/consume"),
        text_of(bob, "/endpoints/tasting/consume?with_key=true"),
    )
    assert all(key in shown for key in plain.values())
    assert not any(key in hidden for key in plain.values())
    assert f"Bearer {plain['primaryKey']}" not in shown and "Bearer $ENDPOINT_KEY" in shown
    assert f"Bearer {plain['primaryKey']}" in text_of(carol, "/endpoints/tasting/consume?with_key=true")
    assert bob.post("/endpoints/tasting/keys", data={"key_type": "primary"}).status_code == 403


def test_a_key_is_replaced(carol, served):
    before = carol.get("/api/online-endpoints/tasting/keys").json()
    assert carol.post("/endpoints/tasting/keys", data={"key_type": "secondary"}).status_code == 303
    after = carol.get("/api/online-endpoints/tasting/keys").json()
    assert after["primaryKey"] == before["primaryKey"] and after["secondaryKey"] != before["secondaryKey"]
    assert carol.post("/endpoints/tasting/keys", data={}).status_code == 400


def test_a_scoring_script_without_a_model_is_tested_with_any_json(carol):
    store().write_bytes("workspaces/1/uploads/sums/score.py", b"def init(): ...\ndef run(raw): ...\n")
    code = {"code": "azureml://datastores/workspaceblobstore/paths/uploads/sums", "scoring_script": "score.py"}
    assert carol.post("/api/online-endpoints", json={"name": "sums"}).status_code == 201
    made = carol.post("/api/online-endpoints/sums/deployments", json={"name": "blue", "code_configuration": code})
    assert made.status_code == 201, made.text
    assert "Send what the scoring script takes." in text_of(carol, "/endpoints/sums/test")


def test_a_reader_sees_no_buttons_and_no_test(bob, served):
    page = text_of(bob, "/endpoints/tasting")
    assert "/tasting/test" not in page and "/traffic" not in page and "delete" not in page
    assert bob.get("/endpoints/tasting/test").status_code == 403
    assert deploy(bob).status_code == 403


def test_a_log_is_chosen_by_deployment_and_instance(carol, served):
    page = text_of(carol, "/endpoints/tasting/logs?instance=1")
    assert "/api/online-endpoints/tasting/deployments/blue/logs?instance=1" in page
    assert carol.get("/endpoints/tasting/logs?deployment=grey").status_code == 404


def test_what_serves_a_model_is_a_fragment(carol, served):
    assert "tasting" in text_of(carol, "/endpoints/_serving?model=wine")
    assert "tasting" in text_of(carol, "/endpoints/_serving?model=wine&version=1")
    assert "No endpoint serves it" in text_of(carol, "/endpoints/_serving?model=wine&version=2")


class Scoring(BaseHTTPRequestHandler):
    """Answers with the body that it was sent, or refuses the colour blue."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["content-length"]))
        wrong = {"error": {"code": "BadInput", "message": "colour: no wine is blue.", "target": "colour"}}
        status, body = (400, json.dumps(wrong).encode()) if b'"blue"' in sent else (200, sent)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Says nothing."""


@pytest.fixture
def answering(api, served):
    """The deployment's instance is a server that answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scoring)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    set_state("Ready", address=f"127.0.0.1:{server.server_port}")
    api.state.routes.replace(serving.read_routes())
    yield
    server.shutdown()
    server.server_close()


def score(client, **fields):
    answer = client.post("/endpoints/tasting/test", data=fields)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text).split('id="answer"')[1]


def test_the_test_form_has_a_field_a_column(carol, served):
    page = text_of(carol, "/endpoints/tasting/test")
    assert 'data-column="alcohol"' in page and 'data-column="colour"' in page


def test_fields_are_scored(carol, answering):
    shown = score(carol, send="fields", cell=["12.5", "red"])
    assert "200" in shown and "from blue" in shown and " ms" in shown
    assert '"data": [[12.5, "red"]]' in shown


def test_json_is_scored_by_the_deployment_that_is_chosen(carol, answering):
    shown = score(carol, send="json", deployment="blue", body='{"input_data": [[1, "white"]]}')
    assert '{"input_data": [[1, "white"]]}' in shown and "from blue" in shown


def test_an_error_of_the_model_names_its_field(carol, answering):
    answer = carol.post("/endpoints/tasting/test", data={"send": "fields", "cell": ["12.5", "blue"]})
    page = unescape(answer.text)
    assert "no wine is blue" in page and 'data-target="colour"' in page
    marked = page.split('data-column="colour"')[1].split(">")[0]
    assert 'aria-invalid="true"' in marked and 'value="blue"' in marked


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"send": "fields", "cell": ["strong", "red"]}, "alcohol: 'strong' is not a number"),
        ({"send": "fields", "cell": ["1"]}, "Reload the page"),
        ({"send": "json", "body": "{"}, "line 1, column 2"),
        ({"send": "json", "body": ""}, "line 1, column 1"),
    ],
)
def test_what_cannot_be_read_is_not_sent(carol, answering, fields, said):
    shown = score(carol, **fields)
    assert "Not sent" in shown and said in shown


def test_an_endpoint_that_does_not_serve_yet_says_so(carol, api, served):
    api.state.routes.replace(serving.read_routes())
    assert "503" in score(carol, send="json", body="{}")


def test_scoring_by_the_page_is_counted_and_leaves_a_record(carol, alice, answering):
    score(carol, send="fields", cell=["1", "red"])
    asyncio.run(Recorder(COUNTERS).write(int(time.time()) - 30))
    assert "200 × " in text_of(carol, "/endpoints/tasting/metrics")
    record = alice.get("/api/audit").json()["value"][0]
    assert (record["action"], record["target_name"]) == ("endpoints/listKeys", "tasting")


def test_a_stranger_scores_nothing(bob, stranger, answering):
    for client, status in ((bob, 403), (stranger, 404)):
        assert client.post("/endpoints/tasting/test", data={"send": "json", "body": "{}"}).status_code == status


def test_a_trial_is_set_up_shown_and_ended_on_its_tab(carol, served):
    deploy(carol, deployment="green", all_traffic="")
    carol.patch("/api/online-endpoints/tasting", json={"traffic": {"blue": 100}})
    wrong = carol.post("/endpoints/tasting/trial/mirror", data={"deployment": "blue", "share": "10"})
    assert wrong.status_code == 400 and "100 % of the traffic itself" in unescape(wrong.text)
    assert carol.post("/endpoints/tasting/trial/mirror", data={"deployment": "green", "share": "10"}).status_code == 303
    rule = {"requests": "50", "max_error_rate": "5", "requests_per_minute": "600", "emails": ""}
    assert carol.post("/endpoints/tasting/trial/rules", data=rule | {"max_error_rate": "500"}).status_code == 400
    assert carol.post("/endpoints/tasting/trial/rules", data=rule).status_code == 303
    found = carol.get("/api/online-endpoints/tasting").json()
    assert found["mirror_traffic"] == {"green": 10} and found["requests_per_minute"] == 600
    assert (found["rollback_rule"]["requests"], found["rollback_rule"]["max_error_rate"]) == (50, 5)
    key = ("default", "tasting", "green")
    example = {"by": "blue", "request": "[7.5]", "answer": "[1]", "its_answer": "[2]", "request_id": "r1"}
    COMPARISONS.elsewhere = [{key: Comparison(mirrored=4, compared=4, disagreed=1, examples=[example])}]
    page = text_of(carol, "/endpoints/tasting/trial")
    COMPARISONS.elsewhere = []
    assert "on trial" in page and "25.0 %" in page and "[7.5]" in page and "copies: none → green 10 %" in page
    carol.post("/endpoints/tasting/deployments/green/all-traffic")
    assert "Go back to blue 100 %" in text_of(carol, "/endpoints/tasting")
    assert carol.post("/endpoints/tasting/trial/roll-back").status_code == 303
    assert traffic() == {"blue": 100}
