"""What an import had ready is put in its place. Asked at every start, so it imports little."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from pathlib import Path

from hermes_home.errors import HermesError
from hermes_home.files import make_folders, sync_folder
from hermes_home.git import open_repository
from hermes_home.paths import Home

HISTORY = "history.bundle"
"""The home's git history in a backup, as git packs it: no file of a repository is taken over."""

log = logging.getLogger(__name__)


def finish(home: Home) -> bool:
    """Complete an import that had got as far as `ready`, and remove one that had not; whether
    something was put in place. The caller holds the home's lock."""
    folder = import_folder(home)
    if not folder.is_dir():
        return False
    ready = (folder / "ready").exists()
    if ready:
        make_folders(folder / "old")
        for name in ("index.db", "state.db"):
            for path in home.root.glob(f"{name}-*"):  # -wal and -shm of what goes
                path.unlink()
        home.index_db.unlink(missing_ok=True)
        for path in sorted((folder / "new").iterdir()):
            if path.name != HISTORY:
                _replace(path, home.root / path.name, folder / "old")
        _take_history(home, folder / "new" / HISTORY)
        sync_folder(home.root)
        (folder / "ready").unlink()
    shutil.rmtree(folder)
    return ready


def import_folder(home: Home) -> Path:
    """Where an import is made ready."""
    return home.run / "import"


def _replace(path: Path, target: Path, old: Path) -> None:
    if os.path.lexists(target):
        target.rename(old / f"{target.name}.{os.urandom(4).hex()}")
    path.rename(target)


def _take_history(home: Home, bundle: Path) -> None:
    """The commits of the backup become the home's. Without them it is whole all the same."""
    program = shutil.which("git")
    if not bundle.exists() or program is None:
        return
    try:
        repository = open_repository(program, home.root, home.run / "history.git")
        asyncio.run(repository.take_bundle(bundle))
    except (HermesError, OSError) as error:
        log.warning("the backup's history could not be read: %s", error)
