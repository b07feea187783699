"""Keeps one channel connected: made, connected, listened to, and made anew when it fails or is
deaf. It is also the ear the channel speaks into, so it knows when something was heard last."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from gateway.channels.base import Channel, ChannelError, Incoming, NotPermitted
from hermes_home.errors import HermesError, SettingsError

CONNECT_SECONDS = 60.0
HEALTHY_SECONDS = 60.0
"""So long a connection must have stood for the waits to begin at the first again."""
FIRST_WAIT, LAST_WAIT = 1.0, 1800.0
"""Seconds before it is tried again: the first time, and at most (48 times a day)."""
JITTER = 1.25

log = logging.getLogger(__name__)


class Deaf(ChannelError):
    """Nothing was heard for too long."""


class Supervisor:
    """`make`: a new channel, SettingsError if it cannot be; `receive`: where events go;
    `up`, `down`: told when the channel may be used and when no longer. state: connecting, live,
    down (tried again), refused (waits for other settings)."""

    def __init__(
        self,
        name: str,
        make: Callable[[], Channel],
        receive: Callable[[Sequence[Incoming]], Awaitable[None]],
        up: Callable[[Channel], None],
        down: Callable[[Channel], None],
    ) -> None:
        self.name = name
        self._make = make
        self._receive = receive
        self._up, self._down = up, down
        self.channel: Channel | None = None
        self.last_heard = self.last_sent = 0.0
        self.state, self.error, self.since = "connecting", "", time.time()
        self._heard = time.monotonic()

    async def receive(self, incoming: Sequence[Incoming]) -> None:
        self.heard()
        await self._receive(incoming)

    def heard(self) -> None:
        self.last_heard, self._heard = time.time(), time.monotonic()

    def health(self) -> dict[str, Any]:
        """One row for people and scripts; times in seconds since the epoch, 0 = never."""
        return {
            "name": self.name,
            "state": self.state,
            "last_heard": self.last_heard,
            "last_sent": self.last_sent,
            "error": self.error,
            "account": self.channel.title if self.channel else "",
            "notice": self.channel.notice if self.channel else "",
            "since": self.since,
        }

    async def run(self) -> None:
        """For ever, or until trying again cannot help. This is the border that no error of a
        channel passes."""
        failures = 0
        while True:
            begun = time.monotonic()
            try:
                await self._live()
            except (SettingsError, NotPermitted, ImportError) as error:
                log.error("channel %s does not start: %s", self.name, error)
                return self._turn("refused", str(error))
            except Exception as error:
                if not isinstance(error, HermesError | TimeoutError):
                    log.exception("channel %s failed", self.name)
                reason = str(error) or "the platform did not answer in time"
                log.warning("channel %s: %s", self.name, reason)
                self._turn("down", reason)
            healthy = time.monotonic() - begun > HEALTHY_SECONDS
            failures = 1 if healthy else failures + 1
            await asyncio.sleep(wait_after(failures))

    async def _live(self) -> None:
        """One life of a channel; never returns without an error."""
        channel = self._make()
        try:
            if self.state != "down":
                self._turn("connecting")
            async with asyncio.timeout(CONNECT_SECONDS):
                await channel.connect()
            self.heard()
            self.channel = channel
            self._turn("live")
            log.info("channel %s is connected as %s", self.name, channel.account)
            self._up(channel)
            await self._listen(channel)
        finally:
            if self.channel is not None:
                self.channel = None
                self._down(channel)
            await _let_go(channel)

    async def _listen(self, channel: Channel) -> None:
        listening = asyncio.create_task(channel.listen(self), name=f"channel {self.name}")
        try:
            while not listening.done():
                quiet = time.monotonic() - self._heard
                if quiet > channel.deaf_after:
                    raise Deaf(f"nothing was heard for {int(quiet)} s")
                await asyncio.wait({listening}, timeout=channel.deaf_after - quiet + 0.1)
            listening.result()
            raise ChannelError("the channel stopped listening")
        finally:
            listening.cancel()
            await asyncio.wait({listening})

    def _turn(self, state: str, error: str = "") -> None:
        if state != self.state:
            self.since = time.time()
        self.state, self.error = state, error


def wait_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    wait = min(LAST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 20))
    return wait * random.uniform(1.0, JITTER)


async def _let_go(channel: Channel) -> None:
    try:
        async with asyncio.timeout(10):
            await channel.disconnect()
    except Exception:
        log.exception("channel %s did not let go", channel.platform)
