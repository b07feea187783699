"""A channel alone: what it hands over is kept, as the hub would, and can be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from gateway.channels.base import Channel, Incoming

C = TypeVar("C", bound=Channel)


class Kept:
    """A receiver: each event once, in order of arrival. `refusing` makes `receive` fail."""

    def __init__(self) -> None:
        self.events: dict[str, Incoming] = {}
        self.handed = 0
        self.refusing = False
        self.heard_times = 0

    async def receive(self, incoming: Sequence[Incoming]) -> None:
        if self.refusing:
            raise OSError("the disk is full")
        self.handed += len(incoming)
        for item in incoming:
            self.events.setdefault(item.event, item)

    def heard(self) -> None:
        self.heard_times += 1

    @property
    def all(self) -> list[Incoming]:
        return list(self.events.values())

    @property
    def texts(self) -> list[str]:
        return [item.text for item in self.all]

    async def until(self, done: Callable[[Kept], object], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not done(self):  # noqa: ASYNC110  (of anything)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(channel: C, kept: Kept) -> AsyncIterator[C]:
    """The channel connected and listening; an error of `listen` is raised at the end."""
    await channel.connect()
    task = asyncio.create_task(channel.listen(kept))
    try:
        await kept.until(lambda kept: kept.heard_times or task.done())
        yield channel
    finally:
        task.cancel()
        done = await asyncio.gather(task, return_exceptions=True)
        await channel.disconnect()
    if done[0] is not None and not isinstance(done[0], asyncio.CancelledError):
        raise done[0]
