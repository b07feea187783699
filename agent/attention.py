"""Working while listening: whatever takes time is given up at once when a stop comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from agent.inbox import Inbox
from agent.inputs import Stop

T = TypeVar("T")


class Stopped(Exception):
    """The user ended the run."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.reason)
        self.stop = stop


async def attend(inbox: Inbox, work: Awaitable[T]) -> T:
    """The work's result; if a stop comes first, the work is cancelled, cleans up, and Stopped is
    raised.

    The stop stays in the inbox, so that everything that works side by side sees it.
    """
    try:
        async with asyncio.timeout(None) as scope:
            with inbox.on_stop(lambda: _end(scope)):
                return await work
    except TimeoutError:
        stop = inbox.stop()
        if stop is None or not scope.expired():
            raise
        raise Stopped(stop) from None


def _end(scope: asyncio.Timeout) -> None:
    if not scope.expired():
        scope.reschedule(asyncio.get_running_loop().time())
