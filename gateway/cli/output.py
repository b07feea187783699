"""What commands print: JSON, tables, colour where it is wanted, text made safe for a terminal."""

from __future__ import annotations

import json
import os
import sys
import unicodedata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def show_json(value: Any) -> None:
    """Exactly one JSON value on stdout."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(value, ensure_ascii=False, indent=indent))


def note(text: str) -> None:
    """Something beside the answer: stderr."""
    print(text, file=sys.stderr, flush=True)


def clean(text: str) -> str:
    """Without control characters: what a model or a command wrote cannot steer the terminal."""
    return text.translate(CONTROLS)


class Paint:
    """Styles for one stream; plain text when it is no terminal, or NO_COLOR or TERM say so."""

    def __init__(self, stream: TextIO) -> None:
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self.on = stream.isatty() and not plain

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.on and text else text


def columns() -> int:
    """How wide stdout is; a pipe is as wide as it needs to be."""
    try:
        return max(20, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError):
        return 10_000


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
    room = limit - 1
    for position, character in enumerate(text):
        room -= width(character)
        if room < 0:
            return text[:position] + "…"
    return text


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
