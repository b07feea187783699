"""The whole library as one archive, with the locks of what was installed, to move it elsewhere."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_home.errors import HermesError, SkillError, UsageError
from hermes_home.files import create
from skills.sharing.compare import on_disk
from skills.sharing.lock import SNAPSHOT, Lock, read_lock, snapshot_text
from skills.sharing.package import File
from skills.sharing.packing import packed
from skills.sharing.unpack import MOST_ENTRIES, MOST_UNPACKED
from skills.skill import Skill

if TYPE_CHECKING:
    from gateway.app import App

SUFFIXES = (".tar.gz", ".tgz")
"""What the file may be called, so that it is read as what it is."""


async def snapshot(app: App, file: str) -> dict[str, Any]:
    """Write every skill of the home to a new file; `left_out` are copies of skills that ship.
    UsageError if there is such a file; SkillError if it would be more than can be unpacked again.
    """
    path = Path(file)
    _check(path)
    await asyncio.to_thread(app.library.refresh)
    files, locks, names = await asyncio.to_thread(_gathered, app)
    total = sum(len(one.data) for one in files.values())
    if len(files) > MOST_ENTRIES or total > MOST_UNPACKED:
        raise SkillError(
            f"the library holds more than {MOST_ENTRIES:,} files or {MOST_UNPACKED >> 20} MiB",
            "hermes backup takes the whole home",
        )
    data = await asyncio.to_thread(packed, files)
    try:
        made = create(path, data)
    except OSError as error:
        raise HermesError(f"{file} could not be written: {error.strerror}") from error
    if not made:
        raise UsageError(f"{file} was made meanwhile", "name another file")
    return {
        "file": file,
        "skills": names,
        "installed": sorted(locks),
        "left_out": [one.name for one in _of_home(app) if one.name not in names],
        "bytes": len(data),
    }


def _check(path: Path) -> None:
    if not path.name.endswith(SUFFIXES):
        raise UsageError(f"{path} would be a tar.gz", f"name it {path.stem}.tar.gz")
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already", "name a new file")
    if not path.is_absolute() or not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written", "name a file in a folder that is there")


def _of_home(app: App) -> list[Skill]:
    return [one for one in app.library.skills().values() if one.layer == "home"]


def _gathered(app: App) -> tuple[dict[str, File], dict[str, Lock], list[str]]:
    """The files by their paths in the archive, the locks by the folders there, the names."""
    files: dict[str, File] = {}
    locks: dict[str, Lock] = {}
    names = []
    for skill in _of_home(app):
        if skill.name in app.library.bundled():
            continue
        names.append(skill.name)
        folder = skill.folder.relative_to(app.home.root).as_posix()
        inside = on_disk(app.home, skill.folder)
        files |= {f"{folder}/{path}": file for path, file in inside.items()}
        if (lock := read_lock(app.home, skill.name)) is not None:
            locks[folder] = lock
    files[SNAPSHOT] = File(snapshot_text(locks))
    return files, locks, names
