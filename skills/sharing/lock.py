"""Where an installed skill came from, and the hash of every file: `skills/.installed/NAME.lock`.

One file for each skill, so that a change of one can be undone whatever happened to the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from hermes_home.errors import SkillError
from hermes_home.paths import Home
from skills.sharing.package import Files, tree_hash

FOLDER = "skills/.installed"
SUFFIX = ".lock"
VERSION = 1
SNAPSHOT = "skills.lock"
"""In a snapshot: the locks of all skills in one file."""


class Locked(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file as it was installed."""

    sha256: str
    size: int
    runs: bool = False


class Lock(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One skill as it was installed. source: what was asked for, which an update asks for again.
    commit: of git; digest: of the artifact a well-known index names; version: of the program whose
    bundled skill it is. tree: the sha256 over all files. Times are ISO 8601, UTC. via: the archive
    that brought it together with its source."""

    name: str
    kind: str
    source: str
    commit: str = ""
    digest: str = ""
    version: str = ""
    via: str = ""
    tree: str
    files: dict[str, Locked]
    installed_at: str
    updated_at: str = ""
    format: int = VERSION


def locked(files: Files) -> dict[str, Locked]:
    return {
        path: Locked(file.sha256, len(file.data), file.runs) for path, file in sorted(files.items())
    }


def holds(lock: Lock, files: Files) -> bool:
    """Whether these are the files that were installed."""
    return lock.tree == tree_hash(files)


def lock_path(name: str) -> str:
    """Below the home."""
    return f"{FOLDER}/{name}{SUFFIX}"


def lock_text(lock: Lock) -> str:
    return msgspec.json.format(msgspec.json.encode(lock), indent=2).decode() + "\n"


def read_lock(home: Home, name: str) -> Lock | None:
    """None if the skill was not installed. SkillError if its lock cannot be read."""
    path = home.root / lock_path(name)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Lock)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise SkillError(
            f"{path} cannot be read: {error}", f"install {name} again, or remove that file"
        ) from None


def all_names(home: Home) -> Iterator[str]:
    """The names of the installed skills, sorted."""
    folder: Path = home.root / FOLDER
    if folder.is_dir():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            yield path.name.removesuffix(SUFFIX)


def snapshot_text(locks: dict[str, Lock]) -> bytes:
    """The locks of a snapshot by the folders of their skills."""
    whole = {"format": VERSION, "skills": locks}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def snapshot_locks(data: bytes) -> dict[str, Lock]:
    """What `snapshot_text` wrote; nothing if it is anything else."""
    try:
        whole: dict[str, Any] = msgspec.json.decode(data)
        return msgspec.convert(whole["skills"], dict[str, Lock])
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError):
        return {}
