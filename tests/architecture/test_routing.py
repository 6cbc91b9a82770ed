"""A request meets the first route that takes it, however it is looked for."""

import re

from starlette.routing import Match, Mount


def _scope(route) -> dict:
    path = re.sub(r"{(\w+)(:\w+)?}", lambda found: "7" if found[2] in (":int", ":float") else found[1], route.path)
    path += "/file" if isinstance(route, Mount) else ""
    method = next(iter(getattr(route, "methods", None) or ["GET"]))
    return {"type": "http", "path": path, "raw_path": path.encode(), "method": method, "root_path": "", "headers": []}


def test_the_short_search_finds_what_the_whole_one_finds(api):
    shelves, routes = api.router.middleware_stack, api.router.routes
    assert len(routes) > 500
    for scope in map(_scope, routes):
        whole = next(route for route in routes if route.matches(scope)[0] == Match.FULL)
        near = next((route for route in shelves.near(scope) if route.matches(scope)[0] == Match.FULL), None)
        assert near is whole, (scope["method"], scope["path"])


def test_no_router_builds_its_routes_twice(api):
    assert not [route for route in api.router.routes if not hasattr(route, "path")]
