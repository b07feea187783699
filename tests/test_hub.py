"""Where something can be delivered, and how it is cut."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from gateway.app import App
from gateway.channels.base import Incoming, Place
from gateway.chats.delivery import AGAIN
from hermes_home.errors import UsageError
from hermes_home.paths import Home
from memory.outbox import TERMINAL
from tests.loopback_platform import TOKEN, Program

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def app(home: Home) -> AsyncIterator[App]:
    """A home with a live loopback channel; the daemon's own work is not started."""
    with Program() as program:
        loopback = {"enabled": True, "url": program.url, "owners": ["me"]}
        settings = {"channels": {"loopback": loopback}}
        home.config.write_text(json.dumps(settings))
        app = await App.open(home, {"LOOPBACK_TOKEN": TOKEN})
        await app.hub.start()
        yield app
        await app.hub.close()
        await app.router.close()
        app.journal.end_subscriptions()
        await app.close()


async def test_a_target_is_a_place_or_says_what_is_possible(app: App) -> None:
    assert app.hub.target("inbox") == TERMINAL
    for unknown in ("carrier-pigeon", "", "carrier-pigeon:7", "telegram:7"):
        with pytest.raises(UsageError):
            app.hub.target(unknown)
    with pytest.raises(UsageError, match="not set up") as refused:
        app.hub.target("telegram")
    assert "hermes gateway setup telegram" in refused.value.hint
    with pytest.raises(UsageError, match="has not written"):
        app.hub.target("loopback")
    session = await app.router.open_session("loopback", app.home.root)
    for chat, private in (("old", True), ("new", True), ("team", False)):
        address = f"loopback/bot-1/{chat}"
        await app.chats.attach(address, "owner", session, private=private)
    await app.chats.attach("loopback/bot-1/guest", "loopback:bot-1:g", session, private=True)
    assert app.hub.target("loopback") == "loopback/bot-1/new"
    assert app.hub.target("loopback:!room:server/x") == "loopback/bot-1/!room:server/x"
    assert app.hub.target("loopback:a%2Fb%2Cc") == "loopback/bot-1/a%2Fb,c"


async def test_a_place_is_named_so_that_it_is_found_again(app: App) -> None:
    chance = random.Random(7)
    session = await app.router.open_session("loopback", app.home.root)
    await app.chats.attach("loopback/bot-1/c", "owner", session, private=True)
    for _ in range(500):
        chat = "".join(chance.choices("ab:/%,2CF<@>!$", k=chance.randint(1, 8)))
        thread = "".join(chance.choices("ab:/%,2CF<@>!$", k=chance.randint(0, 8)))
        place = Place("loopback", "bot-1", chat, thread)
        assert Place.at(place.address) == place
        assert "," not in place.target
        assert app.hub.target(place.target) == place.address


async def test_a_long_text_is_as_many_rows_as_it_takes_messages(app: App) -> None:
    text = "\n\n".join(f"paragraph {number} " + "word " * 60 for number in range(40))
    await app.outbox.put("s", 1, "loopback/bot-1/c", text, "job")
    parts = app.outbox.unseen("loopback/bot-1/c")
    assert [parcel.part for parcel in parts] == list(range(len(parts)))
    assert len(parts) > 2
    assert all(len(f"{AGAIN}\n\n{parcel.body}") <= 4000 for parcel in parts)
    assert " ".join(parcel.body for parcel in parts).split() == text.split()
    await app.outbox.put("s", 1, TERMINAL, text)
    assert [parcel.body for parcel in app.outbox.unseen(TERMINAL)] == [text]


async def test_what_was_received_is_on_disk(app: App) -> None:
    place = Place("loopback", "bot-1", "c")
    for number in range(5):
        heard = Incoming(place=place, event=f"e{number}", sender="me", text="/status")
        await app.hub.pump.receive([heard])
        with closing(sqlite3.connect(app.home.root / "state.db")) as other:
            assert other.execute("SELECT count(*) FROM arrivals").fetchone() == (number + 1,)


async def test_the_loop_turns_while_a_long_text_is_cut(app: App) -> None:
    text = "\n\n".join(f"paragraph **{number}** " + "`word` " * 30 for number in range(400))
    cutting = asyncio.create_task(app.hub.split("loopback/bot-1/c", text))
    await asyncio.sleep(0)
    beats = 0
    while not cutting.done():
        await asyncio.sleep(0)
        beats += 1
    assert beats, "it was cut between two turns of the loop"
    assert " ".join(await cutting).split() == text.split()


async def test_health_has_a_row_for_each_channel(app: App) -> None:
    (row,) = app.hub.health()
    assert set(row) >= {
        "name",
        "state",
        "last_heard",
        "last_sent",
        "error",
        "since",
        "strangers",
    }
    assert app.busy
