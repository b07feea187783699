"""Which files of a home have a history: skills, notes, jobs, SOUL.md and config.yaml."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hermes_home.errors import HermesError
from hermes_home.files import scratch
from hermes_home.paths import Home

FOLDERS = ("skills", "memories", "cron")
FILES = ("SOUL.md", "config.yaml")
LARGEST = 4 * 1024 * 1024
"""Bytes; larger files are left out of the history."""
_NEVER = frozenset({".git", ".ds_store", "__pycache__", "node_modules", ".venv"})


State = tuple[str, str]
"""A file's mode and git's name for its data."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file as git keeps it. mode: 100644, 100755 or 120000 (a link; data is its target)."""

    mode: str
    data: bytes

    @property
    def state(self) -> State:
        blob = hashlib.sha1(b"blob %d\0" % len(self.data), usedforsecurity=False)
        blob.update(self.data)
        return self.mode, blob.hexdigest()


def tracked(relative: str) -> bool:
    """Whether this path below the home belongs to the history. Looks at the words only."""
    parts = PurePosixPath(relative).parts
    if not parts or parts[0] == "/" or "\0" in relative:
        return False
    if any(part == ".." or part.lower() in _NEVER or scratch(part) for part in parts):
        return False
    return parts[0] in FOLDERS if len(parts) > 1 else parts[0] in FILES


def locate(home: Home, relative: str) -> Path:
    """The file that a tracked path means, links followed. HermesError if it is not tracked or a
    link leads out of what is."""
    if not tracked(relative):
        raise HermesError(
            f"{relative!r} is not a file with a history",
            f"those are {', '.join(FILES)} and files below {', '.join(FOLDERS)}",
        )
    root = home.root.resolve()
    path = _resolved(root / relative)
    if not path.is_relative_to(root) or not tracked(path.relative_to(root).as_posix()):
        raise HermesError(
            f"{relative} leads to {path} through a link", "edit that file, or remove the link"
        )
    return path


def spellings(home: Home, relative: str) -> set[str]:
    """The path as the history spells it, and what it leads to if it is a link; neither if that
    is outside of what is tracked. A folder counts."""
    root = home.root.resolve()
    path = home.root / relative
    places = (_resolved(path.parent) / path.name, _resolved(path))
    inside = {place.relative_to(root).as_posix() for place in places if place.is_relative_to(root)}
    return {spelled for spelled in inside if tracked(spelled) or spelled in FOLDERS}


def _resolved(path: Path) -> Path:
    """The path with its links followed; as it is if they lead round in a circle."""
    try:
        return path.resolve()
    except RuntimeError:  # Python before 3.13 says so of a circle
        return path


def read(path: Path) -> Content | None:
    """What a file or link holds now; None if there is nothing that git would keep."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            return Content("120000", os.fsencode(path.readlink()))
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            return None
        mode = "100755" if found.st_mode & stat.S_IXUSR else "100644"
        return Content(mode, path.read_bytes())
    except OSError:
        return None  # gone, or not ours to read


def files_below(home: Home, relative: str) -> Iterator[str]:
    """The tracked files at or below a path, as paths below the home; links are not followed."""
    path = home.root / relative
    if path.is_symlink() or not path.is_dir():
        if tracked(relative) and os.path.lexists(path):
            yield relative
        return
    for name in sorted(entry.name for entry in path.iterdir()):
        if name.lower() not in _NEVER and not scratch(name):
            yield from files_below(home, f"{relative}/{name}")
