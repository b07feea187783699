"""What every channel must do, run against whatever stands for its platform.

A channel's test file takes the classes that fit what the platform can do and gives each a
`platform` fixture, an object with the methods of `Platform`:

    class TestLoopback(ChannelContract, EditContract, ButtonContract, MediaContract, FaultContract):
        @pytest.fixture
        async def platform(self) -> AsyncIterator[Platform]: ...

The platform outlives a channel: a second channel made by `channel()` meets the same chats.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from gateway.channels.base import (
    Button,
    Channel,
    ChannelError,
    Delayed,
    Incoming,
    NotPermitted,
    Outgoing,
    Place,
    Refused,
    Unknown,
    Upload,
)

PATIENCE = 20.0
"""Seconds until something that must happen has happened."""


@dataclass(frozen=True)
class Shown:
    """A message of the bot as a person in the chat sees it. `text`: without markup."""

    id: str
    text: str
    buttons: tuple[str, ...] = ()
    files: tuple[bytes, ...] = ()
    silent: bool = False


class Platform(Protocol):
    """The other side: people, and the service they use. `chat` is a private chat with a person,
    `sender` that person's id as `Incoming.sender` has it; both exist from the start."""

    chat: str
    sender: str

    def channel(self) -> Channel:
        """A new channel with the right login."""

    def stranger(self) -> Channel:
        """A new channel with a wrong login."""

    async def say(self, text: str, files: Sequence[tuple[str, bytes]] = ()) -> None:
        """The person writes to the bot, in the private chat."""

    async def redeliver(self) -> None:
        """Everything said so far is delivered once more, as after a lost acknowledgement. A
        platform that never does leaves it empty."""

    async def unacknowledged(self) -> int:
        """How many events the platform would deliver again to a new connection."""

    async def shown(self) -> list[Shown]:
        """What the bot's messages in the chat look like now, the oldest first."""

    async def press(self, shown: Shown, label: str) -> None:
        """The person presses a button. Only for ButtonContract."""

    async def pressed(self) -> list[str]:
        """What the person was told on pressing. Only for ButtonContract."""

    async def fault(self, kind: str) -> None:
        """The next message meets a fault: `flood` (asked to wait a second), `lost` (accepted,
        and the answer lost), `gone` (the chat is no more). Only for FaultContract."""

    async def cut(self) -> None:
        """Every connection breaks now. Only for FaultContract."""


@dataclass
class Ear:
    """A receiver that remembers. `refuse`: storing fails, so nothing may be acknowledged."""

    incoming: list[Incoming] = field(default_factory=list)
    beats: int = 0
    refuse: bool = False

    async def receive(self, incoming: Sequence[Incoming]) -> None:
        await asyncio.sleep(0.05)  # the commit
        if self.refuse:
            raise ChannelError("the store is full")
        self.incoming += incoming

    def heard(self) -> None:
        self.beats += 1

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.incoming]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - it is another program's state
            await asyncio.sleep(0.02)


@asynccontextmanager
async def connected(platform: Platform) -> AsyncIterator[Channel]:
    channel = platform.channel()
    try:
        await channel.connect()
        yield channel
    finally:
        await channel.disconnect()


@asynccontextmanager
async def listening(platform: Platform, ear: Ear) -> AsyncIterator[Channel]:
    """A channel with its listener; the listener's own end is no error of the test."""
    async with connected(platform) as channel:
        task = asyncio.create_task(channel.listen(ear))
        try:
            yield channel
        finally:
            task.cancel()
            await asyncio.wait({task})


def place(platform: Platform, channel: Channel) -> Place:
    return Place(channel.platform, channel.account, platform.chat)


def events(ear: Ear) -> list[tuple[str, str, str]]:
    return [(one.place.platform, one.place.account, one.event) for one in ear.incoming]


pytestmark_contract = [pytest.mark.anyio, pytest.mark.slow]


class ChannelContract:
    pytestmark = pytestmark_contract

    async def test_a_connected_channel_knows_its_account(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            assert channel.account
            account = channel.account
        async with connected(platform) as again:
            assert again.account == account

    async def test_a_refused_login_is_told_as_such(self, platform: Platform) -> None:
        channel = platform.stranger()
        try:
            with pytest.raises(NotPermitted):
                await channel.connect()
        finally:
            await channel.disconnect()

    async def test_a_channel_that_never_connected_lets_go_too(self, platform: Platform) -> None:
        await platform.channel().disconnect()

    async def test_what_a_person_says_comes_in_with_its_ids(self, platform: Platform) -> None:
        ear = Ear()
        async with listening(platform, ear) as channel:
            await platform.say("good morning – ☀ <b>&amp;")
            await until(lambda: bool(ear.incoming))
            (heard,) = ear.incoming
            assert heard.place == place(platform, channel)
            assert heard.sender == platform.sender
            assert heard.event
            assert heard.text == "good morning – ☀ <b>&amp;"
            assert not heard.group
            assert not heard.button
            await until(lambda: ear.beats > 0)

    async def test_messages_come_in_the_order_they_were_said(self, platform: Platform) -> None:
        ear = Ear()
        said = [f"number {number}" for number in range(12)]
        async with listening(platform, ear):
            for text in said:
                await platform.say(text)
            await until(lambda: len(ear.incoming) >= len(said))
        assert ear.texts == said
        assert len(set(events(ear))) == len(said)

    async def test_what_was_said_while_nobody_listened_is_heard(self, platform: Platform) -> None:
        async with connected(platform):
            pass
        await platform.say("while you were away")
        ear = Ear()
        async with listening(platform, ear):
            await until(lambda: bool(ear.incoming))
        assert ear.texts == ["while you were away"]

    async def test_what_could_not_be_stored_comes_again_under_the_same_id(
        self, platform: Platform
    ) -> None:
        deaf, ear = Ear(refuse=True), Ear()
        async with listening(platform, deaf):
            await platform.say("once more")
            await asyncio.sleep(1.0)
        assert await platform.unacknowledged() == 1
        async with listening(platform, ear):
            await until(lambda: bool(ear.incoming))
            async with asyncio.timeout(PATIENCE):
                while await platform.unacknowledged():  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)
        assert set(ear.texts) == {"once more"}
        assert len(set(events(ear))) == 1

    async def test_a_redelivered_event_keeps_its_id(self, platform: Platform) -> None:
        ear = Ear()
        async with listening(platform, ear):
            await platform.say("first")
            await until(lambda: "first" in ear.texts)
            await platform.redeliver()
            await platform.say("second")
            await until(lambda: "second" in ear.texts)
        assert len(set(events(ear))) == 2

    async def test_a_message_is_seen_once(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            for number in range(3):
                sent = Outgoing(text=f"hello {number}", key=f"k{number}")
                await channel.send(place(platform, channel), sent)
        assert [one.text.strip() for one in await platform.shown()] == [
            "hello 0",
            "hello 1",
            "hello 2",
        ]

    async def test_what_fits_is_taken_whole(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            size = channel.features.limit
            while not channel.fits("w" * size):
                size -= max(1, size // 50)
            await channel.send(place(platform, channel), Outgoing(text="w" * size, key="long"))
            (shown,) = await platform.shown()
            assert shown.text.strip() == "w" * size

    async def test_a_listener_ends_when_it_is_cancelled(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            task = asyncio.create_task(channel.listen(Ear()))
            await asyncio.sleep(0.3)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=PATIENCE)
            assert done == {task}
            assert task.cancelled()

    async def test_a_disconnected_channel_leaves_nothing(self, platform: Platform) -> None:
        before = asyncio.all_tasks()
        ear = Ear()
        async with listening(platform, ear) as channel:
            await platform.say("are you there")
            await until(lambda: bool(ear.incoming))
            await channel.send(place(platform, channel), Outgoing(text="yes", key="y"))
        await channel.disconnect()  # twice is as good
        await asyncio.sleep(0.1)
        assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()


class EditContract:
    pytestmark = pytestmark_contract

    async def test_an_edited_message_is_the_same_message(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            where = place(platform, channel)
            id = await channel.send(where, Outgoing(text="one", key="a"))
            assert id
            await channel.edit(where, id, Outgoing(text="one and two", key="a"))
            assert [one.text.strip() for one in await platform.shown()] == ["one and two"]

    async def test_an_edit_to_what_it_is_already_is_no_error(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            where = place(platform, channel)
            id = await channel.send(where, Outgoing(text="same", key="a"))
            await channel.edit(where, id, Outgoing(text="same", key="a"))
            assert [one.text.strip() for one in await platform.shown()] == ["same"]

    async def test_a_deleted_message_is_gone(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            if not channel.features.deletes:
                return
            where = place(platform, channel)
            id = await channel.send(where, Outgoing(text="oops", key="a"))
            await channel.send(where, Outgoing(text="stays", key="b"))
            await channel.delete(where, id)
            assert [one.text.strip() for one in await platform.shown()] == ["stays"]


class ButtonContract:
    pytestmark = pytestmark_contract

    BUTTONS = ((Button("Yes", "a:17:once"), Button("No", "a:17:no")),)

    async def test_a_press_comes_in_with_what_the_button_carries(self, platform: Platform) -> None:
        ear = Ear()
        async with listening(platform, ear) as channel:
            where = place(platform, channel)
            await channel.send(where, Outgoing(text="may I?", key="q", buttons=self.BUTTONS))
            (shown,) = await platform.shown()
            assert shown.buttons == ("Yes", "No")
            await platform.press(shown, "No")
            await until(lambda: bool(ear.incoming))
            (heard,) = ear.incoming
            assert (heard.button, heard.sender) == ("a:17:no", platform.sender)
            assert heard.place == where
            await channel.answer_press(heard.press, "Denied.")
            assert await platform.pressed() == ["Denied."]

    async def test_an_edit_without_buttons_takes_them_away(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            where = place(platform, channel)
            asked = Outgoing(text="may I?", key="q", buttons=self.BUTTONS)
            id = await channel.send(where, asked)
            await channel.edit(where, id, Outgoing(text="allowed", key="q"))
            (shown,) = await platform.shown()
            assert (shown.text.strip(), shown.buttons) == ("allowed", ())


class MediaContract:
    pytestmark = pytestmark_contract

    DATA = bytes(range(256)) * 700

    async def test_a_file_somebody_sent_is_fetched_whole(self, platform: Platform) -> None:
        ear = Ear()
        async with listening(platform, ear) as channel:
            await platform.say("look", [("photo.bin", self.DATA)])
            await until(lambda: any(one.attachments for one in ear.incoming))
            (attachment,) = next(one for one in ear.incoming if one.attachments).attachments
            assert attachment.name == "photo.bin"
            got = b"".join([piece async for piece in channel.fetch(attachment)])
            assert got == self.DATA

    async def test_a_file_that_is_not_there_is_an_error(self, platform: Platform) -> None:
        ear = Ear()
        async with listening(platform, ear) as channel:
            await platform.say("look", [("photo.bin", self.DATA)])
            await until(lambda: any(one.attachments for one in ear.incoming))
            (attachment,) = next(one for one in ear.incoming if one.attachments).attachments
            wrong = type(attachment)(attachment.reference + "x")
            with pytest.raises(ChannelError):
                _ = [piece async for piece in channel.fetch(wrong)]

    async def test_a_file_is_sent_whole(self, platform: Platform, tmp_path: Path) -> None:
        path = tmp_path / "report.bin"
        path.write_bytes(self.DATA)
        async with connected(platform) as channel:
            upload = Upload(str(path), "report.bin")
            sent = Outgoing(text="the report", key="r", uploads=(upload,))
            await channel.send(place(platform, channel), sent)
            files = [data for one in await platform.shown() for data in one.files]
            assert files == [self.DATA]


class FaultContract:
    pytestmark = pytestmark_contract
    notices_a_cut = True
    """False where the platform comes to the channel: no connection is awaited that could break."""

    async def test_flood_control_says_how_long_and_nothing_was_sent(
        self, platform: Platform
    ) -> None:
        async with connected(platform) as channel:
            await platform.fault("flood")
            with pytest.raises(Delayed) as told:
                await channel.send(place(platform, channel), Outgoing(text="now", key="a"))
            assert 0 < told.value.seconds <= 5
            assert await platform.shown() == []
            await asyncio.sleep(told.value.seconds)
            await channel.send(place(platform, channel), Outgoing(text="now", key="a"))
            assert len(await platform.shown()) == 1

    async def test_a_lost_answer_is_unknown(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            await platform.fault("lost")
            with pytest.raises(Unknown):
                await channel.send(place(platform, channel), Outgoing(text="maybe", key="a"))
            await channel.send(place(platform, channel), Outgoing(text="surely", key="b"))

    async def test_a_chat_that_is_gone_refuses(self, platform: Platform) -> None:
        async with connected(platform) as channel:
            await platform.fault("gone")
            with pytest.raises(Refused):
                await channel.send(place(platform, channel), Outgoing(text="hello", key="a"))

    async def test_a_cut_listener_says_so_and_the_next_one_hears_everything(
        self, platform: Platform
    ) -> None:
        ear = Ear()
        async with connected(platform) as channel:
            task = asyncio.create_task(channel.listen(ear))
            await asyncio.sleep(0.3)
            await platform.cut()
            if self.notices_a_cut:
                await asyncio.wait({task}, timeout=PATIENCE)
                assert isinstance(task.exception(), ChannelError)
            task.cancel()
            await asyncio.wait({task})
        await platform.say("after the cut")
        async with listening(platform, ear):
            await until(lambda: "after the cut" in ear.texts)
