"""Opening exactly the file that was judged: a link swapped in between is noticed, not followed."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from hermes_home.errors import ToolError

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY
_GET_PATH = 50  # F_GETPATH, macOS


@dataclass(frozen=True)
class Version:
    """Which bytes a file held when it was read."""

    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Version:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


def path_of(descriptor: int) -> Path:
    """Where an open file really is."""
    if sys.platform == "darwin":
        raw = fcntl.fcntl(descriptor, _GET_PATH, bytes(1024))
        return Path(os.fsdecode(raw.rstrip(b"\0")))
    return Path(f"/proc/self/fd/{descriptor}").readlink()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file at a resolved path, for reading. ToolError if it is none, or is elsewhere."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        raise _told(path, error) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise ToolError(f"{path} is a folder", "search_files with kind='name' lists it.")
        if not stat.S_ISREG(mode):
            raise ToolError(f"{path} is not a file")
        _same_place(descriptor, path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def replace(path: Path, data: bytes, *, expected: Version | None = None) -> bool:
    """Make the resolved `path` hold `data`, all of it or nothing, with the mode it had; whether it
    is new. `expected`: ToolError if it is not that version any more; else missing folders are
    made."""
    try:
        with _folder(path.parent, make=expected is None) as folder:
            return _replace_in(folder, path, data, expected)
    except OSError as error:
        raise _told(path, error) from error


@contextmanager
def _folder(path: Path, *, make: bool) -> Iterator[int]:
    """The folder at a resolved path; with `make` what is missing of it is made, step by step and
    without following links."""
    missing: list[str] = []
    present = path
    while make and not present.exists():
        missing.insert(0, present.name)
        present = present.parent
    descriptor = os.open(present, _FOLDER)
    try:
        _same_place(descriptor, present)
        for name in missing:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=descriptor)
            inner = os.open(name, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _replace_in(folder: int, path: Path, data: bytes, expected: Version | None) -> bool:
    before = _status(folder, path.name)
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise ToolError(f"{path} is not a file")
    scratch = f".hermes-{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(scratch, flags, 0o666, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if before is not None:
                _keep_ownership(descriptor, before)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        now = _status(folder, path.name)
        if expected is not None and (now is None or Version.of(now) != expected):
            raise ToolError(f"{path} has changed meanwhile", "Read it again.")
        os.rename(scratch, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(scratch, dir_fd=folder)
        raise
    return before is None


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _keep_ownership(descriptor: int, before: os.stat_result) -> None:
    with suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _same_place(descriptor: int, path: Path) -> None:
    if path_of(descriptor) != path:
        raise ToolError(f"{path} was replaced by a link while it was being opened")


def _near(path: Path) -> str:
    """What to try instead of a name that is not there."""
    with suppress(OSError):
        near = get_close_matches(path.name, [one.name for one in path.parent.iterdir()], 1)
        if near:
            return f"Did you mean {path.parent / near[0]}?"
    return "search_files with kind='name' finds it."


def _told(path: Path, error: OSError) -> ToolError:
    if error.errno == errno.ENOENT:
        return ToolError(f"{path} does not exist", _near(path))
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return ToolError(f"{path} was replaced by a link, or lies below a file")
    return ToolError(f"{path}: {error.strerror or error}")
