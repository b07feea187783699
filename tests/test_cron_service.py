"""Jobs of one home in one process, with a clock of our own: pauses, edits, removals, restarts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.app import App
from gateway.cron.job import Job
from gateway.cron.service import Cron
from gateway.recurring import Recurring
from hermes_home.paths import Home
from memory.old_occurrences import KEPT_ROWS, KEPT_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

HOUR = 3600.0
START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def jobs(home: Home, clock: Clock) -> AsyncIterator[Cron]:
    """A daemon's parts, and its jobs at work."""
    app = await App.open(home, {"HOME": str(home.root.parent), "PATH": os.environ["PATH"]})
    app.recurring = Recurring(app, clock)  # before the watcher begins another by the real clock
    try:
        yield await app.recurring.cron()
    finally:
        await app.recurring.rest()
        await app.router.close()
        await app.close()


async def pass_hours(cron: Cron, clock: Clock, hours: float) -> None:
    """Asleep so long, then awake until everything is done."""
    clock.now += hours * HOUR
    await cron._wake("")
    while cron.runner.busy:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def rows(cron: Cron, name: str = "job") -> list[tuple[float, str]]:
    """(hours since the start, status), the oldest first."""
    found = cron.occurrences.history(name)[::-1]
    return [((row.due - START) / HOUR, row.status) for row in found]


def hourly(**more: str) -> Job:
    return Job(**{"schedule": "every 1h", "prompt": "1. Run `true`.", "misfire": "all", **more})  # type: ignore[arg-type]


async def test_a_pause_has_no_due_times(home: Home) -> None:
    clock = Clock()
    async with jobs(home, clock) as cron:
        await cron.desk.create(hourly(), "job")
        await pass_hours(cron, clock, 1.5)
        await cron.desk.pause("job", paused=True)
        await pass_hours(cron, clock, 5)
        await cron.desk.pause("job", paused=False)
        await pass_hours(cron, clock, 1)
        assert rows(cron) == [(1, "ran"), (7, "ran")]


async def test_an_edit_counts_from_when_it_was_made(home: Home) -> None:
    clock = Clock()
    async with jobs(home, clock) as cron:
        await cron.desk.create(hourly(), "job")
        await pass_hours(cron, clock, 2.5)
        await cron.desk.edit("job", {"schedule": "every 3h"})
        await pass_hours(cron, clock, 2.9)
        assert rows(cron) == [(1, "ran"), (2, "ran")]
        await pass_hours(cron, clock, 0.2)
        assert rows(cron)[-1] == (5.5, "ran")


async def test_a_job_that_is_made_again_has_nothing_due_for_when_it_was_not(home: Home) -> None:
    clock = Clock()
    async with jobs(home, clock) as cron:
        await cron.desk.create(hourly(), "job")
        await pass_hours(cron, clock, 1)
        await cron.desk.remove("job")
        await pass_hours(cron, clock, 9.25)
        await cron.desk.create(hourly(), "job")
        await pass_hours(cron, clock, 1)
        assert rows(cron) == [(1, "ran"), (11.25, "ran")]


async def test_a_daemon_that_was_away_accounts_for_all_of_it(home: Home) -> None:
    clock = Clock()
    async with jobs(home, clock) as cron:
        for misfire in ("once", "skip", "all"):
            await cron.desk.create(hourly(misfire=misfire), misfire)
    clock.now += 3.5 * HOUR
    async with jobs(home, clock) as cron:
        await pass_hours(cron, clock, 0)
        assert rows(cron, "once") == [(1, "missed"), (2, "missed"), (3, "ran")]
        assert rows(cron, "skip") == [(1, "missed"), (2, "missed"), (3, "missed")]
        assert rows(cron, "all") == [(1, "ran"), (2, "ran"), (3, "ran")]


async def test_a_broken_file_has_no_due_times_and_is_told_of_once(home: Home) -> None:
    clock = Clock()
    async with jobs(home, clock) as cron:
        await cron.desk.create(hourly(), "job")
        path = home.cron / "job.yaml"
        good = path.read_text()
        path.write_text("schedule: every fryday\nprompt: x\n")
        for _ in range(3):
            await cron.changed({path})
        await pass_hours(cron, clock, 3)
        assert [row["text"] for row in cron.unseen()] == [
            f"The job job does not run: {cron.jobs['job'].error}"
        ]
        path.write_text(good)
        await cron.changed({path})
        await pass_hours(cron, clock, 1)
        assert rows(cron) == [(4, "ran")]


async def test_the_setting_timezone_moves_jobs_without_one(home: Home) -> None:
    clock = Clock()
    async with jobs(home, clock) as cron:
        await cron.app.set_setting("timezone", "Asia/Tokyo")
        await cron.desk.create(hourly(schedule="every day at 9"), "job")
        assert cron.row("job")["next"][0].endswith("T09:00:00+09:00")
        await cron.app.set_setting("timezone", "America/New_York")
        await cron.reload()
        assert "T09:00:00-0" in cron.row("job")["next"][0]


async def test_a_clock_that_is_set_back_and_forth_doubles_nothing(home: Home) -> None:
    clock = Clock()
    async with jobs(home, clock) as cron:
        await cron.desk.create(hourly(misfire="once"), "job")
        await pass_hours(cron, clock, 1)
        await pass_hours(cron, clock, 4.5)  # set wrong
        assert rows(cron) == [(1, "ran"), *((n, "missed") for n in (2, 3, 4)), (5, "ran")]
        await pass_hours(cron, clock, -4.5)  # and right again
        assert rows(cron) == [(1, "ran"), (5, "ran")]
        for _ in range(5):
            await pass_hours(cron, clock, 1)
        assert rows(cron) == [(n, "ran") for n in (1, 2, 3, 4, 5, 6)]


async def test_old_rows_go_while_the_daemon_runs(home: Home) -> None:
    clock = Clock()
    async with jobs(home, clock) as cron:
        await cron.desk.create(hourly(), "job")
        many = [("job", START - number, "ran", START, START) for number in range(KEPT_ROWS + 5)]
        await cron.app.database.commits.write(
            lambda connection: connection.executemany(
                "INSERT INTO occurrences (job, due, status, claimed_at, ended_at)"
                " VALUES (?, ?, ?, ?, ?)",
                many,
            )
        )
        await cron._wake("")
        assert len(cron.history("job", 10_000)) == len(many)
        clock.now += KEPT_SECONDS
        cron._prune_at = 0.0  # an hour has passed
        await cron._tidy()
        assert len(cron.history("job", 10_000)) == KEPT_ROWS
