"""The append-only record of every event. What `append` returned is on disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from agent.events import (
    AnyEvent,
    ChangeDecided,
    ChangeIntended,
    ChangeMade,
    PromptChanged,
    SessionOpened,
    Stored,
    UserSpoke,
    decode,
    encode,
    kind_of,
)
from agent.learning.masks import Masks, alters, masks_of
from hermes_home.errors import StoreError
from memory.database import Database
from memory.faults import store_errors
from memory.outbox import Delivery, Settled, put_delivery, settle
from memory.queues import take
from memory.subscriptions import BOUND, Subscribers, Subscription

COLUMNS = "seq, session, run, kind, at, body"
SHOWN = "seq, session, run, kind, at, hidden(seq, kind, body)"
"""The same as views see it; `hidden` is a function of the connection (see memory/index_file.py)."""
NO_MASKS = Masks()
BLOBS_KEPT = 4
"""Texts that requests start with, as they were read last; each has some kilobytes."""
_SELECT = f"SELECT {COLUMNS} FROM events"
# Word for word the conditions of two partial indexes, or SQLite would not use them.
_RUNS = "kind IN ('RunStarted', 'RunFinished')"
CHANGES = (
    "kind IN ('ChangeIntended', 'ChangeMade', 'ChangeDecided', 'SkillMoved', 'RightSet',"
    " 'CuratorRan', 'CuratorPaused', 'Forgotten')"
)


class Journal:
    """The events of a home in the order they were stored. What the owner wants forgotten is hidden
    in all that is read here; only `changes` and `event` give it as it was stored."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._connection = database.connection
        self._clock = clock
        self._watchers: list[Callable[[], None]] = []
        self._known_blobs: set[str] = set()
        self._read_blobs: dict[str, str] = {}
        self._masks: Masks | None = None
        self.last_change = 0
        """The last event about a learned change since the start, 0 = none yet."""
        with store_errors(database.path):
            row = self._connection.execute("SELECT max(seq) FROM events").fetchone()
        self._subscribers = Subscribers(row[0] or 0)

    async def append(
        self,
        event: AnyEvent,
        *,
        session: str = "",
        run: str = "",
        takes: Iterable[str] = (),
        deliver: Sequence[Delivery | Settled] = (),
    ) -> int:
        """Store an event; its sequence number, once it is on disk.

        In the same transaction the inputs `takes`, and the one the event names, are marked taken
        and `deliver` goes to the outbox or settles what is in it. All appends of one turn of the
        event loop are committed together, in order; StoreError means none of them was stored.
        Text that is no Unicode (lone surrogates) is stored with `?` in its place.
        """
        body, event = _fields(event)
        at = self._clock()
        named = getattr(event, "input", "")
        inputs = [*takes, named] if named else list(takes)
        # Its words are in the journal from now on, so the inbox need not keep them.
        spoken = isinstance(event, UserSpoke)

        def store(connection: sqlite3.Connection) -> Stored:
            row = (session, run, kind_of(event), at, body)
            seq = connection.execute(
                "INSERT INTO events (session, run, kind, at, body) VALUES (?, ?, ?, ?, ?)", row
            ).lastrowid
            assert seq is not None  # an INSERT into a table with a rowid always has one
            for id in inputs:
                take(connection, id, seq, spoken=spoken)
            for delivery in deliver:
                if isinstance(delivery, Settled):
                    settle(connection, delivery, session)
                else:
                    put_delivery(connection, delivery, at, session, seq, run)
            return Stored(seq, session, run, at, event)

        return (await self._database.commits.write(store, self._tell)).seq

    def show(self, event: AnyEvent, *, session: str = "", run: str = "") -> None:
        """Let subscribers see an event that is not stored; its `seq` is 0."""
        self._subscribers.publish(Stored(0, session, run, self._clock(), event))

    def subscribe(
        self,
        session: str | None = None,
        bound: int = BOUND,
        kinds: frozenset[str] = frozenset(),
    ) -> Subscription:
        """Follow one session, or all; only events of `kinds`, if any are named. To miss nothing:
        subscribe, then read what is stored, then skip what comes with a `seq` already read. More
        than `bound` unread events drop the subscriber, see `Lagged`."""
        return self._subscribers.add(session, bound, kinds)

    def watch(self, callback: Callable[[], None]) -> None:
        """`callback` is called after each stored event; it must be quick."""
        self._watchers.append(callback)

    def last_seq(self) -> int:
        return self._subscribers.last_seq

    def read(self, session: str, after: int = 0) -> list[Stored]:
        """A session's events with a sequence number above `after`, in order."""
        return self._select(f"{_SELECT} WHERE session = ? AND seq > ? ORDER BY seq", session, after)

    def read_all(self, after: int = 0, limit: int = 1_000) -> list[Stored]:
        """At most `limit` events of all sessions above `after`, in order."""
        return self._select(f"{_SELECT} WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)

    def changes(self, after: int = 0) -> list[Stored]:
        """What was intended, made and decided about what was learned, in order."""
        rows = self._rows(f"{_SELECT} WHERE {CHANGES} AND seq > ? ORDER BY seq", after)
        return [stored_from(row) for row in rows]

    def event(self, seq: int) -> AnyEvent | None:
        """One event as it was stored."""
        rows = self._rows(f"{_SELECT} WHERE seq = ?", seq)
        return stored_from(rows[0]).event if rows else None

    @property
    def masks(self) -> Masks:
        """What is forgotten."""
        if self._masks is None:
            with store_errors(self._database.path):
                self._masks = read_masks(self._connection)
        return self._masks

    def forget_masks(self) -> None:
        """The changes they are read from were overwritten."""
        self._masks = None

    def sessions_unfinished(self) -> list[str]:
        """Sessions with a run that started and has not finished, the oldest such run first."""
        rows = self._rows(
            f"SELECT session, kind, max(seq) AS seq FROM events WHERE {_RUNS} GROUP BY session"
        )
        open_runs = sorted((seq, session) for session, kind, seq in rows if kind == "RunStarted")
        return [session for _, session in open_runs]

    def principal(self, session: str) -> str:
        """Who a session is: the one that its first run was for. Empty before it."""
        first = f"session = ? AND {_RUNS} AND kind = 'RunStarted' ORDER BY seq LIMIT 1"
        rows = self._rows(f"SELECT body ->> '$.principal' FROM events WHERE {first}", session)
        return str(rows[0][0] or "owner") if rows else ""

    def prompt(self, session: str) -> SessionOpened | PromptChanged | None:
        """The event that says what a session's requests start with."""
        rows = self._rows(
            f"{_SELECT} WHERE session = ? AND kind IN ('SessionOpened', 'PromptChanged')"
            " ORDER BY seq DESC LIMIT 1",
            session,
        )
        event = stored_from(rows[0]).event if rows else None
        return event if isinstance(event, SessionOpened | PromptChanged) else None

    async def erase(self, session: str) -> None:
        """Forget what was said and done in a session; SQLite overwrites it. What was learned from
        it keeps its history. The index is to be rebuilt by the caller."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute(
                f"DELETE FROM events WHERE session = ? AND NOT {CHANGES}", (session,)
            )
            for table in ("inbox", "outbox", "chats"):
                connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))

        await self._database.commits.write(delete)

    def has_session(self, session: str) -> bool:
        return bool(self._rows("SELECT 1 FROM events WHERE session = ? LIMIT 1", session))

    def end_subscriptions(self) -> None:
        """Everyone who follows gets what is queued and then the end."""
        self._subscribers.close()

    def put_blob(self, text: str) -> str:
        """Keep a text; its sha256 names it. The same text is kept once."""
        data = text.encode("utf-8", "replace")
        name = hashlib.sha256(data).hexdigest()
        if name not in self._known_blobs:
            with store_errors(self._database.path):
                self._connection.execute(
                    "INSERT OR IGNORE INTO blobs VALUES (?, ?)", (name, data.decode())
                )
            self._known_blobs.add(name)
        return name

    def blob(self, name: str) -> str:
        """The text kept under a name; StoreError if there is none. Every run asks for the same
        few, which never change."""
        if name in self._read_blobs:
            return self._read_blobs[name]
        rows = self._rows("SELECT text FROM blobs WHERE hash = ?", name)
        if not rows:
            raise StoreError(
                f"the journal refers to a text it does not hold ({name[:12]})",
                "Restore state.db from a backup; the session can still be listed.",
            )
        if len(self._read_blobs) >= BLOBS_KEPT:
            self._read_blobs.clear()
        return self._read_blobs.setdefault(name, str(rows[0][0]))

    def _tell(self, stored: Stored) -> None:
        if isinstance(stored.event, ChangeIntended | ChangeMade | ChangeDecided):
            self.last_change = stored.seq
        if alters(stored.event):
            self._masks = None
        self._subscribers.publish(stored)
        for watcher in self._watchers:
            watcher()

    def _select(self, query: str, *values: object) -> list[Stored]:
        masks = self.masks
        return [stored_from(row, masks) for row in self._rows(query, *values)]

    def _rows(self, query: str, *values: object) -> list[Any]:
        with store_errors(self._database.path):
            return self._connection.execute(query, values).fetchall()


def read_masks(connection: sqlite3.Connection, events: str = "events") -> Masks:
    """The masks in force, from a connection to the journal."""
    last = f"SELECT max(seq) FROM {events} WHERE {CHANGES} AND kind = 'Forgotten'"
    if connection.execute(last).fetchone()[0] is None:
        return Masks()
    rows = connection.execute(f"SELECT {COLUMNS} FROM {events} WHERE {CHANGES} ORDER BY seq")
    return masks_of(map(stored_from, rows))


def stored_from(row: tuple[int, str, str, str, float, str], masks: Masks = NO_MASKS) -> Stored:
    """An event from its row, which holds COLUMNS, without what the masks hide."""
    seq, session, run, kind, at, body = row
    if masks.masks:
        body = masks.hide(seq, kind, body)
    return Stored(seq, session, run, at, event_from(kind, body))


def event_from(kind: str, body: str) -> AnyEvent:
    """An event from its kind and its fields as JSON."""
    comma = "" if body == "{}" else ","
    return decode(f'{{"type":"{kind}"{comma}{body[1:]}')


def _fields(event: AnyEvent) -> tuple[str, AnyEvent]:
    """An event's fields as JSON, without the kind, which has a column; and the event they stand
    for: another one if its text is no Unicode."""
    try:
        whole = encode(event).decode()
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(event), ensure_ascii=False)
        event = decode(text.encode("utf-8", "replace"))
        whole = encode(event).decode()
    tag = f'{{"type":"{kind_of(event)}"'
    return "{" + whole.removeprefix(tag).removeprefix(","), event
