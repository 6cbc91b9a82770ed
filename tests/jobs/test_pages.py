"""Pages of jobs: what they show, what their forms do, and to whom."""

import io
import math
import zipfile
from html import unescape
from urllib.parse import urlsplit

import pytest

from app.database import transaction
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.places import artifact_key, log_key, output_key
from app.jobs.results import link
from app.jobs.tables import Job
from app.kit.storage import store
from app.tracking import metrics
from app.tracking import service as tracking

HELLO = "command: echo Hello\ndisplay_name: Say hello\nexperiment_name: first\ntags: {team: vision}\n"
WITH_CODE = "command: python train.py\ncode: ./src\n"


def submitted(client, yaml: str = HELLO) -> str:
    answer = client.post("/api/jobs", content=yaml, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 201, answer.text
    return answer.json()["name"]


def changed(name: str, change) -> None:
    with transaction() as session:
        change(session, session.query(Job).filter_by(name=name).one())


def failed(session, job) -> None:
    moves.move(session, job, Status.PREPARING)
    moves.move(session, job, Status.RUNNING)
    moves.fail(session, job, "The command ended with exit code 1.", exit_code=1)


def completed(session, job) -> None:
    for status in (Status.PREPARING, Status.RUNNING, Status.FINALIZING, Status.COMPLETED):
        moves.move(session, job, status)


def job_of(answer) -> str:
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["location"]).path.rpartition("/")[2]


def test_the_list_shows_a_job_with_its_state_and_tags(alice):
    name = submitted(alice)
    page = alice.get("/jobs").text
    assert f'href="/w/default/jobs/{name}"' in page
    assert 'data-status="Queued"' in page and "team: vision" in page and "first" in page


def test_the_list_is_narrowed_sorted_and_paged_by_its_address(alice):
    names = [submitted(alice, f"command: echo {i}\ndisplay_name: job number {i}\n") for i in range(3)]
    assert "job number 1" in alice.get("/jobs?text=number+1").text
    assert "job number 2" not in alice.get("/jobs?text=number+1").text
    assert names[0] not in alice.get("/jobs?status=Failed").text
    assert names[0] in alice.get("/jobs?status=Failed&status=Queued").text
    first = alice.get("/jobs?size=2&sort=name").text
    assert "1–2 of 3 jobs" in first and "job number 2" not in first


def test_a_column_that_does_not_exist_is_refused_by_name(alice):
    answer = alice.get("/jobs?sort=colour")
    assert answer.status_code == 400 and "colour" in answer.text


def test_an_empty_list_offers_the_example_and_snippets_with_the_right_address(alice):
    page = alice.get("/jobs").text
    assert "/w/default/jobs/examples/digits" in page
    assert "http://testserver/w/default/api/jobs" in page


def test_a_reader_sees_the_list_without_what_changes_it(alice, bob):
    name = submitted(alice)
    page = bob.get("/jobs").text
    assert name in page
    assert not any(path in page for path in ("/jobs/new", "/jobs/bulk/archive", "/jobs/bulk/cancel", "/jobs/star"))
    assert bob.post(f"/jobs/{name}/cancel").status_code == 403
    assert bob.get("/jobs/new").status_code == 403


def test_a_stranger_finds_nothing(alice, stranger):
    name = submitted(alice)
    assert stranger.get(f"/jobs/{name}").status_code == 404
    assert stranger.get("/jobs").status_code == 404


def test_whoever_is_not_signed_in_is_sent_to_sign_in(anonymous):
    assert anonymous.get("/jobs").headers["location"].startswith("/sign-in")


def test_names_are_escaped(alice):
    name = submitted(alice, 'command: echo\ndisplay_name: "<script>alert(1)</script>"\n')
    assert "<script>alert" not in alice.get("/jobs").text + alice.get(f"/jobs/{name}").text


def test_many_jobs_are_canceled_and_archived_at_once(alice):
    names = [submitted(alice) for _ in range(2)]
    answer = alice.post("/jobs/bulk/cancel", data={"names": names, "back": "sort=name"})
    assert answer.headers["location"] == "/w/default/jobs?sort=name"
    assert alice.get(f"/api/jobs/{names[0]}").json()["status"] == "Canceled"
    alice.post("/jobs/bulk/archive", data={"names": names[:1]})
    assert names[0] not in alice.get("/jobs").text and names[1] in alice.get("/jobs").text
    assert names[0] in alice.get("/jobs?archived=true").text


def test_cancelling_many_leaves_those_that_have_ended_alone(alice):
    ended, waiting = submitted(alice), submitted(alice)
    changed(ended, completed)
    assert alice.post("/jobs/bulk/cancel", data={"names": [ended, waiting]}).status_code == 303
    assert alice.get(f"/api/jobs/{ended}").json()["status"] == "Completed"
    assert alice.get(f"/api/jobs/{waiting}").json()["status"] == "Canceled"


def test_a_failed_job_begins_with_its_cause_and_the_line_of_the_log(alice):
    name = submitted(alice)

    def fail(session, job):
        failed(session, job)
        store().write_bytes(log_key(job), b"one\ntwo\nTraceback (most recent call last):\nValueError: no\nbye\n")

    changed(name, fail)
    page = alice.get(f"/jobs/{name}").text
    assert "The command ended with exit code 1." in page
    assert "#L4" in page and "Line 4 of the log" in page


def test_the_status_fragment_stops_asking_when_the_job_has_ended(alice):
    name = submitted(alice)
    assert "hx-trigger" in alice.get(f"/jobs/{name}/_status").text
    changed(name, completed)
    fragment = alice.get(f"/jobs/{name}/_status").text
    assert "hx-trigger" not in fragment and 'data-status="Completed"' in fragment
    assert fragment.lstrip().startswith('<span id="job-status"')


@pytest.mark.parametrize("tab", ["", "/logs", "/lineage", "/children", "/yaml", "/metrics", "/images", "/outputs"])
def test_every_tab_is_a_page_of_its_own(alice, tab):
    name = submitted(alice)
    answer = alice.get(f"/jobs/{name}{tab}")
    assert answer.status_code == 200
    assert "Say hello" in answer.text and answer.text.count('aria-current="page"') >= 3


def test_a_log_that_the_job_does_not_have_is_refused_by_name(alice):
    answer = alice.get(f"/jobs/{submitted(alice)}/logs?file=nope.txt")
    assert answer.status_code == 404 and "nope.txt" in answer.text


def test_a_job_is_canceled_resubmitted_and_archived_from_its_page(alice):
    name = submitted(alice)
    assert job_of(alice.post(f"/jobs/{name}/cancel")) == name
    again = job_of(alice.post(f"/jobs/{name}/resubmit"))
    assert again != name and alice.get(f"/api/jobs/{again}").json()["tags"] == {"team": "vision"}
    alice.post(f"/jobs/{name}/archive", data={"archived": "true"})
    assert alice.get(f"/api/jobs/{name}").json()["archived"]
    alice.post(f"/jobs/{name}/archive", data={"archived": "false"})
    assert not alice.get(f"/api/jobs/{name}").json()["archived"]


def test_tags_are_replaced_and_those_of_mlflow_stay(alice):
    name = submitted(alice, "command: echo\ntags: {team: vision, mlflow.user: ada}\n")
    alice.post(f"/jobs/{name}/tags", data={"key": ["stage", ""], "value": ["draft", "left out"]})
    assert alice.get(f"/api/jobs/{name}").json()["tags"] == {"stage": "draft", "mlflow.user": "ada"}


def test_name_and_description_change(alice):
    name = submitted(alice)
    alice.post(f"/jobs/{name}/describe", data={"display_name": "Better", "description": "Why"})
    assert alice.get(f"/api/jobs/{name}").json()["display_name"] == "Better"
    assert alice.post(f"/jobs/{name}/describe", data={"display_name": " "}).status_code == 400


def test_writes_leave_an_audit_record(alice):
    name = submitted(alice)
    alice.post(f"/jobs/{name}/cancel")
    newest = alice.get("/api/audit").json()["value"][0]
    assert newest["action"] == "jobs/write" and newest["target_name"] == name


def test_the_editor_begins_with_the_example_and_submits_it_with_its_code(alice, sent):
    page = alice.get("/jobs/new").text
    yaml = unescape(page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]).lstrip("\n")
    name = job_of(alice.post("/jobs/new", data={"yaml": yaml, "keep_code": "true"}))
    assert sent[-1][0] == "jobs.run"
    assert "train.py" in alice.get(f"/jobs/{name}/code").text


def test_the_example_is_one_button(alice):
    name = job_of(alice.post("/jobs/examples/digits"))
    found = alice.get(f"/api/jobs/{name}").json()
    assert found["experiment_name"] == "digits" and found["inputs"]["data"]["asset"]["name"] == "digits"


@pytest.mark.parametrize(
    ("yaml", "field", "line"),
    [
        ("name: digits-2\ncomand: x\n", "comand", 2),
        ("command: echo ${{inputs.x}}\n", "inputs", 1),
        ("command: [echo\n", "line", None),
    ],
)
def test_a_wrong_job_file_comes_back_with_line_and_field(alice, yaml, field, line):
    answer = alice.post("/jobs/new", data={"yaml": yaml})
    assert answer.status_code == 400
    assert field in answer.text and unescape(answer.text).count(yaml.splitlines()[0]) >= 1
    assert line is None or f'data-line="{line}" class="excerpt-here"' in answer.text


def test_nothing_is_left_of_a_job_that_is_refused(alice, sent):
    yaml = "command: echo\nexperiment_name: new\ninputs: {data: {type: uri_file, path: 'azureml:nope@latest'}}\n"
    answer = alice.post("/jobs/new", data={"yaml": yaml})
    assert answer.status_code == 404 and "nope" in answer.text
    assert sent == [] and "new" not in alice.get("/api/2.0/mlflow/experiments/search?max_results=50").text


def test_a_name_that_is_taken_is_refused_in_the_editor(alice):
    submitted(alice, "name: mine\ncommand: echo\n")
    answer = alice.post("/jobs/new", data={"yaml": "name: mine\ncommand: echo\n"})
    assert answer.status_code == 409 and "mine" in answer.text


def test_code_that_was_not_chosen_is_asked_for(alice):
    answer = alice.post("/jobs/new", data={"yaml": WITH_CODE})
    assert answer.status_code == 400 and "./src" in unescape(answer.text)


def test_a_folder_becomes_the_code(alice):
    files = [("code", ("src/train.py", b"print(1)")), ("code", ("src/pkg/net.py", b"x = 1"))]
    name = job_of(alice.post("/jobs/new", data={"yaml": WITH_CODE}, files=files))
    page = alice.get(f"/jobs/{name}/code").text
    assert "print(1)" in page and "path=pkg%2Fnet.py" in page


def test_an_archive_becomes_the_code(alice):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("project/train.py", "print(2)")
        archive.writestr("project/__pycache__/train.pyc", b"\0")
    name = job_of(alice.post("/jobs/new", data={"yaml": WITH_CODE}, files=[("code", ("c.zip", packed.getvalue()))]))
    page = alice.get(f"/jobs/{name}/code").text
    assert "print(2)" in page and "__pycache__" not in page


@pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04broken"])
def test_a_broken_archive_is_refused_by_name(alice, content):
    answer = alice.post("/jobs/new", data={"yaml": WITH_CODE}, files=[("code", ("c.zip", content))])
    assert answer.status_code == 400 and "c.zip" in answer.text


def test_an_archive_may_not_lead_outside(alice):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.py", "print(3)")
    answer = alice.post("/jobs/new", data={"yaml": WITH_CODE}, files=[("code", ("c.zip", packed.getvalue()))])
    assert answer.status_code == 400


def test_a_clone_keeps_code_and_file_but_not_the_name(alice):
    files = [("code", ("src/train.py", b"print(4)"))]
    first = job_of(alice.post("/jobs/new", data={"yaml": f"name: mine\n{WITH_CODE}"}, files=files))
    page = alice.get(f"/jobs/new?from={first}").text
    assert "name: mine" not in page and "python train.py" in page
    again = job_of(alice.post("/jobs/new", data={"yaml": WITH_CODE, "from": first, "keep_code": "true"}))
    assert "print(4)" in alice.get(f"/jobs/{again}/code").text


def test_files_of_a_job_are_shown_and_never_run(alice):
    name = submitted(alice, "command: echo\noutputs: {model: {type: mlflow_model}}\n")

    def leave(session, job):
        completed(session, job)
        store().write_bytes(f"{artifact_key(job)}/page.html", b"<script>alert(1)</script>")
        store().write_bytes(f"{artifact_key(job)}/plot.png", b"\x89PNG")
        store().write_bytes(f"{artifact_key(job)}/table.csv", b"a,b\n1,<b>\n")
        store().write_bytes(f"{output_key(job, 'model')}/MLmodel", b"flavors: {}\n")

    changed(name, leave)
    assert "plot.png" in alice.get(f"/jobs/{name}/images").text
    assert "&lt;b&gt;" in alice.get(f"/jobs/{name}/outputs?root=artifacts&path=table.csv").text
    assert "flavors" in alice.get(f"/jobs/{name}/outputs?root=output:model&path=MLmodel").text
    html = alice.get(f"/jobs/{name}/outputs/content?path=page.html")
    policy = html.headers["content-security-policy"]
    assert policy.startswith("sandbox;") and "default-src 'none'" in policy
    scripted = alice.get(f"/jobs/{name}/outputs/content?path=page.html&scripts=true").headers["content-security-policy"]
    assert scripted.startswith("sandbox allow-scripts;") and "default-src 'none'" in scripted
    assert 'sandbox=""' in alice.get(f"/jobs/{name}/outputs?root=artifacts&path=page.html").text
    picture = alice.get(f"/jobs/{name}/outputs/content?path=plot.png")
    assert picture.headers["content-type"] == "image/png" and "sandbox" in picture.headers["content-security-policy"]
    for wrong in ("path=../../x", "path=nope.txt", "path=plot.png&root=output:nope"):
        assert alice.get(f"/jobs/{name}/outputs/content?{wrong}").status_code in (400, 404)


def test_what_may_be_registered_is_offered(alice):
    name = submitted(alice, "command: echo\noutputs: {model: {type: mlflow_model}}\n")
    changed(name, lambda session, job: store().write_bytes(f"{output_key(job, 'model')}/MLmodel", b"flavors: {}\n"))
    for address in (f"/jobs/{name}/register", f"/jobs/{name}/_register"):
        page = alice.get(address).text
        assert f"azureml://jobs/{name}/outputs/model" in page and 'action="/w/default/models/register"' in page


def test_the_jobs_that_used_an_asset_are_listed(alice):
    yaml = "command: cat ${{inputs.d}}\ninputs: {d: {type: uri_file, path: 'azureml:digits@latest'}}\n"
    name = submitted(alice, yaml)
    fragment = alice.get("/jobs/_uses?kind=data&name=digits&version=1").text
    assert name in fragment and "read it" in fragment and "<html" not in fragment
    assert alice.get("/jobs/_uses?kind=cat&name=digits").status_code == 400
    assert "digits:7" in alice.get("/jobs/_uses?kind=data&name=digits&version=7").text


def test_forms_without_a_token_are_refused(browser):
    name = submitted(browser)
    token = browser.headers.pop("X-CSRF-Token")
    assert browser.post(f"/jobs/{name}/cancel").status_code == 403
    assert browser.post(f"/jobs/{name}/cancel", data={"csrf_token": token}).status_code == 303


def logged(name: str, *found) -> None:
    changed(name, lambda session, job: metrics.append(session, job.id, [metrics.Metric(*one) for one in found]))


def test_metrics_are_shown_as_charts_and_as_latest_values(alice):
    name = submitted(alice)
    assert "No metrics yet" in alice.get(f"/jobs/{name}/metrics").text
    logged(name, ("val/loss", 0.25, 1, 0), ("val/loss", math.nan, 2, 1), ("acc", math.inf, 1, 0))
    assert f'<metric-board runs="{name}"' in alice.get(f"/jobs/{name}/metrics").text
    fragment = alice.get(f"/jobs/{name}/_metrics").text
    assert "nan" in fragment and "inf" in fragment and "<html" not in fragment


def test_parameters_are_listed(alice):
    name = submitted(alice)
    changed(name, lambda session, job: tracking.log_params(session, job, [("optimizer", "<adam>")]))
    assert "&lt;adam&gt;" in alice.get(f"/jobs/{name}/_params").text


def test_what_a_job_registered_is_linked_from_its_page(alice):
    name = submitted(alice)
    changed(name, lambda session, job: link(session, job, "output", "digits:3", "model", "digits", "3"))
    for tab in ("", "/lineage"):
        assert 'href="/w/default/models/digits/versions/3"' in alice.get(f"/jobs/{name}{tab}").text
    assert name in alice.get("/jobs/_uses?kind=models&name=digits&version=3").text


def test_parts_of_jobs_stand_in_the_list_only_when_asked_or_searched_for(alice):
    def run(name: str, **tags) -> str:
        given = [{"key": key.replace("_", "."), "value": value} for key, value in tags.items()]
        asked = {"experiment_id": "0", "run_name": name, "start_time": 1, "tags": given}
        return alice.post("/api/2.0/mlflow/runs/create", json=asked).json()["run"]["info"]["run_id"]

    run("the-part", mlflow_parentRunId=run("the-whole"))
    assert "the-part" not in alice.get("/jobs").text and "the-part" not in alice.get("/").text
    assert "the-whole" in alice.get("/jobs").text and "the-whole" in alice.get("/").text
    for asked in ("children=true", "text=the-part", "filter=tags.`mlflow.runName` = 'the-part'"):
        assert "the-part" in alice.get(f"/jobs?{asked}").text, asked
    assert "the-part" in alice.get("/jobs/table.csv?children=true").text
    assert "the-part" not in alice.get("/jobs/table.csv").text


def test_a_failed_job_of_several_parts_leads_to_the_logs_of_those_that_failed(alice):
    pipeline = "type: pipeline\njobs:\n  wrong: {command: exit 1}\n  right: {command: exit 0}\n"
    name = submitted(alice, pipeline)
    with transaction() as session:
        part = session.query(Job).filter_by(name=name).one()
        step = session.get_one(Job, part.id)
        step.status, step.error = Status.FAILED, {"message": "one failed"}
        session.add(
            Job(
                workspace_id=step.workspace_id,
                experiment_id=step.experiment_id,
                name="bad",
                display_name="wrong",
                type="command",
                command="exit 1",
                status=Status.FAILED,
                created_by="alice",
                parent_id=step.id,
            )
        )
    assert '/jobs/bad/logs">wrong</a>' in alice.get(f"/jobs/{name}").text
