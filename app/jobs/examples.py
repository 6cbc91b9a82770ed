"""The example that comes with Atelier, submitted by one button."""

from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.jobs import packing, service
from app.jobs.drafts import DIGITS, Draft
from app.jobs.tables import Job


def digits() -> Draft:
    """The example's job file; the code of the example belongs to it."""
    return Draft((DIGITS / "job.yml").read_text(), "", True)


def submit_digits(session: Session, caller: Caller) -> Job:
    code = packing.store_folder(caller.workspace.id, DIGITS / "src")
    return service.submit(session, caller, digits().yaml, {"./src": code})
