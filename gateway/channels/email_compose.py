"""Mail that we send: one message as text and as HTML, in its thread, told to be automatic."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, localtime
from hashlib import sha256
from pathlib import Path

from gateway.channels.base import Outgoing, Refused, Upload
from gateway.channels.email_automatic import MARK
from gateway.channels.email_memory import Thread
from gateway.channels.render import email_html, plain

NAME = "Hermes"
REFERENCES = 20
"""Message-IDs carried along: the first and the latest."""


def message_id(key: str, own: str) -> str:
    """The Message-ID of what is sent under `key`; a repeat has the same."""
    return f"<{sha256(key.encode()).hexdigest()[:32]}.hermes@{own.rpartition('@')[2]}>"


def composed(
    message: Outgoing, *, own: str, to: str, reply_to: str, thread: Thread, most_bytes: int
) -> EmailMessage:
    """The mail that says `message`. Refused: a file that is gone or too large."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=200))
    mail["From"] = formataddr((NAME, own))
    mail["To"] = to
    if reply_to != own:
        mail["Reply-To"] = reply_to
    mail["Subject"] = _subject(message, thread)
    mail["Date"] = localtime()
    mail["Message-ID"] = message_id(message.key, own)
    mail["Auto-Submitted"] = "auto-replied" if thread.references else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[MARK] = own
    if thread.references:
        mail["In-Reply-To"] = thread.references[-1]
        mail["References"] = " ".join(shortened(thread.references))
    mail.set_content(plain(message.text) + "\n")
    mail.add_alternative(email_html(message.text), subtype="html")
    _attach(mail, message.uploads, most_bytes)
    return mail


def shortened(references: list[str]) -> list[str]:
    """The root and the latest."""
    if len(references) <= REFERENCES:
        return references
    return [references[0], *references[1 - REFERENCES :]]


def _subject(message: Outgoing, thread: Thread) -> str:
    words = message.subject or thread.subject
    if not words:
        words = next((line for line in plain(message.text).splitlines() if line.strip()), NAME)
    words = re.sub(r"[\x00-\x1f\x7f]+", " ", words).strip()[:150]
    if thread.references and not re.match(r"(re|aw|sv|antw)\s*:", words, re.IGNORECASE):
        return f"Re: {words}"
    return words


def _attach(mail: EmailMessage, uploads: Iterable[Upload], most_bytes: int) -> None:
    total = 0
    for upload in uploads:
        try:
            data = Path(upload.path).read_bytes()
        except OSError as error:
            raise Refused(f"{upload.name} cannot be read: {error.strerror}") from error
        total += len(data)
        if total > most_bytes:
            raise Refused(f"{upload.name}: more than {most_bytes:,} bytes of files in one mail")
        type = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
        main, _, sub = type.partition("/")
        mail.add_attachment(data, maintype=main, subtype=sub, filename=upload.name)
