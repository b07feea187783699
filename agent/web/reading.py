"""The text of what was fetched: which kind it is, and a process that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.web import child
from agent.web.base import Fetched
from hermes_home.errors import FetchError

SECONDS = 30.0
_PROGRAM = Path(__file__).with_name("reader.py")
_TEXTS = ("json", "xml", "javascript", "yaml", "toml", "csv", "x-sh", "x-ndjson", "x-www-form")
_UNKNOWN = ("", "application/octet-stream", "binary/octet-stream", "application/unknown")


@dataclass(frozen=True, slots=True)
class Text:
    """What a page says. note: what a reader should know of it, such as its count of pages."""

    title: str
    text: str
    note: str = ""


def kind_of(type: str, data: bytes) -> str:
    """html, pdf, text, or "" for what has no text. Of a type that says nothing its bytes tell."""
    if data.startswith(b"%PDF-") and (type in _UNKNOWN or "pdf" in type):
        return "pdf"
    if type in ("text/html", "application/xhtml+xml"):
        return "html"
    if type.startswith("text/") or any(word in type for word in _TEXTS):
        return "text"
    if type not in _UNKNOWN or b"\0" in data[:8192]:
        return ""
    begin = data[:1024].lstrip().lower()
    return "html" if begin.startswith((b"<!doctype html", b"<html")) else "text"


async def read(page: Fetched, kind: str) -> Text:
    """FetchError if it cannot be read."""
    try:
        said = await child.run(
            _PROGRAM, kind, page.charset, page.url, given=page.data, seconds=SECONDS
        )
    except TimeoutError:
        raise FetchError(f"{page.url} could not be read within {SECONDS:g} s") from None
    if said.why:
        raise FetchError(f"{page.url} came, but cannot be read: {said.why}")
    return msgspec.json.decode(said.out, type=Text)
