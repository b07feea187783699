"""Inbox and outbox: stored before promised, once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from agent.events import Noticed, UserSpoke
from agent.inputs import Answer, AnyInput, Decision, RunOptions, Said, Stop
from hermes_home.paths import Home
from memory.database import Database
from memory.journal import Journal
from memory.outbox import Outbox
from memory.queues import KEY_WINDOW, Inbox
from tests.clock import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    with closing(Database(home)) as database:
        yield database


async def test_every_kind_of_input_comes_back_as_it_was_after_a_restart(home: Home) -> None:
    options = RunOptions(cwd="/w", skills=("a",), headless=True, learning=False)
    inputs: list[AnyInput] = [
        Said(id="1", text="hé\n", mode="queue", options=options, principal="g7"),
        Stop(id="2"),
        Decision(id="3", call_id="c", allow=True, session=True),
        Answer(id="4", call_id="c", text="yes"),
    ]
    with closing(Database(home)) as database:
        for input in inputs:
            await Inbox(database).put(input, "s", "test")
    with closing(Database(home)) as database:
        assert Inbox(database).pending("s") == inputs


async def test_positions_and_the_last_event_are_on_the_receipt(database: Database) -> None:
    inbox, journal = Inbox(database), Journal(database)
    first = await inbox.put(Said(id="1", text="a"), "s", "test")
    seq = await journal.append(Noticed(text="x"), session="s")
    second = await inbox.put(Said(id="2", text="b"), "s", "test")
    other = await inbox.put(Said(id="3", text="c"), "t", "test")
    assert first == ("1", 1, 0, False)
    assert second == ("2", 2, seq, False)
    assert other == ("3", 1, seq, False)


async def test_the_same_key_gets_the_same_receipt_and_is_stored_once(database: Database) -> None:
    inbox, journal = Inbox(database), Journal(database)
    first = await inbox.put(Said(id="1", text="a"), "s", "test", key="telegram:7:42")
    await journal.append(UserSpoke(input="1", text="a"), session="s")
    again = await inbox.put(Said(id="2", text="a"), "s", "test", key="telegram:7:42")
    assert again == first._replace(repeated=True)
    assert inbox.pending("s") == []


async def test_the_same_key_in_one_transaction_is_stored_once(database: Database) -> None:
    inbox = Inbox(database)
    receipts = await asyncio.gather(
        *(inbox.put(Said(id=str(n), text="a"), "s", "test", key="k") for n in range(5))
    )
    assert [receipt.repeated for receipt in receipts] == [False, True, True, True, True]
    assert {receipt.id for receipt in receipts} == {"0"}
    assert len(inbox.pending("s")) == 1


async def test_the_same_input_id_is_stored_once_without_a_key(database: Database) -> None:
    inbox = Inbox(database)
    await inbox.put(Said(id="1", text="a"), "s", "test")
    assert (await inbox.put(Said(id="1", text="a"), "s", "test")).repeated
    assert len(inbox.pending("s")) == 1


async def test_a_key_may_mean_something_else_after_its_window(database: Database) -> None:
    clock = Clock()
    inbox = Inbox(database, clock)
    await inbox.put(Said(id="1", text="a"), "s", "test", key="k")
    clock.now += KEY_WINDOW - 1
    assert (await inbox.put(Said(id="2", text="b"), "s", "test", key="k")).repeated
    clock.now += 2
    assert not (await inbox.put(Said(id="3", text="c"), "s", "test", key="k")).repeated
    assert [input.id for input in inbox.pending("s")] == ["1", "3"]


async def test_inputs_without_a_key_are_all_kept_in_order(database: Database) -> None:
    inbox = Inbox(database)
    await asyncio.gather(
        *(inbox.put(Said(id=f"{n:03}", text="same"), "s", "test") for n in range(200))
    )
    assert [input.id for input in inbox.pending("s")] == [f"{n:03}" for n in range(200)]


async def test_sessions_wait_in_the_order_of_their_oldest_input(database: Database) -> None:
    inbox, journal = Inbox(database), Journal(database)
    for id, session in (("1", "b"), ("2", "a"), ("3", "b"), ("4", "c")):
        await inbox.put(Said(id=id, text="x"), session, "test")
    assert inbox.sessions_pending() == ["b", "a", "c"]
    await journal.append(UserSpoke(input="1", text="x"), session="b")
    await inbox.drop("4", "the session was deleted")
    assert inbox.sessions_pending() == ["a", "b"]
    assert inbox.pending("c") == []


async def test_a_taken_input_cannot_be_dropped(database: Database) -> None:
    inbox, journal = Inbox(database), Journal(database)
    await inbox.put(Stop(id="1"), "s", "test")
    seq = await journal.append(Noticed(text="x"), session="s", takes=["1"])
    await inbox.drop("1", "too late")
    row = database.connection.execute("SELECT taken, dropped FROM inbox").fetchone()
    assert row == (seq, None)
    assert inbox.get("1") == Stop(id="1")


async def test_a_parcel_is_unseen_until_it_has_arrived(home: Home) -> None:
    with closing(Database(home)) as database:
        outbox = Outbox(database)
        first = await outbox.put("s", 5, "telegram", "one")
        second = await outbox.put("s", 6, "terminal", "two")
        await outbox.mark(first, "accepted")
    with closing(Database(home)) as database:
        outbox = Outbox(database)
        assert [(p.id, p.state, p.body) for p in outbox.unseen()] == [
            (first, "accepted", "one"),
            (second, "intent", "two"),
        ]
        assert [p.id for p in outbox.unseen("terminal")] == [second]
        await outbox.mark(second, "final")
        assert [p.id for p in outbox.unseen()] == [first]
