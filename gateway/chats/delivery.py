"""Sends what the outbox holds: one address after its own order, each message seen once, or marked.

Every attempt is stored before it begins. What certainly did not arrive is tried again; what may
have arrived is sent again and says so.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from gateway.channels.base import (
    Button,
    Channel,
    ChannelError,
    Delayed,
    Outgoing,
    Place,
    Refused,
    Unknown,
    Upload,
)
from gateway.chats.postings import Asked
from memory.outbox import Outbox, Parcel

SEND_SECONDS = 60.0
"""An attempt that takes longer has an unknown outcome."""
FIRST_RETRY, LAST_RETRY = 1.0, 300.0
"""Seconds before what was not sent is tried again: the first time, and at most."""
AGAIN = "(sent again; the first may have arrived)"
MOST_DOUBTS = 6
"""Attempts whose outcome the platform left unknown, after which a message is given up."""

FILE = "file"
"""The kind of a row whose body is a File."""

log = logging.getLogger(__name__)


class File(msgspec.Struct):
    """A file to be sent: where its bytes are kept, and the name people see."""

    path: str
    name: str


class Deliverer:
    """One task per address that something waits for, and another one for control messages, which
    wait for nothing. `channel_at`: the live channel of a place; `failed` is told of what will
    not arrive; `sent` of each success."""

    def __init__(
        self,
        outbox: Outbox,
        channel_at: Callable[[Place], Channel | None],
        failed: Callable[[Parcel, str], Awaitable[None]],
        sent: Callable[[Place], None],
    ) -> None:
        self._outbox = outbox
        self._channel_at = channel_at
        self._failed = failed
        self._sent = sent
        self._lanes: dict[tuple[str, bool], asyncio.Task[None]] = {}
        self._news: dict[tuple[str, bool], asyncio.Event] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._last: dict[str, float] = {}
        self._closing = False

    def wake(self) -> None:
        """Something was stored, or a channel came up."""
        if self._closing:
            return
        for address in self._outbox.places():
            if self._channel_at(Place.at(address)) is not None:
                for control in (False, True):
                    self._rouse((address, control))

    def _rouse(self, lane: tuple[str, bool]) -> None:
        if lane in self._lanes:
            self._news[lane].set()
        else:
            self._news[lane] = asyncio.Event()
            self._lanes[lane] = asyncio.create_task(self._serve(lane), name=f"lane {lane[0]}")

    async def close(self, grace: float) -> None:
        """What is on its way may arrive within `grace` seconds."""
        self._closing = True
        for news in self._news.values():
            news.set()
        tasks = set(self._lanes.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def turn(self, address: str, spacing: float) -> AsyncIterator[None]:
        """Nothing else is shown at this address meanwhile, nor sooner than the platform likes."""
        async with self._locks.setdefault(address, asyncio.Lock()):
            wait = self._last.get(address, 0.0) + spacing - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            try:
                yield
            finally:
                self._last[address] = time.monotonic()

    async def _serve(self, lane: tuple[str, bool]) -> None:
        """Until nothing is left, or nobody can carry it."""
        address, control = lane
        place, news = Place.at(address), self._news[lane]
        try:
            while not self._closing:
                news.clear()
                parcel = self._outbox.next(address, control=control)
                channel = self._channel_at(place)
                if parcel is None or channel is None:
                    return
                if (wait := parcel.due - time.time()) > 0:
                    await _either(news, wait)
                elif control:
                    await self._carry(channel, place, parcel)
                else:
                    async with self.turn(address, channel.features.spacing):
                        await self._carry_next(channel, place)
        except Exception:
            log.exception("delivering to %s failed", address)
        finally:
            self._lanes.pop(lane, None)
            if news.is_set() and not self._closing:
                self.wake()

    async def _carry_next(self, channel: Channel, place: Place) -> None:
        """The lane waited for its turn; what is next may have changed."""
        parcel = self._outbox.next(place.address, control=False)
        if parcel is not None and parcel.due <= time.time() and not self._closing:
            await self._carry(channel, place, parcel)

    async def _carry(self, channel: Channel, place: Place, parcel: Parcel) -> None:
        """One attempt, and what came of it."""
        if parcel.receipt and not channel.features.edits:
            await self._outbox.arrived(parcel, "")
        elif parcel.doubts >= MOST_DOUBTS and not parcel.receipt:
            await self._give_up(parcel, "its arrival was never confirmed")
        else:
            await self._outbox.attempt(parcel.id)
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    receipt = await self._hand_over(channel, place, parcel)
            except (ChannelError, TimeoutError) as error:
                await self._missed(channel, parcel, error)
            except Exception:
                log.exception("sending to %s failed", parcel.channel)
                await self._missed(channel, parcel, Unknown("the channel failed"))
            else:
                self._sent(place)
                stays = bool(receipt) and parcel.kind in ("approval", "question")
                await self._outbox.arrived(parcel, receipt, stays=stays)

    async def _hand_over(self, channel: Channel, place: Place, parcel: Parcel) -> str:
        message = outgoing(parcel, channel)
        if not parcel.receipt:
            return await channel.send(place, message)
        await channel.edit(place, parcel.receipt, message)
        return parcel.receipt

    async def _missed(self, channel: Channel, parcel: Parcel, error: Exception) -> None:
        if isinstance(error, Delayed):
            await self._outbox.put_off(parcel.id, time.time() + error.seconds)
        elif isinstance(error, Refused):
            await self._refused(parcel, str(error))
        elif isinstance(error, Unknown | TimeoutError):
            if parcel.receipt or channel.features.repeatable:
                await self._outbox.put_off(parcel.id, _again(parcel))
            else:
                await self._outbox.doubt(parcel.id, _again(parcel))
        else:
            await self._outbox.put_off(parcel.id, _again(parcel))

    async def _refused(self, parcel: Parcel, reason: str) -> None:
        """A message that can no longer be changed: an answer is sent anew, and says so."""
        if not parcel.receipt:
            await self._give_up(parcel, reason)
        elif parcel.kind == "answer":
            await self._outbox.anew(parcel.id)
        else:
            await self._outbox.arrived(parcel, "")

    async def _give_up(self, parcel: Parcel, reason: str) -> None:
        await self._outbox.fail(parcel.id, reason)
        await self._failed(parcel, reason)


def outgoing(parcel: Parcel, channel: Channel) -> Outgoing:
    """A row as the message it is to become."""
    asks = parcel.kind in ("approval", "question")
    uploads: tuple[Upload, ...] = ()
    text, buttons = _question(parcel) if asks else (parcel.body, ())
    if parcel.kind == FILE:
        file = msgspec.json.decode(parcel.body, type=File)
        text, uploads = "", (Upload(file.path, file.name),)
    twice = parcel.drafted or (parcel.doubts and not channel.features.repeatable)
    if twice and not parcel.receipt:
        text = f"{AGAIN}\n\n{text}".rstrip()
    return Outgoing(
        text=text,
        key=f"{parcel.id}-{int(parcel.at)}",
        buttons=buttons if channel.features.buttons else (),
        uploads=uploads,
        silent=parcel.kind in ("notice", "startup") or parcel.part > 0,
    )


def _question(parcel: Parcel) -> tuple[str, tuple[tuple[Button, ...], ...]]:
    """Something a person is to decide, with buttons and the words that do the same."""
    asked = msgspec.json.decode(parcel.body, type=Asked)
    number = parcel.seq
    if parcel.kind == "question":
        choices = "\n".join(f"{n}. {choice}" for n, choice in enumerate(asked.choices, 1))
        rows = tuple(
            (Button(choice[:60], f"q:{number}:{n}"),) for n, choice in enumerate(asked.choices)
        )
        return f"{asked.text}\n\n{choices}".rstrip(), rows
    words = f"`/approve {number}` · `/approve {number} session` · `/deny {number}`"
    first = (Button("Allow once", f"a:{number}:once"), Button("Deny", f"a:{number}:no"))
    second = (Button("Allow for this session", f"a:{number}:session"),)
    return f"{asked.text}\n\n{words}", (first, second)


def _again(parcel: Parcel) -> float:
    """When to try again: later each time, and not all at once."""
    wait: float = min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(parcel.attempts, 12))
    return time.time() + wait * random.uniform(0.5, 1.0)


async def _either(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(min(seconds, LAST_RETRY)):
            await news.wait()
    except TimeoutError:
        return
