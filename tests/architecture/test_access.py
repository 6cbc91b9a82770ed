"""Default deny: every route names an action, and each meets every role and a stranger."""

import re

import pytest
from fastapi.routing import iter_route_contexts

from app.access.caller import covers
from app.access.guard import Guard
from app.access.queries import roles
from app.database import reading

NO_DECISION = {"/openapi.json"}
IN_NO_WORKSPACE = re.compile(r"/Microsoft\.MachineLearningServices/(?:registries|locations)|/registrymanagement/")
"""What a role in any workspace opens: the stranger has one in another."""


def _contexts(api):
    return [context for context in iter_route_contexts(api.routes) if context.path not in NO_DECISION]


def _action(context):
    guards = [item.call for item in context.dependant.dependencies if isinstance(item.call, Guard)]
    return guards[0].action if len(guards) == 1 else None


def test_every_route_demands_exactly_one_action(api):
    contexts = [context for context in _contexts(api) if hasattr(context, "dependant")]
    assert len(contexts) > 60
    assert [context.path for context in contexts if _action(context) is None] == []


def test_every_write_outside_the_tracking_path_is_audited(api):
    reading_posts = re.compile(
        r"search|/_|/v1/traces|metrics/|/blobs/|log-|set-tag|delete-tag|get-latest|mlflow"
        r"|/rundata$|/batchGetResolvedUris$|/getLogs$|/listNodes$|/jobs/validate$"
    )
    missing = [
        (sorted(context.methods), context.path)
        for context in _contexts(api)
        if hasattr(context, "dependant")
        and context.methods & {"POST", "PUT", "PATCH", "DELETE"}
        and not _action(context).audited
        and not reading_posts.search(context.path)
    ]
    assert missing == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_all_routes_meet_all_roles(api, alice, bob, carol, stranger, anonymous):
    """Each caller is answered 401, 403 or 404 exactly where its role lacks the action."""
    with reading() as session:
        actions = {role.name: frozenset(role.actions) for role in roles(session)}
    callers = {"Owner": alice, "Reader": bob, "Contributor": carol}
    wrong = []
    for method, path, action in _requests(api):
        for role, client in callers.items():
            answer = _ask(client, method, path)
            may = action.scope in ("public", "self") or covers(actions[role], action.name)
            if action.scope == "organisation" and role != "Owner":
                may = False
            if may == (answer.status_code == 403):
                wrong.append((method, path, role, answer.status_code))
        is_of_workspace = action.scope not in ("public", "self") and not IN_NO_WORKSPACE.search(path)
        if is_of_workspace and _ask(stranger, method, path).status_code != 404:
            wrong.append((method, path, "stranger", _ask(stranger, method, path).status_code))
        if action.scope != "public" and not _is_turned_away(_ask(anonymous, method, path)):
            wrong.append((method, path, "anonymous", _ask(anonymous, method, path).status_code))
    assert wrong == []


def _requests(api):
    for context in _contexts(api):
        if hasattr(context, "dependant") and not context.path.endswith(("/events", "/stream")):
            path = re.sub(r"\{[^}]*\}", "1", context.path.replace("/workspaces/{workspace}", "/workspaces/default"))
            for method in sorted(context.methods - {"HEAD", "OPTIONS"}):
                yield method, path, _action(context)


def _ask(client, method: str, path: str):
    body = {} if method in ("POST", "PUT", "PATCH") else None
    return client.request(method, path, json=body, headers={"Accept": "application/json"})


def _is_turned_away(answer) -> bool:
    to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    return answer.status_code == 401 or to_sign_in
