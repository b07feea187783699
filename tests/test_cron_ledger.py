"""400 simulated days of jobs in six zones: sleep, restarts, a clock that is set, long runs, and a
second scheduler on the same database. The ledger holds one row for each due time, and no other."""

from __future__ import annotations

import asyncio
import heapq
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.cron.accounts import GRACE, MOST_RUNS, Accounts, judge
from gateway.cron.job import Misfire
from gateway.cron.results import delivery, undelivered
from gateway.cron.schedule import Schedule, parse
from hermes_home.paths import Home
from memory import old_occurrences
from memory.database import Database
from memory.occurrences import Account, Entry, Occurrence, Occurrences, Status
from memory.outbox import TERMINAL, Delivery, Outbox

SOAK = bool(os.environ.get("HERMES_SOAK"))
START = datetime(2026, 1, 10, 11, 7, 30, tzinfo=UTC)
DAYS = 400
Instants = Callable[[ZoneInfo], Iterator[datetime]]


# -- due times, found another way -----------------------------------------------------------------


def days() -> Iterator[date]:
    for number in range(-2, DAYS + 3):
        yield START.date() + timedelta(days=number)


def first_shown(day: date, hour: int, minute: int, zone: ZoneInfo) -> datetime:
    """When the clock shows a time first, or what comes right after it if it leaves that out."""
    shown = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    wall = shown.replace(tzinfo=None)
    moment = shown.astimezone(UTC) - timedelta(hours=3)
    while moment.astimezone(zone).replace(tzinfo=None) < wall:
        moment += timedelta(minutes=1)
    return moment


def at(hour: int, minute: int, fits: Callable[[date], bool] = lambda day: True) -> Instants:
    return lambda zone: (first_shown(day, hour, minute, zone) for day in days() if fits(day))


def each_hour(minute: int) -> Instants:
    def found(zone: ZoneInfo) -> Iterator[datetime]:
        moment = START.replace(minute=0, second=0)
        while moment < START + timedelta(days=DAYS + 1):
            if moment.astimezone(zone).minute == minute:
                yield moment
            moment += timedelta(minutes=15)

    return found


def each(seconds: int) -> Instants:
    def found(zone: ZoneInfo) -> Iterator[datetime]:
        moment = START
        while moment < START + timedelta(days=DAYS + 1):
            moment += timedelta(seconds=seconds)
            yield moment

    return found


def last_friday(day: date) -> bool:
    return day.weekday() == 4 and (day + timedelta(days=7)).month != day.month


def first_monday(day: date) -> bool:
    return day.weekday() == 0 and day.day <= 7


JOBS: list[tuple[str, str, Misfire, float, Instants]] = [
    # schedule, zone, misfire, hours a run may take, the same by looking
    ("every day at 2:30", "Europe/Berlin", "once", 0, at(2, 30)),
    ("30 1 * * *", "America/New_York", "skip", 1, at(1, 30)),
    ("every weekday at 9", "America/New_York", "once", 0, at(9, 0, lambda d: d.weekday() < 5)),
    ("0 * * * *", "Australia/Lord_Howe", "once", 3, each_hour(0)),
    ("every 5h10m", "Asia/Kolkata", "once", 9, each(18_600)),
    ("every 7h30m", "Europe/Berlin", "all", 1, each(27_000)),
    ("first monday of the month at 10", "Europe/London", "all", 0, at(10, 0, first_monday)),
    ("last friday of the month at 17:00", "Europe/Berlin", "skip", 0, at(17, 0, last_friday)),
    ("0 0 * * *", "America/Havana", "once", 0, at(0, 0)),
    ("every day at 2:15", "Australia/Lord_Howe", "all", 20, at(2, 15)),
    ("45 23 1,15 * *", "America/New_York", "once", 40, at(23, 45, lambda d: d.day in (1, 15))),
    ("sundays at 1:30", "Europe/London", "once", 0, at(1, 30, lambda d: d.weekday() == 6)),
]


# -- the world ------------------------------------------------------------------------------------


@dataclass
class Case:
    name: str
    schedule: Schedule
    misfire: Misfire
    longest: float
    expected: list[int]
    known: tuple[float, float] = (0.0, 0.0)

    def next(self, after: float) -> float:
        """The next due time; asked for again and again between two."""
        if not self.known[0] <= after < self.known[1]:
            self.known = after, float(self.schedule.due_after(after) or 0)
        return self.known[1]


def cases() -> list[Case]:
    found = []
    for number, (text, zone_name, misfire, hours, instants) in enumerate(JOBS):
        zone = ZoneInfo(zone_name)
        due = {int(moment.timestamp()) for moment in instants(zone)}
        expected = sorted(one for one in due if one > START.timestamp())
        schedule = parse(text, zone, START.timestamp())
        found.append(Case(f"job{number}", schedule, misfire, hours * 3600, expected))
    return found


class World:
    """Real time `now`, and a clock that may be wrong by `skew`. Nothing waits."""

    def __init__(self, home: Home, seed: int) -> None:
        self.home = home
        self.chance = random.Random(seed)
        self.now = START.timestamp()
        self.skew = 0.0
        self.cases = cases()
        self.ends: list[tuple[float, int, str]] = []
        self.queues: dict[str, list[Occurrence]] = {case.name: [] for case in self.cases}
        self.running: dict[str, int] = {}
        self.dispatched: Counter[tuple[str, float]] = Counter()
        self.happened: Counter[str] = Counter()
        self.databases: list[Database] = []
        self.open()

    def clock(self) -> float:
        return self.now + self.skew

    def open(self) -> None:
        """Two schedulers, each with a database connection of its own."""
        for database in self.databases:
            database.close()
        self.databases = [Database(self.home), Database(self.home)]
        for database in self.databases:
            database.connection.execute("PRAGMA synchronous = OFF")  # nothing is cut off here
        ledgers = [Occurrences(database, self.clock) for database in self.databases]
        self.ledger = ledgers[0]
        self.schedulers = [Accounts(ledger, self.clock) for ledger in ledgers]

    async def live(self) -> None:
        for case in self.cases:
            await self.ledger.keep_account(case.name, Account(START.timestamp(), ""))
        end = START.timestamp() + DAYS * 86_400
        while self.now < end:
            await self.step()
        self.skew = 0.0
        self.now = end
        await self.tick()
        await self.tick()
        while self.ends:
            self.now = max(self.now, self.ends[0][0])
            await self.finish()

    async def step(self) -> None:
        """To the next due time, or past it: asleep, restarted, with another clock."""
        clock = self.clock()
        due = min(case.next(clock) for case in self.cases)
        ahead = max(0.0, due - clock) + self.chance.uniform(0, 20)
        if self.ends:
            ahead = min(ahead, max(0.0, self.ends[0][0] - self.now))
        self.now += ahead
        event = self.chance.random()
        if event < 0.006:
            self.now += self.chance.uniform(600, 3 * 86_400)
            self.happened["sleep"] += 1
        elif event < 0.01:
            self.now += self.chance.uniform(1, 4000)
            self.open()
            self.resume()
            self.happened["restart"] += 1
        elif event < 0.014:
            self.skew = self.chance.choice([-1, 1]) * self.chance.uniform(30, 5 * 3600)
            self.happened["clock set wrong"] += 1
        elif event < 0.03 and self.skew:
            self.skew = 0.0
            self.happened["clock set right"] += 1
        await self.finish()
        await self.tick()

    async def tick(self) -> None:
        """Both schedulers look at once; either may be the first."""
        clock = self.clock()
        for case in self.cases:
            account = self.ledger.account(case.name)
            assert account is not None
            if account.accounted <= clock < case.next(account.accounted):
                continue
            order = self.chance.sample(self.schedulers, 2)
            for claimed in await asyncio.gather(*(self.look(one, case) for one in order)):
                for one in claimed:
                    self.dispatched[one.job, one.due] += 1
                    self.judged(case, one)
                    self.queues[case.name].append(one)
            self.begin(case)

    async def look(self, scheduler: Accounts, case: Case) -> list[Occurrence]:
        return await scheduler.bring_up(
            case.name,
            case.schedule,
            case.misfire,
            working=lambda: case.name in self.running,
        )

    def judged(self, case: Case, one: Occurrence) -> None:
        """What is run was allowed to."""
        if case.misfire == "skip":
            assert self.clock() - one.due <= GRACE

    def begin(self, case: Case) -> None:
        if case.name in self.running or not self.queues[case.name]:
            return
        one = self.queues[case.name].pop(0)
        self.running[case.name] = one.id
        takes = self.chance.uniform(1, case.longest) if case.longest else 1.0
        heapq.heappush(self.ends, (self.now + takes, one.id, case.name))

    async def finish(self) -> None:
        while self.ends and self.ends[0][0] <= self.now:
            _, id, name = heapq.heappop(self.ends)
            found = self.ledger.get(id)
            assert found is not None
            status: Any = self.chance.choice(["ran", "ran", "failed"])
            assert await self.ledger.finish(id, Entry(found.due, status, ""))
            assert not await self.ledger.finish(id, Entry(found.due, "ran", "")), "a second end"
            del self.running[name]
            self.begin(next(case for case in self.cases if case.name == name))

    def resume(self) -> None:
        """After a restart what is claimed is known from the database alone."""
        under_way = set(self.running.values())
        for queue in self.queues.values():
            queue.clear()
        for one in self.ledger.open():
            if one.id not in under_way:
                self.queues[one.job].append(one)


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(12) if SOAK else [1])
async def test_four_hundred_days_give_one_row_for_each_due_time(home: Home, seed: int):
    world = World(home, seed)
    await world.live()
    statuses: Counter[str] = Counter()
    for case in world.cases:
        rows = world.ledger.history(case.name, 1_000_000)[::-1]
        dues = [int(row.due) for row in rows]
        passed = [due for due in case.expected if due <= world.now]
        assert [due for due in dues if due <= START.timestamp() + DAYS * 86_400] == [
            due for due in passed if due <= START.timestamp() + DAYS * 86_400
        ], case
        assert len(dues) == len(set(dues))
        assert set(dues) <= set(case.expected)
        for row in rows:
            assert row.status in ("ran", "failed", "skipped", "missed")
            assert row.reason or row.status in ("ran", "failed")
            ran = row.status in ("ran", "failed")
            assert world.dispatched[case.name, row.due] == ran
        statuses.update(row.status for row in rows)
    assert not world.ledger.open()
    assert max(world.dispatched.values()) == 1
    assert min(statuses[one] for one in ("ran", "failed", "skipped", "missed")) > 20
    assert min(world.happened.values()) > 5
    print(f"{statuses.total()} due times: {dict(statuses)}; {dict(world.happened)}")
    for database in world.databases:
        database.close()


# -- what becomes of due times that were slept through --------------------------------------------


def statuses(entries: list[Entry]) -> list[str]:
    return [entry.status for entry in entries]


def test_once_runs_the_latest_and_the_older_are_missed():
    entries = judge([10, 20, 30], 5000, "once", working=False)
    assert statuses(entries) == ["missed", "missed", "claimed"]
    assert all(entry.reason for entry in entries[:2])


def test_skip_runs_nothing_late():
    assert statuses(judge([10, 20], 5000, "skip", working=False)) == ["missed", "missed"]
    assert statuses(judge([10, 4990], 5000, "skip", working=False)) == ["missed", "claimed"]


def test_all_runs_each_up_to_a_bound():
    dues = list(range(MOST_RUNS + 7))
    found = statuses(judge(dues, 50_000, "all", working=True))
    assert found == ["missed"] * 7 + ["claimed"] * MOST_RUNS


def test_what_is_due_while_the_run_before_still_works_is_skipped():
    entries = judge([10], 11, "once", working=True)
    assert statuses(entries) == ["skipped"]
    assert "still working" in entries[0].reason


@pytest.mark.anyio
async def test_a_clock_far_ahead_does_not_stop_a_job_for_ever(home: Home):
    """Due times that a wrong clock had counted as missed come again when they come."""
    database = Database(home)
    now = [1_800_000_000.0]
    ledger = Occurrences(database, lambda: now[0])
    accounts = Accounts(ledger, lambda: now[0])
    schedule = parse("every day at 9", ZoneInfo("UTC"), 0)
    await ledger.keep_account("job", Account(now[0], ""))

    async def look() -> list[float]:
        claimed = await accounts.bring_up("job", schedule, "once", working=lambda: False)
        for one in claimed:
            await ledger.finish(one.id, Entry(one.due, "ran"))
        return [one.due for one in claimed]

    right = now[0]
    now[0] += 30 * 365 * 86_400
    (wrong,) = await look()
    now[0] = right
    assert await look() == []
    due = schedule.due_after(right)
    assert due is not None
    now[0] = due + 1
    assert await look() == [due]
    assert [row.due for row in ledger.history("job")] == [wrong, due]
    database.close()


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("ends", ["ran", "skipped"])
async def test_old_rows_go_and_what_ran_does_not_run_again(home: Home, ends: Status) -> None:
    """A job of every minute for two weeks, and one that was due a few times; then 400 days pass,
    and the clock is set back to before all of it."""
    database = Database(home)
    now = [1_800_000_000.0]
    begun = now[0]
    ledger = Occurrences(database, lambda: now[0])
    accounts = Accounts(ledger, lambda: now[0])
    schedule = parse("every 20 minutes", ZoneInfo("UTC"), begun)
    rarely = parse("every 3 days", ZoneInfo("UTC"), begun)
    ran: Counter[tuple[str, float]] = Counter()

    async def look() -> None:
        for name, when in (("often", schedule), ("rarely", rarely)):
            for one in await accounts.bring_up(name, when, "all", working=lambda: False):
                ran[name, one.due] += 1
                await ledger.reach(one.id, "woken")
                await ledger.finish(one.id, Entry(one.due, ends))

    async def live(days: int) -> None:
        end = now[0] + days * 86_400
        while now[0] < end:
            now[0] += 1200 * 50
            await look()

    for name in ("often", "rarely"):
        await ledger.keep_account(name, Account(begun, ""))
    await live(18)
    await ledger.claim("often", begun + 1)
    assert await old_occurrences.prune(database, now[0]) == 0
    assert await old_occurrences.prune(database, now[0] + old_occurrences.KEPT_SECONDS) > 200
    rows = ledger.history("often", 100_000)
    assert len(rows) == old_occurrences.KEPT_ROWS
    assert [row.due for row in rows] == sorted({due for name, due in ran if name == "often"})[
        : -old_occurrences.KEPT_ROWS - 1 : -1
    ]
    assert len(ledger.history("rarely", 100)) == sum(name == "rarely" for name, _ in ran) == 6
    assert [one.due for one in ledger.open()] == [begun + 1]  # what is not final stays
    assert await old_occurrences.prune(database, now[0] + old_occurrences.KEPT_SECONDS) == 0
    now[0] = begun + 60
    await look()
    await live(20)
    assert set(ran.values()) == {1}
    assert max(due for _, due in ran) > begun + 18.1 * 86_400
    database.close()


@pytest.mark.slow
@pytest.mark.anyio
async def test_an_unseen_result_leaves_the_inbox_with_its_row(home: Home) -> None:
    database = Database(home)
    ledger, outbox = Occurrences(database), Outbox(database)
    await ledger.keep_account("job", Account(0.0, ""))
    for number in range(old_occurrences.KEPT_ROWS + 3):
        one = await ledger.claim("job", 1_700_000_000.0 + number)
        assert one is not None
        sent = [Delivery(TERMINAL, f"result {number}", "job")]
        await ledger.finish(one.id, Entry(one.due, "ran"), "", sent)
    assert await old_occurrences.prune(database, 1_800_000_000.0) == 3
    assert [parcel.body for parcel in outbox.unseen(TERMINAL)][:2] == ["result 3", "result 4"]
    database.close()


def test_reading_never_writes(home: Home):
    database = Database(home)
    ledger = Occurrences(database)
    database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = Path(home.state_db).read_bytes()
    changes = database.connection.total_changes
    ledger.history("job"), ledger.open(), ledger.account("job"), ledger.accounts()
    assert database.connection.total_changes == changes
    assert Path(home.state_db).read_bytes() == before
    database.close()


@pytest.mark.anyio
async def test_a_result_that_could_not_be_delivered_goes_to_the_inbox_once(home: Home):
    database = Database(home)
    ledger, outbox = Occurrences(database), Outbox(database)
    one = await ledger.claim("report", 1_800_000_000.0)
    assert one is not None
    sent = [Delivery("telegram/1/2", text, "job", part) for part, text in enumerate("ab")]
    await ledger.finish(one.id, Entry(one.due, "ran"), "the report", sent)
    for parcel in outbox.unseen():
        await outbox.fail(parcel.id, "the bot was blocked")
    for _ in range(2):
        if ledger.undelivered(TERMINAL):
            await ledger.redirect(TERMINAL, undelivered)
    (waiting,) = outbox.unseen(TERMINAL)
    assert "the report" in waiting.body
    assert "the bot was blocked" in waiting.body
    (row,) = ledger.history("report")
    assert row.status == "ran"
    assert delivery(ledger, row) == "failed: the bot was blocked; in the inbox"
    assert ledger.of_parcel(waiting.id) == row
    database.close()
