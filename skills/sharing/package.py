"""A skill's files in memory, bounded, under names that can only lie below its folder.

Nothing that came from elsewhere is written to the disk before it went through `packaged`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from agent.characters import unseen
from hermes_home.errors import SkillError
from hermes_home.tracked import LARGEST, tracked

MOST_FILES = 200
MOST_BYTES = 16 * 1024 * 1024
"""Bytes of a skill's files together; of one file LARGEST, as the home's history keeps it."""
DEEPEST = 8
LONGEST_PART, LONGEST_PATH = 200, 400
"""Bytes of one name, and of a whole path."""

_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class File:
    """What a file holds; `runs`: it may be executed."""

    data: bytes
    runs: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


Files = Mapping[str, File]
"""By path below the skill's folder."""


def packaged(entries: Iterable[tuple[str, File]]) -> dict[str, File]:
    """The files of one skill in the order of their paths, without what never belongs to one
    (`.git`, `__pycache__`, half-saved files). SkillError names the first that cannot be taken."""
    files: dict[str, File] = {}
    total = 0
    for path, file in entries:
        if problem := bad_path(path):
            raise SkillError(f"it holds a file named {path[:120]!r}: {problem}")
        if not belongs(path):
            continue
        if path in files:
            raise SkillError(f"it holds {path} twice")
        if len(file.data) > LARGEST:
            raise SkillError(f"{path} has {len(file.data):,} bytes of at most {LARGEST:,}")
        files[path] = file
        total += len(file.data)
        if len(files) > MOST_FILES or total > MOST_BYTES:
            limits = f"{MOST_FILES} files or {MOST_BYTES >> 20} MiB"
            raise SkillError(f"it holds more than {limits}", "name a skill inside it")
    check_collisions(files)
    return dict(sorted(files.items()))


def belongs(path: str) -> bool:
    """Whether a file of this name is kept: a history of the skill can hold it."""
    return tracked(f"skills/skill/{path}")


def bad_path(path: str) -> str:
    """Why a path must not be used; empty if it may."""
    parts = path.split("/")
    try:
        sizes = [len(part.encode("utf-8")) for part in parts]
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if path.startswith("/") or _DRIVE.match(path):
        return "it is absolute"
    if "\\" in path or any(part in ("", ".", "..") for part in parts):
        return "it leads elsewhere"
    if unseen(path) or any(character < " " for character in path):
        return "it hides characters"
    if max(sizes) > LONGEST_PART or sum(sizes) + len(parts) > LONGEST_PATH or len(parts) > DEEPEST:
        return "it is too long or too deep"
    return ""


def check_collisions(paths: Iterable[str]) -> None:
    """SkillError if two of these would be one file on some disk, or a file and a folder are one."""
    files = set(paths)
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents} - {"."}
    if both := files & folders:
        raise SkillError(f"{min(both)} is a file and a folder")
    spelled: dict[str, str] = {}
    for place in sorted(files | folders):
        if (other := spelled.setdefault(_folded(place), place)) != place:
            raise SkillError(f"{other} and {place} are one name on some disks")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def tree_hash(files: Files) -> str:
    """The sha256 over every path, its hash, and whether it runs: the same files, the same text."""
    lines = [f"{path}\0{file.sha256}\0{int(file.runs)}\n" for path, file in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def text_of(file: File | None) -> str | None:
    """A file as people compare it: its text, else its size and hash. None = there is no file."""
    if file is None:
        return None
    try:
        return file.data.decode("utf-8")
    except UnicodeDecodeError:
        return f"{len(file.data):,} bytes, not text, sha256 {file.sha256}\n"
