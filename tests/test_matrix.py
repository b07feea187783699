"""Matrix against a real server (Synapse), with real clients on the other side."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from asyncio import to_thread
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.channels.base import (
    Attachment,
    Channel,
    ChannelError,
    Delayed,
    NotPermitted,
    Outgoing,
    Place,
    Refused,
    Unknown,
    Upload,
)
from gateway.channels.matrix import Matrix
from hermes_home.channel_settings import MatrixSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets
from tests.channel_contract import ChannelContract, EditContract, MediaContract, Shown, connected
from tests.channel_rig import Kept, listening
from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.servers import free_port
from tests.synapse import ABSENT, PYTHON, Person, Synapse

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

_numbers = count(1)


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    if not PYTHON.exists():
        pytest.skip(ABSENT)
    server = Synapse(tmp_path_factory.mktemp("synapse"))
    yield server
    server.close()


@pytest.fixture
async def people(synapse: Synapse) -> AsyncIterator[Callable[[str], Person]]:
    """New people, who hang up at the end."""
    known: list[Person] = []

    def make(name: str) -> Person:
        known.append(Person(synapse, f"{name}{next(_numbers)}"))
        return known[-1]

    yield make
    for person in known:
        await person.client.close()


class Bot:
    """The bot's account, owned by one person; `channel()` is a new process's channel of it."""

    def __init__(self, synapse: Synapse, home: Home, owner: Person, *guests: Person) -> None:
        self.made = made = synapse.register(f"hermes{next(_numbers)}")
        self.user = made["user_id"]
        self.name = self.user[1:].partition(":")[0].capitalize()
        self.kept = Kept()
        self.home = home
        self._secrets = Secrets({"MATRIX_ACCESS_TOKEN": made["access_token"]}, {})
        self.section = MatrixSettings(
            enabled=True,
            homeserver=synapse.homeserver,
            owners=(owner.user,),
            guests=tuple(guest.user for guest in guests),
        )

    def channel(self) -> Matrix:
        return Matrix(self.section, self._secrets, self.home)

    def place(self, room: str, thread: str = "") -> Place:
        return Place("matrix", self.user, room, thread)


@pytest.fixture
def alice(people: Callable[[str], Person]) -> Person:
    return people("alice")


@pytest.fixture
def bot(synapse: Synapse, home: Home, alice: Person) -> Bot:
    return Bot(synapse, home, alice)


async def test_a_talk_of_two_and_its_answer(bot: Bot, alice: Person) -> None:
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user)
        event = await alice.say(room, "good morning")
        await bot.kept.until(lambda kept: kept.events)
        (said,) = bot.kept.all
        assert (said.event, said.sender, said.text) == (event, alice.user, "good morning")
        assert said.place == bot.place(room)
        assert not said.group
        assert said.at > 1_600_000_000

        await channel.send(said.place, Outgoing(text="**hello** <you>", key="k1"))
        seen = await alice.until(lambda events: _from(events, bot.user))
        content = _from(seen, bot.user)[0]["content"]
        assert content["msgtype"] == "m.text"
        assert "<strong>hello</strong> &lt;you&gt;" in content["formatted_body"]
        assert "**" not in content["body"]


def _from(events: list[dict[str, Any]], user: str) -> list[dict[str, Any]]:
    return [e for e in events if e["sender"] == user and e["type"] == "m.room.message"]


async def test_what_was_said_while_it_was_away_is_not_lost(bot: Bot, alice: Person) -> None:
    async with listening(bot.channel(), bot.kept):
        room = await alice.room(bot.user)
        await alice.say(room, "before")
        await bot.kept.until(lambda kept: kept.events)
    said = [f"number {number}" for number in range(50)]
    for text in said:
        await alice.say(room, text)
    channel = bot.channel()
    channel.page = 20  # one answer of the server does not hold them all, nor do two
    async with listening(channel, bot.kept):
        await bot.kept.until(lambda kept: len(kept.events) >= 51)
    assert bot.kept.texts == ["before", *said]


async def test_what_could_not_be_stored_comes_again(bot: Bot, alice: Person) -> None:
    async with listening(bot.channel(), bot.kept):
        room = await alice.room(bot.user)
        await alice.say(room, "one")
        await bot.kept.until(lambda kept: kept.events)
    await alice.say(room, "two")
    bot.kept.refusing = True
    with pytest.raises(OSError, match="disk"):
        async with listening(bot.channel(), bot.kept):
            await asyncio.sleep(1)
    bot.kept.refusing = False
    async with listening(bot.channel(), bot.kept):
        await bot.kept.until(lambda kept: len(kept.events) == 2)
    assert bot.kept.texts == ["one", "two"]


async def test_only_who_may_speak_gets_it_into_a_room(
    synapse: Synapse, home: Home, people: Callable[[str], Person], alice: Person
) -> None:
    guest, stranger = people("guest"), people("stranger")
    bot = Bot(synapse, home, alice, guest)
    async with listening(bot.channel(), bot.kept) as channel:
        foreign = await stranger.room(bot.user)
        await stranger.say(foreign, "hello?")
        rooms = [await guest.room(bot.user), await alice.room(bot.user)]
        await guest.say(rooms[0], "guest")
        await alice.say(rooms[1], "owner")
        await bot.kept.until(lambda kept: len(kept.events) == 2)
        assert sorted(bot.kept.texts) == ["guest", "owner"]
        joined = await channel.client.joined_rooms()
        assert sorted(joined.rooms) == sorted(rooms)


async def test_nothing_from_before_the_invitation(
    bot: Bot, alice: Person, people: Callable[[str], Person]
) -> None:
    async with listening(bot.channel(), bot.kept):
        room = await alice.room()
        await alice.say(room, "between us")
        await alice.client.room_invite(room, bot.user)
        await alice.say(room, "are you there?")
        await bot.kept.until(lambda kept: kept.events)
        await alice.say(room, "good")
        await bot.kept.until(lambda kept: len(kept.events) == 2)
    assert bot.kept.texts == ["are you there?", "good"]


async def test_what_is_no_message_to_it_is_ignored(bot: Bot, alice: Person) -> None:
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user)
        first = await alice.say(room, "first")
        await bot.kept.until(lambda kept: kept.events)
        await channel.send(bot.place(room), Outgoing(text="own", key="own"))
        await alice.say(room, "robot talk", msgtype="m.notice")
        edited = {"msgtype": "m.text", "body": "second"}
        relation = {"rel_type": "m.replace", "event_id": first}
        await alice.say(room, "* second", **{"m.new_content": edited, "m.relates_to": relation})
        await alice.client.room_send(room, "m.reaction", {})
        await alice.client.room_send(room, "m.room.message", {"msgtype": 7, "body": ["odd"]})
        await alice.client.room_send(room, "m.room.message", {"body": "no type"})
        await alice.say(room, "last")
        await bot.kept.until(lambda kept: "last" in kept.texts)
    assert bot.kept.texts == ["first", "last"]


async def test_in_a_group_it_must_be_addressed(
    bot: Bot, alice: Person, people: Callable[[str], Person]
) -> None:
    bob = people("bob")
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user, bob.user)
        await bob.client.join(room)
        await alice.say(room, "wait")
        await bot.kept.until(lambda kept: kept.events)
        own = await channel.send(bot.place(room), Outgoing(text="mine", key="m"))
        cases: list[tuple[str, dict[str, Any], bool]] = [
            ("just so", {}, False),
            (f"hey {bot.user}, what is new", {}, True),
            (f"{bot.name}: /status", {}, True),
            (f"{bot.name}ish talk", {}, False),
            ("pill", {"m.mentions": {"user_ids": [bot.user]}}, True),
            ("other pill", {"m.mentions": {"user_ids": [bob.user]}}, False),
            ("> <x> mine\n\nyes", {"m.relates_to": {"m.in_reply_to": {"event_id": own}}}, True),
        ]
        for text, content, _ in cases:
            await bob.say(room, text, **content)
        await bot.kept.until(lambda kept: len(kept.events) == len(cases) + 1)
    heard = bot.kept.all[1:]
    assert all(item.group and item.sender == bob.user for item in heard)
    assert [item.mentioned for item in heard] == [mentioned for *_, mentioned in cases]
    assert heard[2].text == "/status"
    assert heard[-1].text == "yes"

    # a new process does not remember what it sent
    async with listening(bot.channel(), bot.kept):
        reply = {"m.relates_to": {"m.in_reply_to": {"event_id": own}}}
        await bob.say(room, "and again", **reply)
        other = {"m.relates_to": {"m.in_reply_to": {"event_id": heard[0].event}}}
        await bob.say(room, "not you", **other)
        await bot.kept.until(lambda kept: "not you" in kept.texts)
    assert [item.mentioned for item in bot.kept.all[-2:]] == [True, False]


async def test_a_repeat_appears_once_even_after_a_restart(bot: Bot, alice: Person) -> None:
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user)
        await alice.say(room, "x")
        await bot.kept.until(lambda kept: kept.events)
        ids = [await channel.send(bot.place(room), Outgoing(text="a", key="1")) for _ in "ab"]
    async with listening(bot.channel(), bot.kept) as channel:
        ids.append(await channel.send(bot.place(room), Outgoing(text="a", key="1")))
        ids.append(await channel.send(bot.place(room), Outgoing(text="end", key="2")))
    assert len(set(ids[:3])) == 1
    seen = await alice.until(lambda events: ids[3] in [e["event_id"] for e in events])
    assert [e["content"]["body"] for e in _from(seen, bot.user)] == ["a", "end"]


async def test_edits_deletes_silence_and_threads(bot: Bot, alice: Person) -> None:
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user)
        root = await alice.say(room, "root")
        relation = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True}
        await alice.say(room, "in it", **{"m.relates_to": relation})
        await bot.kept.until(lambda kept: len(kept.events) == 2)
        place = bot.kept.all[1].place
        assert place == bot.place(room, root)
        id = await channel.send(place, Outgoing(text="half", key="1"))
        await channel.edit(place, id, Outgoing(text="**whole**", key="1"))
        quiet = await channel.send(place, Outgoing(text="working", key="2", silent=True))
        await channel.delete(place, quiet)
        seen = await alice.until(
            lambda events: [e for e in events if e["type"] == "m.room.redaction"]
        )
    by_id = {event["event_id"]: event for event in seen}
    assert by_id[id]["content"]["m.relates_to"]["event_id"] == root
    assert by_id[quiet]["content"].get("msgtype", "m.notice") == "m.notice"
    (edit,) = [e for e in seen if e["content"].get("m.new_content")]
    assert edit["content"]["m.relates_to"] == {"rel_type": "m.replace", "event_id": id}
    assert edit["content"]["m.new_content"]["body"] == "whole"
    (redaction,) = [e for e in seen if e["type"] == "m.room.redaction"]
    assert quiet in (redaction.get("redacts"), redaction["content"].get("redacts"))


async def test_files_both_ways(bot: Bot, alice: Person, tmp_path: Path) -> None:
    data = bytes(range(256)) * 900
    report = tmp_path / "report.bin"
    report.write_bytes(data[::-1])
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user)
        url, _ = await alice.client.upload(
            lambda *_: data, "image/png", "photo.png", filesize=len(data)
        )
        info = {"mimetype": "image/png", "size": len(data)}
        sent = {"msgtype": "m.image", "url": url.content_uri, "info": info}
        await alice.say(room, "photo.png", **sent)
        await alice.say(room, "what is this?", filename="photo.png", **sent)
        await bot.kept.until(lambda kept: len(kept.events) == 2)
        bare, captioned = bot.kept.all
        assert (bare.text, captioned.text) == ("", "what is this?")
        (attachment,) = captioned.attachments
        assert (attachment.name, attachment.type, attachment.size) == (
            "photo.png",
            "image/png",
            len(data),
        )
        assert b"".join([chunk async for chunk in channel.fetch(attachment)]) == data
        for reference in (url.content_uri + "x", "http://127.0.0.1/x", "mxc://", ""):
            with pytest.raises(ChannelError):
                [_ async for _ in channel.fetch(Attachment(reference))]

        upload = Upload(str(report), "report.bin")
        await channel.send(bot.place(room), Outgoing(text="here", key="u", uploads=(upload,)))
        seen = await alice.until(lambda events: len(_from(events, bot.user)) == 2)
        text, file = (event["content"] for event in _from(seen, bot.user))
        assert (text["body"], file["msgtype"], file["body"]) == ("here", "m.file", "report.bin")
        path = file["url"].removeprefix("mxc://")
        answer = await alice.client.send(
            "GET",
            f"/_matrix/client/v1/media/download/{path}",
            headers={"Authorization": f"Bearer {alice.client.access_token}"},
        )
        assert await answer.read() == data[::-1]
        missing = Upload(str(tmp_path / "none"), "none")
        with pytest.raises(Refused):
            await channel.send(bot.place(room), Outgoing(text="", key="v", uploads=(missing,)))


async def test_the_largest_message_that_fits_can_be_sent_and_edited(
    bot: Bot, alice: Person
) -> None:
    text = "*ä" * 100
    while Matrix.fits(text * 2):
        text *= 2
    assert not Matrix.fits("x" * 40_000)
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user)
        await alice.say(room, "x")
        await bot.kept.until(lambda kept: kept.events)
        id = await channel.send(bot.place(room), Outgoing(text=text, key="1"))
        await channel.edit(bot.place(room), id, Outgoing(text=text, key="1"))


async def test_an_encrypted_room_is_told_to_the_owner(bot: Bot, alice: Person) -> None:
    secret = {
        "type": "m.room.encryption",
        "state_key": "",
        "content": {"algorithm": "m.megolm.v1.aes-sha2"},
    }
    async with listening(bot.channel(), bot.kept) as channel:
        assert not channel.notice
        room = await alice.room(bot.user, initial_state=[secret])
        await alice.client.room_send(room, "m.room.encrypted", {"ciphertext": "x"})
        await bot.kept.until(lambda _: channel.notice)
        assert room in channel.notice
        await alice.until(lambda seen: _told(seen, bot.user))
        with pytest.raises(Refused, match="encrypted"):
            await channel.send(bot.place(room), Outgoing(text="x", key="1"))
    async with listening(bot.channel(), bot.kept) as channel:
        for number in range(3):
            await alice.client.room_send(room, "m.room.encrypted", {"ciphertext": f"x{number}"})
        await bot.kept.until(lambda _: channel.notice)
        other = await alice.room(bot.user)
        await alice.say(other, "read this")
        await bot.kept.until(lambda kept: kept.texts == ["read this"])
    await alice.look()
    (told,) = _told(list(alice.seen.values()), bot.user)
    assert "room without encryption" in told["content"]["body"]


def _told(seen: list[dict[str, Any]], bot: str) -> list[dict[str, Any]]:
    return [one for one in seen if (one["type"], one["sender"]) == ("m.room.message", bot)]


async def test_a_password_logs_in_as_the_same_device_each_time(
    synapse: Synapse, home: Home, alice: Person
) -> None:
    made = synapse.register(f"hermes{next(_numbers)}")
    section = MatrixSettings(
        enabled=True,
        homeserver=synapse.homeserver,
        user=made["user_id"],
        owners=(alice.user,),
    )
    devices = set()
    for _ in range(3):
        channel = Matrix(section, Secrets({"MATRIX_PASSWORD": "pw"}, {}), home)
        await channel.connect()
        devices.add(channel.client.device_id)
        assert channel.account == made["user_id"]
        await channel.disconnect()
    assert len(devices) == 1
    wrong = Matrix(section, Secrets({"MATRIX_PASSWORD": "no"}, {}), home)
    with pytest.raises(NotPermitted):
        await wrong.connect()
    await wrong.disconnect()


async def test_refusals_of_the_server(synapse: Synapse, bot: Bot, home: Home) -> None:
    wrong = Matrix(bot.section, Secrets({"MATRIX_ACCESS_TOKEN": "no"}, {}), home)
    with pytest.raises(NotPermitted):
        await wrong.connect()
    await wrong.disconnect()
    channel = bot.channel()
    await channel.connect()
    with pytest.raises(Refused):
        await channel.send(bot.place("!none:localhost"), Outgoing(text="x", key="1"))
    await channel.disconnect()
    with pytest.raises(ChannelError):
        await channel.send(bot.place("!none:localhost"), Outgoing(text="x", key="1"))


async def test_a_request_to_wait_is_passed_on(synapse: Synapse, bot: Bot, alice: Person) -> None:
    synapse.slow_down(bot.user, 1, 3)
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user)
        await alice.say(room, "x")
        await bot.kept.until(lambda kept: kept.events)
        with pytest.raises(Delayed) as delayed:
            await _send_many(channel, bot.place(room))
    assert 0 < delayed.value.seconds < 60


async def test_a_server_that_is_not_there(bot: Bot) -> None:
    bot.section = replace(bot.section, homeserver=f"http://127.0.0.1:{free_port()}")
    channel = bot.channel()
    with pytest.raises(ChannelError, match="cannot be reached"):
        await channel.connect()
    await channel.disconnect()


class Relay:
    """Passes bytes on to a server. While `losing`, an answer to a PUT never comes back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.losing = False

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        self._server.close()
        await asyncio.sleep(0.1)  # its connections end

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_connection("127.0.0.1", self._port)
        put = False

        async def ask() -> None:
            nonlocal put
            while data := await reader.read(65536):
                put = put or (self.losing and data.startswith(b"PUT"))
                out.write(data)
            out.close()

        async def answer() -> None:
            while data := await inner.read(65536):
                if put:
                    break
                writer.write(data)
            writer.close()

        await asyncio.gather(ask(), answer(), return_exceptions=True)
        out.close()
        writer.close()


async def test_a_lost_answer_is_unknown_and_a_repeat_appears_once(
    synapse: Synapse, bot: Bot, alice: Person
) -> None:
    relay = Relay(int(synapse.homeserver.rpartition(":")[2]))
    bot.section = replace(bot.section, homeserver=f"http://127.0.0.1:{await relay.start()}")
    async with listening(bot.channel(), bot.kept) as channel:
        room = await alice.room(bot.user)
        await alice.say(room, "x")
        await bot.kept.until(lambda kept: kept.events)
        relay.losing = True
        with pytest.raises(Unknown):
            await channel.send(bot.place(room), Outgoing(text="once", key="1"))
        relay.losing = False
        await channel.send(bot.place(room), Outgoing(text="once", key="1"))
        last = await channel.send(bot.place(room), Outgoing(text="last", key="2"))
        seen = await alice.until(lambda events: last in [e["event_id"] for e in events])
        assert [e["content"]["body"] for e in _from(seen, bot.user)] == ["once", "last"]
    await relay.close()


async def _send_many(channel: Channel, place: Place) -> None:
    for number in range(20):
        await channel.send(place, Outgoing(text="x", key=str(number)))


@pytest.mark.parametrize(
    ("change", "secrets", "named"),
    [
        ({"homeserver": ""}, {"MATRIX_ACCESS_TOKEN": "t"}, "homeserver"),
        ({}, {}, "MATRIX_ACCESS_TOKEN"),
        ({}, {"MATRIX_PASSWORD": "p"}, "channels.matrix.user"),
        ({"owners": ("alice",)}, {"MATRIX_ACCESS_TOKEN": "t"}, "alice"),
        ({"user": "bot"}, {"MATRIX_PASSWORD": "p"}, "bot"),
    ],
)
def test_what_is_missing_is_named(
    home: Home, change: dict[str, Any], secrets: dict[str, str], named: str
) -> None:
    section = MatrixSettings(**{"enabled": True, "homeserver": "http://localhost:1", **change})
    with pytest.raises(SettingsError) as refused:
        Matrix(section, Secrets(secrets, {}), home)
    assert named in refused.value.message
    assert refused.value.hint


def test_without_the_library_it_says_how_to_get_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nio", None)
    section = MatrixSettings(enabled=True, homeserver="http://localhost:1")
    with pytest.raises(SettingsError) as refused:
        Matrix(section, Secrets({"MATRIX_ACCESS_TOKEN": "t"}, {}), home)
    assert "pip install" in refused.value.hint


class MatrixPlatform:
    """tests.channel_contract.Platform over a room of two."""

    def __init__(self, bot: Bot, person: Person, room: str) -> None:
        self._bot, self._person = bot, person
        self.chat, self.sender = room, person.user

    def channel(self) -> Matrix:
        return self._bot.channel()

    def stranger(self) -> Matrix:
        secrets = Secrets({"MATRIX_ACCESS_TOKEN": "guessed"}, {})
        return Matrix(self._bot.section, secrets, self._bot.home)

    async def say(self, text: str, files: Sequence[tuple[str, bytes]] = ()) -> None:
        for name, data in files:
            url, _ = await self._person.client.upload(
                lambda *_, data=data: data, "application/x", name, filesize=len(data)
            )
            content = {"msgtype": "m.file", "url": url.content_uri, "filename": name}
            await self._person.say(self.chat, text, **content)
        if not files:
            await self._person.say(self.chat, text)

    async def press(self, shown: Shown, label: str) -> None:
        raise NotImplementedError

    async def pressed(self) -> list[str]:
        raise NotImplementedError

    async def fault(self, kind: str) -> None:
        raise NotImplementedError

    async def cut(self) -> None:
        raise NotImplementedError

    async def redeliver(self) -> None:
        self._file().write_bytes(self._first)

    def remember(self) -> None:
        """Up to here nothing was said."""
        self._first = self._file().read_bytes()

    def _file(self) -> Path:
        (file,) = self._bot.home.run.glob("matrix-*.json")
        return file

    async def unacknowledged(self) -> int:
        address = f"{self._bot.section.homeserver}/_matrix/client/v3/sync"
        since = json.loads(self._file().read_bytes())["since"]
        headers = {"Authorization": f"Bearer {self._bot.made['access_token']}"}
        async with httpx.AsyncClient() as client:
            answer = await client.get(address, params={"since": since}, headers=headers)
        rooms = answer.json().get("rooms", {}).get("join", {})
        events = rooms.get(self.chat, {}).get("timeline", {}).get("events", [])
        return len(_from(events, self._person.user))

    async def shown(self) -> list[Shown]:
        page = await self._person.client.room_messages(self.chat, direction="f", limit=200)
        events = [event.source for event in page.chunk if event.source["sender"] == self._bot.user]
        edits = {
            event["content"]["m.relates_to"]["event_id"]: event["content"]["m.new_content"]
            for event in events
            if event["content"].get("m.new_content")
        }
        shown = []
        for event in events:
            content = edits.get(event["event_id"], event["content"])
            if not content.get("msgtype") or event["content"].get("m.new_content"):
                continue
            files = [await self._bytes(content["url"])] if "url" in content else []
            silent = content["msgtype"] == "m.notice"
            shown.append(Shown(event["event_id"], content["body"], (), tuple(files), silent))
        return shown

    async def _bytes(self, url: str) -> bytes:
        client = self._person.client
        path = f"/_matrix/client/v1/media/download/{url.removeprefix('mxc://')}"
        headers = {"Authorization": f"Bearer {client.access_token}"}
        data: bytes = await (await client.send("GET", path, headers=headers)).read()
        return data


class TestMatrixContract(ChannelContract, EditContract, MediaContract):
    @pytest.fixture
    async def platform(self, bot: Bot, alice: Person) -> MatrixPlatform:
        room = await alice.room(bot.user)
        platform = MatrixPlatform(bot, alice, room)
        async with connected(platform):  # it takes the invitation
            pass
        platform.remember()
        return platform

    async def test_what_fits_is_taken_whole(  # type: ignore[override]
        self, platform: MatrixPlatform
    ) -> None:
        paragraphs = [f"paragraph {number} " + "w" * 900 for number in range(100)]
        while not Matrix.fits(text := "\n\n".join(paragraphs)):
            paragraphs.pop()
        assert len(paragraphs) > 10
        async with connected(platform) as channel:
            where = Place("matrix", channel.account, platform.chat)
            await channel.send(where, Outgoing(text=text, key="long"))
        (shown,) = await platform.shown()
        assert shown.text.split() == text.split()


@pytest.fixture
async def daemon(hermes: Hermes, synapse: Synapse, model_server: ModelServer, bot: Bot) -> Hermes:
    """A daemon that listens to Matrix, owned by Alice."""
    hermes.environment["BOT_PASSWORD"] = "pw"
    await to_thread(hermes.ok, "setup", "--base-url", model_server.url, "--model", "scripted")
    settings = [f"homeserver={synapse.homeserver}", f"user={bot.user}"]
    settings.append(f"owners={bot.section.owners[0]}")
    command = ("gateway", "setup", "matrix", "--token-env", "BOT_PASSWORD", *settings)
    await to_thread(hermes.ok, *command)
    return hermes


def _answers(events: list[dict[str, Any]], bot: Bot) -> list[str]:
    """What the bot's messages say in the end, status lines left out."""
    said = _from(events, bot.user)
    texts = {e["event_id"]: e["content"] for e in said if "m.new_content" not in e["content"]}
    for event in said:
        if "m.new_content" in event["content"]:
            texts[event["content"]["m.relates_to"]["event_id"]] = event["content"]["m.new_content"]
    return [one["body"] for one in texts.values() if one.get("msgtype") == "m.text"]


def _model(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """Writes a file when it is told to, and says what it was told."""
    last = body["messages"][-1]
    told = str(last["content"])
    if last["role"] == "tool":
        return {"content": "It is **written**."}
    if "write it" in told:
        command = {"command": "echo out > free.txt", "outside": True}
        return {"tool_calls": [{"name": "shell", "arguments": command}]}
    words = [word for word in ("please", "first", "second", "another", "obey") if word in told]
    return {"content": f"It is **{words[-1]}**." if words else "ok"}


async def test_a_person_and_the_real_daemon(
    daemon: Hermes, model_server: ModelServer, bot: Bot, alice: Person
) -> None:
    model_server.script = _model
    room = await alice.room(bot.user)
    await alice.say(room, "please do it")
    await alice.until(lambda events: "It is please." in _answers(events, bot))
    await alice.say(room, "write it")
    events = await alice.until(lambda events: "/approve" in str(_answers(events, bot)))
    (asked,) = [text for text in _answers(events, bot) if "/approve" in text]
    (number,) = re.findall(r"/approve (\d+)", asked)[:1]
    await alice.say(room, f"/approve {number}")
    await alice.until(lambda events: "It is written." in _answers(events, bot))

    # it dies, and what was said meanwhile is answered, each once
    os.kill(daemon.daemon_pid() or 0, signal.SIGKILL)
    for text in ("first", "second"):
        await alice.say(room, text)
    await to_thread(daemon.ok, "daemon", "start")
    events = await alice.until(lambda events: "It is second." in _answers(events, bot))
    done = [text for text in _answers(events, bot) if text.startswith("It is")]
    # the second may have joined the run of the first
    assert [text for text in done if text != "It is first."] == [
        f"It is {word}." for word in ("please", "written", "second")
    ]
    assert len(done) <= 4
    assert all(
        text in str(model_server.runs()[-1].body["messages"]) for text in ("first", "second")
    )
