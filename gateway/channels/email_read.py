"""From the bytes of a mail to what came in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime
from hashlib import sha256
from typing import cast

from gateway.channels.base import Attachment, Incoming, Place
from gateway.channels.email_automatic import why_automatic
from gateway.channels.email_headers import lines, words
from gateway.channels.email_identity import proved_by_server, proved_by_tag, sender, written_to
from gateway.channels.email_text import written

_ID = re.compile(r"<[^<>\s]+>")
LONGEST_ID = 200


@dataclass(frozen=True)
class Rules:
    """What is needed to judge a mail: our address, and by what a sender is believed."""

    own: str
    owners: tuple[str, ...]
    authserv_id: str
    tag: str


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def judged(mail: EmailMessage, rules: Rules) -> tuple[str, str]:
    """(address, why not): who is proved to have written it, and "" if it may be handed over."""
    address = sender(mail)
    if why := why_automatic(mail, address, rules.own):
        return address, why
    if not address:
        return "", "no single sender"
    owner = address in rules.owners
    proved = proved_by_server(mail, address, rules.authserv_id) or proved_by_tag(
        written_to(mail), rules.own, rules.tag, address, owner
    )
    return address, "" if proved else "not proved"


def incoming(mail: EmailMessage, address: str, own: str, validity: int, uid: int) -> Incoming:
    """What a mail says, as an event of its thread."""
    ids = references(mail)
    own_id = ids[-1] if ids else ""
    return Incoming(
        place=Place("email", own, address, ids[0] if ids else f"{validity}-{uid}"),
        event=f"{validity}:{own_id or uid}",
        sender=address,
        name=parseaddr(words(mail, "From"))[0],
        text=_text(mail, first=len(ids) < 2),
        attachments=tuple(
            Attachment(
                reference=f"{validity}/{uid}/{number}",
                name=part.get_filename() or "",
                type=part.get_content_type(),
                size=len(payload(part)),
            )
            for number, part in enumerate(attached(mail))
        ),
        at=_time(mail),
    )


def references(mail: EmailMessage) -> list[str]:
    """The Message-IDs of the thread up to this mail, the root first and its own last."""
    found: list[str] = []
    for name in ("References", "In-Reply-To", "Message-ID"):
        ids = _ID.findall(" ".join(lines(mail, name)))
        if name == "In-Reply-To" and found:
            continue
        found += ids[:1] if name == "Message-ID" else ids
    return [_bounded(one) for one in dict.fromkeys(found)]


def _bounded(id: str) -> str:
    if len(id) <= LONGEST_ID:
        return id
    return f"<{sha256(id.encode()).hexdigest()}@long>"


def _text(mail: EmailMessage, first: bool) -> str:
    """A thread's first mail says its subject too, unless its text is a command."""
    text, subject = written(mail), words(mail, "Subject")
    if not first or not subject or text.startswith("/"):
        return text
    return f"{subject}\n\n{text}" if text else subject


def attached(mail: EmailMessage) -> list[EmailMessage]:
    """The files that came with a mail, pictures inside its text too."""
    body = mail.get_body(("plain", "html"))
    found: list[EmailMessage] = []

    def walk(part: EmailMessage) -> None:
        if part.get_content_type() == "message/rfc822" or not part.is_multipart():
            text = part.get_content_type() in ("text/plain", "text/html")
            if part is not body and not (text and not part.get_filename()):
                found.append(part)
            return
        for inner in part.iter_parts():
            walk(cast(EmailMessage, inner))

    walk(mail)
    return found


def payload(part: EmailMessage) -> bytes:
    """The bytes of a file; a forwarded mail is one too."""
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload(0)
        return inner.as_bytes() if isinstance(inner, EmailMessage) else b""
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _time(mail: EmailMessage) -> float:
    try:
        return parsedate_to_datetime(words(mail, "Date")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
