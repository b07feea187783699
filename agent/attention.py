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
    """The work's result; if a stop comes first, the work is cancelled and Stopped raised.

    The stop stays in the inbox, so that everything that works side by side sees it.
    """
    task = asyncio.ensure_future(work)
    listener = asyncio.ensure_future(inbox.until_stop())
    try:
        await asyncio.wait({task, listener}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        await _cancelled(task)
        raise Stopped(listener.result())
    finally:
        listener.cancel()
        if not task.done():
            await _cancelled(task)


async def _cancelled(task: asyncio.Future[T]) -> None:
    """Cancel and wait until it has cleaned up."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
