"""What a text only lists, and what code puts together from words in quotation marks.

A statement has grammar; a table's head and a list of keys have none. So single words, three or more
in a row with signs between them, say nothing by themselves. The same words may be a command or an
address, which code glues together from pieces: those are compared as what they come to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LEAST = 3
"""Names in a row that are a list."""
PIECES = 3
"""Words in quotation marks, in a row, that may be a sentence or a command."""
STEP = 200
"""Characters of what was glued that are looked at together, at least."""

_BETWEEN = re.compile(r"[,;|\t\n\[\](){}:=\"'`]+|\s(?:and|or|und|oder|et|ou|y|o)\s")
_NAME = re.compile(r"[\s*#>-]*([^\W\d][\w-]*)[\s.*…]*")
_LITERAL = r"(?:\"[^\"\n]*\"|'[^'\n]*')"
_INNER = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_ROW = re.compile(rf"{_LITERAL}(?:[\s,+]*{_LITERAL})*")
_JOINED = re.compile(r"(?:\"([^\"\n]{0,3})\"|'([^'\n]{0,3})')\.join\(\s*[\[({]?\s*\Z")
_STARTS = re.compile(
    r"\b(?:subprocess|child_process)\b|\b(?:system|popen|run|call|exec\w*|spawn\w*)\s*\(",
    re.IGNORECASE,
)


def listed(text: str) -> tuple[str, str]:
    """The names a text only lists, and the rest of its words."""
    names: list[str] = []
    rest: list[str] = []
    row: list[str] = []
    for item in (*_BETWEEN.split(text), "the end"):
        if name := _NAME.fullmatch(item):
            row.append(name[1])
        elif any(map(str.isalpha, item)):
            (names if len(row) >= LEAST else rest).extend(row)
            rest.append(item)
            row = []
    return " ".join(names), " ".join(rest[:-1])


def rows(text: str) -> list[str]:
    """The words of each row of quotation marks that are enough for a sentence."""
    found = (" ".join(inner) for inner, _ in _rows(text) if len(inner) > 1)
    return [words for words in found if len(words.split()) >= PIECES]


def glued(text: str) -> Iterator[str]:
    """What rows of quotation marks come to, glued together as code does, in overlapping parts."""
    for inner, before in _rows(text):
        joined = _JOINED.search(before)
        marks = {"", *(joined.groups(default="") if joined else ())}
        for whole in (mark.join(inner) for mark in marks if len(inner) > 1):
            yield from (whole[at : at + 2 * STEP] for at in range(0, len(whole), STEP))


def started(text: str) -> list[str]:
    """The words of every row of quotation marks, of a text that starts processes."""
    return [" ".join(inner) for inner, _ in _rows(text)] if _STARTS.search(text) else []


def _rows(text: str) -> Iterator[tuple[list[str], str]]:
    """What stands in each row of quotation marks, and the few characters before it."""
    for row in _ROW.finditer(text):
        inner = [found[1] or found[2] or "" for found in _INNER.finditer(row[0])]
        yield inner, text[max(0, row.start() - 20) : row.start()]
