"""Which runs were for the same kind of task, by the words of the request; no model needed.

The first request of a kind founds it. A later one belongs to the kind whose founding words are
nearest to its own, if they are near enough. Names of files, numbers, addresses and what stands in
quotation marks vary within a kind, so they are left out. Requests in quite other words are of one
kind if their runs followed the same skill (run_tables.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

NEAR = 0.6
"""Dice's coefficient of two sets of words from which on they are of one kind."""
KEPT = 300
"""How many kinds a request is compared with, those used last."""
LABEL_CHARS = 200
_READ_CHARS = 600
_WORDS = 24
_STEM = 6
"""Words are compared by their first letters, without a plural's s, so that endings make no
difference."""

_VARIES = re.compile(
    r"\"[^\"\n]*\"|“[^”\n]*”|«[^»\n]*»|`[^`\n]*`|(?<!\w)'[^'\n]*'(?!\w)"
    r"|\b\w+://\S+|\S+@\S+|\S*[/\\]\S*|\S*\w\.\w\S*|\S*\d\S*"
)
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_STOP = frozenset(
    "the and for with that this from into please can could would you your our its all any are"
    " was not but use using then also them there here have has had get let now want need should"
    " der die das und für mit bitte von ein eine den dem les des une pour avec dans los las una"
    " para con por est que".split()
)


def words_of(request: str) -> frozenset[str]:
    """The words of a request that say of which kind it is; may be empty."""
    text = unicodedata.normalize("NFKC", _VARIES.sub(" ", request[:_READ_CHARS])).casefold()
    found: list[str] = []
    for word in _WORD.findall(text):
        if _UNSPACED.match(word):
            found += (word[at : at + 2] for at in range(max(1, len(word) - 1)))
        elif len(word) > 2 and word not in _STOP:
            found.append(word.rstrip("s")[:_STEM])
    return frozenset(found[:_WORDS])


def label_of(request: str) -> str:
    """What a kind that this request founds is called: its first line that says anything."""
    lines = (line for line in request.splitlines() if len(words_of(line)) > 1)
    line = " ".join(next(lines, request).split()) or "other"
    return line if len(line) <= LABEL_CHARS else line[: LABEL_CHARS - 1] + "…"


def nearest(words: frozenset[str], kinds: Iterable[tuple[int, frozenset[str]]]) -> int | None:
    """The kind that these words belong to, the first of equals; None if none is near enough."""
    best, found = NEAR, None
    for number, founding in kinds:
        shared = 2 * len(words & founding) / ((len(words) + len(founding)) or 1)
        if shared > best or (shared == best and found is None):
            best, found = shared, number
    return found
