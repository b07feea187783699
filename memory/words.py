"""Text as the search index sees it, in any script; what a person typed, as queries of FTS5.

FTS5 splits at spaces and signs. Scripts written without spaces are given to it as overlapping
pairs of characters, so that any part of two or more is found as a phrase of pairs; the last
character of a run stands alone, so that one character is found as the start of a token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

TOKENIZER = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
"""Marks belong to words: without them Hindi or Thai words would fall apart."""

QUERY_CHARS = 1_000
QUERY_PIECES = 32
SNIPPET_CHARS = 200
PREFIX_CHARS = 3

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003134f]+"
)
_ACCENT = re.compile("([A-Za-z\u0370-\u03ff])[\u0300-\u036f]+")
_CHUNK = re.compile(r'"([^"]+)"|(\S+)')
_LETTER = re.compile(r"[^\W_]")


def indexable(text: str) -> str:
    """The text to be tokenised; bounded by three times the text it is made from."""
    if text.isascii():
        return text
    return _UNSPACED.sub(lambda run: f" {_pairs(run[0])} ", _compared(text))


def queries(text: str) -> list[str]:
    """What a person typed as FTS5 expressions, the strictest first: all words, all words as
    beginnings, any word. Empty if there is nothing to look for. Any text gives valid ones."""
    pieces = list(_pieces(text))[:QUERY_PIECES]
    if not pieces:
        return []
    whole = [_quoted(piece) for piece in pieces]
    begun = [_quoted(piece, begun=True) for piece in pieces]
    return list(dict.fromkeys([" AND ".join(whole), " AND ".join(begun), " OR ".join(begun)]))


def snippet(text: str, query: str) -> str:
    """The part of `text` around the first thing looked for, in one line."""
    line = " ".join(text.split())
    folded = _folded(line)
    places = [folded.find(_folded(piece)) for piece in _pieces(query)]
    first = min((place for place in places if place >= 0), default=0)
    start = max(0, min(first - SNIPPET_CHARS // 3, len(line) - SNIPPET_CHARS))
    end = start + SNIPPET_CHARS
    return ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")


def _pieces(text: str) -> Iterator[str]:
    """The words and phrases of a query; a run without spaces is a piece of its own."""
    for match in _CHUNK.finditer(_compared(text[:QUERY_CHARS])):
        chunk = match[1] or match[2]
        at = 0
        for run in _UNSPACED.finditer(chunk):
            yield from (part for part in (chunk[at : run.start()], run[0]) if _says(part))
            at = run.end()
        if _says(chunk[at:]):
            yield chunk[at:]


def _compared(text: str) -> str:
    """One form for what is written in several ways; without the accents of Latin and Greek,
    which FTS5 takes away from Latin only."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENT.sub(r"\1", unicodedata.normalize("NFKD", text)))


def _says(part: str) -> bool:
    return _LETTER.search(part) is not None


def _quoted(piece: str, begun: bool = False) -> str:
    """One piece as an FTS5 string: signs in it separate the words of a phrase."""
    if _UNSPACED.fullmatch(piece):
        single = len(piece) == 1
        return f'"{piece}"*' if single else f'"{_pairs(piece, alone=False)}"'
    clean = "".join(sign if sign.isprintable() else " " for sign in piece).replace('"', " ")
    return f'"{clean}"*' if begun and len(piece) >= PREFIX_CHARS else f'"{clean}"'


def _pairs(run: str, alone: bool = True) -> str:
    pairs = [run[at : at + 2] for at in range(len(run) - 1)]
    return " ".join([*pairs, run[-1]] if alone else pairs)


def _folded(text: str) -> str:
    """Without case and accents, one character for each, so that places stay the same."""
    if text.isascii():
        return text.lower()
    return "".join(unicodedata.normalize("NFD", sign)[0].lower()[:1] for sign in text)
