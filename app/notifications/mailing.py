"""Sends a mail by the operator's SMTP server."""

import re
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate

from app.errors import Invalid
from app.settings import Settings

TIMEOUT_SECONDS = 10
TLS_FROM_THE_START = 465
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def check_address(address: str, field: str) -> str:
    if not _ADDRESS.fullmatch(address) or not address.isascii() or len(address) > 254:
        raise Invalid(f"{field}: {address!r} is no address of mail such as ada@example.com.", target=field)
    return address


def send(settings: Settings, recipient: str, subject: str, text: str, message_id: str) -> None:
    """Raises SMTPException or OSError when the server did not take it."""
    mail = EmailMessage()
    mail["From"] = settings.smtp_from
    mail["To"] = recipient
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{message_id}@{settings.smtp_from.rpartition('@')[2].strip('> ')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    with _connect(settings) as server:
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
        server.send_message(mail)


def _connect(settings: Settings) -> smtplib.SMTP:
    where = (settings.smtp_host, settings.smtp_port)
    if settings.smtp_port == TLS_FROM_THE_START:
        return smtplib.SMTP_SSL(*where, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    server = smtplib.SMTP(*where, timeout=TIMEOUT_SECONDS)
    if settings.smtp_starttls:
        server.starttls(context=ssl.create_default_context())
    return server
