"""Where an entry holds and until when, as a person writes it at the entry's end:

The deploy branch is release. (in ~/work/site)
The proxy is down. (until 2026-12-21)
"""

from __future__ import annotations

import os
import re
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_PLACE = re.compile(r"\s*\(in ([~/][^()\n]*)\)\.?\s*\Z")
_UNTIL = re.compile(r"\s*\(until (\d{4}-\d\d-\d\d)\)\.?\s*\Z")


class Scoped(NamedTuple):
    """An entry taken apart. `place`: the folder in which and below which it holds, as written;
    empty = everywhere. `until`: the last day on which it holds."""

    claim: str
    place: str = ""
    until: date | None = None


@lru_cache(maxsize=16_384)
def parse(text: str) -> Scoped:
    """The marks at the end of an entry; a day that is none is part of what it says."""
    place, until = "", None
    while True:
        if not until and (found := _UNTIL.search(text)) and (day := _day(found[1])):
            until = day
        elif not place and (found := _PLACE.search(text)):
            place = found[1].strip()
        else:
            return Scoped(text, place, until)
        text = text[: found.start()]


def written(scoped: Scoped) -> str:
    """The entry as it stands in the file."""
    marks = [f"(in {scoped.place})"] if scoped.place else []
    marks += [f"(until {scoped.until})"] if scoped.until else []
    return " ".join([scoped.claim, *marks])


def holds(text: str, cwd: str, today: date) -> bool:
    """Whether an entry is to be told today in a workspace (empty = in none)."""
    scoped = parse(text)
    if expired(text, today):
        return False
    return not scoped.place or bool(cwd) and _below(_folder(cwd), _folder(scoped.place))


def here(text: str, cwd: str, today: date) -> str:
    """The entry as it holds today in a workspace (empty = in none), unless it says where."""
    scoped = parse(text)
    place = scoped.place or (shown(cwd) if cwd else "")
    return written(scoped._replace(place=place, until=today))


def expired(text: str, today: date) -> bool:
    until = parse(text).until
    return until is not None and until < today


def covers(wide: Scoped, narrow: Scoped) -> bool:
    """Whether one holds everywhere and as long as the other."""
    place = not wide.place or (
        bool(narrow.place) and _below(_folder(narrow.place), _folder(wide.place))
    )
    lasting = wide.until is None or (narrow.until is not None and narrow.until <= wide.until)
    return place and lasting


def same_place(one: Scoped, other: Scoped) -> bool:
    if not (one.place and other.place):
        return one.place == other.place
    return _folder(one.place) == _folder(other.place)


def shown(folder: str) -> str:
    """A folder as it is written into an entry."""
    path, user = Path(folder), Path.home()
    return f"~/{path.relative_to(user)}" if user in path.parents else str(path)


@lru_cache(maxsize=1_024)
def _folder(text: str) -> str:
    return os.path.realpath(os.path.expanduser(text))  # noqa: PTH111


def _below(folder: str, top: str) -> bool:
    return folder == top or folder.startswith(top.rstrip("/") + "/")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
