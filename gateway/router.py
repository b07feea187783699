"""From an input to its session's worker: stored first, then handed on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4
from weakref import WeakValueDictionary

from agent.events import AnyEvent, SessionOpened
from agent.inputs import AnyInput, RunOptions, Said
from gateway.chats.principals import OWNER
from gateway.worker import IDLE_SECONDS, Worker
from hermes_home.errors import UsageError
from memory.queues import Arrived, Receipt

if TYPE_CHECKING:
    from gateway.app import App

CLOSE_SECONDS = 5.0
"""How long a stop waits for runs to let go; what they do then ends with the process."""
MANY, SHORT_SECONDS = 64, 1.0
"""With more workers than that, one that has nothing to do leaves this soon."""

log = logging.getLogger(__name__)


class Router:
    """Keeps at most one worker per session."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._closing = False

    async def open_session(self, source: str, cwd: Path, title: str = "") -> str:
        """A new session, stored when this returns."""
        session, opened = await self._opened(source, cwd, title)
        await self.app.journal.append(opened, session=session)
        return session

    async def _opened(self, source: str, cwd: Path, title: str = "") -> tuple[str, SessionOpened]:
        """A new session's id, and the event it begins with."""
        now = datetime.now(UTC)
        session = f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
        system, tools, version = await self.app.prompt()
        return session, SessionOpened(
            source=source,
            cwd=str(cwd),
            system=system,
            tools=tools,
            prompt_version=version,
            title=title,
        )

    async def ask(self, source: str, cwd: Path, input: AnyInput, *, key: str = "") -> Arrived:
        """A new session and what is said first in it, stored together. The same key again gives
        the same session and receipt, and opens none."""
        async with self._one_at_a_time(key):
            if key and (known := self.app.inbox.known(input.id, key)):
                return known
            session, opened = await self._opened(source, cwd)
            # Asked for in one turn of the event loop, so in one transaction.
            _, receipt = await asyncio.gather(
                self.app.journal.append(opened, session=session),
                self.app.inbox.put(input, session=session, source=source, key=key),
            )
        if not self._closing:
            self._start(session, [input])
        return Arrived(session, receipt)

    def _one_at_a_time(self, key: str) -> asyncio.Lock:
        """A lock that everyone with this key shares."""
        lock = asyncio.Lock()
        return self._asking.setdefault(key, lock) if key else lock

    async def submit(
        self, session: str, input: AnyInput, *, source: str = "", key: str = ""
    ) -> Receipt:
        """Commit the input, then wake its worker. The same key again gives the same receipt.
        UsageError: a session stays with whom it was begun by, so that nobody's words are worked
        on with another's rights."""
        if isinstance(input, Said):
            self._check(session, input.principal)
        receipt = await self.app.inbox.put(input, session=session, source=source, key=key)
        if not receipt.repeated:
            self._deliver(session, input)
        return receipt

    def _check(self, session: str, principal: str) -> None:
        begun_by = self.app.journal.principal(session)
        if begun_by in ("", principal):
            return
        if principal == OWNER:
            raise UsageError(
                f"session {session} is a guest's ({begun_by})",
                f"`hermes sessions show {session}` reads it; ask in a session of your own.",
            )
        raise UsageError("this session is somebody else's", "/new begins one of your own.")

    async def resume(self) -> None:
        """At the start: every unfinished run goes on, every stored input is taken."""
        unfinished = set(self.app.journal.sessions_unfinished())
        for session in sorted(unfinished | set(self.app.inbox.sessions_pending())):
            self.wake(session)

    def wake(self, session: str) -> None:
        """An unfinished run of a session goes on, every input stored for it is taken."""
        if session not in self.workers:
            self._worker(session)

    def observe(self, session: str, event: AnyEvent, seq: int, run: str) -> None:
        """An event that the loop did not make itself reaches the live conversation too."""
        if worker := self.workers.get(session):
            worker.conversation.apply(event, seq, run)

    def options(self, session: str) -> RunOptions:
        """How the run that is at work in a session is carried out."""
        worker = self.workers.get(session)
        run = worker.conversation.run if worker else None
        return run.started.options if run else RunOptions()

    async def dismiss(self, session: str) -> None:
        """The session's worker leaves now, with every process it started. Its run is over, or is
        not to go on before the next start."""
        if worker := self.workers.get(session):
            worker.leave()
        if task := self._tasks.get(session):
            task.cancel()
            await asyncio.wait({task})

    @property
    def patience(self) -> float:
        """Seconds for which a worker waits for more to do: not long when many wait."""
        return IDLE_SECONDS if len(self.workers) <= MANY else SHORT_SECONDS

    @property
    def working(self) -> list[Worker]:
        return [w for w in self.workers.values() if w.conversation.run is not None]

    @property
    def busy(self) -> bool:
        """Something is under way that an idle daemon must not leave."""
        return any(worker.busy for worker in self.workers.values())

    async def close(self) -> None:
        """A planned stop: that a run is suspended is the last it says; then it is cancelled."""
        self._closing = True
        for worker in self.workers.values():
            worker.leave()
        self.app.database.commits.flush()
        unfinished = self.app.journal.sessions_unfinished()
        await asyncio.gather(
            *(self.workers[one].suspend() for one in unfinished if one in self.workers)
        )
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)

    def _deliver(self, session: str, input: AnyInput) -> None:
        if self._closing:
            return  # it is stored, and taken at the next start
        if session in self.workers:
            self.workers[session].inbox.put(input)
        else:
            self._worker(session)

    def _worker(self, session: str) -> Worker:
        """The session's worker, started with everything its inbox holds."""
        return self._start(session, self.app.inbox.pending(session))

    def _start(self, session: str, inputs: Iterable[AnyInput]) -> Worker:
        worker = Worker(self.app, session)
        for input in inputs:
            worker.inbox.put(input)
        self.workers[session] = worker
        self._tasks[session] = asyncio.create_task(self._serve(worker), name=f"session {session}")
        return worker

    async def _serve(self, worker: Worker) -> None:
        left_over = False
        try:
            await worker.serve()
            left_over = len(worker.inbox) > 0
        except Exception:
            log.exception("session %s: the worker failed", worker.session)
        finally:
            self.workers.pop(worker.session, None)
            self._tasks.pop(worker.session, None)
        if left_over and not self._closing:  # it came while the worker was leaving
            self._worker(worker.session)
