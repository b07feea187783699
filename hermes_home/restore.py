"""A home put in place from a backup, all or nothing, also when killed in the middle.

Everything is unpacked and checked in run/import/new. Then `ready` is made, and from there on it can
only go forward: whoever holds the home's lock next completes it (hermes_home/placing.py).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from hermes_home.archive import About
from hermes_home.errors import HomeError
from hermes_home.files import create, make_folders, sync_folder
from hermes_home.guard import seed_text
from hermes_home.paths import Home
from hermes_home.placing import finish, import_folder
from hermes_home.tracked import FOLDERS, files_below
from hermes_home.unpacking import unpack


def require_fresh(home: Home) -> None:
    """HomeError if there is anything of its owner in this home already. Looks at files only."""
    used = [top for top in FOLDERS if any(files_below(home, top))]
    used += ["files"] if home.files.is_dir() and any(home.files.iterdir()) else []
    for path in (home.config, home.soul):
        if path.exists() and path.read_bytes() != seed_text(path.name):
            used.append(path.name)
    if used:
        raise in_use(home, f"it has {', '.join(used)}")


def in_use(home: Home, why: str) -> HomeError:
    return HomeError(
        f"{home.root} is in use: {why}; a backup goes into a new home only",
        "give it one of its own: hermes -p NAME import FILE",
    )


def restore(home: Home, file: Path, admit: Callable[[Home], None]) -> About:
    """Put the backup `file` in the place of a fresh home. `admit` looks at what was unpacked (as a
    home of its own) and raises if it is not good. The caller holds the home's lock."""
    folder = import_folder(home)
    shutil.rmtree(folder, ignore_errors=True)
    new = folder / "new"
    make_folders(new)
    try:
        about = unpack(file, new)
        if os.path.lexists(new / ".env") and home.env.exists():
            raise in_use(home, "it has an .env, and so has the backup")
        admit(Home(new))
        _sync(new)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    create(folder / "ready", b"")
    finish(home)
    return about


def _sync(folder: Path) -> None:
    """The names of everything unpacked are on disk."""
    for parent, _, _ in os.walk(folder):
        sync_folder(Path(parent))
