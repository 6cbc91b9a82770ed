"""Renders an AtelierError in the dialect of the address it was raised under."""

import logging
from http import HTTPStatus
from urllib.parse import quote
from xml.sax.saxutils import escape

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import IntegrityError, OperationalError
from starlette.exceptions import HTTPException

from app.errors import (
    AlreadyExists,
    AtelierError,
    Conflict,
    Forbidden,
    Invalid,
    InvalidRange,
    NotFound,
    QuotaExceeded,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from app.web.addressing import local_path
from app.web.templating import templates

log = logging.getLogger(__name__)

# Names and statuses of mlflow/exceptions.py and databricks.proto.
MLFLOW_CODES = {
    AlreadyExists: ("RESOURCE_ALREADY_EXISTS", 400),
    NotFound: ("RESOURCE_DOES_NOT_EXIST", 404),
    Invalid: ("INVALID_PARAMETER_VALUE", 400),
    Conflict: ("INVALID_STATE", 400),
    Unauthenticated: ("UNAUTHENTICATED", 401),
    Forbidden: ("PERMISSION_DENIED", 403),
    QuotaExceeded: ("REQUEST_LIMIT_EXCEEDED", 429),
    Unsupported: ("NOT_IMPLEMENTED", 501),
    Unavailable: ("TEMPORARILY_UNAVAILABLE", 503),
}


# Source: learn.microsoft.com/rest/api/storageservices/blob-service-error-codes.
STORAGE_CODES = {
    AlreadyExists: "BlobAlreadyExists",
    NotFound: "BlobNotFound",
    Invalid: "InvalidInput",
    Conflict: "BlobImmutableDueToPolicy",
    Unauthenticated: "AuthenticationFailed",
    Forbidden: "AuthorizationFailure",
    InvalidRange: "InvalidRange",
    Unsupported: "UnsupportedQueryParameter",
    Unavailable: "ServerBusy",
}


class NoSuchRoute(NotFound):
    """An address that the server does not have, as opposed to a thing that it does not have."""


def problem(request: Request, error: AtelierError) -> Response:
    """RFC 9457, with `target` and `details` where they say something."""
    body = {"type": "about:blank", "title": error.title, "status": error.status, "detail": error.message}
    body |= {"code": error.code, "request_id": _request_id(request)}
    if error.target:
        body["target"] = error.target
    if error.details:
        body["details"] = error.details
    return JSONResponse(body, error.status, media_type="application/problem+json")


def mlflow(request: Request, error: AtelierError) -> Response:
    if isinstance(error, NoSuchRoute):
        code, status = "ENDPOINT_NOT_FOUND", 404
    else:
        known = (MLFLOW_CODES[kind] for kind in type(error).__mro__ if kind in MLFLOW_CODES)
        code, status = next(known, ("INTERNAL_ERROR", error.status))
    return JSONResponse({"error_code": code, "message": error.message}, status)


def oauth(request: Request, error: AtelierError) -> Response:
    """RFC 6749, section 5.2."""
    code = "invalid_client" if error.status == 401 else "invalid_request"
    return JSONResponse({"error": code, "error_description": error.message}, error.status)


def arm(request: Request, error: AtelierError) -> Response:
    """A thing that there is not is ResourceNotFound and details are errors themselves, as Azure's clients expect."""
    code = "ResourceNotFound" if isinstance(error, NotFound) else error.code
    details = [{"code": code, "message": text} for text in error.details]
    body = {"code": code, "message": error.message, "target": error.target, "details": details}
    return JSONResponse({"error": body}, error.status)


def storage(request: Request, error: AtelierError) -> Response:
    """Azure Storage's shape; its clients read the code from the header."""
    known = (STORAGE_CODES[kind] for kind in type(error).__mro__ if kind in STORAGE_CODES)
    code = next(known, "InternalError")
    text = f"<Error><Code>{code}</Code><Message>{escape(error.message)}</Message></Error>"
    body = '<?xml version="1.0" encoding="utf-8"?>' + text
    return Response(body, error.status, {"x-ms-error-code": code}, "application/xml")


def page(request: Request, error: AtelierError) -> Response:
    fragment = request.headers.get("HX-Request") == "true"
    if error.status == 401 and request.method == "GET":
        wanted = quote(request.scope["path"] + ("?" + request.url.query if request.url.query else ""))
        address = f"/sign-in?next={wanted}"
        return Response(headers={"HX-Redirect": address}) if fragment else RedirectResponse(address, 303)
    name = "errors/_toast.html" if fragment else "errors/page.html"
    headers = {"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"} if fragment else None
    context = {"error": error, "request_id": _request_id(request)}
    return templates.TemplateResponse(request, name, context, status_code=error.status, headers=headers)


DIALECTS = (
    ("/api/2.0/mlflow", mlflow),
    ("/api/3.0/mlflow", mlflow),
    ("/ajax-api/", mlflow),
    ("/v1/", mlflow),
    ("/subscriptions", arm),
    ("/history/", arm),
    ("/datastore/", arm),
    ("/mferp/", arm),
    ("/registrymanagement/", arm),
    ("/metadata/", arm),
    ("/discovery", arm),
    ("/msi/", arm),
    ("/adfs/", oauth),
    ("/blobs", storage),
    ("/api", problem),
    ("/", page),
)


def render(request: Request, error: AtelierError) -> Response:
    path = local_path(request)
    renderer = next(renderer for prefix, renderer in DIALECTS if path.startswith(prefix))
    answer = renderer(request, error)
    if error.status == 401 and renderer is not page:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Atelier"'
    return answer


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


def _render_invalid(request: Request, error: RequestValidationError) -> Response:
    found = [(".".join(str(part) for part in item["loc"][1:]), item["msg"]) for item in error.errors()]
    field, message = found[0]
    details = [f"{name}: {text}" for name, text in found] if len(found) > 1 else []
    return render(request, Invalid(f"{field}: {message}" if field else message, target=field, details=details))


def _render_http(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        return render(request, NoSuchRoute(f"There is nothing at {request.scope['path']}."))
    raised = AtelierError(str(error.detail))
    raised.status, raised.title = error.status_code, HTTPStatus(error.status_code).phrase
    answer = render(request, raised)
    answer.headers.update(error.headers or {})
    return answer


def _render_integrity(request: Request, error: IntegrityError) -> Response:
    # Two requests made the same thing at the same moment; the constraint let one of them win.
    log.info("integrity: %s", error.orig)
    return render(request, Conflict("Somebody else changed the same thing at the same moment. Look again and retry."))


def _render_busy(request: Request, error: OperationalError) -> Response:
    log.error("database: %s", error.orig)
    answer = render(request, Unavailable("The database does not answer right now. Try again in a moment."))
    answer.headers["Retry-After"] = "2"
    return answer


def _render_bug(request: Request, error: Exception) -> Response:
    log.exception("unhandled error", exc_info=error)
    number = _request_id(request)
    return render(request, AtelierError(f"Something went wrong on the server; its log has more under {number}."))


def install(app: FastAPI) -> None:
    app.add_exception_handler(AtelierError, render)
    app.add_exception_handler(RequestValidationError, _render_invalid)
    app.add_exception_handler(HTTPException, _render_http)
    app.add_exception_handler(IntegrityError, _render_integrity)
    app.add_exception_handler(OperationalError, _render_busy)
    app.add_exception_handler(Exception, _render_bug)
