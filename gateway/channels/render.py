"""Replies as each platform wants them. What a model writes is Markdown; `split` makes messages
of it, the others make one message into what is sent."""

from __future__ import annotations

import re
from html import unescape

from gateway.channels.render_html import email, matrix
from gateway.channels.render_parse import clean
from gateway.channels.render_split import split
from gateway.channels.render_text import plain, telegram

__all__ = [
    "email_html",
    "matrix_html",
    "plain",
    "split",
    "telegram_fits",
    "telegram_html",
    "telegram_length",
    "utf16_length",
]

TELEGRAM_LIMIT = 4096
"""UTF-16 units of what a message shows, tags and addresses of links not counted."""

telegram_html = telegram
matrix_html = matrix
email_html = email

_TAG = re.compile(r"<[^<>]*>")
_MARKED_LINE = re.compile(r"^[ \t]*(?:[-*+_=|:>]|\d+[.)])", re.MULTILINE)
_NUMBERED_LINE = re.compile(r"^[ \t]*\d+[.)]|^[ \t]", re.MULTILINE)
_MAY_GROW_MUCH = re.compile(
    r"\]\(|\]\[|\]:|\||^[ \t]{9}|^[ \t]*(?:[-*+>]|\d+[.)])[ \t]+(?:[-*+>`~#|]|\d+[.)])",
    re.MULTILINE,
)
_GROWTH, _GROWTH_OF_NUMBERED = 3, 16
"""No line of a text that may not grow much is shown by more characters longer than written:
indentation and a blank line; the digits of a number and 4 levels of indentation."""


def utf16_length(text: str) -> int:
    """Characters as Telegram and JavaScript count them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def telegram_length(markdown: str) -> int:
    """UTF-16 units of what Telegram will show of a message."""
    return utf16_length(unescape(_TAG.sub("", telegram_html(markdown))))


def telegram_fits(markdown: str) -> bool:
    """Whether Telegram surely takes this as one message. Markup counts as well, so that the
    answer is cheap for a long text; what may be shown much longer than written is rendered."""
    length = utf16_length(markdown)
    if length > TELEGRAM_LIMIT:
        return False
    if not _MAY_GROW_MUCH.search(markdown):
        lines = markdown.count("\n") + 1 if _MARKED_LINE.search(markdown) else 0
        if not _NUMBERED_LINE.search(markdown):
            return length + lines * _GROWTH <= TELEGRAM_LIMIT
        if length + lines * _GROWTH_OF_NUMBERED <= TELEGRAM_LIMIT:
            return True
    return telegram_length(clean(markdown)) <= TELEGRAM_LIMIT
