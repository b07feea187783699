"""Which words of a text came from somewhere that nobody vouches for.

All tool output is untrusted, the workspace's included. An address, a command, a whole sentence or
a run of eight words is tainted if it stood in untrusted text before the owner or the model first
used it. A call's output comes after its arguments, so it never taints them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from agent.learning import literals

RUN = 8
"""Words in a row that are too many to be a coincidence."""
SENTENCE_WORDS = 4
"""A whole sentence or line of at least as many words is none either."""
COMMAND_WORDS = 3
"""A shorter command says nothing about where it came from, unless it names a file or a host."""

Words = tuple[str, ...]
Places = dict[str, list[tuple[int, Words]]]
"""Suspects by their longest word, with its place in them: where to look for them."""

# A word may hold a path, a host, a version or a port; a scheme is no part of it.
_WORD = re.compile(r"[^\W_]+(?:(?:[_./@-]+|:(?=\d))[^\W_]+)*")
_SCHEME = re.compile(r"\b[a-z][a-z+.-]*://")
_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|[nrt])")
_ADDRESS = re.compile(
    r"[a-z][a-z+.-]{0,30}://[^\s<>\"'`)]+"
    r"|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\b(?:[\w-]+\.)+[a-z]{2,}/[^\s<>\"'`)]+",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"`([^`]{1,500})`|^\s*\$ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^\s*(?:```|~~~)[^\n]*\n(.*?)^\s*(?:```|~~~)", re.MULTILINE | re.DOTALL)
_PARAGRAPH = re.compile(r"\n\s*(?=\n|[-*+>#]\s|\d+[.)]\s)")
_SENTENCE_END = re.compile(r"[.!?:;]\s")


def tainted(text: str, sources: Sequence[tuple[bool, str]]) -> list[str]:
    """The parts of `text` whose first appearance in `sources` (trusted?, words; oldest first) is
    untrusted. Parts that appear in none are the author's own."""
    suspects = {words: part for part in _parts(text) if (words := _words(part))}
    lists = {words for part in _lists(text) if (words := _words(part)) and words not in suspects}
    suspects |= {words: " ".join(words) for words in lists}
    places = _places(suspects)
    found: list[str] = []
    for trusted, source in sources:
        if not suspects:
            break
        for words in dict.fromkeys(_seen(_words(source), places)):
            if words not in suspects:
                continue
            if trusted or words not in lists:
                part = suspects.pop(words)
                found += [] if trusted else [part]
            elif _in_prose(words, source):
                found.append(suspects.pop(words))
    return found


def rests_on(text: str, said: Iterable[str]) -> bool:
    """Whether at least half of the words of a text were said. Endings and short words count for
    nothing."""
    stems = _stems(text)
    return len(stems & _stems(" ".join(said))) * 2 >= len(stems)


def _stems(text: str) -> set[str]:
    return {word[:5] for word in _words(text) if len(word) > 3 or not word.isascii()}


def _parts(text: str) -> Iterator[str]:
    yield from _ADDRESS.findall(text)
    yield from (found for whole in literals.glued(text) for found in _ADDRESS.findall(whole))
    yield from filter(_telling, (*_commands(text), *literals.started(text)))
    yield from (one for one in _sentences(text) if not _only_listed(one))
    words = _words(text)
    for start in range(len(words) - RUN + 1):
        yield " ".join(words[start : start + RUN])


def _lists(text: str) -> Iterator[str]:
    """Lists of names, and rows of quotation marks: copied only if a source has them in prose."""
    yield from literals.rows(text)
    yield from filter(_only_listed, _sentences(text))


def _only_listed(sentence: str) -> bool:
    names, rest = literals.listed(sentence)
    return bool(names) and not _words(rest)


def _commands(text: str) -> Iterator[str]:
    for match in _COMMAND.finditer(text):
        yield match.group(1) or match.group(2)
    for match in _FENCED.finditer(text):
        yield from match.group(1).splitlines()


def _telling(command: str) -> bool:
    words = _words(command)
    named = any("." in word or "/" in word for word in words)
    return len(words) >= COMMAND_WORDS - named


def _sentences(text: str) -> Iterator[str]:
    """Whole lines and sentences that are too short for a run. Headings are alike everywhere."""
    for piece in (*text.splitlines(), *_PARAGRAPH.split(text)):
        if piece.startswith("#"):
            continue
        for sentence in _SENTENCE_END.split(piece):
            if SENTENCE_WORDS <= len(_words(sentence)) < RUN:
                yield sentence


def _words(text: str) -> Words:
    """The words as they are compared: without case, punctuation, JSON's escapes and characters
    that nobody sees."""
    return tuple(_WORD.findall(_SCHEME.sub(" ", _plain(text))))


def _plain(text: str) -> str:
    plain = _ESCAPE.sub(_unescaped, text) if "\\" in text else text
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
        plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return plain.casefold()


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match.group(1), 16)) if match.group(1) else " "


def _places(suspects: Iterable[Words]) -> Places:
    places: Places = {}
    for suspect in suspects:
        longest = max(suspect, key=len)
        places.setdefault(longest, []).append((suspect.index(longest), suspect))
    return places


def _seen(source: Words, places: Places) -> Iterator[Words]:
    """The suspects that stand in this source."""
    for at, word in enumerate(source):
        for offset, suspect in places.get(word, ()):
            start = at - offset
            if start >= 0 and source[start : start + len(suspect)] == suspect:
                yield suspect


def _in_prose(words: Words, source: str) -> bool:
    """Whether a source says these words as a sentence does, with nothing but a space between."""
    row = r"[`'\"*]? [`'\"*]?".join(map(re.escape, words))
    return re.search(rf"(?<!\w){row}(?!\w)", _plain(source)) is not None
