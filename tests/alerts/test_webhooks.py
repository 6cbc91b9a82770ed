"""MLflow's webhooks: its calls, its payloads and its signature."""

import base64
import hashlib
import hmac
import json

import pytest

from tests.dialects.calls import call

EVENTS = [
    ("REGISTERED_MODEL", "CREATED"),
    ("MODEL_VERSION_TAG", "SET"),
    ("MODEL_VERSION_TAG", "DELETED"),
    ("PROMPT", "CREATED"),
    ("PROMPT_VERSION", "CREATED"),
    ("PROMPT_TAG", "SET"),
    ("PROMPT_ALIAS", "CREATED"),
    ("PROMPT_ALIAS", "DELETED"),
]


def _events(*events: tuple[str, str]) -> list[dict]:
    return [{"entity": entity, "action": action} for entity, action in events]


def _webhook(client, url: str, *events: tuple[str, str], **fields) -> dict:
    fields = {"name": "ci", "url": url, "events": _events(*events), **fields}
    return call(client, "POST", "webhooks", 200, **fields)["webhook"]


def _is_signed(secret: str, headers: dict, body: str) -> bool:
    content = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body}".encode()
    made = base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()
    return headers["X-MLflow-Signature"] == f"v1,{made}"


def test_events_of_the_registry_are_posted_as_mlflow_posts_them(carol, receiver, work):
    _webhook(carol, receiver.url, *EVENTS, secret="s3cret")
    _webhook(carol, receiver.url, *EVENTS, status="DISABLED")
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    text = {"key": "mlflow.prompt.text", "value": "Hello {{name}}!"}
    call(carol, "POST", "registered-models/create", name="digits", tags=[{"key": "team", "value": "a"}])
    call(carol, "POST", "registered-models/set-tag", name="digits", key="k", value="v")
    call(carol, "POST", "registered-models/create", name="hello", tags=[is_prompt], description="Says hello")
    call(carol, "POST", "model-versions/create", name="hello", source="prompt", tags=[is_prompt, text])
    call(carol, "POST", "registered-models/set-tag", name="hello", key="k", value="v")
    call(carol, "POST", "registered-models/alias", name="hello", alias="live", version="1")
    call(carol, "DELETE", "registered-models/alias", name="hello", alias="live")
    work()
    told = {(item["entity"], item["action"]): item["data"] for _, body in receiver.posts for item in [json.loads(body)]}
    assert told == {
        ("registered_model", "created"): {"name": "digits", "tags": {"team": "a"}, "description": ""},
        ("prompt", "created"): {"name": "hello", "tags": {}, "description": "Says hello"},
        ("prompt_version", "created"): {
            "name": "hello",
            "version": "1",
            "template": "Hello {{name}}!",
            "tags": {},
            "description": None,
        },
        ("prompt_tag", "set"): {"name": "hello", "key": "k", "value": "v"},
        ("prompt_alias", "created"): {"name": "hello", "alias": "live", "version": "1"},
        ("prompt_alias", "deleted"): {"name": "hello", "alias": "live"},
    }
    assert all(_is_signed("s3cret", headers, body) for headers, body in receiver.posts)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_webhook_is_listed_changed_tested_and_deleted(carol, bob, receiver):
    made = _webhook(carol, receiver.url, ("MODEL_VERSION", "CREATED"), description="of CI")
    address = f"webhooks/{made['webhook_id']}"
    assert call(carol, "GET", "webhooks", max_results=1)["webhooks"] == [made]
    events = _events(("PROMPT", "CREATED"), ("MODEL_VERSION", "CREATED"))
    changed = call(carol, "PATCH", address, 200, events=events, name="cd")["webhook"]
    assert (changed["events"], changed["name"], changed["description"]) == (events, "cd", "of CI")
    assert call(bob, "GET", address)["webhook"]["url"].endswith("/…")
    receiver.answers = [200, 500]
    assert call(carol, "POST", f"{address}/test")["result"] == {
        "success": True, "response_status": 200, "response_body": "thanks",
    }  # fmt: skip
    assert json.loads(receiver.posts[0][1])["entity"] == "prompt"
    tested = call(carol, "POST", f"{address}/test", 200, event=events[1])["result"]
    assert tested["success"] is False and tested["response_status"] == 500
    call(carol, "DELETE", address)
    assert call(carol, "GET", address, 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"name": "-x"}, "name"),
        ({"url": "http://127.0.0.1:80/"}, "url"),
        ({"events": []}, "events"),
        ({"events": _events(("MODEL_VERSION", "EXCEEDED"))}, "model_version.exceeded"),
        ({"status": "ON"}, "status"),
    ],
)
def test_what_is_wrong_in_a_webhook_is_named(carol, fields, word):
    given = {"name": "ci", "url": "https://example.com/", "events": _events(("PROMPT", "CREATED"))} | fields
    wrong = call(carol, "POST", "webhooks", 400, **given)
    assert wrong["error_code"] == "INVALID_PARAMETER_VALUE" and word in wrong["message"]
