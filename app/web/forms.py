"""Where forms lead: on to a page, or shown again with what was wrong beside the field."""

from fastapi import Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.errors import AtelierError
from app.web.templating import templates


def follow(request: Request, address: str) -> Response:
    """Lead to a page, whether a script or the browser itself sent the form."""
    if request.headers.get("HX-Request"):
        return Response(headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def refuse(request: Request, session: Session, template: str, error: AtelierError, context: dict) -> Response:
    """The page of a form once more, with the status of `error` and `errors`, a message by field.

    What raised must not have written yet: the transaction goes on and is committed.
    """
    # Nothing was done, so the audit record of this request has nothing to tell.
    session.info.pop("conclude", None)
    errors = {error.target: error.message.removeprefix(f"{error.target}: ")}
    return templates.TemplateResponse(request, template, context | {"errors": errors}, status_code=error.status)
