"""What is forgotten, found in state.db and overwritten there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from agent.learning.masks import Masks
from hermes_home.paths import Home
from memory.database import Database, reader_uri
from memory.faults import store_errors

BESIDE = (
    ("inbox", "body"),
    ("outbox", "body"),
    ("arrivals", "body"),
    ("occurrences", "output"),
    ("occurrences", "reason"),
)
"""Where words stand besides the journal: columns of text, or of JSON that holds text."""

Event = tuple[int, str]
"""Its number, and its fields as JSON without what is forgotten."""


def touched(home: Home, masks: Masks) -> set[str]:
    """The sessions in which something is said that these masks hide. Reads the whole journal with
    a connection of its own, so it may be called in any thread."""
    with _reader(home) as reader:
        rows = reader.execute("SELECT seq, session, kind, body FROM events WHERE session <> ''")
        return {session for seq, session, kind, body in rows if masks.hide(seq, kind, body) != body}


def holding(home: Home, masks: Masks) -> list[Event]:
    """The events that these masks hide something of, as they are to be stored. Likewise."""
    with _reader(home) as reader:
        return list(_hidden(reader, masks))


@contextmanager
def _reader(home: Home) -> Iterator[sqlite3.Connection]:
    path = home.state_db
    with store_errors(path), closing(sqlite3.connect(reader_uri(path), uri=True)) as reader:
        yield reader


def _hidden(reader: sqlite3.Connection, masks: Masks) -> Iterator[Event]:
    for seq, kind, body in reader.execute("SELECT seq, kind, body FROM events"):
        hidden = masks.hide(seq, kind, body)
        if hidden != body:
            whole = kind != "ChangeIntended" or masks.covers(seq)
            yield seq, hidden if whole else _without_files(hidden)


def _without_files(body: str) -> str:
    """A change of something else can be neither made again nor undone from a text with holes."""
    fields = json.loads(body)
    del fields["files"]
    return json.dumps(fields, ensure_ascii=False)


async def overwrite(database: Database, masks: Masks, events: list[Event]) -> None:
    """Put these events in the place of those of the same number, and take the words out of every
    queue, in one transaction."""

    def write(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "UPDATE events SET body = ? WHERE seq = ?", ((body, seq) for seq, body in events)
        )
        for table, column in BESIDE:
            rows = connection.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} <> ''")
            for number, text in rows.fetchall():
                hidden = masks.arguments(text)
                if hidden != text:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (hidden, number)
                    )

    with store_errors(database.path):
        database.connection.execute("PRAGMA secure_delete = ON")
    await database.commits.write(write)


def settle(database: Database) -> bool:
    """Bring the write-ahead log into the database and empty it: it holds what was overwritten.
    False if somebody reads from it just now."""
    with store_errors(database.path):
        busy = database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy
