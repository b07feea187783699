"""Archives read into memory. What is no plain file, leads out, or swells is refused as a whole."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

from hermes_home.errors import SkillError
from skills.sharing.package import File, bad_path, check_collisions

MOST_ENTRIES = 5_000
MOST_UNPACKED = 32 * 1024 * 1024
"""Bytes of everything in an archive."""
LZMA_MEMORY = 64 * 1024 * 1024

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".skill")
"""What the names of archives end with."""

Entries = Iterator[tuple[str, File | None]]
"""Paths with what they hold; None stands for a folder."""

_FAULTS = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(OSError, ValueError, ArithmeticError, LookupError, RuntimeError),
)
"""What the readers raise at an archive that is damaged, or made to harm."""


def unpack(data: bytes, name: str) -> dict[str, File]:
    """Every file of an archive by its path; by its first bytes it is told what it is. SkillError
    names `name` and what is wrong."""
    try:
        return _checked(_entries(data))
    except SkillError as error:
        raise SkillError(f"{name}: {error.message}", "nothing of it was used") from None
    except _FAULTS as error:
        why = str(error)[:200] or "it was cut short"
        raise SkillError(f"{name} cannot be unpacked: {why}", "nothing of it was used") from None


def _checked(entries: Entries) -> dict[str, File]:
    files: dict[str, File] = {}
    total = 0
    for number, (path, file) in enumerate(entries, 1):
        path = path.removeprefix("./") if path != "./" else ""
        bare = path.removesuffix("/") if file is None else path
        if number > MOST_ENTRIES:
            raise SkillError(f"it holds more than {MOST_ENTRIES:,} files")
        if file is None and bare in ("", "."):
            continue
        if problem := bad_path(bare):
            raise SkillError(f"it holds a file named {path[:120]!r}: {problem}")
        if file is None:
            continue
        if path in files:
            raise SkillError(f"it holds {path} twice")
        files[path] = file
        total += len(file.data)
        if total > MOST_UNPACKED:
            raise _swollen()
    check_collisions(files)
    return files


def _swollen() -> SkillError:
    return SkillError(f"it unpacks to more than {MOST_UNPACKED >> 20} MiB")


def _entries(data: bytes) -> Entries:
    opener = _opener(data)
    if opener is None:
        raise SkillError("it is neither a zip nor a tar")
    return opener(data)


def _opener(data: bytes) -> Callable[[bytes], Entries] | None:
    for at, magic, opener in _KINDS:
        if data[at : at + len(magic)] == magic:
            return opener
    return None


# -- zip ----------------------------------------------------------------------------------------


def _zipped(data: bytes) -> Entries:
    room = MOST_UNPACKED
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            if entry.flag_bits & 1:
                raise SkillError(f"{entry.filename[:120]} is encrypted")
            if entry.orig_filename != entry.filename:
                raise SkillError(f"{entry.orig_filename[:120]!r} has no name that can be used")
            if entry.is_dir():
                yield entry.filename, None
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise SkillError(f"{entry.filename[:120]} is a link or a device")
            with archive.open(entry) as content:
                held = content.read(room + 1)
            if len(held) > room:
                raise _swollen()
            room -= len(held)
            yield entry.filename, File(held, bool(mode & stat.S_IXUSR))


# -- tar ----------------------------------------------------------------------------------------


def _tarred(data: bytes) -> Entries:
    if len(data) > MOST_UNPACKED:
        raise _swollen()
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        while (entry := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined] # or they are all kept
            if entry.isdir():
                yield f"{entry.name}/", None
                continue
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is None or entry.issparse():
                raise SkillError(f"{entry.name[:120]} is a link, a device or no plain file")
            held = content.read()
            if len(held) != entry.size:
                raise SkillError("it was cut short")
            yield entry.name, File(held, bool(entry.mode & stat.S_IXUSR))


def _gzipped(data: bytes) -> Entries:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        return _tarred(stream.read(MOST_UNPACKED + 1))


def _bzipped(data: bytes) -> Entries:
    with bz2.BZ2File(io.BytesIO(data)) as stream:
        return _tarred(stream.read(MOST_UNPACKED + 1))


def _xzipped(data: bytes) -> Entries:
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LZMA_MEMORY)
    return _tarred(stream.decompress(data, MOST_UNPACKED + 1))


_KINDS = (
    (0, b"PK\x03\x04", _zipped),
    (0, b"PK\x05\x06", _zipped),
    (0, b"\x1f\x8b", _gzipped),
    (0, b"BZh", _bzipped),
    (0, b"\xfd7zXZ\0", _xzipped),
    (257, b"ustar", _tarred),
)
