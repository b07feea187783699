"""Carries out what was claimed: the script, the model, the result. One run of a job at a time.

Whatever begins is stored before it begins, so that after any stop it is known what may be begun
(again) and what must not be.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from agent.events import SessionRenamed
from agent.inputs import RunOptions, Said
from agent.policy import Effect
from agent.tools.base import ToolContext
from gateway.cron.ending import Done, ending
from gateway.cron.job import Job
from gateway.cron.results import deliveries, quiet, shown
from gateway.cron.rules import moment
from gateway.cron.schedule import Schedule
from hermes_home.errors import HermesError
from memory.occurrences import Entry, Occurrence, Occurrences

if TYPE_CHECKING:
    from gateway.app import App

SCRIPT_SECONDS = 600.0
"""How long a script may take."""
NOTHING_TO_DO = 78
"""A script's exit status that says so."""
OUTPUT_CHARS = 100_000
"""Of a script's output, from its end."""
_ENDS = frozenset({"RunFinished", "RunParked"})

log = logging.getLogger(__name__)


@dataclass
class Loaded:
    """A job as its file says, or what is wrong with the file."""

    name: str
    job: Job | None = None
    schedule: Schedule | None = None
    anchor: float = 0.0
    error: str = ""

    @property
    def active(self) -> bool:
        return self.job is not None and self.job.enabled


class Runner:
    """`find` gives a job by name, None if it has no file."""

    def __init__(
        self, app: App, occurrences: Occurrences, find: Callable[[str], Loaded | None]
    ) -> None:
        self._app = app
        self._occurrences = occurrences
        self._find = find
        self._queues: dict[str, deque[Occurrence]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}

    # -- order ----------------------------------------------------------------------------------

    def enqueue(self, claimed: Iterable[Occurrence]) -> None:
        """Carry these out, those of one job one after the other."""
        for one in claimed:
            self._queues.setdefault(one.job, deque()).append(one)
            if one.job not in self._tasks:
                self._tasks[one.job] = asyncio.create_task(self._work(one.job))

    def working(self, name: str) -> bool:
        return name in self._tasks

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    async def drop(self, name: str, reason: str) -> None:
        """What of a job has not begun yet is skipped."""
        queue = self._queues.get(name, deque())
        while queue:
            await self._finish(queue.popleft(), Done("skipped", reason))

    async def wait(self, id: int, seconds: float) -> None:
        """Until an occurrence is final, or for so long."""
        found = self._occurrences.get(id)
        if found is None or found.status != "claimed":
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(id, []).append(future)
        await asyncio.wait({future}, timeout=seconds)
        future.cancel()

    async def close(self) -> None:
        """What is under way goes on at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, name: str) -> None:
        queue = self._queues[name]
        try:
            while queue:
                await self._one(queue.popleft())
        except HermesError:
            log.exception("job %s: what it came to could not be stored", name)
        finally:
            self._tasks.pop(name, None)

    # -- one occurrence -------------------------------------------------------------------------

    async def _one(self, one: Occurrence) -> None:
        """This is the border that no error of a job passes."""
        try:
            await self._carry_out(one)
        except Done as done:
            await self._finish(one, done)
        except HermesError as error:
            await self._finish(one, Done("failed", str(error)))
        except Exception as error:
            log.exception("job %s failed", one.job)
            await self._finish(one, Done("failed", f"internal error: {error!r}"))

    async def _carry_out(self, one: Occurrence) -> None:
        """Always raises: Done, or what went wrong."""
        input = input_id(one)
        session = self._app.inbox.session_of(input)
        if not session:
            loaded = self._find(one.job)
            if loaded is None:
                raise Done("skipped", "the job was removed")
            if loaded.job is None or loaded.schedule is None:
                raise Done("failed", f"the job's file is broken: {loaded.error}")
            options = self._options(loaded.job)
            found = await self._scripted(one, loaded.job) if loaded.job.script else ""
            said = Said(
                id=input,
                text=loaded.job.prompt,
                quoted=_about(one, loaded.schedule, found),
                mode="queue",
                options=options,
            )
            arrived = await self._app.router.ask("cron", loaded.job.folder, said, key=_key(one))
            session = arrived.session
            await self._app.record(SessionRenamed(title=one.job), session, "")
        await self._occurrences.in_session(one.id, session)
        raise await self._end(session, input)

    def _options(self, job: Job) -> RunOptions:
        """HermesError if something the job needs is not there."""
        if not job.folder.is_dir():
            raise HermesError(f"its workspace {job.folder} is not there")
        options = RunOptions(
            cwd=str(job.folder),
            model=job.model,
            provider=job.provider,
            headless=True,
            skills=job.skills,
        )
        if job.prompt:
            for skill in job.skills:
                self._app.library.require(skill)
            self._app.models.resolve(options)
        return options

    async def _scripted(self, one: Occurrence, job: Job) -> str:
        """What the script found for the model; Done if that is all there is to do."""
        if one.stage == "woken":
            return one.output
        if one.stage == "script":
            raise Done("failed", "Hermes stopped while the script ran; it is not run again")
        await self._permit(job)
        await self._occurrences.reach(one.id, "script")
        output, code = await self._run_script(job)
        if code == NOTHING_TO_DO:
            raise Done("skipped", "the script said there is nothing to do", output)
        if code != 0:
            why = f"timed out after {SCRIPT_SECONDS:g} s" if code is None else f"exit {code}"
            raise Done("failed", f"the script failed: {why}", output)
        if not job.prompt:
            raise Done("ran", "", output)
        await self._occurrences.reach(one.id, "woken", output)
        return output

    async def _permit(self, job: Job) -> None:
        """The one gate judges the script as a command that nobody can be asked about."""
        context = ToolContext("", "", "", job.folder, headless=True)
        policy = self._app.policy(await self._app.sandbox())
        verdict = policy.judge([Effect("run", job.script)], context)
        if verdict.kind != "allow":
            raise HermesError(f"the script was not run: {verdict.reason}")

    async def _run_script(self, job: Job) -> tuple[str, int | None]:
        shells = self._app.shells(job.folder, await self._app.sandbox())
        try:
            ran = await shells.run(job.script, cwd=job.folder, timeout=SCRIPT_SECONDS)
        finally:
            await shells.aclose()
        return ran.output[-OUTPUT_CHARS:].strip(), ran.exit

    async def _end(self, session: str, input: str) -> Done:
        """What the run came to that an input began."""
        subscription = self._app.journal.subscribe(session, kinds=_ENDS)
        try:
            while True:
                if done := ending(self._app.journal.read(session), input):
                    return done
                if not self._app.journal.has_session(session):
                    return Done("failed", "its session was deleted")
                async for _ in subscription:
                    break
                else:  # the daemon stops
                    await asyncio.get_running_loop().create_future()
        finally:
            subscription.close()

    # -- the end --------------------------------------------------------------------------------

    async def _finish(self, one: Occurrence, done: Done) -> None:
        """The final row, with its deliveries; then whoever waits is told."""
        loaded = self._find(one.job)
        silent = done.status == "ran" and quiet(done.output)
        text = shown(one.job, done.status, done.reason, done.output)
        sent = []
        if text and not silent:
            sent = await deliveries(self._app, loaded.job if loaded else None, text)
        await self._occurrences.finish(
            one.id, Entry(one.due, done.status, done.reason), done.output, sent, silent=silent
        )
        if sent:
            self._app.hub.wake()
        for future in self._waiting.pop(one.id, []):
            if not future.done():
                future.set_result(None)


def _about(one: Occurrence, schedule: Schedule, found: str) -> str:
    """What the model is told besides the prompt."""
    due = moment(one.due, schedule.zone).strftime("%A %Y-%m-%d %H:%M %Z")
    text = (
        f"[scheduled job {one.job}, due {due}. Nobody can be asked. The answer is delivered as it"
        " is; if nothing is worth telling, answer only [SILENT].]"
    )
    return f"{text}\n\nThe job's script printed:\n{found}" if found else text


def _key(one: Occurrence) -> str:
    return f"cron/{one.job}/{one.due!r}"


def input_id(one: Occurrence) -> str:
    """The same for each try of the same occurrence."""
    return f"i{sha256(f'{one.id} {_key(one)}'.encode()).hexdigest()[:16]}"
