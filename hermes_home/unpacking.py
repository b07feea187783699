"""A home's archive read again, only as far as it can be trusted: known names, plain files, bounded
sizes, every byte as its manifest says."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from hermes_home.archive import ABOUT, FORMAT, MANIFEST, PLACES, About
from hermes_home.errors import HermesError, UsageError
from hermes_home.tracked import FOLDERS

MOST_FILES = 200_000
LONGEST_NAME = 1000
DEEPEST = 32
LARGEST_HEADER = 16 * 1024 * 1024
"""Bytes read in one piece; the manifest is the largest of them."""
FREELY = 1 << 30
"""Bytes an archive may unpack to whatever its own size."""
LARGEST_RATIO = 100
"""Beyond that, unpacked bytes for each byte of the archive."""
_PIECE = 1 << 20


def read_about(file: Path) -> About:
    """What an archive says it is. UsageError if it is none of ours, or a newer program's."""
    with _reading(file) as tar:
        return _about(tar, file)


def unpack(file: Path, into: Path) -> About:
    """Unpack into the empty folder `into` and compare with the manifest. UsageError names what is
    wrong with the archive; then the caller removes the folder."""
    with _reading(file) as tar:
        about = _about(tar, file)
        found: dict[str, Any] = {}
        manifest = None
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined] # or they are all kept
            if member.name == MANIFEST:
                manifest = _json(tar, member)
                continue
            if manifest is not None:
                raise _bad(file, "it goes on behind its manifest")
            found[member.name] = _extract(tar, member, into, taken=found.keys())
            if len(found) > MOST_FILES:
                raise _bad(file, f"it holds more than {MOST_FILES:,} files")
        assert tar.fileobj is not None  # the one it was opened with
        while tar.fileobj.read(_PIECE):
            pass  # to the end, where its checksum is
    _compare(file, manifest, found)
    return about


def _compare(file: Path, manifest: Any, found: dict[str, Any]) -> None:
    """UsageError unless the manifest tells of just these files."""
    told = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(told, dict):
        raise _bad(file, "it was cut short: its manifest is missing")
    wrong = [name for name in sorted({*told, *found}) if told.get(name) != found.get(name)]
    if wrong:
        raise _bad(file, f"{wrong[0]} is not what its manifest says")


@contextmanager
def _reading(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with file.open("rb") as raw:
            size = os.fstat(raw.fileno()).st_size
            most = min(max(FREELY, LARGEST_RATIO * size), 2**62)
            with gzip.GzipFile(fileobj=raw) as unzipped:
                bounded: Any = _Bounded(unzipped, file, most)
                with tarfile.open(fileobj=bounded, mode="r:") as tar:
                    yield tar
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}") from None
    except gzip.BadGzipFile:
        raise _bad(file, "it is no backup of hermes") from None
    except (OSError, EOFError, tarfile.TarError, zlib.error, ValueError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno:
            raise HermesError(f"{file}: {error}", "look at the disk and its free space") from error
        raise _bad(file, str(error) or "it was cut short") from error


class _Bounded:
    """Unzipped bytes, at most so many in all and in one piece: a small file can hold a huge one."""

    def __init__(self, source: gzip.GzipFile, file: Path, most: int) -> None:
        self._source, self._file, self._most = source, file, most

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_HEADER:
            raise _bad(self._file, "a header in it is too large")
        data = self._source.read(size)
        self._check()
        return data

    def seek(self, position: int) -> int:
        if position > self._most:
            raise self._too_large()
        return self._source.seek(position)

    def tell(self) -> int:
        return self._source.tell()

    def _check(self) -> None:
        if self._source.tell() > self._most:
            raise self._too_large()

    def _too_large(self) -> UsageError:
        return _bad(self._file, f"it unpacks to more than {self._most >> 20:,} MiB")


def _about(tar: tarfile.TarFile, file: Path) -> About:
    first = tar.next()
    told = _json(tar, first) if first is not None and first.name == ABOUT else None
    if not isinstance(told, dict) or not isinstance(told.get("format"), int):
        raise _bad(file, "it is no backup of hermes")
    if told["format"] > FORMAT:
        raise _bad(file, f"it was written by hermes {told.get('version')}, which is newer")
    try:
        about = About(**told)
    except TypeError:
        raise _bad(file, f"{ABOUT} is not as hermes writes it") from None
    kinds = {"version": str, "schema": int, "profile": str, "created": str, "secrets": bool}
    if not all(isinstance(getattr(about, name), kind) for name, kind in kinds.items()):
        raise _bad(file, f"{ABOUT} is not as hermes writes it")
    return about


def _json(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    content = tar.extractfile(member) if member.isreg() else None
    if content is None or member.size > LARGEST_HEADER * 4:
        raise ValueError(f"{member.name} is no plain file")
    pieces = iter(lambda: content.read(_PIECE), b"")
    return json.loads(b"".join(pieces))


def _extract(
    tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path, taken: Iterable[str]
) -> dict[str, Any]:
    """One file, hashed as it is written."""
    if not member.isreg() or member.issparse():
        raise ValueError(f"{member.name[:200]!r} in it is no plain file")
    if not _good_name(member.name) or member.name in taken:
        raise ValueError(f"it holds a file named {member.name[:200]!r}")
    if member.size > shutil.disk_usage(into).free:
        raise ValueError(f"{member.name} in it is larger than the free disk space")
    path = into / member.name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = tar.extractfile(member)
    assert content is not None  # a regular file has one
    mode = 0o700 if member.mode & 0o100 else 0o600
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as out:
        while piece := content.read(_PIECE):
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    return {"size": path.stat().st_size, "mode": mode, "sha256": digest.hexdigest()}


def _good_name(name: str) -> bool:
    """Whether a file of a backup may have this name: below one of the known places, no way out."""
    parts = name.split("/")
    if len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME or len(parts) > DEEPEST:
        return False
    if "\0" in name or "\\" in name or any(part in ("", ".", "..") for part in parts):
        return False
    if any(part.lower() == ".git" for part in parts) or parts[0] not in PLACES:
        return False
    return (len(parts) > 1) == (parts[0] in (*FOLDERS, "files")) and PurePosixPath(name).name != ""


def _bad(file: Path, why: str) -> UsageError:
    return UsageError(f"{file} cannot be imported: {why}", "nothing was changed")
