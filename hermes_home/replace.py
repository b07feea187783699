"""Replace a file's text only if it is still the text one has read.

An editor may save at any moment. The new file and the old one trade places in one step, so
what was there is looked at when nobody can reach it by name any more, and put back if it is not
what was expected.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import stat
import sys
import time
from pathlib import Path

from hermes_home.files import create, give_name, scratch_path, stage, sync_folder

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_WRITER_WAIT = 0.1
"""Seconds to wait for a program that still has the old file open for writing."""


def replace_file(
    path: Path, before: bytes | None, after: bytes | None, *, runs: bool = False
) -> bool:
    """Make `path` hold `after` if it holds `before` (None = no such file), and executable by its
    owner if it `runs`. False, and nothing changed, if it does not. Both edits survive when two
    come at the same time: the newer one in place, the other beside it with `.conflict` at the end
    of its name. OSError: disk full, a folder of that name, no permission."""
    if before is None:
        if after is None:
            return not os.path.lexists(path)
        return create(path, after, 0o700 if runs else 0o600)
    if not _holds(path, before):
        return False
    done = _remove(path, before) if after is None else _rewrite(path, before, after, runs=runs)
    sync_folder(path.parent)
    return done


def _holds(path: Path, text: bytes) -> bool:
    try:
        return path.read_bytes() == text
    except FileNotFoundError:
        return False


def _rewrite(path: Path, before: bytes, after: bytes, *, runs: bool) -> bool:
    staged = stage(path, after)
    try:
        staged.chmod(0o700 if runs else 0o600 | path.stat().st_mode & stat.S_IXUSR)
        exchanged = _exchange(staged, path)
    except FileNotFoundError:
        staged.unlink()
        return False
    if not exchanged:
        return _check_and_rename(staged, path, before)
    if _settled(staged) == before:
        staged.unlink()
        return True
    _exchange(staged, path)
    if _settled(staged) == after:
        staged.unlink()
    else:  # ours was edited while it stood there: that edit is the newest
        _exchange(staged, path)
        staged.rename(_conflict(path))
    return False


def _check_and_rename(staged: Path, path: Path, before: bytes) -> bool:
    """For systems that cannot exchange: an edit within a few microseconds may be lost."""
    unchanged = _holds(path, before)
    if unchanged:
        staged.replace(path)
    else:
        staged.unlink()
    return unchanged


def _remove(path: Path, before: bytes) -> bool:
    aside = scratch_path(path)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    if _settled(aside) == before:
        aside.unlink()
        return True
    if give_name(aside, path):
        aside.unlink(missing_ok=True)
    else:
        aside.rename(_conflict(path))
    return False


def _conflict(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.urandom(3).hex()}.conflict")


def _settled(path: Path) -> bytes | None:
    """What a file holds that was taken out of reach, once nobody can write it any more; None if
    some program keeps it open."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        give_up = time.monotonic() + _WRITER_WAIT
        while _written_by_others(descriptor):
            if time.monotonic() > give_up:
                return None
            time.sleep(0.001)
        return file.read()


def _exchange(one: Path, other: Path) -> bool:
    """Let two files trade names in one step; False where the system cannot. OSError."""
    if _renameat2 is None:
        return False
    if _renameat2(_AT_FDCWD, bytes(one), _AT_FDCWD, bytes(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))


if sys.platform == "linux":
    import fcntl

    _renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)

    def _written_by_others(descriptor: int) -> bool:
        """A read lease is granted only while no program has the file open for writing."""
        # A lease that is broken sends SIGIO, which would end us; SIGURG is ignored by default.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            return error.errno == errno.EAGAIN  # anything else: no leases on this file system
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False

else:
    _renameat2 = None

    def _written_by_others(descriptor: int) -> bool:
        return False
