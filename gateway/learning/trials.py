"""Trials of skills: stored cases, each worked on once with the skill and once without.

Every run has a session and a fresh copy of its workspace, learns nothing and reaches nothing else
(agent/trial_policy.py). Its figures stay out of the skill's evidence: the cases are few, may be
tried again and again, and their workspaces hold what was done in them since.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from agent.events import SessionOpened
from agent.inputs import RunOptions, Said, Stop
from agent.meter import Meter
from agent.purse import Purse
from gateway.learning.copies import Copies, NotCopied, turned
from gateway.learning.trial import SIDES, Row, Side, Trial, Tried
from gateway.reports import required
from hermes_home.errors import HermesError, UsageError
from memory.outcomes.cases import Case, cases
from memory.outcomes.facts import Facts, session_facts
from memory.outcomes.outcome import outcome_of
from memory.views import TRIAL

if TYPE_CHECKING:
    from gateway.app import App

MOST_CASES = 20
ENDS = frozenset({"RunFinished", "RunParked"})


log = logging.getLogger(__name__)


class Trials:
    """One per app, and one trial at a time. The last one is kept until the next."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._copies = Copies(app.home)
        self._task: asyncio.Task[None] | None = None
        self._trial: Trial | None = None

    async def reconcile(self) -> None:
        """At the start: what a stop of the daemon cut short is not gone on with."""
        app = self._app
        await self._clear()
        unfinished = set(app.journal.sessions_unfinished())
        for session in unfinished | set(app.inbox.sessions_pending()):
            opened = app.journal.read(session)[:1]
            if not opened or not _of_trial(opened[0].event):
                continue
            for input in app.inbox.pending(session):
                await app.inbox.drop(input.id, "the trial was cut short")
            if session in unfinished:
                await app.inbox.put(_stop("the daemon stopped"), session=session, source=TRIAL)

    async def close(self) -> None:
        """The daemon stops, and has stopped its runs: so does the trial, and its copy goes."""
        if self._task is not None and self._trial is not None:
            self._trial.end("stopped", "the daemon stopped")
            self._task.cancel()
            await asyncio.wait({self._task})

    @property
    def meter(self) -> Meter:
        """What the runs of the trial at work spend from."""
        return self._trial.purse if self._trial and self._trial.session else self._app.meter

    async def plan(self, name: str, count: int) -> list[Case]:
        """The cases a skill would be tried on; UsageError if that cannot be."""
        app = self._app
        skill = required(app, name)
        if app.learning.mode == "off":
            raise UsageError("learning is off", "hermes config set learning.mode auto")
        if await app.sandbox() is None:
            raise UsageError("commands cannot be confined here", "`hermes doctor` says why.")
        if lacking := app.library.unmet().get(skill.name):
            raise UsageError(f"{skill.name} cannot work here: it {lacking}")
        if not 1 <= count <= MOST_CASES:
            raise UsageError(f"a trial has 1 to {MOST_CASES} cases")
        found = await app.index.ask(lambda tables: cases(tables, skill.name, count))
        if not found:
            raise UsageError(
                f"there is nothing to replay for {skill.name}",
                "Cases are the first messages of your sessions that had it at hand; none has yet.",
            )
        return found

    @property
    def left(self) -> int:
        """Tokens that `learning.budget` leaves for today."""
        return max(0, self._app.meter.left(self._app.learning.budget))

    async def start(self, name: str, count: int, budget: int) -> Trial:
        """Begin; it goes on by itself. budget: tokens it may use; 0 = what learning may today."""
        found = await self.plan(name, count)
        limit = budget or self.left
        if limit <= 0:
            needed = 2 * sum(case.tokens for case in found)
            share = self._app.learning.budget
            raise UsageError(
                f"learning.budget, {share:.1%} of today's other tokens, leaves none for this",
                f"--budget {needed} gives this trial what its cases took then.",
            )
        if self._task is not None and not self._task.done():
            raise UsageError("a trial is at work already", "Wait for it, or end it with Ctrl-C.")
        skill = self._app.library.require(name)
        self._trial = trial = Trial(
            f"t{uuid4().hex[:12]}",
            skill.name,
            self._app.library.ref(skill).version,
            [Row(case) for case in found],
            Purse(self._app.meter, limit, "the trial's budget"),
        )
        self._task = asyncio.create_task(self._work(trial))
        return trial

    def find(self, id: str) -> Trial:
        if self._trial is None or self._trial.id != id:
            raise UsageError(f"there is no trial {id}", "A restart of the daemon ends a trial.")
        return self._trial

    async def wait(self, trial: Trial, steps: int, seconds: float) -> None:
        """Until it has moved on from so many steps, or for so long."""
        changed = trial.changed
        if trial.state == "working" and trial.steps <= steps:
            try:
                await asyncio.wait_for(changed.wait(), seconds)
            except TimeoutError:
                return

    async def stop(self, trial: Trial) -> None:
        """End it now, with what was measured; returns when it has."""
        if not trial.over:
            trial.end("stopped", "it was stopped")
            if trial.session:
                await self._app.router.submit(trial.session, _stop(), source=TRIAL)
        if self._task is not None:
            await asyncio.wait({self._task})

    # -- at work --------------------------------------------------------------------------------

    async def _work(self, trial: Trial) -> None:
        """The border that no error of a trial passes. The side that goes first alternates."""
        try:
            for number, row in enumerate(trial.rows):
                await self._try(trial, row, SIDES if number % 2 else SIDES[::-1])
            trial.end("done")
        except _Over:
            log.info("the trial of %s ended: %s", trial.skill, trial.why)
        except HermesError as error:
            trial.end("failed", str(error))
        except Exception as error:
            log.exception("the trial of %s failed", trial.skill)
            trial.end("failed", f"internal error: {error!r}")
        finally:
            trial.session = ""
            await self._clear()
            trial.state = trial.ending
            trial.tell()

    async def _clear(self) -> None:
        try:
            await asyncio.to_thread(self._copies.clear)
        except OSError as error:
            log.warning("the copy of a workspace stays until the next start: %s", error)

    async def _try(self, trial: Trial, row: Row, sides: tuple[Side, ...]) -> None:
        """Both runs of a case; _Over if the trial ends before."""
        try:
            for side in sides:
                self._check(trial)
                row.runs[side] = await self._run(trial, row.case, side)
                trial.tell()
        except NotCopied as error:
            row.skipped = error.message
            trial.tell()

    def _check(self, trial: Trial) -> None:
        """_Over if it was stopped or may spend no more."""
        if trial.over:
            raise _Over
        if why := trial.purse.refusal:
            trial.end("spent", why)
            raise _Over
        library = self._app.library
        skill = library.get(trial.skill)
        if skill is None or library.ref(skill).version != trial.version:
            raise UsageError(f"{trial.skill} was changed meanwhile", "Try what it says now.")

    async def _run(self, trial: Trial, case: Case, side: Side) -> Tried:
        workspace = Path(case.cwd)
        copy = await asyncio.to_thread(self._copies.make, workspace)
        if trial.over:
            raise _Over
        words = " ".join(case.text.split())[:60]
        title = f"trial of {trial.skill}, {side} it: {words}"
        session = await self._app.router.open_session(TRIAL, copy, title)
        said = Said(
            id=f"i{uuid4().hex[:16]}",
            text=turned(case.text, workspace, copy),
            quoted=turned(case.quoted, workspace, copy),
            mode="queue",
            files=case.files,
            options=self._options(trial.skill, case, copy, side),
        )
        trial.session = session
        try:
            facts = await self._ended(session, said)
        finally:
            trial.session = ""
            await self._app.router.dismiss(session)
        if side == "with" and not any(use.name == trial.skill for use in facts.uses):
            raise UsageError("the catalog has no room for it", "See skills.catalog_tokens.")
        if facts.end == "failed":
            raise HermesError("a run failed", f"hermes sessions show {session}")
        if facts.end == "limit" and (why := trial.purse.refusal):
            trial.end("spent", why)
        outcome = outcome_of(facts).outcome
        return Tried(session, outcome, facts.calls, facts.tokens, whole=not trial.over)

    def _options(self, skill: str, case: Case, copy: Path, side: Side) -> RunOptions:
        """By the model that learning is set to, else by the case's own, at its endpoint."""
        own = case.options
        return RunOptions(
            cwd=str(copy),
            model=self._app.learning.model or own.model,
            provider=own.provider,
            base_url=own.base_url,
            max_turns=own.max_turns,
            headless=True,
            learning=False,
            trial=skill,
            without=side == "without",
        )

    async def _ended(self, session: str, said: Said) -> Facts:
        """Say it, and wait for the end of its run: what it came to."""
        subscription = self._app.journal.subscribe(session, kinds=ENDS)
        try:
            await self._app.router.submit(session, said, source=TRIAL)
            async for _ in subscription:
                break
            else:  # the daemon stops
                await asyncio.get_running_loop().create_future()
        finally:
            subscription.close()
        return next(iter(session_facts(self._app.journal.read(session)).values()), Facts())


class _Over(Exception):
    """The trial has ended; its state says why."""


def _of_trial(event: object) -> bool:
    return isinstance(event, SessionOpened) and event.source == TRIAL


def _stop(reason: str = "the trial was stopped") -> Stop:
    return Stop(id=f"i{uuid4().hex[:16]}", reason=reason)
