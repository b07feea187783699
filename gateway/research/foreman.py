"""The one writer of a batch: hands out prompts, takes in results, replaces workers that die."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from agent.inputs import RunOptions
from gateway.research.engine import Died, Engine
from gateway.research.frames import STOP_SECONDS, Beat, Ready, Report, Result, Task
from gateway.research.ledger import Claimed, Ledger, State, safe_name, session_file
from gateway.research.prompts import seed_of
from hermes_home.errors import BudgetError, HermesError, StoreError
from hermes_home.files import stage, sync_folder

TURN_SECONDS = 0.5
"""How long a turn waits for workers at most."""
SILENCE_SECONDS = 60.0
"""A worker that does not even say it lives for so long is hung."""
START_SECONDS = 120.0
"""For a worker to have its home."""
GRACE_SECONDS = STOP_SECONDS + 30.0
"""Beyond a prompt's time limit before its worker is ended."""
MOST_DEATHS = 5
"""Workers one attempt may cost; then it has failed."""
MOST_STARTS = 3
"""Workers that die one after the other before they have their home: then none will."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a batch is carried out. folder: absolute. workers: at most so many at a time. retries:
    further attempts of a prompt that fails. seconds: the time limit of an attempt. seed: 0 = none.
    compress: as in Task. budget: tokens a day after which nothing more is begun; 0 = no limit."""

    folder: Path
    workers: int
    retries: int
    seconds: float
    options: RunOptions
    seed: int = 0
    compress: int = 0
    budget: int = 0


@dataclass
class _Slot:
    """A slot with a worker. task: what it was given, or is to go on with until it is ready.
    heard, given: when it last said anything, and was given its task."""

    task: Task | None = None
    ready: bool = False
    heard: float = 0.0
    given: float = 0.0


Watch = Callable[[], None]


class Foreman:
    """One per process. `run` returns when every prompt is done or has failed."""

    def __init__(
        self,
        ledger: Ledger,
        engine: Engine,
        plan: Plan,
        watch: Watch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._engine = engine
        self._plan = plan
        self._watch = watch
        self._slots: dict[str, _Slot] = {}
        self._failed_starts = 0

    def run(self) -> None:
        """StoreError if the folder cannot be written; HermesError if no worker comes up;
        BudgetError when what is under way has ended."""
        results: list[Result] = []
        while self._ledger.unfinished():
            self._watch()
            self._turn(results)
            results = self._listen() if self._slots else []

    def _listen(self) -> list[Result]:
        """What workers tell, as soon as there is anything; those that hang are ended."""
        heard = self._engine.wait(TURN_SECONDS)
        told = [(report, self._take(slot, report)) for slot, report in heard]
        self._end_hung()
        return [report for report, counts in told if counts and isinstance(report, Result)]

    # -- a turn ---------------------------------------------------------------------------------

    def _turn(self, results: list[Result]) -> None:
        """Store what came, and claim what comes next, in one transaction. Only then is anything
        given to a worker. A result's file is on disk before it counts."""
        ends = list(self._ends(results))
        self._write([result for result, state in ends if state])
        given: list[tuple[str, Task]] = []
        with self._ledger.turn():
            for result, state in ends:
                self._store(result, state)
            spent = self._spent()
            for slot, place in self._slots.items():
                idle = place.ready and place.task is None and not spent
                if idle and (claimed := self._ledger.claim(slot)):
                    place.task = self._task(claimed)
                    given.append((slot, place.task))
        for slot, task in given:
            self._give(slot, task)
        self._start_workers(self._ledger.held(), 0 if spent else self._plan.workers)
        for slot in [name for name, one in self._slots.items() if one.ready and one.task is None]:
            self._engine.leave(slot)
            del self._slots[slot]
        if spent and not self._slots:
            raise BudgetError(
                f"the day's {self._plan.budget:,} tokens are used up",
                "Go on with --resume tomorrow, or raise budget.per_day.",
            )

    def _spent(self) -> bool:
        """Whether today's prompts used up the day's tokens."""
        if not self._plan.budget:
            return False
        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0)
        return self._ledger.spent(midnight.timestamp()) >= self._plan.budget

    def _start_workers(self, held: dict[str, Claimed], most: int) -> None:
        """First in the slots that hold a prompt, then as many as there is work for, `most` in
        all."""
        waiting = [slot for slot in sorted(held) if slot not in self._slots]
        room = self._plan.workers - len(self._slots)
        for slot in waiting[:room]:
            self._start(slot, self._task(held[slot]))
        idle = sum(one.task is None for one in self._slots.values())
        room = self._plan.workers - len(self._slots)
        wanted = min(self._ledger.pending(room + idle) - idle, most - len(self._slots))
        names = (f"{number:02d}" for number in range(1, 10_000))
        free = (name for name in names if name not in self._slots and name not in held)
        for _ in range(wanted):
            self._start(next(free), None)

    def _start(self, slot: str, task: Task | None) -> None:
        log.info("slot %s starts%s", slot, f" and goes on with {task.id}" if task else "")
        self._engine.start(slot, task)
        self._slots[slot] = _Slot(task, heard=self._clock())

    def _give(self, slot: str, task: Task) -> None:
        self._slots[slot].given = self._clock()
        self._engine.give(slot, task)

    def _task(self, claimed: Claimed) -> Task:
        plan = self._plan
        options = plan.options
        if plan.seed:
            options = msgspec.structs.replace(options, seed=seed_of(claimed.id, plan.seed))
        name = f"{safe_name(claimed.id)}-{claimed.attempt}"
        return Task(
            claimed.id,
            claimed.text,
            claimed.attempt,
            str(plan.folder / "workspaces" / name),
            claimed.template,
            options,
            plan.seconds,
            plan.compress,
            claimed.data,
        )

    # -- results --------------------------------------------------------------------------------

    def _ends(self, results: list[Result]) -> Iterator[tuple[Result, State | None]]:
        """The results that are waited for, and what each makes of its prompt: done or failed;
        None while it has a try left."""
        held = {one.id: one for one in self._ledger.held().values()}
        for result in results:
            claimed = held.get(result.id)
            if claimed is None or claimed.attempt != result.attempt:
                continue
            if result.whole or claimed.tries > self._plan.retries:
                yield result, "done" if result.whole and result.reason != "failed" else "failed"
            else:
                yield result, None

    def _write(self, results: list[Result]) -> None:
        """The files of these results, on disk."""
        folder, files = self._plan.folder, [result for result in results if result.file]
        try:
            for result in files:
                path = folder / session_file(result.id)
                stage(path, result.file).replace(path)
            if files:
                sync_folder(folder)
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be written: {error.strerror}",
                "Free some space, then go on with --resume.",
            ) from error

    def _store(self, result: Result, state: State | None) -> None:
        if state is None:
            self._ledger.put_back(result.id, result.reason, result.error)
        else:
            self._ledger.finish(result, state, session_file(result.id) if result.file else "")

    def _give_up(self, task: Task, reason: str, why: str) -> None:
        """An attempt that no worker will tell of."""
        with self._ledger.turn():
            for result, state in self._ends([Result(task.id, task.attempt, False, reason, why)]):
                self._store(result, state)

    def _take(self, slot: str, report: Report | Died) -> bool:
        """Note what a worker said; whether it is a result."""
        place = self._slots.get(slot)
        if place is None:
            return False
        place.heard = self._clock()
        if isinstance(report, Ready):
            self._ready(slot, place)
        elif isinstance(report, Result):
            place.task = None
            return True
        elif not isinstance(report, Beat):
            self._lost(slot, place, report.why)
        return False

    def _ready(self, slot: str, place: _Slot) -> None:
        self._failed_starts = 0
        if not place.ready:
            log.info("slot %s is ready", slot)
            place.ready = True
            if place.task is not None:
                self._give(slot, place.task)

    # -- what goes wrong ------------------------------------------------------------------------

    def _lost(self, slot: str, place: _Slot, why: str) -> None:
        """A worker died. Its slot is started again in the next turn, and goes on where the engine
        can; an attempt that costs too many workers has failed."""
        log.warning("slot %s, at %s: %s", slot, place.task.id if place.task else "nothing", why)
        del self._slots[slot]
        if not place.ready:
            self._failed_starts += 1
            if self._failed_starts >= MOST_STARTS:
                raise HermesError(f"no worker comes up: {why}", "`hermes doctor` may say why.")
        task = place.task
        if task is None:
            return
        held = self._ledger.held().get(slot)
        if held and held.deaths + 1 >= MOST_DEATHS:
            self._give_up(task, "died", why)
        else:
            with self._ledger.turn():
                self._ledger.died(task.id, held=self._engine.durable)

    def _end_hung(self) -> None:
        """Workers that say nothing any more, or do not keep to a time limit, are ended."""
        now = self._clock()
        for slot, place in list(self._slots.items()):
            silent = now - place.heard
            if silent > (SILENCE_SECONDS if place.ready else START_SECONDS):
                self._engine.kill(slot)
                self._lost(slot, place, f"its worker said nothing for {silent:.0f} s")
            elif self._late(place, now):
                assert place.task is not None
                self._engine.kill(slot)
                del self._slots[slot]
                why = f"it did not stop when its {place.task.seconds:g} s were over"
                log.warning("slot %s, at %s: %s", slot, place.task.id, why)
                self._give_up(place.task, "stopped", why)

    def _late(self, place: _Slot, now: float) -> bool:
        if place.task is None or not place.ready or not place.task.seconds:
            return False
        return now - place.given > place.task.seconds + GRACE_SECONDS
