"""Reviews an SQLite database read-only: shape, faults and advice. Exit 1 if there are faults."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

SMALL = 200
"""Rows of a table for which reading it whole costs nothing."""
SAMPLE = 100_000
FAULTS = {"corrupt", "orphan", "query"}

Finding = tuple[str, str]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
    database.execute("SELECT count(*) FROM sqlite_schema")
    return database


def tables(database: sqlite3.Connection) -> list[str]:
    """Tables with rows of their own: no views, no shadow tables of virtual ones."""
    rows = database.execute("PRAGMA table_list").fetchall()
    return sorted(row[1] for row in rows if row[2] == "table" and not row[1].startswith("sqlite_"))


def columns(database: sqlite3.Connection, table: str) -> list[tuple[str, str, int]]:
    """Name, declared type and place in the primary key (0 = none) of each column."""
    rows = database.execute(f"PRAGMA table_info({quoted(table)})")
    return [(row[1], row[2], row[5]) for row in rows]


def indexes(database: sqlite3.Connection, table: str) -> dict[str, list[str]]:
    """The columns of each whole (not partial) index, in order; expressions count as ''."""
    found = {}
    for row in database.execute(f"PRAGMA index_list({quoted(table)})").fetchall():
        if not row[4]:
            inner = database.execute(f"PRAGMA index_info({quoted(row[1])})").fetchall()
            found[row[1]] = [part[2] or "" for part in inner]
    return found


def shape(database: sqlite3.Connection, table: str) -> tuple[str, int]:
    count = database.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0]
    told = ", ".join(f"{name} {kind}".strip() for name, kind, _ in columns(database, table))
    return f"{table}: {count} rows ({told})", count


def integrity(database: sqlite3.Connection) -> list[Finding]:
    found: list[Finding] = []
    for (line,) in database.execute("PRAGMA integrity_check(20)").fetchall():
        if line != "ok":
            found.append(("corrupt", line))
    orphans: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in database.execute("PRAGMA foreign_key_check").fetchall():
        orphans[table, parent] = orphans.get((table, parent), 0) + 1
    for (table, parent), count in sorted(orphans.items()):
        found.append(
            ("orphan", f"{count} rows of {table} point to rows of {parent} that are not there")
        )
    return found


def advice(database: sqlite3.Connection, table: str, rows: int) -> list[Finding]:
    found: list[Finding] = []
    known, indexed = columns(database, table), indexes(database, table)
    keys = [name for name, _, place in sorted(known, key=lambda column: column[2]) if place]
    if not keys and not any(indexed):
        found.append(("key", f"{table} has no primary key"))
    prefixes = [*indexed.values(), keys]
    references: dict[int, list[str]] = {}
    for row in database.execute(f"PRAGMA foreign_key_list({quoted(table)})").fetchall():
        references.setdefault(row[0], []).append(row[3])
    for names in references.values():
        if rows > SMALL and not any(part[: len(names)] == names for part in prefixes):
            said = ", ".join(names)
            found.append(("index", f"{table}({said}) refers to another table and has no index"))
    for name, parts in indexed.items():
        for other, longer in indexed.items():
            shadowed = longer[: len(parts)] == parts and (len(longer) > len(parts) or other < name)
            if other != name and shadowed and not name.startswith("sqlite_autoindex"):
                found.append(("doubled", f"the index {name} is the beginning of {other}"))
                break
    return found + _mixed(database, table, known)


def _mixed(
    database: sqlite3.Connection, table: str, known: list[tuple[str, str, int]]
) -> list[Finding]:
    found: list[Finding] = []
    for name, kind, _ in known:
        sample = f"SELECT {quoted(name)} AS v FROM {quoted(table)} LIMIT {SAMPLE}"
        counts = dict(
            database.execute(f"SELECT typeof(v), count(*) FROM ({sample}) GROUP BY 1").fetchall()
        )
        counts.pop("null", None)
        if counts.keys() <= {"integer", "real"} or len(counts) < 2:
            continue
        told = ", ".join(f"{count} {held}" for held, count in sorted(counts.items()))
        found.append(("mixed", f"{table}.{name} {kind} holds {told}".replace("  ", " ")))
    return found


def plans(database: sqlite3.Connection, text: str, rows: dict[str, int]) -> list[Finding]:
    """How each query would be run."""
    found: list[Finding] = []
    queries = [part.strip() for part in text.split(";") if part.strip()]
    for number, query in enumerate(queries, 1):
        blanks = [None] * query.count("?")
        try:
            steps = database.execute(f"EXPLAIN QUERY PLAN {query}", blanks).fetchall()
        except sqlite3.Error as error:
            found.append(("query", f"{number} cannot be run: {error}"))
            continue
        for step in steps:
            print(f"query {number}: {step[3]}")
            words = step[3].split()
            whole = words[0] == "SCAN" and "INDEX" not in words
            if whole and rows.get(words[1], SMALL + 1) > SMALL:
                found.append(("index", f"query {number} reads {words[1]} whole"))
            if "TEMP B-TREE" in step[3]:
                found.append(("index", f"query {number} sorts apart: {step[3]}"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("--queries", type=Path, help="a file of SELECTs parted by ;")
    parser.add_argument("--strict", action="store_true", help="advice fails as well")
    arguments = parser.parse_args()
    try:
        with closing(opened(arguments.database)) as database:
            rows: dict[str, int] = {}
            found = integrity(database)
            for table in tables(database):
                told, rows[table] = shape(database, table)
                print(told)
                found += advice(database, table, rows[table])
            if arguments.queries:
                text = arguments.queries.read_text(encoding="utf-8")
                found += plans(database, text, rows)
    except (sqlite3.Error, OSError) as error:
        print(f"cannot read {arguments.database}: {error}", file=sys.stderr)
        return 2
    for kind, what in found:
        print(f"{'fault' if kind in FAULTS else 'advice'}: {kind}: {what}")
    bad = sum(kind in FAULTS for kind, _ in found)
    print(f"{bad} faults, {len(found) - bad} pieces of advice", file=sys.stderr)
    return 1 if bad or (arguments.strict and found) else 0


if __name__ == "__main__":
    sys.exit(main())
