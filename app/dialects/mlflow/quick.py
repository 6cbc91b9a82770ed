"""What comes by the thousand: the guard without a transaction of the request, and a way past the search for a route."""

from collections.abc import Awaitable, Callable, Iterable

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from app.access import identity
from app.access.guard import Guard
from app.access.permissions import Action
from app.dialects.mlflow.arguments import Arguments, arguments_of
from app.web.addressing import local_path, workspace_name

Handler = Callable[[Arguments, Request], Awaitable[Response]]


class QuickGuard(Guard):
    """The guard of an action that is not audited, without the request's transaction."""

    async def __call__(self, request: Request) -> None:
        if identity.is_kept(request, workspace_name(request)):
            request.state.caller = self._caller(request)
        else:
            request.state.caller = await run_in_threadpool(self._caller, request)
        request.state.action = self.action


def quick(action: Action):
    return Depends(QuickGuard(action))


class Shortcut:
    """ASGI in front of the application: calls the routes that are guarded by `quick` by their exact address.

    The routes stand in the application as well; finding one among hundreds of patterns and resolving its
    dependencies would take longer than what it does.
    """

    def __init__(self, app: FastAPI, places: Iterable[tuple[str, APIRouter]]) -> None:
        self.app = app
        self.routes: dict[tuple[str, str], tuple[QuickGuard, Handler]] = {}
        for prefix, router in places:
            for route in router.routes:
                guards = [item.dependency for item in route.dependencies if isinstance(item.dependency, QuickGuard)]
                for guard in guards:
                    for method in route.methods:
                        self.routes[method, prefix + route.path] = guard, route.endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope)
        if found is None:
            await self.app(scope, receive, send)
            return
        scope["app"] = self.app
        request = Request(scope, receive)
        try:
            guard, handler = found
            await guard(request)
            answer = await handler(await arguments_of(request), request)
        except Exception as error:
            answer = self._refuse(request, error)
        await answer(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[QuickGuard, Handler] | None:
        if scope["type"] != "http":
            return None
        return self.routes.get((scope["method"], local_path(Request(scope))))

    def _refuse(self, request: Request, error: Exception) -> Response:
        """As the application would: by the handler of the nearest kind of error."""
        handlers = self.app.exception_handlers
        return next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)(request, error)
