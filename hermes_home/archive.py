"""A home as one file, written whole or not at all; hermes_home/unpacking.py reads it again.

A gzipped tar of regular files. `about.json` comes first and says what it is; `manifest.json` comes
last and holds every file's size, mode and sha256, so that an archive that was cut short has none.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from hermes_home.errors import HermesError, UsageError
from hermes_home.files import give_name, sync_folder
from hermes_home.placing import HISTORY
from hermes_home.tracked import FILES, FOLDERS

FORMAT = 1
ABOUT, MANIFEST = "about.json", "manifest.json"
PLACES = (*FOLDERS, *FILES, "files", "state.db", ".env", HISTORY)
"""What an archive may hold at its top."""


@dataclass(frozen=True, slots=True)
class About:
    """Where an archive comes from. `schema` is that of its state.db; `secrets`: .env is in it."""

    version: str
    schema: int
    profile: str
    created: str
    secrets: bool
    format: int = FORMAT


def pack(file: Path, about: About, items: Iterable[tuple[str, Path]]) -> dict[str, Any]:
    """Write `items` (name in the archive, file) to `file`, mode 0600; its manifest.

    UsageError if there is such a file, or another process is writing it. OSError as HermesError;
    then, and after a kill, nothing is there but perhaps a `.part`.
    """
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already", "name another file, or remove that one")
    part = file.with_name(file.name + ".part")
    try:
        with _writing(part) as out:
            manifest = _write(out, about, items)
            os.fsync(out.fileno())
            if not give_name(part, file):
                raise UsageError(f"{file} was made meanwhile", "name another file")
            part.unlink(missing_ok=True)
        sync_folder(file.parent)
    except OSError as error:
        raise HermesError(f"{file} could not be written: {error}", "free some space") from error
    return manifest


@contextmanager
def _writing(part: Path) -> Iterator[IO[bytes]]:
    """The half-made file, for this process only; gone if its writing fails."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{part} is being written by another process") from None
        out.truncate(0)
        try:
            yield out
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _write(out: IO[bytes], about: About, items: Iterable[tuple[str, Path]]) -> dict[str, Any]:
    files: dict[str, Any] = {}
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6, format=tarfile.PAX_FORMAT) as tar:
        _add_text(tar, ABOUT, asdict(about))
        for name, path in items:
            try:
                files[name] = _add_file(tar, name, path)
            except FileNotFoundError:
                if not name.startswith("files/"):  # these may be removed while we read
                    raise
        manifest = {"files": files}
        _add_text(tar, MANIFEST, manifest)
    return manifest


def _add_text(tar: tarfile.TarFile, name: str, value: Any) -> None:
    data = json.dumps(value, ensure_ascii=True).encode()
    tar.addfile(_entry(name, len(data), 0o600, int(time.time())), io.BytesIO(data))


def _add_file(tar: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        mode = 0o700 if found.st_mode & 0o100 else 0o600
        reader = _Hashing(file)
        tar.addfile(_entry(name, found.st_size, mode, int(found.st_mtime)), reader)
    return {"size": found.st_size, "mode": mode, "sha256": reader.hash.hexdigest()}


def _entry(name: str, size: int, mode: int, mtime: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, mode, mtime
    return entry


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.hash = hashlib.sha256()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.hash.update(data)
        return data
