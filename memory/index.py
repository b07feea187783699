"""index.db: what is computed from the journal to be found and listed quickly.

All its work is done in one thread of its own; the event loop only waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hermes_home.errors import StoreError
from hermes_home.paths import Home
from memory import search
from memory.index_file import IndexFile, Question
from memory.journal import Journal
from memory.search import Found, Role

log = logging.getLogger(__name__)

DELAY = 1.0
"""Seconds between an event and its being folded unasked: a busy run is folded in batches."""

Answer = TypeVar("Answer")


class Index:
    """Views and search. Every answer takes in all that is stored when it is asked for."""

    def __init__(self, home: Home) -> None:
        self._file = IndexFile(home)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index")
        self._timer: asyncio.TimerHandle | None = None
        self._folding: asyncio.Task[None] | None = None

    def follow(self, journal: Journal) -> None:
        """Keep up with the journal unasked, a moment behind it; nothing is done while it rests."""
        journal.watch(self._soon)

    async def catch_up(self) -> None:
        """Fold what is stored; between two batches others get their answers."""
        while await self._in_thread(self._file.step):
            pass

    async def ask(self, question: Question[Answer]) -> Answer:
        """Let `question` read the tables, in the index's thread. StoreError if they can neither
        be read nor made anew."""
        await self.catch_up()
        return await self._in_thread(lambda: self._file.ask(question))

    async def search(
        self,
        query: str,
        limit: int = 10,
        session: str | None = None,
        role: Role | None = None,
        but: str | None = None,
    ) -> Found:
        """See `memory.search.search`."""
        return await self.ask(
            lambda tables: search.search(tables, query, limit, session, role, but)
        )

    async def rebuild(self) -> None:
        """Make everything anew from the journal."""
        await self.rebuild_later()
        await self.catch_up()

    async def rebuild_later(self) -> None:
        """Remove everything now; it is made anew when it is asked for, or a moment later."""
        await self._in_thread(self._file.rebuild)
        self._soon()

    async def close(self) -> None:
        """What has not been folded is folded at the next start."""
        if self._timer is not None:
            self._timer.cancel()
        if self._folding is not None:
            self._folding.cancel()
            await asyncio.wait([self._folding])
        await self._in_thread(self._file.close)
        self._thread.shutdown()

    def _soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY, self._fold)

    def _fold(self) -> None:
        self._timer = None
        if self._folding is None or self._folding.done():
            self._folding = asyncio.create_task(self._fold_unasked())

    async def _fold_unasked(self) -> None:
        try:
            await self.catch_up()
        except StoreError as error:
            # Whoever asks next gets the error itself.
            log.warning("the index is behind: %s", error)

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
