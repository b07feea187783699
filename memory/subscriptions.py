"""Views that follow the journal as it grows, each with a bounded queue of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agent.events import Stored, kind_of

BOUND = 1_024
"""Events a subscriber may be behind before it is dropped."""


@dataclass(frozen=True, slots=True)
class Lagged:
    """The last thing a subscriber gets that was too slow: what was queued for it is gone. It
    reads the journal on from `after`, the last stored event it took, and subscribes anew."""

    after: int


class Subscription:
    """`async for` over events as they are stored (`seq` 0: only shown). Ends when closed, or
    with `Lagged` when more than `bound` events wait: the writer never waits for a reader.

    kinds: the only ones it is given, all if empty.
    """

    def __init__(
        self, subscribers: Subscribers, session: str | None, bound: int, kinds: frozenset[str]
    ) -> None:
        self.session = session
        self._kinds = kinds
        self._subscribers = subscribers
        self._bound = bound
        self._queue: asyncio.Queue[Stored | Lagged | None] = asyncio.Queue()
        self._taken = subscribers.last_seq

    def offer(self, stored: Stored) -> None:
        if self._kinds and kind_of(stored.event) not in self._kinds:
            return
        if self._queue.qsize() < self._bound:
            self._queue.put_nowait(stored)
            return
        self._subscribers.remove(self)
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(Lagged(self._taken))
        self._queue.put_nowait(None)

    def close(self) -> None:
        """What is queued is still delivered."""
        self._subscribers.remove(self)
        self._queue.put_nowait(None)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Stored | Lagged:
        item = await self._queue.get()
        if item is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        if isinstance(item, Stored):
            self._taken = max(self._taken, item.seq)
        return item


class Subscribers:
    """Everyone who follows; knows the sequence number of the last stored event."""

    def __init__(self, last_seq: int) -> None:
        self.last_seq = last_seq
        self._by_session: dict[str | None, list[Subscription]] = {}

    def add(
        self, session: str | None, bound: int = BOUND, kinds: frozenset[str] = frozenset()
    ) -> Subscription:
        subscription = Subscription(self, session, bound, kinds)
        self._by_session.setdefault(session, []).append(subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        others = self._by_session.get(subscription.session, [])
        if subscription in others:
            others.remove(subscription)
        if not others:
            self._by_session.pop(subscription.session, None)

    def close(self) -> None:
        for subscriptions in list(self._by_session.values()):
            for subscription in tuple(subscriptions):
                subscription.close()

    def publish(self, stored: Stored) -> None:
        self.last_seq = max(self.last_seq, stored.seq)
        for session in (stored.session, None):
            for subscription in tuple(self._by_session.get(session, ())):
                subscription.offer(stored)
