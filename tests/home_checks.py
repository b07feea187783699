"""What must hold in every home whose daemon has ended, however it did. Read from the disk by the
product's own readers; each check says what is wrong."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from agent.events import (
    Answered,
    ChangeIntended,
    ChangeMade,
    ModelReplied,
    RunFinished,
    RunStarted,
    Stored,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.learning.file_parts import whole
from hermes_home.history import History
from hermes_home.paths import Home
from hermes_home.tracked import files_below
from memory.database import Database, reader_uri
from memory.index import Index
from memory.journal import Journal


def journal_of(home: Home) -> list[Stored]:
    """Every event of a home, in order; fails if its state.db is damaged."""
    database = Database(home)
    try:
        database.check()
        journal = Journal(database)
        return journal.read_all(limit=journal.last_seq())
    finally:
        database.close()


def check_home(home: Home, receipts: Iterable[str]) -> list[Stored]:
    """Everything below that a home must satisfy whatever was done in it; its events. `receipts`:
    of every message that was ever said to it."""
    events = journal_of(home)
    check_runs(events)
    check_calls(events)
    check_inputs(home, events, receipts)
    check_changes(home, events)
    check_history(home)
    check_leftovers(home)
    check_index(home)
    return events


def check_runs(events: Sequence[Stored]) -> None:
    """Each run has one end, and has heard what it began with; whoever was heard in it was
    answered in it."""
    started = Counter(stored.run for stored in events if isinstance(stored.event, RunStarted))
    finished = Counter(stored.run for stored in events if isinstance(stored.event, RunFinished))
    assert started == finished
    assert set(started.values()) <= {1}
    causes = {(s.run, s.event.cause) for s in events if isinstance(s.event, RunStarted)}
    assert causes <= {(s.run, s.event.input) for s in events if isinstance(s.event, UserSpoke)}
    last: dict[str, type] = {}
    for stored in events:
        if isinstance(stored.event, UserSpoke | Answered | RunFinished):
            kind = type(stored.event)
            assert kind is not RunFinished or last[stored.run] is Answered, stored.run
            last[stored.run] = kind


def check_inputs(home: Home, events: Sequence[Stored], receipts: Iterable[str]) -> None:
    """Each message with a receipt was said once, and nothing else was."""
    said = Counter(s.event.input for s in events if isinstance(s.event, UserSpoke))
    assert [input for input, count in said.items() if count > 1] == []
    assert set(said) == set(receipts)
    with closing(sqlite3.connect(reader_uri(home.state_db), uri=True)) as connection:
        query = "SELECT count(*) FROM inbox WHERE taken IS NULL AND dropped IS NULL"
        assert connection.execute(query).fetchone() == (0,)


def check_calls(events: Sequence[Stored]) -> None:
    """Each call a model made has one result, after its start if it was started; the calls of a
    session are numbered without a gap."""
    asked: Counter[tuple[str, str]] = Counter()
    started: dict[tuple[str, str], int] = {}
    finished: Counter[tuple[str, str]] = Counter()
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for stored in events:
        event, session = stored.event, stored.session
        if isinstance(event, ModelReplied):
            asked.update((session, call.id) for call in event.tool_calls)
        elif isinstance(event, ToolStarted):
            key = session, event.call_id
            assert key not in started, f"{key} was started twice"
            assert key in asked, f"{key} was started and never asked for"
            assert not finished[key], f"{key} was started after its end"
            started[key] = stored.seq
            if not event.checkpoint:
                numbers[session].append(event.number)
        elif isinstance(event, ToolFinished):
            finished[session, event.call_id] += 1
    assert finished == asked
    for session, found in numbers.items():
        assert found == list(range(1, len(found) + 1)), session


def check_changes(home: Home, events: Sequence[Stored]) -> None:
    """The learned changes that were made, one after the other, give the files on disk."""
    intents: dict[int, ChangeIntended] = {}
    made: Counter[int] = Counter()
    texts: dict[str, str | None] = {}
    for stored in events:
        event = stored.event
        if isinstance(event, ChangeIntended):
            intents[stored.seq] = event
        elif isinstance(event, ChangeMade):
            made[event.id] += 1
            for kept in intents[event.id].files:
                file = whole(kept, texts.get(kept.path))
                assert file is not None, f"change {event.id} lost another"
                assert texts.get(file.path) == file.before, f"change {event.id} lost another"
                texts[file.path] = file.after
    assert set(made.values()) <= {1}
    there = {path: text for path, text in texts.items() if text is not None}
    assert {path: (home.root / path).read_text() for path in _learned(home)} == there


def _learned(home: Home) -> list[str]:
    return [path for top in ("skills", "memories") for path in files_below(home, top)]


def check_history(home: Home) -> None:
    """Everything is committed, and what was learned is committed as the agent's."""

    async def read() -> None:
        history = History(home)
        await history.open()
        assert history.warnings == []
        assert await history.dirty() == []
        commits = await history.log(limit=100_000)
        wrong = [c for c in commits if c.actor != "agent" and any("/" in path for path in c.paths)]
        assert wrong == []
        await history.close()

    asyncio.run(read())


def check_leftovers(home: Home) -> None:
    """Nothing half made lies about."""
    left = [str(path) for path in home.root.rglob(".hermes-*") if ".git" not in path.parts]
    conflicts = [str(path) for path in home.root.rglob("*.conflict")]
    assert left + conflicts == []


def check_index(home: Home) -> None:
    """The index that was kept live is the one made anew."""

    async def compare() -> None:
        index = Index(home)
        live = await index.ask(index_rows)
        await index.rebuild()
        assert await index.ask(index_rows) == live
        await index.close()

    asyncio.run(compare())


def index_rows(tables: sqlite3.Connection) -> dict[str, list[object]]:
    """All that an index holds, each token of the search index included."""
    tables.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.tokens USING fts5vocab(main, words, instance)"
    )
    names = ("cursor", "sessions", "usage", "changes", "messages", "temp.tokens")
    return {
        name: tables.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names
    }


def check_effects(log: Path, events: Sequence[Stored]) -> None:
    """A command that appends a line of its own did so at most once, and exactly once if its
    result says that it went well; nobody else appended."""
    lines = Counter(log.read_text().split())
    assert set(lines.values()) <= {1}, [line for line, count in lines.items() if count > 1]
    begun: dict[tuple[str, str], str] = {}
    done: set[str] = set()
    for stored in events:
        event = stored.event
        if isinstance(event, ToolStarted) and event.name == "shell" and ">> log" in event.arguments:
            begun[stored.session, event.call_id] = event.arguments.split("echo ")[1].split()[0]
        elif isinstance(event, ToolFinished) and event.status == "ok":
            line = begun.get((stored.session, event.call_id))
            done |= {line} if line else set()
    assert done <= set(lines) <= set(begun.values())


def check_shown(shown: Mapping[int, Any], events: Sequence[Stored]) -> None:
    """What a view was shown is what is stored."""
    stored = {one.seq: json.loads(msgspec.json.encode(one)) for one in events}
    assert shown
    assert shown == {seq: stored.get(seq) for seq in shown}
