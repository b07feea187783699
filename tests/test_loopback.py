"""The loopback channel keeps the contract of all channels, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from gateway.channels.base import Channel
from gateway.channels.loopback import Loopback
from hermes_home.channel_settings import LoopbackSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets
from tests.channel_contract import (
    ButtonContract,
    ChannelContract,
    EditContract,
    FaultContract,
    MediaContract,
    Shown,
)
from tests.loopback_platform import TOKEN, Program, buttons_of

FAULTS = {"flood": "flood", "lost": "lost", "gone": "gone"}


class LoopbackPlatform:
    """tests.channel_contract.Platform over a Program."""

    chat, sender = "c1", "u1"

    def __init__(self, program: Program, home: Home) -> None:
        self._program, self._home = program, home

    def _channel(self, token: str) -> Channel:
        section = LoopbackSettings(url=self._program.url)
        return Loopback(section, Secrets({}, {"LOOPBACK_TOKEN": token}), self._home)

    def channel(self) -> Channel:
        return self._channel(TOKEN)

    def stranger(self) -> Channel:
        return self._channel("guessed")

    async def say(self, text: str, files: Sequence[tuple[str, bytes]] = ()) -> None:
        attachments = []
        for name, data in files:
            reference = f"{len(self._program.files)}/{name}"
            self._program.files[reference] = data
            attachments.append({"reference": reference, "name": name, "size": len(data)})
        self._program.say(text, self.chat, self.sender, attachments=attachments)

    async def redeliver(self) -> None:
        self._program.acknowledged = 0

    async def unacknowledged(self) -> int:
        return len(self._program.events) - self._program.acknowledged

    async def shown(self) -> list[Shown]:
        return [
            Shown(
                one.id,
                one.text,
                tuple(button["label"] for button in buttons_of(one)),
                tuple(one.files),
                one.silent,
            )
            for one in self._program.shown(self.chat)
        ]

    async def press(self, shown: Shown, label: str) -> None:
        message = self._program.find(shown.id)
        assert message is not None
        (data,) = [one["data"] for one in buttons_of(message) if one["label"] == label]
        self._program.say("", self.chat, self.sender, button=data, press=f"p/{shown.id}")

    async def pressed(self) -> list[str]:
        return list(self._program.presses)

    async def fault(self, kind: str) -> None:
        left = [FAULTS[kind]]

        def misbehave(method: str, target: str, body: object) -> str:
            return left.pop() if left and (method, target) == ("POST", "/messages") else ""

        self._program.misbehave = misbehave

    async def cut(self) -> None:
        await asyncio.to_thread(self._program.cut)


class TestLoopback(ChannelContract, EditContract, ButtonContract, MediaContract, FaultContract):
    @pytest.fixture
    def platform(self, home: Home) -> Iterator[LoopbackPlatform]:
        with Program() as program:
            yield LoopbackPlatform(program, home)


def test_without_its_token_or_address_it_names_the_fix(home: Home) -> None:
    with pytest.raises(SettingsError, match="LOOPBACK_TOKEN") as missing:
        Loopback(LoopbackSettings(url="http://127.0.0.1:1"), Secrets({}, {}), home)
    assert ".env" in missing.value.hint
    with pytest.raises(SettingsError, match=r"channels\.loopback\.url"):
        Loopback(LoopbackSettings(), Secrets({}, {"LOOPBACK_TOKEN": "x"}), home)
