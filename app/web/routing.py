"""Puts routers together so that each route is built once and found in one pass."""

from copy import copy

from fastapi import APIRouter
from fastapi.routing import APIRoute, generate_unique_id
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send


def include(router: APIRouter, *parts: APIRouter, prefix: str = "") -> None:
    """The routes of `parts` become routes of `router`, under its prefix and `prefix`.

    FastAPI's own `include_router` keeps the parts as a tree: it builds each route anew for each level, and looks for
    the route of a request twice at each. Raises ValueError for a prefix with parameters: a route says its own.
    """
    whole = router.prefix + prefix
    if "{" in whole:
        raise ValueError(f"The prefix {whole!r} has a parameter. Write it in the router whose routes take it.")
    for part in parts:
        router.routes += [_below(route, whole, router) for route in part.routes]


def _below(route: APIRoute, prefix: str, router: APIRouter) -> APIRoute:
    if not (prefix or router.tags) and router.include_in_schema:
        return route
    found = copy(route)
    found.path = prefix + route.path
    found.path_regex, found.path_format, found.param_convertors = compile_path(found.path)
    found.tags = [*router.tags, *route.tags]
    found.include_in_schema = router.include_in_schema and route.include_in_schema
    found.unique_id = found.operation_id or generate_unique_id(found)
    return found


class Shelves:
    """Tries the routes that begin with the request's first two words, and all others only when none of them is it.

    It stands where a router's own search begins, so that what holds for the router's routes holds here too.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        begun = [(_words(route.path), route) for route in router.routes]
        keys = {words for words, _ in begun} | {(words[0], None) for words, _ in begun}
        self._shelves = {key: [route for words, route in begun if _may_be(words, key)] for key in keys}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for route in self.near(scope):
            match, found = route.matches(scope)
            if match == Match.FULL:
                scope.setdefault("router", self._router)
                scope.update(found)
                await route.handle(scope, receive, send)
                return
        await self._router.app(scope, receive, send)

    def near(self, scope: Scope) -> list[BaseRoute]:
        """The routes that may take a request, in their order; none where only the whole search can tell."""
        if scope["type"] != "http":
            return []
        first, second = _words(scope["path"])
        return self._shelves.get((first, second)) or self._shelves.get((first, None)) or []


def _words(path: str) -> tuple[str | None, str | None]:
    """The first two words of a path; None where there is none, or any may stand."""
    first, second = [*path[1:].split("/", 2), "", ""][:2]
    return (None if "{" in first else first, None if "{" in second or not second else second)


def _may_be(words: tuple[str | None, str | None], key: tuple[str | None, str | None]) -> bool:
    return words[0] in (None, key[0]) and words[1] in (None, key[1])
