"""One run as people in one chat see it while it works: the answer as it is written, and a status
line. gateway/chats/live.py says when there is one."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.events import (
    Answered,
    AnyEvent,
    ModelAsked,
    ModelReplied,
    ModelRetried,
    RunFinished,
    RunParked,
    Stored,
    TextStreamed,
    ToolStarted,
)
from gateway.channels.base import Channel, ChannelError, Delayed, Outgoing, Place, Unknown
from gateway.chats.principals import OWNER
from memory.chats import Chat

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.chats.delivery import Deliverer

DRAFT_AFTER = 1.0
"""Seconds a reply must have been streaming before its draft is shown: short ones come whole."""
STATUS_AFTER = 5.0
"""Seconds of work before there is a status line."""
STATUS_EVERY = 5.0
TICK = 0.5
EDIT_SECONDS = 15.0

log = logging.getLogger(__name__)


@dataclass
class Work:
    """One run as it goes. text: of the reply that is being written since `text_since`."""

    session: str
    run: str
    started: float = field(default_factory=time.monotonic)
    phase: str = "thinking"
    calls: int = 0
    text: str = ""
    text_since: float = 0.0
    seq: int = 0
    purpose: str = "run"
    over: bool = False

    def take(self, stored: Stored) -> None:
        """Fold one event of the run."""
        event = stored.event
        self.seq = max(self.seq, stored.seq)
        if isinstance(event, ModelAsked):
            self.purpose = event.purpose
        if isinstance(event, RunFinished | Answered | RunParked):
            self.over = True
        elif self.purpose == "run":
            self._go_on(event)

    def _go_on(self, event: AnyEvent) -> None:
        self.over = self.over and not isinstance(event, ModelAsked)
        if isinstance(event, TextStreamed) and not event.reasoning:
            self.text_since = self.text_since or time.monotonic()
            self.text += event.text
            self.phase = "writing"
        elif isinstance(event, ModelAsked | ModelReplied | ModelRetried):
            self.text, self.text_since = "", 0.0
            self.phase = "thinking" if isinstance(event, ModelAsked) else self.phase
        elif isinstance(event, ToolStarted) and not event.checkpoint:
            self.calls, self.phase = self.calls + 1, f"running {event.name}"

    @property
    def line(self) -> str:
        calls = f" · {self.calls} call{'' if self.calls == 1 else 's'}" if self.calls else ""
        return f"{self.phase}{calls} · {_elapsed(time.monotonic() - self.started)}"


class View:
    """One run at one place."""

    def __init__(self, app: App, deliverer: Deliverer, work: Work, chat: Chat) -> None:
        self._app, self._deliverer, self._work = app, deliverer, work
        self._address, self._place = chat.address, Place.at(chat.address)
        self._status_wanted = chat.private and chat.principal == OWNER
        self._drafts_wanted = True
        self._shown = ""
        self._edited = 0.0
        self._status_shown = 0.0
        self.change = asyncio.Event()

    async def run(self) -> None:
        """Until the run is over."""
        while not self._work.over:
            channel = self._app.hub.channel_at(self._place)
            if channel is not None and channel.features.edits:
                await self._show(channel)
            await self._wait()
        await self.end_status()

    async def _wait(self) -> None:
        self.change.clear()
        if self._work.over:
            return
        try:
            async with asyncio.timeout(TICK):
                await self.change.wait()
                await asyncio.sleep(0.02 if self._work.over else TICK / 5)
        except TimeoutError:
            return

    async def _show(self, channel: Channel) -> None:
        now, work = time.monotonic(), self._work
        spacing = max(channel.features.edit_spacing, TICK)
        streaming = work.text.strip() and now - work.text_since > DRAFT_AFTER
        if self._drafts_wanted and streaming and now - self._edited >= spacing:
            await self._show_draft(channel)
            self._edited = time.monotonic()
        elif self._status_due(channel, now):
            await self._show_status(channel)
            self._status_shown = time.monotonic()

    def _status_due(self, channel: Channel, now: float) -> bool:
        return (
            self._status_wanted
            and channel.features.silent
            and now - self._work.started > STATUS_AFTER
            and now - self._status_shown > STATUS_EVERY
        )

    async def _show_draft(self, channel: Channel) -> None:
        text = (await self._app.hub.split(self._address, self._work.text + " …"))[0]
        if text != self._shown and not await self._put(channel, "draft", text, silent=False):
            self._drafts_wanted = False
        self._shown = text

    async def _show_status(self, channel: Channel) -> None:
        if not await self._put(channel, "status", self._work.line, silent=True):
            self._status_wanted = False

    async def _put(self, channel: Channel, kind: str, text: str, *, silent: bool) -> bool:
        """Show or change the run's one message of this kind; False when it is no longer to be
        tried."""
        outbox, work = self._app.outbox, self._work
        async with self._deliverer.turn(self._address, channel.features.spacing):
            rows = outbox.live(kind, work.run, self._address)
            message = Outgoing(text=text, key=f"{kind}-{work.run}", silent=silent)
            if work.over:
                return True
            if rows and rows[0].receipt:
                return await self._edit(channel, rows[0].receipt, message)
            if rows:
                return False  # shown perhaps, and nobody knows under which id
            if outbox.next(self._address, control=False):
                return True  # what was to be seen before it is still on its way
            id = await outbox.begin(work.session, work.run, self._address, kind, work.seq)
            return not id or await self._begin(channel, id, message)

    async def _edit(self, channel: Channel, receipt: str, message: Outgoing) -> bool:
        try:
            async with asyncio.timeout(EDIT_SECONDS):
                await channel.edit(self._place, receipt, message)
        except Delayed as told:
            await asyncio.sleep(min(told.seconds, EDIT_SECONDS))
        except (ChannelError, TimeoutError) as error:
            log.info("%s: a partial message could not be changed: %s", self._address, error)
        return True

    async def _begin(self, channel: Channel, id: int, message: Outgoing) -> bool:
        outbox = self._app.outbox
        try:
            async with asyncio.timeout(EDIT_SECONDS):
                receipt = await channel.send(self._place, message)
        except (Unknown, TimeoutError):
            await outbox.anew(id)
            return False
        except ChannelError:
            await outbox.not_begun(id)
            return False
        await outbox.begun(id, receipt)
        if not receipt:
            await outbox.anew(id)
        return bool(receipt)

    async def end_status(self) -> None:
        """Remove the status line, or let it say that the work is done."""
        channel = self._app.hub.channel_at(self._place)
        for row in self._app.outbox.live("status", self._work.run, self._address):
            if channel is None:
                return  # at the next connection, see Live.sweep
            if row.receipt:
                await self._take_down(channel, row.receipt)
            await self._app.outbox.mark(row.id, "final")

    async def _take_down(self, channel: Channel, receipt: str) -> None:
        try:
            async with asyncio.timeout(EDIT_SECONDS):
                if channel.features.deletes:
                    await channel.delete(self._place, receipt)
                else:
                    done = Outgoing(text=f"done · {self._work.line}", key="status", silent=True)
                    await channel.edit(self._place, receipt, done)
        except (ChannelError, TimeoutError) as error:
            log.info("%s: the status line stays: %s", self._address, error)


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
