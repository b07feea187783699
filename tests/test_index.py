"""index.db: views kept live are the views made anew, and the file may vanish at any time."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.events import (
    Answered,
    AnyEvent,
    ChangeDecided,
    ChangeIntended,
    ChangeMade,
    ModelReplied,
    Noticed,
    Purpose,
    RunFinished,
    RunParked,
    RunStarted,
    SessionOpened,
    SessionRenamed,
    ToolStarted,
    UserSpoke,
)
from agent.inputs import RunOptions
from agent.messages import Usage
from hermes_home.errors import StoreError
from hermes_home.paths import Home
from memory import index as index_module
from memory.database import Database
from memory.index import Index
from memory.journal import Journal
from memory.listings import change, changes, find_sessions, sessions
from memory.usage import spent_by, spent_on
from memory.views import TITLE_CHARS, title_from
from tests.random_journal import WORDS, RandomJournal

pytestmark = pytest.mark.anyio


class Store:
    """A journal and its index, as one life of the daemon has them."""

    now = 1_000_000.0

    def __init__(self, home: Home) -> None:
        self.database = Database(home)
        self.journal = Journal(self.database, clock=lambda: self.now)
        self.index = Index(home)

    async def say(self, *events: AnyEvent, session: str = "s") -> list[int]:
        return [await self.journal.append(event, session=session) for event in events]

    async def found(self, word: str) -> list[int]:
        return [hit.seq for hit in (await self.index.search(word)).hits]


@asynccontextmanager
async def opened(home: Home) -> AsyncIterator[Store]:
    store = Store(home)
    try:
        yield store
    finally:
        await store.index.close()
        store.database.close()


@pytest.fixture
async def store(home: Home) -> AsyncIterator[Store]:
    async with opened(home) as store:
        yield store


def started(model: str = "m") -> RunStarted:
    return RunStarted(cause="", principal="owner", options=RunOptions(), provider="p", model=model)


def everything(tables: sqlite3.Connection) -> dict[str, list[object]]:
    """All that the index holds, each token of the search index included."""
    tables.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.tokens USING fts5vocab(main, words, instance)"
    )
    names = (
        *("cursor", "sessions", "usage", "changes", "runs", "skill_runs", "kinds"),
        *("messages", "temp.tokens"),
    )
    return {
        name: tables.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names
    }


async def compare_live_and_rebuilt(home: Home, operations: int, seed: int) -> None:
    drawn, chance = RandomJournal(seed), random.Random(seed)
    written = 0
    while written < operations:
        async with opened(home) as store:
            for _ in range(min(chance.randint(1, operations // 8), operations - written)):
                event, session = drawn.draw()
                Store.now += chance.choice((0.5, 60, -30, 4_000))
                run = drawn.run_of(session) if session else ""
                drawn.stored(event, await store.journal.append(event, session=session, run=run))
                written += 1
                if chance.random() < 0.02:
                    await store.index.catch_up()
    async with opened(home) as store:
        live = await store.index.ask(everything)
        answers = [await store.index.search(word) for word in WORDS]
        await store.index.rebuild()
        assert await store.index.ask(everything) == live
        assert [await store.index.search(word) for word in WORDS] == answers
    assert len(live["messages"]) > operations // 5
    assert len(live["runs"]) > operations // 50


async def test_views_kept_live_are_the_views_made_anew(home: Home) -> None:
    await compare_live_and_rebuilt(home, operations=150, seed=1)


@pytest.mark.slow
async def test_ten_thousand_operations_with_restarts_are_the_same_made_anew(home: Home) -> None:
    await compare_live_and_rebuilt(home, operations=10_000, seed=2)


async def test_a_session_is_listed_with_what_happened_in_it(store: Store) -> None:
    opening = SessionOpened(source="terminal", cwd="/w", system="", tools="", prompt_version="1")
    await store.say(opening, started("big"), UserSpoke(input="", text="Make  the\nreport"))
    await store.say(ToolStarted(call_id="c", name="shell", arguments="{}", number=1))
    await store.say(ModelReplied(text="x", usage=Usage(10, 5)), Answered(text="done " * 300))
    (row,) = await store.index.ask(sessions)
    assert (row.id, row.title, row.state, row.model) == ("s", "Make the report", "working", "big")
    assert (row.source, row.cwd, row.runs, row.tool_calls, row.tokens) == (
        "terminal",
        "/w",
        1,
        1,
        15,
    )
    assert row.answer.startswith("done done")
    await store.say(RunFinished(reason="done"), SessionRenamed(title="Mine"))
    await store.say(UserSpoke(input="", text="another thing"))
    (row,) = await store.index.ask(sessions)
    assert (row.title, row.state) == ("Mine", "idle")


async def test_a_parked_run_goes_on_with_any_message(store: Store) -> None:
    await store.say(started(), RunParked(reason="two crashes"))
    assert [row.state for row in await store.index.ask(sessions)] == ["parked"]
    await store.say(UserSpoke(input="", text="go on"))
    assert [row.state for row in await store.index.ask(sessions)] == ["working"]


async def test_sessions_are_found_by_id_prefix_and_title(store: Store) -> None:
    for session, title in (("ab1", "Report"), ("ab2", "report two"), ("cd1", "100%_x")):
        await store.say(SessionRenamed(title=title), session=session)

    async def found(reference: str) -> list[str]:
        return [row.id for row in await store.index.ask(lambda t: find_sessions(t, reference))]

    assert await found("ab1") == ["ab1"]
    assert sorted(await found("ab")) == ["ab1", "ab2"]
    assert await found("REPORT") == ["ab1"]
    assert sorted(await found("rep")) == ["ab1", "ab2"]
    assert await found("100%") == ["cd1"]
    assert await found("%") == []
    assert await found("") == []


@pytest.mark.parametrize("text", ["", "  \n ", "short", "word " * 40, "x" * 500, "日本語" * 50])
def test_a_title_is_one_line_of_bounded_length(text: str) -> None:
    title = title_from(text)
    assert len(title) <= TITLE_CHARS
    assert title.removesuffix("…").strip() in " ".join(text.split())


def intended(status: str = "candidate", actor: str = "agent") -> ChangeIntended:
    return ChangeIntended(
        kind="memory",
        name="MEMORY.md",
        action="add",
        status=status,  # type: ignore[arg-type]
        actor=actor,
        entry_after="the entry",
        reason="why",
    )


async def test_a_change_is_listed_when_it_was_made_or_proposed(store: Store) -> None:
    made, _, proposed, owners = await store.say(
        intended(), intended(), intended("proposed"), intended("active", "owner")
    )
    await store.say(ChangeMade(id=made), ChangeMade(id=owners))
    rows = await store.index.ask(changes)
    assert [(row.id, row.status) for row in rows] == [(proposed, "proposed"), (made, "candidate")]
    assert (rows[0].session, rows[0].entry, rows[0].reason) == ("s", "the entry", "why")
    everyones = await store.index.ask(lambda tables: changes(tables, everyone=True))
    assert [row.id for row in everyones] == [owners, proposed, made]
    await store.say(ChangeDecided(id=made, status="undone", by="owner"), session="")
    row = await store.index.ask(lambda tables: change(tables, made))
    assert row is not None
    assert row.status == "undone"


@pytest.mark.parametrize(
    ("zone", "first", "day"),
    [
        ("UTC", "2026-11-21T00:00:00+00:00", "2026-11-21"),
        ("Asia/Kolkata", "2026-11-20T18:30:00+00:00", "2026-11-21"),
        ("Asia/Kathmandu", "2026-11-20T18:15:00+00:00", "2026-11-21"),
        ("America/New_York", "2026-11-01T04:00:00+00:00", "2026-11-01"),
    ],
)
async def test_usage_is_summed_for_the_day_of_any_zone(
    store: Store, zone: str, first: str, day: str
) -> None:
    midnight = datetime.fromisoformat(first).timestamp()
    hours = 25 if zone == "America/New_York" else 24
    at: list[tuple[float, Purpose, int]] = [
        (midnight - 1, "run", 1_000),
        (midnight, "run", 10),
        (midnight + hours * 3600 - 1, "checkpoint", 7),
        (midnight + hours * 3600, "run", 2_000),
    ]
    for store.now, purpose, tokens in at:
        await store.say(ModelReplied(text="", usage=Usage(tokens, 1, 2), purpose=purpose))
    place = ZoneInfo(zone)
    spent = await store.index.ask(lambda t: spent_on(t, date.fromisoformat(day), place))
    assert spent.by_purpose == {"run": Usage(10, 1, 2), "checkpoint": Usage(7, 1, 2)}
    assert spent.total == Usage(17, 2, 4)
    assert spent.requests == 2
    session = await store.index.ask(lambda tables: spent_by(tables, "s"))
    assert session.total.prompt == 3_017


async def test_nothing_spent_is_no_error(store: Store) -> None:
    spent = await store.index.ask(lambda t: spent_on(t, date(2026, 1, 1), UTC))
    assert spent.total == Usage()
    assert spent.requests == 0


def deleted(path: Path) -> None:
    path.unlink()


def deleted_with_side_files(path: Path) -> None:
    for file in path.parent.glob("index.db*"):
        file.unlink()


def overwritten(path: Path) -> None:
    path.write_bytes(b"garbage" * 3_000)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def replaced(path: Path) -> None:
    path.with_name("other").write_bytes(random.Random(3).randbytes(50_000))
    path.with_name("other").replace(path)


def another_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE changes")


HARM = (deleted, deleted_with_side_files, overwritten, emptied, replaced, another_schema)


@pytest.mark.parametrize("harm", HARM)
async def test_the_file_may_be_harmed_while_it_is_open(store: Store, home: Home, harm) -> None:
    seqs = await store.say(*(UserSpoke(input="", text=f"needle {n}") for n in range(40)))
    before = await store.index.ask(everything)
    harm(home.index_db)
    seqs += await store.say(UserSpoke(input="", text="needle later"))
    assert (await store.found("later")) == seqs[-1:]
    after = await store.index.ask(everything)
    assert after["messages"][: len(before["messages"])] == before["messages"]
    assert len(after["messages"]) == len(seqs)


@pytest.mark.parametrize("harm", HARM)
async def test_the_file_may_be_harmed_between_two_lives(home: Home, harm) -> None:
    async with opened(home) as store:
        seqs = await store.say(UserSpoke(input="", text="needle"))
        assert await store.found("needle") == seqs
    harm(home.index_db)
    async with opened(home) as store:
        assert await store.found("needle") == seqs
        assert len(await store.index.ask(changes)) == 0


async def test_an_index_of_another_journal_is_made_anew(home: Home) -> None:
    async with opened(home) as store:
        await store.say(UserSpoke(input="", text="old"), UserSpoke(input="", text="older"))
        await store.index.catch_up()
    for path in home.root.glob("state.db*"):
        path.unlink()
    async with opened(home) as store:
        store.now = 2_000_000.0
        await store.say(*(UserSpoke(input="", text="new") for _ in range(3)))
        assert await store.found("old") == []
        assert len(await store.found("new")) == 3


async def test_a_damaged_file_is_kept_beside_the_new_one(home: Home) -> None:
    async with opened(home) as store:
        await store.say(UserSpoke(input="", text="needle"))
        await store.index.catch_up()
    overwritten(home.index_db)
    async with opened(home) as store:
        assert await store.found("needle")
    assert home.root.joinpath("index.db.damaged").read_bytes().startswith(b"garbage")


async def test_an_index_that_cannot_be_written_is_a_store_error(store: Store, home: Home) -> None:
    await store.say(UserSpoke(input="", text="needle"))
    home.index_db.mkdir()
    with pytest.raises(StoreError):
        await store.index.search("needle")
    home.index_db.rmdir()
    assert await store.found("needle")


async def test_the_journal_is_followed_unasked(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "DELAY", 0.0)
    await store.index.catch_up()
    store.index.follow(store.journal)
    (seq,) = await store.say(Noticed(text="x"))
    for _ in range(2_000):
        with closing(sqlite3.connect(f"file:{home.index_db}?mode=ro", uri=True)) as reader:
            if reader.execute("SELECT seq FROM cursor").fetchone() == (seq,):
                return
        await asyncio.sleep(0.005)
    pytest.fail("the index did not follow")


@pytest.fixture(autouse=True)
def _same_clock() -> None:
    Store.now = 1_000_000.0
