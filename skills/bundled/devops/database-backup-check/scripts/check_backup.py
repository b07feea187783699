"""Restores an SQLite backup into a temporary file and compares it with the live database."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path


def restored(backup: Path, folder: Path) -> Path:
    """A database made from a copy of the backup: a database file, or SQL text, also with .gz."""
    packed = backup.suffix == ".gz"
    raw = folder / "raw"
    with gzip.open(backup) if packed else backup.open("rb") as source, raw.open("wb") as target:
        shutil.copyfileobj(source, target)
    with raw.open("rb") as file:
        if file.read(16) == b"SQLite format 3\0":
            return raw
    made = folder / "restored.db"
    with closing(sqlite3.connect(made)) as database:
        database.executescript(raw.read_text(encoding="utf-8"))
    return made


def reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot change the database. It may be in use: its WAL is read too."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)


def faults(database: sqlite3.Connection) -> list[str]:
    found = [row[0] for row in database.execute("PRAGMA integrity_check(5)")]
    broken = database.execute("PRAGMA foreign_key_check").fetchall()
    told = [f"integrity: {text}" for text in found if text != "ok"]
    if broken:
        told.append(f"foreign keys: {len(broken)} rows of {broken[0][0]} and others point nowhere")
    return told


def schema(database: sqlite3.Connection) -> dict[str, str]:
    rows = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {f"{kind} {name}": " ".join(sql.split()) for kind, name, sql in rows}


def tables(database: sqlite3.Connection) -> list[str]:
    """Tables that hold rows of their own; virtual ones show those of their shadow tables."""
    rows = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    )
    return [name for (name,) in rows]


def count(database: sqlite3.Connection, table: str) -> int:
    number = database.execute(f'SELECT count(*) FROM "{_quoted(table)}"').fetchone()[0]
    return int(number)


def content(database: sqlite3.Connection, table: str) -> int:
    """A sum over the digests of all rows: the same rows in any order give the same number."""
    total = 0
    for row in database.execute(f'SELECT * FROM "{_quoted(table)}"'):
        total += int.from_bytes(hashlib.sha256(repr(row).encode()).digest()[:8], "big")
    return total % 2**64


def _quoted(name: str) -> str:
    return name.replace('"', '""')


def compared(
    live: sqlite3.Connection, copy: sqlite3.Connection, behind: int, exact: bool
) -> Iterator[tuple[str, str]]:
    """Lines about each table: what stands before the line is '' or ERROR."""
    left, right = schema(live), schema(copy)
    for key in sorted(left.keys() | right.keys()):
        if left.get(key) != right.get(key):
            side = "the backup" if key not in right else "the live database"
            differs = "differs" if key in left and key in right else f"is not in {side}"
            yield "ERROR", f"{key} {differs}"
    present = set(tables(copy))
    for table in (table for table in tables(live) if table in present):
        here, there = count(live, table), count(copy, table)
        wrong = there > here + behind or here - there > behind
        yield "ERROR" if wrong else "", f"{table}: {here} rows live, {there} in the backup"
        if exact and here == there and content(live, table) != content(copy, table):
            yield "ERROR", f"{table}: as many rows, but not the same"


def check(options: argparse.Namespace) -> list[tuple[str, str]]:
    hours = (time.time() - options.backup.stat().st_mtime) / 3600
    lines = [("", f"backup: {options.backup.stat().st_size} bytes, {hours:.1f} hours old")]
    if options.max_age and hours > options.max_age:
        lines.append(("ERROR", f"it is older than {options.max_age:g} hours"))
    if Path(f"{options.backup}-wal").exists():
        lines.append(("ERROR", "a -wal file lies beside it: the backup is in two parts"))
    with tempfile.TemporaryDirectory(dir=".") as folder:
        with closing(reading(restored(options.backup, Path(folder)))) as copy:
            lines += [("ERROR", fault) for fault in faults(copy)]
            if not tables(copy):
                lines.append(("ERROR", "it holds no table"))
            if options.live:
                with closing(reading(options.live)) as live:
                    lines += compared(live, copy, options.behind, options.exact)
            else:
                lines += [("", f"{table}: {count(copy, table)} rows") for table in tables(copy)]
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backup", type=Path, help="database file, SQL dump, or either with .gz")
    parser.add_argument("live", type=Path, nargs="?", help="the database it was made of")
    parser.add_argument("--behind", type=int, default=0, help="rows of a table it may lack")
    parser.add_argument("--exact", action="store_true", help="compare the rows, not only counts")
    parser.add_argument("--max-age", type=float, default=0, help="hours")
    options = parser.parse_args()
    try:
        lines = check(options)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    except sqlite3.Error as error:
        lines = [("ERROR", f"it cannot be restored: {error}")]
    sys.stdout.writelines(f"{level} {words}".strip() + "\n" for level, words in lines)
    errors = sum(level == "ERROR" for level, _ in lines)
    sys.stdout.write(f"{errors} errors\n")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
