"""SQLite's errors, told as a StoreError that names the file and the next step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermes_home.errors import StoreError


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Around whatever reads or writes the database at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise told(error, path) from error


def told(error: Exception, path: Path) -> StoreError:
    """What to say of a database that failed with `error`."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return damaged(path, str(error))
    if name.startswith("SQLITE_FULL"):
        return StoreError(f"no space left to write {path}", "Free some disk space and try again.")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreError(f"{path} cannot be used: {error}", "Check who owns it and its folder.")
    return StoreError(f"{path}: {error}", "See logs/daemon.log; `hermes doctor` checks the home.")


def damaged(path: Path, problem: str) -> StoreError:
    return StoreError(
        f"{path} is damaged: {problem}",
        f"Stop the daemon, move {path.name} away (with its -wal and -shm) and put a backup there.",
    )
