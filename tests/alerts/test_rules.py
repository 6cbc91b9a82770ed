"""Rules tell of runs by real mail and real posts, once a run."""

import base64
import hashlib
import hmac
import json

import pytest
from sqlalchemy import update

from app.database import transaction
from app.jobs.tables import Job
from app.kit import clock
from tests.dialects.calls import call, log, new_run


def _rule(client, status: int = 201, **fields) -> dict:
    answer = client.post("/api/alerts", json={"name": "watch", **fields})
    assert answer.status_code == status, answer.text
    return answer.json()


def _end(client, run: str, status: str = "FAILED") -> None:
    call(client, "POST", "runs/update", run_id=run, status=status)


def test_a_run_that_ends_is_told_by_mail_and_by_a_signed_post(carol, receiver, mails, work):
    _rule(carol, on="failed", emails=["ada@example.com"], webhook_url=receiver.url, webhook_secret="s3cret")
    fine, broken = new_run(carol), new_run(carol, run_name="tuning")
    _end(carol, fine, "FINISHED")
    _end(carol, broken)
    work()
    work()
    (mail,) = mails
    assert mail["To"] == "ada@example.com" and mail["Subject"] == "The run tuning failed."
    assert f"/w/default/jobs/{broken}" in mail.get_payload(decode=True).decode()
    ((headers, body),) = receiver.posts
    told = json.loads(body)
    assert told["event"] == "run.failed" and told["text"].startswith("The run tuning failed.")
    assert told["run"]["url"] == f"http://testserver/w/default/jobs/{broken}"
    signed = f"{headers['X-Atelier-Delivery-Id']}.{headers['X-Atelier-Timestamp']}.{body}".encode()
    made = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["X-Atelier-Signature"] == f"v1,{made}"
    sent = carol.get("/api/deliveries").json()["value"]
    assert {(item["channel"], item["status"], item["attempts"]) for item in sent} == {
        ("email", "Delivered", 1),
        ("webhook", "Delivered", 1),
    }


def test_a_metric_over_its_line_is_told_once_and_a_spike_between_two_looks_is_seen(carol, receiver, work):
    _rule(carol, on="metric", metric="loss", operator=">", threshold=10, count=2, webhook_url=receiver.url)
    run, other = new_run(carol, run_name="tuning"), new_run(carol)
    for step, value in enumerate([1, 11, 2]):
        log(carol, run, "loss", value, step)
    log(carol, other, "accuracy", 99)
    work()
    assert receiver.posts == []
    for step, value in enumerate([12, 13, 1], 3):
        log(carol, run, "loss", value, step)
    _end(carol, run, "FINISHED")
    work()
    work()
    ((_, body),) = receiver.posts
    assert json.loads(body)["cause"] == "In the run tuning, loss > 10, 2 times in a row: it is 13 at step 4."


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_least_greatest_and_not_a_number(carol, receiver, work):
    for name, fields in {
        "low": {"aggregate": "min", "operator": "<=", "threshold": 0.5},
        "high": {"aggregate": "max", "operator": ">=", "threshold": 3},
        "broken": {"operator": "nan"},
    }.items():
        _rule(carol, on="metric", metric="m", webhook_url=receiver.url, **fields | {"name": name})
    run = new_run(carol)
    for step, value in enumerate([2, 0.4, "NaN"]):
        log(carol, run, "m", value, step)
    work()
    assert {json.loads(body)["rule"]["name"] for _, body in receiver.posts} == {"low", "broken"}


def test_a_run_that_says_nothing_stalls_and_scope_is_heeded(carol, receiver, work):
    silent, busy = new_run(carol, run_name="silent", start_time=1), new_run(carol, run_name="busy", start_time=1)
    log(carol, busy, "loss", 1, timestamp=clock.milliseconds(clock.now()))
    forgotten = new_run(carol, run_name="forgotten", start_time=1)
    with transaction() as session:
        session.execute(update(Job).where(Job.name == forgotten).values(created_at=clock.from_milliseconds(1)))
    _rule(carol, on="stalled", minutes=30, webhook_url=receiver.url)
    _rule(carol, on="ended", run=busy, webhook_url=receiver.url)
    _rule(carol, on="ended", filter="metrics.loss < 1", webhook_url=receiver.url)
    work()
    log(carol, silent, "loss", 2)
    assert [json.loads(body)["run"]["id"] for _, body in receiver.posts] == [silent]
    _end(carol, silent)
    _end(carol, busy)
    work()
    assert [json.loads(body)["run"]["id"] for _, body in receiver.posts] == [silent, busy]


def test_a_muted_rule_rests_and_a_changed_one_keeps_what_is_left_out(carol, bob, receiver, work):
    rule = _rule(carol, on="ended", webhook_url=receiver.url)
    address = f"/api/alerts/{rule['id']}"
    assert carol.patch(address, json={"muted": True}).json()["on"] == "ended"
    _end(carol, new_run(carol))
    work()
    assert receiver.posts == []
    assert carol.post(f"{address}/test").status_code == 202
    work()
    assert json.loads(receiver.posts[0][1])["event"] == "test"
    assert bob.get(address).json()["webhook_url"].endswith("/…")
    assert bob.patch(address, json={"muted": False}).status_code == 403
    assert carol.delete(address).status_code == 204 and carol.get(address).status_code == 404


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"on": "explodes"}, "on"),
        ({"on": "failed", "emails": []}, "emails"),
        ({"on": "failed", "emails": ["ada@example.com\nBcc: x@example.com"]}, "emails"),
        ({"on": "failed", "webhook_url": "ftp://example.com"}, "webhook_url"),
        ({"on": "failed", "webhook_url": "http://169.254.169.254/latest"}, "webhook_url"),
        ({"on": "failed", "webhook_url": "http://[::ffff:10.0.0.1]/"}, "webhook_url"),
        ({"on": "metric", "threshold": 1}, "metric"),
        ({"on": "metric", "metric": "loss"}, "threshold"),
        ({"on": "metric", "metric": "loss", "threshold": 1, "count": 0}, "count"),
        ({"on": "stalled"}, "minutes"),
        ({"on": "failed", "filter": "metrics.loss >"}, "filter"),
    ],
)
def test_what_is_wrong_in_a_rule_is_named(carol, fields, target):
    wrong = _rule(carol, 400, **{"emails": ["ada@example.com"]} | fields)
    assert wrong["target"] == target and wrong["detail"]
