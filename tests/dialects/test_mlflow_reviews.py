"""Label schemas and review queues, as MLflow's client calls them."""

import pytest

from tests.traces.calls import start

ROOT = "/api/3.0/mlflow/"
PASS_FAIL = {"pass_fail": {"positive_label": "Good", "negative_label": "Bad"}}


def call(client, method: str, path: str, status: int = 200, /, **fields) -> dict:
    given = {"params": fields} if method == "GET" else {"json": fields}
    answer = client.request(method, ROOT + path, **given)
    assert answer.status_code == status, answer.text
    return answer.json()


def ask(client, name: str = "Is it right?", status: int = 200, **fields) -> dict:
    fields = {"experiment_id": "0", "name": name, "type": "FEEDBACK", "input": PASS_FAIL} | fields
    answer = call(client, "POST", "label-schemas/create", status, **fields)
    return answer.get("label_schema", answer)


def queue(client, name: str = "Friday", status: int = 200, **fields) -> dict:
    fields = {"experiment_id": "0", "name": name, "queue_type": "CUSTOM"} | fields
    answer = call(client, "POST", "review-queues/create", status, **fields)
    return answer.get("review_queue", answer)


def test_questions_are_asked_changed_and_deleted(alice):
    listed = call(alice, "GET", "label-schemas/list", experiment_id="0")["label_schemas"]
    assert [(one["name"], one["is_default"]) for one in listed] == [("Feedback", True)]
    made = ask(alice, instruction="Look twice.")
    assert made["type"] == "FEEDBACK" and made["input"] == PASS_FAIL and made["created_by"] == "alice"
    assert call(alice, "GET", "label-schemas/get", schema_id=made["schema_id"])["label_schema"] == made
    named = call(alice, "GET", "label-schemas/get-by-name", experiment_id="0", name="Is it right?")
    assert named["label_schema"] == made
    options = {"categorical": {"options": ["a", "b"], "multi_select": True}}
    kind = ask(alice, "Kind", type="EXPECTATION", input=options)
    change = {"schema_id": kind["schema_id"], "name": "Kinds", "enable_comment": True}
    options = {"categorical": {"options": ["a", "c"], "multi_select": True}}
    changed = call(alice, "PATCH", "label-schemas/update", input=options, **change)["label_schema"]
    assert changed["name"] == "Kinds" and changed["input"] == options and changed["enable_comment"]
    assert call(alice, "DELETE", "label-schemas/delete", schema_id=made["schema_id"]) == {}
    assert call(alice, "DELETE", "label-schemas/delete", schema_id=made["schema_id"]) == {}
    call(alice, "GET", "label-schemas/get", 404, schema_id=made["schema_id"])
    first = call(alice, "GET", "label-schemas/list", experiment_id="0", max_results=1)
    rest = call(alice, "GET", "label-schemas/list", experiment_id="0", page_token=first["next_page_token"])
    assert [one["name"] for one in first["label_schemas"] + rest["label_schemas"]] == ["Kinds", "Feedback"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_is_wrong_with_a_question_is_named(alice):
    made = ask(alice)
    assert ask(alice, status=400)["error_code"] == "RESOURCE_ALREADY_EXISTS"
    for fields, named in (
        ({"name": "feedback "}, "reserved"), ({"name": "x" * 251}, "250"), ({"type": "OPINION"}, "FEEDBACK"),
        ({"instruction": "x" * 1001}, "1000"), ({"input": {}}, "exactly one"),
        ({"input": {"pass_fail": {"positive_label": "a", "negative_label": "a"}}}, "distinct"),
        ({"input": {"categorical": {"options": []}}}, "1 to 10"),
        ({"input": {"numeric": {"min_value": 2, "max_value": 1}}}, "less than"),
        ({"input": {"text": {"max_length": 0}}}, "at least 1"),
    ):  # fmt: skip
        answer = ask(alice, **({"name": "Other", "status": 400} | fields))
        assert named in answer["message"] and answer["error_code"] == "INVALID_PARAMETER_VALUE", fields
    change = {"schema_id": made["schema_id"], "input": {"text": {}}}
    assert "cannot be changed" in call(alice, "PATCH", "label-schemas/update", 400, **change)["message"]
    listed = call(alice, "GET", "label-schemas/list", experiment_id="0")["label_schemas"]
    default = next(one["schema_id"] for one in listed if one["is_default"])
    call(alice, "PATCH", "label-schemas/update", 400, schema_id=default, name="Mine")
    call(alice, "DELETE", "label-schemas/delete", 400, schema_id=default)


def test_traces_wait_in_a_queue_and_are_reviewed(alice, carol):
    for name in ("tr-1", "tr-2"):
        start(alice, name)
    made = queue(alice, users=["Carol", "carol"], schema_ids=[ask(alice)["schema_id"]])
    assert made["users"] == ["carol"] and made["created_by"] == "alice" and len(made["schema_ids"]) == 1
    one = {"queue_id": made["queue_id"]}
    added = call(alice, "POST", "review-queues/items/add", item_ids=["tr-1", " tr-2", "tr-1"], **one)["items"]
    assert [(item["item_id"], item["status"]) for item in added] == [("tr-1", "PENDING"), ("tr-2", "PENDING")]
    call(alice, "POST", "review-queues/items/add", 404, item_ids=["tr-3"], **one)
    done = {"item_id": "tr-1", "status": "COMPLETE", "completed_by": "bob", **one}
    item = call(carol, "POST", "review-queues/items/set-status", **done)["item"]
    assert item["completed_by"] == "carol" and item["completed_time_ms"]
    assert call(alice, "POST", "review-queues/items/set-status", **done)["item"]["completed_by"] == "carol"
    waiting = call(alice, "GET", "review-queues/items/list", status="PENDING", **one)["items"]
    assert [item["item_id"] for item in waiting] == ["tr-2"]
    reopened = call(alice, "POST", "review-queues/items/set-status", **(done | {"status": "PENDING"}))["item"]
    assert "completed_by" not in reopened
    locked = call(alice, "POST", "review-queues/update", 400, update_schema_ids=True, **one)
    assert "locked" in locked["message"]
    call(alice, "POST", "review-queues/items/remove", item_ids=["tr-1"], **one)
    call(alice, "POST", "review-queues/items/set-status", 404, **done)
    found = call(alice, "GET", "review-queues/list", experiment_id="0", user="CAROL", item_id="tr-2")["review_queues"]
    assert [listed["name"] for listed in found] == ["Friday"]
    alice.delete("/api/traces/tr-2")
    assert call(alice, "GET", "review-queues/items/list", **one) == {}


def test_queues_are_named_changed_and_deleted(alice, bob):
    made = queue(alice)
    one = {"queue_id": made["queue_id"]}
    assert queue(alice, "FRIDAY", 400)["error_code"] == "RESOURCE_ALREADY_EXISTS"
    for fields in ({"name": "Default"}, {"users": [str(n) for n in range(11)]}, {"schema_ids": ["ls-none"]}):
        assert queue(alice, **({"name": "Other", "status": 400} | fields))["error_code"] == "INVALID_PARAMETER_VALUE"
    own = {"experiment_id": "0", "user": " Bob "}
    personal = call(alice, "POST", "review-queues/get-or-create-user", **own)["review_queue"]
    assert (personal["name"], personal["queue_type"], personal["users"]) == ("bob", "USER", ["bob"])
    assert call(alice, "POST", "review-queues/get-or-create-user", **own)["review_queue"] == personal
    call(alice, "POST", "review-queues/update", 400, queue_id=personal["queue_id"], name="x")
    change = {"name": "Monday", "new_owner": "carol", "update_users": True, "users": ["bob"]}
    changed = call(alice, "POST", "review-queues/update", **one, **change)["review_queue"]
    assert (changed["name"], changed["created_by"], changed["users"]) == ("Monday", "carol", ["bob"])
    assert call(bob, "GET", "review-queues/get-by-name", experiment_id="0", name="MONDAY")["review_queue"] == changed
    call(bob, "POST", "review-queues/delete", 403, **one)
    call(alice, "POST", "review-queues/delete", **one)
    call(alice, "POST", "review-queues/delete", **one)
    call(alice, "GET", "review-queues/get", 404, **one)


def test_issues_are_found_and_resolved(alice, bob):
    start(alice, "tr-1")
    fields = {"experiment_id": "0", "description": "It makes things up."}
    made = call(alice, "POST", "issues", name="Made up", severity="high", root_causes=["no source"], **fields)["issue"]
    low = call(alice, "POST", "issues", name="Slow", severity="low", source_run_id="r1", **fields)["issue"]
    body = {"assessment_name": low["issue_id"], "issue": {"issue_name": "Slow"}}
    call(alice, "POST", "traces/tr-1/assessments", assessment=body)
    assert made["status"] == "pending" and made["root_causes"] == ["no source"] and "categories" not in made
    assert call(bob, "GET", f"issues/{made['issue_id']}")["issue"] == made
    found = call(bob, "POST", "issues/search", experiment_id="0", include_trace_count=True)["issues"]
    assert [(one["name"], one["trace_count"]) for one in found] == [("Made up", 0), ("Slow", 1)]
    changed = call(alice, "PATCH", f"issues/{made['issue_id']}", status="resolved", name="")["issue"]
    assert (changed["status"], changed["name"]) == ("resolved", "Made up")
    wanted = "status != 'resolved' AND source_run_id = 'r1'"
    assert [one["name"] for one in call(bob, "POST", "issues/search", filter_string=wanted)["issues"]] == ["Slow"]
    first = call(bob, "POST", "issues/search", max_results=1)
    assert call(bob, "POST", "issues/search", page_token=first["next_page_token"])["issues"][0]["name"] == "Slow"
    huge = fields | {"name": "x", "severity": "huge"}
    for path, sent in (("issues/search", {"filter_string": "name = 'x'"}), ("issues", huge)):
        assert call(alice, "POST", path, 400, **sent)["error_code"] == "INVALID_PARAMETER_VALUE"
    call(bob, "GET", "issues/iss-none", 404)
