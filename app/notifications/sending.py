"""One attempt at a delivery, outside of any transaction.

A signature is made as mlflow/webhooks/delivery.py does: `v1,` and the base64 of the HMAC-SHA256, by the secret, of
`{delivery id}.{Unix time in seconds}.{body}`.
"""

import base64
import hashlib
import hmac
import http.client
import smtplib
from dataclasses import dataclass

from app.errors import Unavailable
from app.kit import crypto
from app.kit.clock import milliseconds, now
from app.notifications import mailing, posting
from app.notifications.tables import Delivery
from app.settings import Settings

_AGAIN = {408, 425, 429}


@dataclass(frozen=True)
class Outcome:
    """`status` is what was answered over HTTP or SMTP, if anything was; `again` says that a later attempt may help."""

    delivered: bool
    again: bool
    status: int | None
    answer: str


def attempt(settings: Settings, delivery: Delivery) -> Outcome:
    return _mail(settings, delivery) if delivery.channel == "email" else _post(settings, delivery)


def _post(settings: Settings, delivery: Delivery) -> Outcome:
    try:
        headers = signed(delivery)
        answer = posting.post(
            delivery.target, delivery.body.encode(), headers, allow_private=settings.webhooks_allow_private
        )
    except (posting.Refused, Unavailable) as error:
        return Outcome(False, False, None, str(error))
    except (OSError, http.client.HTTPException) as error:
        return Outcome(False, True, None, f"No answer: {error or type(error).__name__}.")
    if 300 <= answer.status < 400:
        return Outcome(False, False, answer.status, "The receiver sent it elsewhere; redirects are not followed.")
    again = answer.status >= 500 or answer.status in _AGAIN
    return Outcome(200 <= answer.status < 300, again, answer.status, answer.text)


def signed(delivery: Delivery) -> dict[str, str]:
    """The headers of a post."""
    prefix, timestamp = delivery.headers, str(milliseconds(now()) // 1000)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Atelier",
        f"{prefix}-Delivery-Id": delivery.id,
        f"{prefix}-Timestamp": timestamp,
    }
    if delivery.secret:
        content = f"{delivery.id}.{timestamp}.{delivery.body}".encode()
        made = hmac.new(crypto.decrypt(delivery.secret).encode(), content, hashlib.sha256).digest()
        headers[f"{prefix}-Signature"] = f"v1,{base64.b64encode(made).decode()}"
    return headers


def _mail(settings: Settings, delivery: Delivery) -> Outcome:
    if not settings.smtp_host:
        return Outcome(False, False, None, "This server has no mail server: ATELIER_SMTP_HOST is not set.")
    try:
        mailing.send(settings, delivery.target, delivery.subject, delivery.body, delivery.id)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        return Outcome(False, code < 500, code, said.decode(errors="replace"))
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return Outcome(False, error.smtp_code < 500, error.smtp_code, text)
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(False, True, None, f"The mail server did not take it: {error}.")
    return Outcome(True, False, 250, "The mail server took it.")
