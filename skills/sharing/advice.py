"""What a careful reader would stop at in somebody else's skill, line by line.

Advice, and never a verdict: nothing is kept out by it and nothing is safe because it is silent.
Every file that would be installed is looked at, whole; no file of the skill has a say in that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.characters import unseen
from hermes_home.errors import SkillError
from skills.encoding import decoded
from skills.sharing.layout import NAMES
from skills.sharing.package import File, Files
from skills.sharing.phrases import LEVELS, MATCHERS, Level, Phrase

MOST = 500
"""Findings that are told; those that matter most come first."""
LONG_LINE = 4_000
OVERLAP = 600
"""Characters two parts of a long line have in common."""
EMPTY_LINES = 100
SHOWN = 160
"""Characters of a line that are shown."""
IGNORE_FILES = ("ignore", ".ignore")

_PROGRAMS = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xca\xfe\xba\xbe")
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf", b"Rar!")
_MEDIA = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"%PDF", b"\0\x01\0\0", b"OTTO", b"wOF")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_ORDERING = re.compile(r"\b(?:must|always|never|run|execute|ignore|send|do not|secret)\b", re.I)


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding. line counts from 1, 0 = the whole file. quoted: it stands in a block of code or
    a quotation, as an example may."""

    file: str
    line: int
    level: Level
    rule: str
    meaning: str
    text: str = ""
    quoted: bool = False


def advise(files: Files) -> list[Advice]:
    """Everything there is to say, what matters most first, then by file and line."""
    found = [one for path, file in sorted(files.items()) for one in _look(path, file)]
    found.sort(key=lambda one: (-LEVELS.index(one.level), one.quoted))
    return found[:MOST]


def _look(path: str, file: File) -> Iterator[Advice]:
    yield from _by_name(path)
    if path not in NAMES and (kind := _not_text(path, file.data)):
        yield kind
        return
    try:
        text, odd = decoded(file.data)
    except SkillError:
        yield Advice(path, 0, "caution", "unreadable", "it is no text, and was not looked into")
        return
    for note in odd:
        yield Advice(path, note.line, "info", "encoding", note.text)
    yield from _hidden(path, text)
    yield from _lines(path, text)


def _by_name(path: str) -> Iterator[Advice]:
    name = path.rpartition("/")[2]
    if name.endswith(IGNORE_FILES):
        meaning = "a list of files to be passed over; nothing was passed over for it"
        yield Advice(path, 0, "caution", "ignore-file", meaning)
    elif any(part.startswith(".") for part in path.split("/")):
        yield Advice(path, 0, "caution", "hidden-file", "its name hides it from a listing")


def _not_text(path: str, data: bytes) -> Advice | None:
    """What to say of a file that holds no text; None if it may hold some."""
    if data.startswith(_PROGRAMS) and b"\0" in data[:4096]:
        return Advice(path, 0, "danger", "program", "a program; what it does cannot be read")
    if path.endswith((".pyc", ".pyo", ".class", ".so", ".dll", ".dylib", ".exe")):
        return Advice(path, 0, "danger", "program", "a program; what it does cannot be read")
    if data.startswith(_ARCHIVES):
        return Advice(path, 0, "caution", "archive", "an archive, and was not looked into")
    if b"\0" not in data[:65536] or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None
    if data.startswith(_MEDIA):
        return Advice(path, 0, "info", "media", "a picture, a font or a document")
    return Advice(path, 0, "caution", "unreadable", "it is no text, and was not looked into")


def _hidden(path: str, text: str) -> Iterator[Advice]:
    for line, name in unseen(text.replace("\r", "").removeprefix("\ufeff")):
        steering = name.startswith(("U+E0", "U+202", "U+206"))
        level: Level = "danger" if steering else "caution"
        yield Advice(path, line, level, "hidden-character", f"hides {name}")
    if path.endswith((".md", ".markdown", ".html")):
        for match in _COMMENT.finditer(text):
            level = "danger" if _ORDERING.search(match[1]) else "info"
            line = text.count("\n", 0, match.start()) + 1
            meaning = "a comment that a rendered page does not show"
            yield Advice(path, line, level, "comment", meaning, _shown(match[1]))


def _lines(path: str, text: str) -> Iterator[Advice]:
    matchers = _possible(text)
    fenced, empty = False, 0
    for number, line in enumerate(text.split("\n"), 1):
        if _FENCE.match(line):
            fenced = not fenced
        if not line.strip():
            empty += 1
            continue
        if empty >= EMPTY_LINES:
            meaning = f"stands behind {empty} empty lines"
            yield Advice(path, number, "danger", "out-of-sight", meaning, _shown(line))
        empty = 0
        if len(line) > LONG_LINE:
            meaning = f"a line of {len(line):,} characters"
            yield Advice(path, number, "caution", "long-line", meaning)
        if matchers:
            block = fenced or line.lstrip().startswith(">")
            yield from _phrases(path, number, line, block, matchers)


Matchers = Sequence[tuple[Phrase, tuple[str, ...], re.Pattern[str]]]


def _possible(text: str, matchers: Matchers = MATCHERS) -> Matchers:
    """The phrases of which a word is in a text."""
    plain = text.lower()
    return [one for one in matchers if any(word in plain for word in one[1])]


def _phrases(
    path: str, number: int, line: str, block: bool, matchers: Matchers
) -> Iterator[Advice]:
    told = set()
    for part in _parts(line):
        for phrase, _, pattern in _possible(part, matchers):
            match = None if phrase.rule in told else pattern.search(part)
            if match is None:
                continue
            told.add(phrase.rule)
            quoted = block or _in_quotes(part, match.start())
            at = max(0, match.start() - 40)
            shown = _shown(("…" if at else "") + part[at:])
            yield Advice(path, number, phrase.level, phrase.rule, phrase.meaning, shown, quoted)


def _parts(line: str) -> Iterator[str]:
    """A long line in parts that overlap by more than any phrase is long."""
    step = LONG_LINE - OVERLAP
    yield from (line[at : at + LONG_LINE] for at in range(0, max(1, len(line) - OVERLAP), step))


def _in_quotes(line: str, at: int) -> bool:
    before = line[:at]
    return before.count("`") % 2 == 1 or before.count('"') % 2 == 1 or "“" in before


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
