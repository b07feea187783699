"""Header lines of a mail that anybody may have written: read as text, whatever they hold. The
parsers of the standard library raise on some."""

from __future__ import annotations

import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage


def lines(mail: EmailMessage, name: str) -> list[str]:
    """Every line of that name, unfolded, as it was sent."""
    return [
        re.sub(r"\r?\n", "", str(value)).strip()
        for key, value in mail.raw_items()
        if key.lower() == name.lower()
    ]


def words(mail: EmailMessage, name: str) -> str:
    """The first line of that name as people read it; "" if there is none."""
    raw = next(iter(lines(mail, name)), "")
    try:
        text = str(make_header(decode_header(raw)))
    except (MessageError, LookupError, ValueError):
        text = raw
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text.encode("utf-8", "replace").decode()).strip()
