"""A home as of one moment: everything a backup holds but files/, copied to a folder in run/.

The daemon makes it (or whoever holds the home's lock while none runs), a command packs it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from hermes_home.files import PREFIX, make_folders, put
from hermes_home.history import History
from hermes_home.paths import Home
from hermes_home.placing import HISTORY
from hermes_home.tracked import FILES, FOLDERS, files_below
from memory.backup import copy_database


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where it is, the schema of its state.db, and which files are not in it and why."""

    folder: str
    schema: int
    skipped: list[dict[str, str]]


async def take(
    home: Home,
    history: History,
    quiet: AbstractAsyncContextManager[object] | None = None,
    *,
    secrets: bool,
) -> Snapshot:
    """`quiet` keeps others from changing tracked files. OSError and StoreError leave nothing."""
    folder = home.run / f"{PREFIX}snapshot"
    async with quiet or nullcontext():
        await asyncio.to_thread(_begin, folder)
        try:
            skipped = await asyncio.to_thread(_copy_files, home, folder, secrets)
            await history.bundle(folder / HISTORY)
            schema = await asyncio.to_thread(copy_database, home, folder / "state.db")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return Snapshot(str(folder), schema, skipped)


async def take_at_rest(home: Home, *, secrets: bool) -> Snapshot:
    """The same while no daemon runs. The caller holds the home's lock."""
    history = History(home)
    await history.open()
    try:
        return await take(home, history, secrets=secrets)
    finally:
        await history.close()


def _begin(folder: Path) -> None:
    """Only one backup is made at a time, so one that is there was left behind."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folders(folder)


def _copy_files(home: Home, folder: Path, secrets: bool) -> list[dict[str, str]]:
    skipped = []
    names = [name for top in (*FOLDERS, *FILES) for name in files_below(home, top)]
    for name in [*names, *([".env"] if secrets and home.env.exists() else [])]:
        if reason := _copy(home.root / name, folder / name):
            skipped.append({"name": name, "reason": reason})
    return skipped


def _copy(path: Path, target: Path) -> str:
    """Why it was not copied; empty if it was."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) and path.name != ".env":
            return f"a link to {os.readlink(path)}"  # noqa: PTH115 - as it is written
        if not stat.S_ISREG(path.stat().st_mode):
            return "no plain file"
        make_folders(target.parent)
        put(target, path.read_bytes(), 0o700 if found.st_mode & stat.S_IXUSR else 0o600)
    except FileNotFoundError:
        return "it went away"
    return ""
