"""The client against the real application."""

import httpx
import pytest

from app.sdk.client import Client
from app.sdk.errors import ClientError
from app.sdk.transport import problem_of
from app.settings import PROJECT


@pytest.fixture
def client(alice) -> Client:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    return Client("http://testserver", token, transport=alice._transport)


def test_the_example_is_submitted_with_its_code(client):
    job = client.create_job(PROJECT / "examples/digits/job.yml", ["inputs.epochs=3"])
    assert (job["status"], job["inputs"]["epochs"]["value"]) == ("Queued", 3)
    assert client.job(job["name"])["name"] == job["name"]
    assert [found["name"] for found in client.jobs(experiment="digits")] == [job["name"]]
    assert client.cancel_job(job["name"])["status"] in ("CancelRequested", "Canceled")


def test_experiments_views_and_jobs_are_changed(client):
    client.create_experiment("there", folder="a/b")
    job = client.submit("command: echo\nexperiment_name: here")["name"]
    client.cancel_job(job)
    assert client.act_on_jobs("move", [job], experiment="there")["names"] == [job]
    client.act_on_jobs("tag", query="experiment=there", key="team", value="x")
    assert [found["name"] for found in client.jobs(experiment="there", tag="team=x")] == [job]
    assert client.experiment("there")["runs"] == 1 and client.delete_experiment("there")["lifecycle_stage"] == "deleted"
    with pytest.raises(ClientError, match="there is no active experiment 'there'"):
        client.experiment("there")
    assert client.restore_experiment("there")["folder"] == "a/b"
    made = client.create_view("mine", "group=~seed&metric=loss")
    assert [view["id"] for view in client.views()] == [made["id"]]
    assert client.compare_groups("~seed", "loss")["value"][0]["compared"] is None


def test_a_file_becomes_a_data_asset(client, tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    made = client.create_data({"name": "table", "path": "table.csv", "version": 3}, tmp_path)
    assert (made["type"], made["version"]) == ("uri_file", "3")
    assert client.data_asset("table")["path"].endswith("/table.csv")
    assert "table" in [found["name"] for found in client.data()]


def test_lists_go_on_over_their_pages(client):
    for number in range(5):
        client.submit(f"command: echo {number}")
    assert len(list(client.jobs())) == 5
    assert len(list(client.jobs(limit=3))) == 3


def test_an_error_has_the_words_of_the_server(client):
    with pytest.raises(ClientError, match=r"line 1, column 1.*did you mean `command`") as caught:
        client.submit("comand: x")
    assert (caught.value.status, caught.value.target) == (400, "comand")
    with pytest.raises(ClientError) as caught:
        client.job("nothing")
    assert caught.value.status == 404


def test_no_server_is_an_error_that_names_the_address():
    with pytest.raises(ClientError, match=r"No server answers at http://127.0.0.1:9"):
        Client("http://127.0.0.1:9", "x").job("a")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"detail": "no", "title": "t"}, "no"),
        ({"error": {"message": "inside", "target": "x"}}, "inside"),
        ({"error": "plain"}, "plain"),
        (["odd"], "The server answered 404 Not Found."),
    ],
)
def test_every_shape_of_a_problem_is_read(body, message):
    assert problem_of(httpx.Response(404, json=body)).message == message
