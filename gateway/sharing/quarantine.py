"""Skills that were fetched and are not installed: in `run/quarantine`, which no library reads.

What was shown is what is installed: the files are kept from the one to the other, and their hash
is compared again.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.sharing.sources.base import Fetched
from hermes_home.errors import UsageError
from hermes_home.files import make_folders
from hermes_home.paths import Home
from skills.sharing.lock import Lock
from skills.sharing.package import File, packaged, tree_hash

SECONDS = 3600.0
"""What nobody installs is removed after that."""
MOST = 250
"""Folders in it; the oldest go first."""
_ID = re.compile(r"[0-9a-f]{16}")
_ABOUT = "about.json"


class _About(msgspec.Struct, frozen=True):
    kind: str
    source: str
    folder: str
    commit: str
    digest: str
    version: str
    was: Lock | None
    notes: tuple[str, ...]
    tree: str


def _place(home: Home) -> Path:
    return home.run / "quarantine"


def put(home: Home, fetched: Fetched) -> str:
    """Keep a skill for a while; the name under which `take` finds it. OSError."""
    _tidy(home)
    name = os.urandom(8).hex()
    folder = _place(home) / name
    make_folders(folder)
    for path, file in packaged(fetched.files.items()).items():
        target = folder / "files" / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            os.fchmod(out.fileno(), 0o700 if file.runs else 0o600)
            out.write(file.data)
    about = _About(
        fetched.kind,
        fetched.source,
        fetched.folder,
        fetched.commit,
        fetched.digest,
        fetched.version,
        fetched.was,
        fetched.notes,
        tree_hash(fetched.files),
    )
    (folder / _ABOUT).write_bytes(msgspec.json.encode(about))
    return name


def take(home: Home, name: str) -> Fetched:
    """What was put there. UsageError if it is there no more, or is not what was put there."""
    folder = _place(home) / name
    if not _ID.fullmatch(name) or not (folder / _ABOUT).is_file():
        raise UsageError("this was fetched too long ago, or never", "Fetch it again.")
    about = msgspec.json.decode((folder / _ABOUT).read_bytes(), type=_About)
    files = packaged(_read(folder / "files"))
    if tree_hash(files) != about.tree:
        raise UsageError("what was fetched has changed since it was shown", "Fetch it again.")
    return Fetched(
        files,
        about.kind,
        about.source,
        about.folder,
        about.commit,
        about.digest,
        about.version,
        about.was,
        about.notes,
    )


def drop(home: Home, name: str) -> None:
    if _ID.fullmatch(name):
        shutil.rmtree(_place(home) / name, ignore_errors=True)


@contextmanager
def scratch(home: Home) -> Iterator[Path]:
    """An empty folder beside them, gone afterwards."""
    _tidy(home)
    folder = _place(home) / os.urandom(8).hex()
    make_folders(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> Iterator[tuple[str, File]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            runs = bool(path.stat().st_mode & 0o100)
            yield path.relative_to(folder).as_posix(), File(path.read_bytes(), runs)


def _tidy(home: Home) -> None:
    """Remove what nobody came for."""
    ages = sorted((time.time() - place.stat().st_mtime, place) for place in _place(home).glob("*"))
    for number, (age, folder) in enumerate(ages):
        if age > SECONDS or number >= MOST:
            shutil.rmtree(folder, ignore_errors=True)
