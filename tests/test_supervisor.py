"""A channel is kept connected: made anew when deaf or cut, left alone when that cannot help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from gateway.channels.base import (
    Channel,
    ChannelError,
    Features,
    Incoming,
    NotPermitted,
    Outgoing,
    Place,
    Receiver,
)
from gateway.channels.supervisor import FIRST_WAIT, LAST_WAIT, Supervisor, wait_after
from hermes_home.errors import SettingsError

pytestmark = pytest.mark.anyio


class Fickle(Channel):
    """Behaves as the next of `lives` says: deaf, cut, refused, broken, or well."""

    platform = "fickle"
    features = Features(limit=100)
    deaf_after = 0.1

    def __init__(self, life: str) -> None:
        self._life = life
        self.account = "a"
        self.disconnected = False

    async def connect(self) -> None:
        if self._life == "refused":
            raise NotPermitted("no such account")
        if self._life == "unreachable":
            raise ChannelError("nobody there")

    async def listen(self, receiver: Receiver) -> None:
        if self._life == "cut":
            raise ChannelError("the connection is lost")
        if self._life == "broken":
            raise ValueError("a bug")
        if self._life == "over":
            return
        while True:
            if self._life == "well":
                receiver.heard()
            await asyncio.sleep(0.03)

    async def disconnect(self) -> None:
        self.disconnected = True

    async def send(self, place: Place, message: Outgoing) -> str:
        return ""


class Rig:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *lives: str) -> None:
        monkeypatch.setattr("gateway.channels.supervisor.FIRST_WAIT", 0.001)
        self._lives = iter(lives)
        self.made: list[Fickle] = []
        self.ups = self.downs = 0
        self.supervisor = Supervisor("fickle", self.make, self.receive, self.up, self.down)

    def make(self) -> Channel:
        life = next(self._lives)
        if life == "unset":
            raise SettingsError("FICKLE_TOKEN is not set", "Set it.")
        self.made.append(Fickle(life))
        return self.made[-1]

    async def receive(self, incoming: Sequence[Incoming]) -> None: ...

    def up(self, channel: Channel) -> None:
        self.ups += 1

    def down(self, channel: Channel) -> None:
        self.downs += 1

    async def until(self, holds: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.supervisor.run())
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - it is the supervisor's own state
                await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("trouble", ["deaf", "cut", "broken", "over", "unreachable"])
async def test_after_trouble_it_is_made_anew(monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    rig = Rig(monkeypatch, trouble, trouble, "well")
    await rig.until(lambda: len(rig.made) == 3 and rig.supervisor.state == "live")
    assert [channel.disconnected for channel in rig.made] == [True, True, True]
    assert rig.ups == rig.downs
    assert rig.supervisor.channel is None
    assert rig.supervisor.last_heard > 0


@pytest.mark.parametrize("trouble", ["refused", "unset"])
async def test_what_trying_again_cannot_mend_waits(
    monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    rig = Rig(monkeypatch, trouble)
    await rig.supervisor.run()
    health = rig.supervisor.health()
    assert health["state"] == "refused"
    assert health["error"]
    assert rig.supervisor.channel is None


async def test_a_deaf_channel_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, "deaf", "unreachable", *["deaf"] * 50)
    seen: set[str] = set()

    def told() -> bool:
        seen.add(rig.supervisor.error)
        return any("nothing was heard" in error for error in seen)

    await rig.until(told)


def test_a_day_of_outage_makes_few_attempts() -> None:
    for _ in range(20):
        at, failures, late = 0.0, 0, 0
        while at < 25 * 3600:
            failures += 1
            at += wait_after(failures)
            late += at > 3600
        assert late <= 60
    assert FIRST_WAIT <= wait_after(1) <= 2 * FIRST_WAIT
    assert wait_after(10_000) <= LAST_WAIT * 1.25
