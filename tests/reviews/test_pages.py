"""Pages of review queues: questions are asked, traces wait, and whoever reviews answers one after the other."""

import pytest

from tests.traces.calls import call, export, span, start

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture
def asked(browser):
    """Alice's browser; two traces wait in a queue that asks three questions. Its address is `asked.queue`."""
    export(browser, span(0, trace="a" * 32))
    start(browser, "tr-" + "b" * 32, request_preview="what <b>?")
    for fields in (
        {"name": "Right?", "input_type": "pass_fail", "options": "Good, Bad", "enable_comment": "true"},
        {"name": "Kinds", "input_type": "several", "options": "x, y, z"},
        {"name": "Stars", "input_type": "numeric", "least": "1", "most": "5"},
    ):
        answer = browser.post("/reviews/questions", data={"experiment": "Default", **fields})
        assert answer.status_code == 303, answer.text
    listed = browser.get("/api/3.0/mlflow/label-schemas/list", params={"experiment_id": "0"}).json()["label_schemas"]
    browser.ids = {one["name"]: one["schema_id"] for one in listed}
    ids = [browser.ids[name] for name in ("Right?", "Kinds", "Stars")]
    made = browser.post(
        "/reviews/new", data={"experiment": "Default", "name": "Friday", "users": "Bob, carol", "schema_ids": ids}
    )
    browser.queue = made.headers["location"]
    names = ["tr-" + letter * 32 for letter in "ab"]
    added = browser.post("/reviews/add", data={"names": names, "queue": browser.queue.rpartition("/")[2]})
    assert added.headers["location"] == f"{browser.queue}/items"
    return browser


def answers(client, trace: str) -> dict:
    info = call(client, "GET", f"/{trace}")["trace"]["trace_info"]
    return {one["assessment_name"]: (one["feedback"]["value"], one.get("rationale")) for one in info["assessments"]}


def test_one_trace_after_the_other_is_reviewed(asked):
    first, second = ("tr-" + letter * 32 for letter in "ab")
    page = asked.get(asked.queue).text
    assert "span-0" in page and "Right?" in page and "Good" in page and "0 of 2" in page
    fields = {
        f"answer-{asked.ids[name]}": value
        for name, value in (("Right?", "true"), ("Kinds", ["x", "z"]), ("Stars", "4"))
    }
    fields[f"comment-{asked.ids['Right?']}"] = "well said"
    wrong = asked.post(f"{asked.queue}/items/{first}", data=fields | {f"answer-{asked.ids['Stars']}": "9"})
    assert wrong.status_code == 400 and "is not a number of at least 1 and of at most 5" in wrong.text
    assert 'value="9"' in wrong.text and answers(asked, first) == {}
    done = asked.post(f"{asked.queue}/items/{first}", data=fields)
    assert done.headers["location"] == f"{asked.queue}?trace={second}"
    assert answers(asked, first) == {"Right?": (True, "well said"), "Kinds": (["x", "z"], None), "Stars": (4, None)}
    assert "what &lt;b&gt;?" in asked.get(done.headers["location"]).text
    last = asked.post(f"{asked.queue}/items/{second}", data={"status": "declined"})
    assert "All reviewed" in asked.get(last.headers["location"]).text
    changed = asked.post(
        f"{asked.queue}/items/{first}", data={f"answer-{asked.ids['Right?']}": "false", "status": "pending"}
    )
    assert changed.status_code == 303 and answers(asked, first) == {"Right?": (False, "")}
    records = asked.get("/api/audit", params={"action": "tracking/reviews/write"}).json()["value"]
    assert records[0]["target_name"] == "Friday" and records[0]["after"] == {"status": "pending"}


def test_lists_show_what_waits(asked, bob):
    assert "Friday" in bob.get("/reviews?own=true").text and "bob, carol" in bob.get("/reviews").text
    assert "Nothing waits for you" in asked.get("/reviews?own=true").text
    items = bob.get(f"{asked.queue}/items?status=pending").text
    assert "1–2 of 2 traces" in items and bob.get(f"{asked.queue}/items?status=odd").status_code == 400
    trace = "tr-" + "b" * 32
    assert "Friday" in bob.get(f"/reviews/_of?trace={trace}").text
    assert asked.post("/reviews/add", data={"names": [trace], "queue": "own"}).headers["location"].endswith(trace)
    assert "alice" in asked.get("/reviews").text and "Friday" in asked.get(f"/reviews/add?names={trace}").text
    assert asked.get("/reviews/add?names=tr-none").status_code == 404
    assert asked.post(f"{asked.queue}/remove", data={"names": [trace]}).status_code == 303
    assert "1–1 of 1 traces" in bob.get(f"{asked.queue}/items").text


def test_queues_and_questions_are_changed_and_deleted(asked, bob):
    taken = asked.post("/reviews/new", data={"experiment": "Default", "name": "FRIDAY"})
    assert taken.status_code == 409 and "already exists" in taken.text and "FRIDAY" in taken.text
    wrong = asked.post("/reviews/questions", data={"experiment": "Default", "name": "Q", "options": "one"})
    assert wrong.status_code == 400 and "Name two answers" in wrong.text
    asked.post(f"{asked.queue}/assign", data={"name": "Monday", "users": "ada"})
    assert "Monday" in bob.get(asked.queue).text and "For ada" in bob.get(asked.queue).text
    assert bob.post(f"{asked.queue}/delete").status_code == 403
    assert asked.post(f"/reviews/questions/{asked.ids['Stars']}/delete").status_code == 303
    assert "Stars" not in asked.get("/reviews/questions?experiment=Default").text
    assert asked.post(f"{asked.queue}/delete").status_code == 303
    assert asked.get(asked.queue).status_code == 404 and "No review queue yet" in bob.get("/reviews").text


def test_an_issue_is_reported_of_a_trace_and_resolved(browser, bob):
    assert "No issues yet" in browser.get("/issues").text
    trace = "tr-" + "a" * 32
    start(browser, trace, request_preview="what?")
    form = browser.get("/issues/new", params={"names": trace}).text
    assert "Of 1 trace of Default" in form
    filled = {
        "names": trace,
        "experiment": "Default",
        "name": "",
        "severity": "high",
        "description": "Of <b>prices</b>",
    }
    wrong = browser.post("/issues/new", data=filled)
    assert wrong.status_code == 400 and "Say in a few words" in wrong.text and trace in wrong.text
    assert browser.post("/issues/new", data=filled | {"severity": "huge", "name": "x"}).status_code == 400
    here = browser.post("/issues/new", data=filled | {"name": "Makes up"}).headers["location"]
    seen = bob.get(here).text
    assert "&lt;b&gt;prices" in seen and "what?" in seen and "/edit" not in seen
    assert here in bob.get(f"/traces/{trace}").text
    browser.post(f"{here}/edit", data={"name": "Invents", "severity": "", "status": "pending"})
    browser.post(f"{here}/status", data={"status": "resolved"})
    kept = browser.get(f"/api/3.0/mlflow/issues/{here.rpartition('/')[2]}").json()["issue"]
    assert (kept["name"], kept["status"], kept.get("severity")) == ("Invents", "resolved", None)
    assert "Invents" in browser.get("/issues", params={"status": "resolved", "text": "INV"}).text
    assert "Nothing matches" in browser.get("/issues", params={"status": "pending"}).text
    assert browser.get("/issues", params={"status": "open"}).status_code == 400
