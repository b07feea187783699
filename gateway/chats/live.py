"""What people in chats see while a run works: the answer as it is written, and one status line.

Both are messages that are edited, so they exist only where a platform can edit. A draft becomes
the answer itself (the same row of the outbox); the status line is silent and goes at the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from agent.events import RunFinished, RunResumed, RunStarted, Stored
from gateway.channels.base import Channel, Place
from gateway.chats.chat_view import View, Work
from gateway.chats.principals import OWNER
from memory.chats import Chat
from memory.subscriptions import Lagged

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.chats.delivery import Deliverer

KINDS = frozenset(
    "RunStarted RunResumed RunParked RunFinished Answered ModelAsked ModelReplied ModelRetried"
    " TextStreamed ToolStarted".split()
)

log = logging.getLogger(__name__)


class Live:
    """Follows the journal and keeps a view for each run and chat. Nobody waits for it."""

    def __init__(self, app: App, deliverer: Deliverer) -> None:
        self._app, self._deliverer = app, deliverer
        self._works: dict[str, Work] = {}
        self._views: dict[str, dict[str, View]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """For ever. What was missed by being too slow is seen at the next event."""
        while True:
            subscription = self._app.journal.subscribe(None, kinds=KINDS)
            try:
                async for stored in subscription:
                    if not isinstance(stored, Lagged):
                        self._take(stored)
                if self._app.hub.closing:
                    return
            finally:
                subscription.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, stored: Stored) -> None:
        event = stored.event
        if isinstance(event, RunStarted | RunResumed):
            self._begin(stored)
        work = self._works.get(stored.session)
        if work is None or work.run != stored.run:
            return
        work.take(stored)
        for view in self._views.get(stored.session, {}).values():
            view.change.set()
        if work.over:
            self._views.pop(stored.session, None)
            if isinstance(event, RunFinished):
                self._works.pop(stored.session, None)
        elif stored.session not in self._views:
            self._watch(work)  # after its answer the run was spoken to again

    def _begin(self, stored: Stored) -> None:
        if self._app.chats.attached(stored.session):
            self._works[stored.session] = work = Work(stored.session, stored.run)
            self._watch(work)

    def _watch(self, work: Work) -> None:
        views = self._views[work.session] = {}
        for chat in self._app.chats.attached(work.session):
            view = View(self._app, self._deliverer, work, chat)
            views[chat.address] = view
            self._spawn(view.run)

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def sweep(self, channel: Channel) -> None:
        """A channel came up: status lines of runs that ended meanwhile are taken down."""
        open_sessions = set(self._app.journal.sessions_unfinished())
        for row in self._app.outbox.live("status"):
            place = Place.at(row.channel)
            mine = (place.platform, place.account) == (channel.platform, channel.account)
            if mine and row.session not in open_sessions:
                chat = Chat(row.channel, OWNER, True, row.session, "", row.at)
                over = Work(row.session, row.run, over=True)
                self._spawn(View(self._app, self._deliverer, over, chat).end_status)


async def _guarded(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except Exception:
        log.exception("showing a run at work failed")
