"""The journal: what append returned is stored, in order, together with what belongs to it."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.events import (
    Answered,
    ChangeIntended,
    ChangeMade,
    Noticed,
    RunFinished,
    RunStarted,
    Stored,
    TextStreamed,
    UserSpoke,
)
from agent.inputs import RunOptions, Said
from hermes_home.errors import StoreError
from hermes_home.paths import Home
from memory.database import Database
from memory.journal import Journal
from memory.outbox import Delivery, Outbox
from memory.queues import Inbox
from memory.subscriptions import Lagged

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parent.parent


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    with closing(Database(home)) as database:
        yield database


def started(cause: str = "i1") -> RunStarted:
    return RunStarted(cause=cause, principal="owner", options=RunOptions(), provider="p", model="m")


def texts(events: list[Stored]) -> list[str]:
    return [stored.event.text for stored in events if isinstance(stored.event, Noticed)]


async def test_what_was_appended_is_read_back_by_another_process_life(home: Home) -> None:
    with closing(Database(home)) as database:
        journal = Journal(database, clock=lambda: 12.5)
        event = UserSpoke(input="", text="naïve 日本 \u0000 </x>", tail="date: today")
        seq = await journal.append(event, session="s", run="r")
    with closing(Database(home)) as database:
        journal = Journal(database)
        assert journal.read("s") == [Stored(seq, "s", "r", 12.5, event)]
        assert journal.last_seq() == seq


async def test_appends_of_one_turn_of_the_loop_are_one_transaction_in_order(
    database: Database,
) -> None:
    commits: list[str] = []
    database.connection.set_trace_callback(
        lambda statement: commits.append(statement) if statement == "COMMIT" else None
    )
    journal = Journal(database)
    seqs = await asyncio.gather(*(journal.append(Noticed(text=str(n))) for n in range(100)))
    assert seqs == sorted(seqs)
    assert len(commits) == 1
    assert texts(journal.read_all()) == [str(n) for n in range(100)]


async def test_sessions_and_pages_are_read_apart(database: Database) -> None:
    journal = Journal(database)
    for number in range(6):
        await journal.append(Noticed(text=str(number)), session="ab"[number % 2])
    assert texts(journal.read("b")) == ["1", "3", "5"]
    assert texts(journal.read("b", after=journal.read("b")[0].seq)) == ["3", "5"]
    page = journal.read_all(limit=4)
    assert texts(page + journal.read_all(after=page[-1].seq, limit=4)) == list("012345")


async def test_a_failing_commit_fails_every_waiter_and_stores_nothing(database: Database) -> None:
    journal, inbox = Journal(database), Inbox(database)
    await journal.append(Noticed(text="before"))
    watched = journal.subscribe()
    database.connection.execute("CREATE TEMP TABLE full (x)")
    database.connection.execute(
        "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.events WHEN new.body LIKE '%third%'"
        " BEGIN SELECT raise(ABORT, 'disk refused'); END"
    )
    results = await asyncio.gather(
        journal.append(Noticed(text="first")),
        inbox.put(Said(id="i1", text="second"), "s", "test"),
        journal.append(Noticed(text="third")),
        return_exceptions=True,
    )
    assert all(isinstance(result, StoreError) for result in results)
    assert texts(journal.read_all()) == ["before"]
    assert inbox.pending("s") == []
    database.connection.execute("DROP TRIGGER refuse")
    seq = await journal.append(Noticed(text="after"))
    assert [(await anext(watched)).seq] == [seq]  # type: ignore[union-attr]
    watched.close()


async def test_a_cancelled_append_does_not_disturb_the_others(database: Database) -> None:
    journal = Journal(database)
    cancelled = asyncio.create_task(journal.append(Noticed(text="one")))
    other = asyncio.create_task(journal.append(Noticed(text="two")))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await other
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert texts(journal.read_all()) == ["one", "two"]


async def test_closing_stores_what_was_still_waiting(home: Home) -> None:
    with closing(Database(home)) as database:
        task = asyncio.create_task(Journal(database).append(Noticed(text="last words")))
        await asyncio.sleep(0)
    assert await task
    with closing(Database(home)) as database:
        assert texts(Journal(database).read_all()) == ["last words"]


async def test_lone_surrogates_are_replaced_before_anyone_sees_them(database: Database) -> None:
    journal = Journal(database)
    watched = journal.subscribe()
    await journal.append(Answered(text="a\ud800b"), session="s")
    expected = Answered(text="a?b")
    assert journal.read("s")[0].event == expected
    assert (await anext(watched)).event == expected  # type: ignore[union-attr]
    watched.close()


async def test_an_event_takes_the_input_it_names_in_its_own_transaction(
    database: Database,
) -> None:
    journal, inbox = Journal(database), Inbox(database)
    for id in ("i1", "i2", "i3"):
        await inbox.put(Said(id=id, text=f"words of {id}"), "s", "test")
    await journal.append(started("i1"), session="s")
    assert [input.id for input in inbox.pending("s")] == ["i1", "i2", "i3"]
    await journal.append(UserSpoke(input="i1", text="words of i1"), session="s", takes=["i3"])
    assert [input.id for input in inbox.pending("s")] == ["i2"]
    assert inbox.get("i1") is None


async def test_deliveries_are_stored_with_their_event(database: Database) -> None:
    journal, outbox = Journal(database), Outbox(database)
    seq = await journal.append(
        Answered(text="done"), session="s", deliver=[Delivery("loopback", "done")]
    )
    (parcel,) = outbox.unseen()
    assert (parcel.seq, parcel.session, parcel.channel, parcel.body) == (
        seq,
        "s",
        "loopback",
        "done",
    )


async def test_unfinished_sessions_are_those_whose_last_run_did_not_end(database: Database) -> None:
    journal = Journal(database)
    for session in ("later", "done", "first"):
        await journal.append(started(), session=session)
    await journal.append(RunFinished(reason="done"), session="done")
    await journal.append(RunFinished(reason="done"), session="later")
    await journal.append(started(), session="later")
    assert journal.sessions_unfinished() == ["first", "later"]


async def test_changes_are_read_without_the_rest(database: Database) -> None:
    journal = Journal(database)
    await journal.append(Noticed(text="x"))
    intended = ChangeIntended(
        kind="skill", name="n", action="create", status="candidate", actor="agent"
    )
    id = await journal.append(intended)
    await journal.append(Noticed(text="y"))
    await journal.append(ChangeMade(id=id))
    assert [stored.event for stored in journal.changes()] == [intended, ChangeMade(id=id)]


async def test_a_blob_is_kept_once_and_named_by_its_content(database: Database) -> None:
    journal = Journal(database)
    name = journal.put_blob("system prompt")
    assert journal.put_blob("system prompt") == name
    assert Journal(database).blob(name) == "system prompt"
    assert database.connection.execute("SELECT count(*) FROM blobs").fetchone() == (1,)
    with pytest.raises(StoreError):
        journal.blob("0" * 64)


async def test_subscribers_see_stored_and_shown_events_of_their_session(
    database: Database,
) -> None:
    journal = Journal(database)
    one, everything = journal.subscribe("a"), journal.subscribe()
    first = await journal.append(Noticed(text="stored"), session="a")
    journal.show(TextStreamed(text="shown"), session="a")
    second = await journal.append(Noticed(text="other"), session="b")
    one.close()
    everything.close()
    assert [item.seq async for item in one] == [first, 0]  # type: ignore[union-attr]
    assert [item.seq async for item in everything] == [first, 0, second]  # type: ignore[union-attr]
    assert len(journal.read_all()) == 2


async def test_a_subscriber_of_some_kinds_is_not_filled_with_others(database: Database) -> None:
    journal = Journal(database)
    some = journal.subscribe("a", bound=1, kinds=frozenset({"Noticed"}))
    for _ in range(3):
        journal.show(TextStreamed(text="shown"), session="a")
    seq = await journal.append(Noticed(text="stored"), session="a")
    some.close()
    assert [item.seq async for item in some] == [seq]  # type: ignore[union-attr]


async def test_a_subscriber_sees_an_event_only_when_it_is_stored(
    home: Home, database: Database
) -> None:
    journal = Journal(database)
    watched = journal.subscribe()

    async def look() -> int:
        item = await anext(watched)
        with closing(sqlite3.connect(f"file:{home.state_db}?mode=ro", uri=True)) as reader:
            (last,) = reader.execute("SELECT max(seq) FROM events").fetchone()
        assert isinstance(item, Stored)
        return int(last - item.seq)

    looking = asyncio.create_task(look())
    await journal.append(Noticed(text="x"))
    assert await looking >= 0
    watched.close()


async def test_a_slow_subscriber_is_dropped_and_told_where_to_read_on(database: Database) -> None:
    journal = Journal(database)
    slow, quick = journal.subscribe(bound=3), journal.subscribe()
    seqs = [await journal.append(Noticed(text="0"))]
    assert (await anext(slow)).seq == seqs[0]  # type: ignore[union-attr]
    seqs += await asyncio.gather(*(journal.append(Noticed(text=str(n))) for n in range(1, 9)))
    assert [item async for item in slow] == [Lagged(seqs[0])]
    assert [item async for item in slow] == []
    assert [stored.seq for stored in journal.read_all(after=seqs[0])] == seqs[1:]
    quick.close()
    assert len([item async for item in quick]) == 9


async def test_a_waiting_subscriber_gets_what_comes(database: Database) -> None:
    journal = Journal(database)
    watched = journal.subscribe("s", bound=1)
    waiting = asyncio.ensure_future(anext(watched))
    await asyncio.sleep(0)
    await asyncio.gather(*(journal.append(Noticed(text=str(n)), session="s") for n in range(4)))
    assert isinstance(await waiting, Lagged)


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_loses_nothing_it_acknowledged(home: Home) -> None:
    seed = random.Random(20261121)
    acknowledged: dict[int, str] = {}
    for life in range(8):
        command = [sys.executable, "-m", "tests.journal_writer", str(home.root), str(life * 10**6)]
        writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(seed.randrange(1, 400))]
        time.sleep(seed.random() / 50)
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        for line in [*lines, *rest.splitlines(keepends=True)]:
            if line.endswith(b"\n"):
                seq, text = line.decode().rstrip("\n").split(" ", 1)
                acknowledged[int(seq)] = text
        with closing(Database(home)) as database:
            database.check()
            stored = {item.seq: item for item in Journal(database).read_all(limit=10**6)}
        assert list(stored) == list(range(1, len(stored) + 1))
        for seq_, text in acknowledged.items():
            event = stored[seq_].event
            assert isinstance(event, Noticed)
            assert event.text == text
