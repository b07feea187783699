"""What each due time comes to. Every due time that has passed gets exactly one row, whatever the
machine, the clock or the daemon did meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from gateway.cron.job import Misfire
from gateway.cron.schedule import Schedule
from memory.occurrences import Account, Entry, Occurrence, Occurrences

GRACE = 60.0
"""Seconds after which a due time counts as slept through."""
MOST_RUNS = 100
"""With `misfire: all`, the most runs that are made up for."""
SLICE = 2_000
"""Rows of one transaction."""
ASLEEP = "Hermes was not running then"


class Accounts:
    """Keeps the account of every job. Several may share one database: what one has claimed no
    other claims."""

    def __init__(self, occurrences: Occurrences, clock: Callable[[], float]) -> None:
        self._occurrences = occurrences
        self._clock = clock

    async def bring_up(
        self,
        job: str,
        schedule: Schedule,
        misfire: Misfire,
        *,
        working: Callable[[], bool],
        until: float | None = None,
    ) -> list[Occurrence]:
        """Account for everything that was due up to now, or to `until`; what is to be run now, in
        order. `working`: whether a run of this job goes on."""
        now = self._clock() if until is None else until
        account = self._occurrences.account(job)
        if account is None:
            return []
        if account.accounted > now:
            await self._occurrences.set_back(job, account.accounted, now)
            return []
        dues = await _dues(schedule, account.accounted, now)
        entries = judge(dues, now, misfire, working=working())
        return await self._add(job, account, entries)

    async def pass_over(self, job: str, schedule: Schedule, until: float, reason: str) -> None:
        """What was due up to `until` was missed, and nothing runs for it."""
        account = self._occurrences.account(job)
        if account is not None:
            dues = await _dues(schedule, account.accounted, until)
            await self._add(job, account, [Entry(due, "missed", reason) for due in dues])

    async def _add(self, job: str, account: Account, entries: Sequence[Entry]) -> list[Occurrence]:
        claimed: list[Occurrence] = []
        before = account.accounted
        for start in range(0, len(entries), SLICE):
            part = entries[start : start + SLICE]
            claimed += await self._occurrences.add(job, before, part[-1].due, part)
            before = part[-1].due
        return claimed


async def _dues(schedule: Schedule, after: float, until: float) -> list[int]:
    """Every due time of a span, however many: others get their turn meanwhile."""
    found: list[int] = []
    for due in schedule.due_between(after, until):
        found.append(due)
        if len(found) % SLICE == 0:
            await asyncio.sleep(0)
    return found


def judge(dues: Sequence[float], now: float, misfire: Misfire, *, working: bool) -> list[Entry]:
    """A row for each of these due times, all of them past."""
    if not dues:
        return []
    if misfire == "all":
        return [*_missed(dues[:-MOST_RUNS], f"more than {MOST_RUNS} were due"), *_run(dues)]
    if working:
        return [Entry(due, "skipped", "the run before was still working") for due in dues]
    if misfire == "skip" and now - dues[-1] > GRACE:
        return _missed(dues, ASLEEP)
    return [*_missed(dues[:-1], f"{ASLEEP}; the latest due time runs"), Entry(dues[-1], "claimed")]


def _run(dues: Sequence[float]) -> list[Entry]:
    return [Entry(due, "claimed") for due in dues[-MOST_RUNS:]]


def _missed(dues: Sequence[float], reason: str) -> list[Entry]:
    return [Entry(due, "missed", reason) for due in dues]
