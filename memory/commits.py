"""Group commit: everything asked for in one turn of the event loop is one transaction, and while
each turn brings more, a few turns are."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from hermes_home.errors import StoreError
from memory.faults import told

Result = TypeVar("Result")

TURNS = 8
"""Turns of a busy event loop that share a transaction at most, besides the first."""


class _Job(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    done: Callable[[Any], None] | None
    future: asyncio.Future[Any]


class GroupCommit:
    """Collects work and commits it together, in the order it was asked for.

    Either all work of a transaction is stored or none: then every waiter gets StoreError.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._jobs: list[_Job] = []

    async def write(
        self,
        work: Callable[[sqlite3.Connection], Result],
        done: Callable[[Result], None] | None = None,
    ) -> Result:
        """Do `work` in the next transaction; its result, once that is on disk.

        `done` is called with the result right after the commit, before any waiter goes on.
        A caller cancelled while it waits may still find its work stored.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, done, loop.create_future())
        self._jobs.append(job)
        if len(self._jobs) == 1:
            loop.call_soon(self._settle, 1, TURNS)
        result: Result = await job.future
        return result

    def _settle(self, before: int, turns: int) -> None:
        """Commit, unless a turn brought more: then what the next one brings may come along."""
        if turns and len(self._jobs) > before:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._settle, len(self._jobs), turns - 1)
        else:
            self.flush()

    def flush(self) -> None:
        """Commit what is waiting now."""
        jobs, self._jobs = self._jobs, []
        if not jobs:
            return
        try:
            results = self._transact(jobs)
        except (sqlite3.Error, ValueError) as error:
            _fail(jobs, told(error, self._path))
            return
        for job, result in zip(jobs, results, strict=True):
            if job.done:
                job.done(result)
        for job, result in zip(jobs, results, strict=True):
            if not job.future.done():
                job.future.set_result(result)

    def _transact(self, jobs: list[_Job]) -> list[Any]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job.work(connection) for job in jobs]
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return results


def _fail(jobs: list[_Job], error: StoreError) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)
