"""What commands print: JSON, tables, colour where it is wanted, text made safe for a terminal and
broken between its words; a pipe gets everything whole."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TextIO

CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
UNSEEN = (0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
"""Marks of direction, and what takes no room: a text can say other than it shows. Not the joiners,
which emoji and some scripts need."""
SHOWN = {**CONTROLS, **{code: f"<U+{code:04X}>" for code in UNSEEN}}
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
SIGNS = {"+": "green", "-": "red", "@": "cyan"}
"""The colour of a line of a difference, by its first character."""
_BEGINNING = re.compile(r"[-+ ]? *((?:[-*•]|\d+[.)]) +)?")
"""Of a line, also of a difference: its sign, its indentation, the mark of a list."""


def show_json(value: Any) -> None:
    """Exactly one JSON value on stdout."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(value, ensure_ascii=False, indent=indent))


def note(text: str) -> None:
    """Something beside the answer: stderr."""
    for line in fitted(text.split("\n"), stream=sys.stderr):
        print(line, file=sys.stderr, flush=True)


def clean(text: str) -> str:
    """Without control characters, and with unseen ones by their numbers: what a model, a command
    or a stranger wrote cannot steer the terminal, nor show other than it says."""
    return text.translate(SHOWN)


def clean_answer(text: str) -> str:
    """Without control characters; some scripts are not written without marks of direction."""
    return text.translate(CONTROLS)


class Paint:
    """Styles for one stream; plain text when it is no terminal, or NO_COLOR or TERM say so."""

    def __init__(self, stream: TextIO) -> None:
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self.on = stream.isatty() and not plain

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.on and text else text


def columns(stream: TextIO | None = None) -> int:
    """How wide stdout, or another stream, is; a pipe is as wide as it needs to be."""
    try:
        return max(20, os.get_terminal_size((stream or sys.stdout).fileno()).columns)
    except (OSError, ValueError):
        return sys.maxsize


def width(text: str) -> int:
    """Columns `text` takes in a terminal."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def cut(text: str, limit: int) -> str:
    """`text` in at most `limit` columns."""
    if width(text) <= limit:
        return text
    return text[: _fitting(text, limit - 1)] + "…"


def _fitting(text: str, room: int) -> int:
    """How many characters of `text` fit into `room` columns."""
    for position, character in enumerate(text):
        room -= width(character)
        if room < 0:
            return position
    return len(text)


def wrapped(line: str, room: int, hang: int = 0) -> list[str]:
    """A line in parts of at most `room` columns, broken at spaces; only a word that is longer than
    a part is cut inside. The parts behind the first begin `hang` columns in."""
    parts, hang = [], min(hang, room // 2)
    while width(line) > room:
        fits = max(1, _fitting(line, room))
        begins = len(line) - len(line.lstrip(" "))
        at = line.rfind(" ", begins, fits + 1)
        at = at if at > begins else fits
        parts.append(line[:at].rstrip(" "))
        line = " " * hang + line[at:].lstrip(" ")
    return [*parts, line]


def fitted(lines: Iterable[str], hang: int = 0, stream: TextIO | None = None) -> Iterator[str]:
    """Lines for people to read; the parts of a long one stand below its first word, or `hang`
    columns in."""
    for line in map(clean, lines):
        yield from wrapped(line, columns(stream), hang or _hang(line))


def show_text(lines: Iterable[str], hang: int = 0) -> None:
    for line in fitted(lines, hang):
        print(line)


def show_document(lines: Iterable[str]) -> None:
    """Lines as somebody wrote them, paragraphs and lists."""
    for line in map(clean, lines):
        print("\n".join(wrapped(line, columns(), _hang(line, 0))))


def show_difference(lines: Iterable[str]) -> None:
    """Lines behind their signs, in colour."""
    paint = Paint(sys.stdout)
    for line in map(clean, lines):
        style = SIGNS.get(line[:1], "")
        for part in wrapped(line, columns(), _hang(line)):
            print(paint(style, part) if style else part)


def _hang(line: str, deeper: int = 2) -> int:
    """Where the parts of a line go on: below the first word of a list's point, else `deeper`."""
    beginning = _BEGINNING.match(line)
    assert beginning is not None  # it may be empty
    return beginning.end() + (0 if beginning[1] else deeper)


def table(rows: list[list[str]], head: list[str]) -> None:
    """Columns side by side; the last one is cut at the terminal's edge."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(head, *rows, strict=True)]
    paint = Paint(sys.stdout)
    print(paint("dim", _line(head, widths)))
    for row in rows:
        print(_line(row, widths))


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [cell + " " * (room - width(cell)) for cell, room in zip(cells, widths, strict=True)]
    return cut("  ".join(padded).rstrip(), columns())


def when(at: float | str) -> str:
    """A moment (seconds since the epoch, or ISO text) as local date and time."""
    from datetime import UTC, datetime

    if isinstance(at, str):
        moment = datetime.fromisoformat(at)
    else:
        moment = datetime.fromtimestamp(at, UTC)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def count(number: int) -> str:
    """A number of tokens, short: 812, 3.4k, 1.2M."""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 1_000_000 else f"{number / 1_000_000:.1f}M"
