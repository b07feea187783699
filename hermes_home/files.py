"""Whole files on disk: a reader sees the old text or the new one, never a part."""

from __future__ import annotations

import os
from pathlib import Path

PREFIX = ".hermes-"
"""What the names of our half-made files and folders begin with."""


def scratch_path(beside: Path, suffix: str = ".tmp") -> Path:
    """An unused name in the same folder; `scratch` is true of it."""
    return beside.with_name(f"{PREFIX}{os.urandom(8).hex()}{suffix}")


def scratch(name: str) -> bool:
    """Whether a file of this name is half made: ours, or an editor's on its way to a save."""
    return (
        name.startswith((PREFIX, ".#", ".goutputstream-"))
        or name.endswith(("~", ".swp", ".swx", ".swo", ".tmp"))
        or (name.startswith("#") and name.endswith("#"))
        or name == "4913"  # vim tries whether it can write here
    )


def stage(beside: Path, data: bytes, mode: int = 0o600) -> Path:
    """A new file holding `data`, on disk, in the folder of `beside`. OSError leaves nothing."""
    path = scratch_path(beside)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink()
        raise
    return path


def put(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Make `path` hold `data`, whatever it held."""
    staged = stage(path, data, mode)
    try:
        staged.replace(path)
    except OSError:
        staged.unlink()
        raise
    sync_folder(path.parent)


def create(path: Path, data: bytes, mode: int = 0o600) -> bool:
    """Make `path` hold `data` unless something has that name already; whether it was made."""
    staged = stage(path, data, mode)
    try:
        made = give_name(staged, path)
    finally:
        staged.unlink(missing_ok=True)
    sync_folder(path.parent)
    return made


def give_name(staged: Path, path: Path) -> bool:
    """Name `staged` also `path` if that name is free; whether it was."""
    try:
        os.link(staged, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            return False
        staged.rename(path)
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """mkdir -p with mode 0700, each new name on disk."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=0o700, exist_ok=True)
        sync_folder(new.parent)
