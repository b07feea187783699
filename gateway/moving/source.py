"""Another program's home: recognised, and copied before anything of it is read as data."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hermes_home.errors import UsageError
from hermes_home.files import make_folders
from hermes_home.guard import made_by_others, made_by_us
from hermes_home.paths import Home

COPIED = ("config.yaml", "SOUL.md", "memories/MEMORY.md", "memories/USER.md", "cron/jobs.json")
DATABASE = ("state.db", "state.db-wal")
MOST_FILES = 20_000
LARGEST = 32 * 1024 * 1024
"""Bytes of one file that is copied; the database has its own bound."""
LARGEST_IN_ALL = 2 * 1024 * 1024 * 1024


def require_foreign(source: Path) -> None:
    """UsageError unless `source` is a home of hermes-agent."""
    home = Home(source)
    if made_by_us(home):
        raise UsageError(
            f"{source} is a home of this program",
            f"move it as a whole: HERMES_HOME={source} hermes backup FILE, then import that",
        )
    if not made_by_others(home) and not (source / "cron" / "jobs.json").is_file():
        raise UsageError(
            f"{source} is not a home that can be recognised",
            "it has no state.db of hermes-agent, no config.yaml with _config_version and no jobs",
        )


def copy(source: Path, folder: Path, *, secrets: bool) -> None:
    """Copy what may be taken over into `folder`. Only plain files: links are not followed."""
    names = [*COPIED, *DATABASE, *([".env"] if secrets else [])]
    for name in [*names, *_skill_files(source)]:
        path = source / name
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        most = LARGEST_IN_ALL if name in DATABASE else LARGEST
        if stat.S_ISREG(found.st_mode) and found.st_size <= most:
            make_folders((folder / name).parent)
            shutil.copyfile(path, folder / name)
            (folder / name).chmod(0o700 if found.st_mode & stat.S_IXUSR else 0o600)


def _skill_files(source: Path) -> Iterator[str]:
    total = size = 0
    for parent, folders, files in os.walk(source / "skills"):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            total, size = total + 1, size + path.lstat().st_size
            if total > MOST_FILES or size > LARGEST_IN_ALL:
                raise UsageError(
                    f"{source}/skills holds more than {MOST_FILES:,} files or"
                    f" {LARGEST_IN_ALL >> 30} GiB",
                    "move what does not belong there",
                )
            yield path.relative_to(source).as_posix()


def count_sessions(folder: Path) -> tuple[int, str]:
    """How many sessions the copied database has; a reason if that cannot be told."""
    if not (folder / "state.db").exists():
        return 0, ""
    try:
        with closing(sqlite3.connect(folder / "state.db")) as database:
            return int(database.execute("SELECT count(*) FROM sessions").fetchone()[0]), ""
    except sqlite3.Error as error:
        return 0, f"state.db cannot be read ({error}); stop that program and try again"
