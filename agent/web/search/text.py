"""What engines say, as plain text."""

from __future__ import annotations

import html
import re

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")


def plain(text: str | None, limit: int) -> str:
    """One line without markup, at most `limit` characters."""
    line = " ".join(html.unescape(_TAG.sub("", text or "")).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
