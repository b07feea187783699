"""A home as it is now, copied: what is learned in a copy stays there, and the original is hidden
from what runs in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from hermes_home.config_edit import rewritten, set_value
from hermes_home.errors import HermesError, UsageError
from hermes_home.files import put, scratch_path
from hermes_home.guard import made_by_us, seed
from hermes_home.paths import Home
from memory.database import SCHEMA_VERSION, Database, reading
from memory.journal import CHANGES, COLUMNS

FOLDERS = ("skills", "memories")
FILES = ("config.yaml", "SOUL.md")


def freeze(source: Home, copy: Home, *, beside: Path | None = None) -> None:
    """Make `copy`, which is not there yet, a home like `source`: its skills with their states, its
    notes and its settings; no session, no job, no channel. Keys stay where they are: its .env is
    a link to the original's. It appears under its name when it is whole.

    `beside`: a folder that commands run from the copy do not see, besides the original home.
    """
    part = Home(scratch_path(copy.root))
    part.root.mkdir(mode=0o700, parents=True)
    try:
        for name in FOLDERS:
            if (source.root / name).is_dir():
                shutil.copytree(source.root / name, part.root / name, symlinks=True)
        for name in FILES:
            if (source.root / name).is_file():
                shutil.copyfile(source.root / name, part.root / name)
        part.env.symlink_to(source.env)
        seed(part)
        put(part.config, rewritten(part).encode())
        # To measure candidates by leaving them out is for the home, not for a copy of it.
        put(part.config, set_value(part, "learning.withhold", "0").encode())
        put(part.origins, "\n".join(str(path) for path in (source.root, beside) if path).encode())
        _copy_standing(source, part)
        part.root.rename(copy.root)
    except BaseException as error:
        shutil.rmtree(part.root, ignore_errors=True)
        if isinstance(error, OSError | shutil.Error):
            raise HermesError(f"{source.root} could not be copied: {error}") from error
        raise


def copied(frozen: Home, copy: Home) -> None:
    """A copy of a frozen home, in place of whatever is there."""
    part = scratch_path(copy.root)
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(frozen.root, part, symlinks=True)
    if copy.root.exists():
        old = scratch_path(copy.root)
        copy.root.rename(old)
        shutil.rmtree(old)
    part.rename(copy.root)


def _copy_standing(source: Home, copy: Home) -> None:
    """What the journal says of skills and notes: which are candidates, locked, forgotten."""
    database = Database(copy)
    try:
        if not made_by_us(source):
            return
        with reading(source) as reader:
            if reader.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                raise UsageError(
                    f"{source.root} was last used by another version of Hermes",
                    "`hermes daemon start` brings it up to date.",
                )
            rows = reader.execute(f"SELECT {COLUMNS} FROM events WHERE {CHANGES}").fetchall()
        places = ", ".join("?" * len(COLUMNS.split(",")))
        database.connection.execute("BEGIN")
        database.connection.executemany(f"INSERT INTO events ({COLUMNS}) VALUES ({places})", rows)
        database.connection.execute("COMMIT")
        database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.close()
