"""One worker per session: runs the loop, one run after the other, and stores every event before
it is shown. What it knows is folded from the journal, so it can be dropped and made again."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from agent import calls
from agent.context import Context, Framed, Learner
from agent.conversation import Conversation
from agent.events import (
    Answered,
    AnyEvent,
    ApprovalRequested,
    CheckpointStarted,
    ModelAsked,
    ModelReplied,
    PromptChanged,
    QuestionAsked,
    RunFinished,
    RunParked,
    RunResumed,
    RunStarted,
    RunSuspended,
    ToolStarted,
    UserSpoke,
)
from agent.inbox import Inbox
from agent.inputs import RunOptions, Said, Stop
from agent.loop import run as run_loop
from agent.sandbox.choose import SandboxKind
from agent.tools.shell import Shells
from agent.tools.toolbox import Toolbox
from gateway.chats.postings import postings
from gateway.framing import framed
from hermes_home.errors import HermesError

if TYPE_CHECKING:
    from gateway.app import App

IDLE_SECONDS = 120.0
"""After this long without input a worker gives up its memory; its session stays."""

log = logging.getLogger(__name__)


class Worker:
    """The one place where a session's runs happen. `serve` ends when the session is idle."""

    def __init__(self, app: App, session: str) -> None:
        self.app = app
        self.session = session
        self.inbox = Inbox()
        self.conversation = Conversation()
        self.run = ""
        self.phase = "resting"
        self.since = time.monotonic()
        self.heard: list[UserSpoke] = []
        self._answering = False
        self._leaving = False
        self._shells: Shells | None = None
        self._toolbox: Toolbox | None = None

    async def serve(self) -> None:
        """Take runs from the inbox until nothing comes for a while."""
        self.refold()
        try:
            while True:
                if self.conversation.run is not None:
                    await self._go_on()
                elif said := self.inbox.first():
                    await self._begin(said)
                elif not await self._wait():
                    return
        finally:
            await self._close_shells()

    def refold(self) -> None:
        """Read the session from the journal: at first, and when something in it is hidden or
        shown again while it rests."""
        past = self.app.journal.read(self.session)
        self.conversation = Conversation.replay(past)
        self.conversation.session = self.session
        for stored in past:
            self._note_heard(stored.event)

    def leave(self) -> None:
        """From here on its run stores nothing: whoever wants to waits until it is cancelled."""
        self._leaving = True

    async def suspend(self) -> None:
        """The daemon stops on purpose: say so, that the next start counts no crash."""
        parked = self.conversation.run is not None and self.conversation.run.parked
        if self.run and not parked:
            await self.app.journal.append(RunSuspended(), session=self.session, run=self.run)

    async def emit(self, event: AnyEvent) -> int:
        """Store, then show. The loop folds; what others emit is folded by `observe`."""
        await self._unless_leaving()
        self._note_phase(event)
        self._note_heard(event)
        if event.transient:
            self.app.journal.show(event, session=self.session, run=self.run)
            return 0
        deliver = await postings(self.app, self, event)
        await self._unless_leaving()
        seq = await self.app.journal.append(
            event, session=self.session, run=self.run, deliver=deliver
        )
        if deliver:
            self.app.hub.wake()
        self.app.upkeep.after(self.session, event)
        self.app.settling.after(self.session, event)
        return seq

    async def _unless_leaving(self) -> None:
        if self._leaving:
            await asyncio.get_running_loop().create_future()

    async def tell(self, event: AnyEvent) -> int:
        """Store an event of the worker's own, and fold it."""
        seq = await self.emit(event)
        self.conversation.apply(event, seq, self.run)
        return seq

    # -- runs -----------------------------------------------------------------------------------

    async def _begin(self, said: Said) -> None:
        self.run = f"r{uuid4().hex[:12]}"
        problem = name = model = ""
        try:
            name, model = self.app.models.resolve(said.options)
            await self._keep_prefix()
        except HermesError as error:
            problem = str(error)
        await self.tell(
            RunStarted(
                cause=said.id,
                principal=said.principal,
                options=said.options,
                provider=name,
                model=model,
            )
        )
        self.inbox.put_first(msgspec.structs.replace(said, mode="steer"))
        if problem:
            await self._fail(problem)
        else:
            await self._work()

    async def _go_on(self) -> None:
        """Continue the run a stop of the daemon cut short, unless that would be the third try."""
        state = self.conversation.run
        assert state is not None
        self.run = state.id
        if cause := self.inbox.said(state.started.cause):
            self.inbox.put_first(msgspec.structs.replace(cause, mode="steer"))
        if not state.parked and not state.suspended and state.crashes and not self._evaluating():
            await self.tell(RunParked(reason="the daemon stopped twice at the same step"))
        if state.parked:
            await self._until_owner_speaks(state.started.cause)
        else:
            await self.tell(RunResumed(planned=state.suspended))
        await self._work()

    def _evaluating(self) -> bool:
        return self.conversation.checkpoint is not None

    async def _until_owner_speaks(self, cause: str) -> None:
        """What the run began with may not have been heard yet, but it is nothing new."""
        self._set_phase("parked")
        while not (self.inbox.has_said(besides=cause) or self.inbox.stop()):
            await self.inbox.change()
        if said := self.inbox.first():
            self.inbox.put_first(msgspec.structs.replace(said, mode="steer"))

    async def _work(self) -> None:
        """One run to its end. This is the border that no error of a run passes."""
        try:
            context = await self._context()
            await run_loop(context, self.inbox, self.emit)
        except HermesError as error:
            await self._fail(str(error))
        except Exception as error:
            log.exception("session %s: the run failed", self.session)
            await self._fail(f"internal error: {error!r}; the traceback is in the daemon's log")
        finally:
            self._set_phase("resting")

    async def _fail(self, error: str) -> None:
        """An error nobody foresaw ends the run, with every open call answered."""
        from_run = self.conversation.run
        if from_run is None:
            return
        await self._hear(from_run.started.cause)
        await calls.cut_short(self.conversation, self.tell, "the run failed")
        await self.tell(RunFinished(reason="failed", error=error, tool_calls=from_run.calls))

    async def _hear(self, cause: str) -> None:
        """The words a run began with are said, also when it could not begin to work."""
        for said in self.inbox.steering():
            if said.id == cause:
                heard = UserSpoke(
                    input=said.id,
                    text=said.text,
                    quoted=said.quoted,
                    principal=said.principal,
                    files=said.files,
                )
                await self.tell(heard)
            else:
                self.inbox.put(said)

    async def _wait(self) -> bool:
        """Wait for the next input; False when it is time to go."""
        await self._discard_stale()
        if self.inbox.has_said():
            return True
        try:
            async with asyncio.timeout(self.app.router.patience):
                await self.inbox.change()
        except TimeoutError:
            return len(self.inbox) > 0 or self.busy
        return True

    async def _discard_stale(self) -> None:
        for input in self.inbox.stale():
            what = "nothing is running" if isinstance(input, Stop) else "nothing waits for it"
            await self.app.inbox.drop(input.id, what)

    # -- what a run needs -----------------------------------------------------------------------

    async def _context(self) -> Context:
        state = self.conversation.run
        assert state is not None
        settings = self.app.settings
        options = state.started.options
        model = await self.app.models.open(options, state.started)
        learner = await self.app.models.learner(options, model)
        cwd = Path(options.cwd or self.conversation.cwd)
        sandbox = await self.app.sandbox()
        return Context(
            session=self.session,
            run=self.run,
            principal=state.started.principal,
            options=options,
            cwd=cwd,
            conversation=self.conversation,
            system=self.app.journal.blob(self.conversation.system),
            tools=self.app.journal.blob(self.conversation.tools).encode(),
            provider=model.provider,
            model=model.id,
            learner=Learner(learner.provider, learner.id, learner.window) if learner else None,
            window=model.window,
            max_turns=options.max_turns or settings.agent.max_turns,
            toolbox=self._tools(cwd, sandbox, options),
            policy=self.app.policy(sandbox, options),
            meter=self.app.trials.meter if options.trial else self.app.meter,
            learning=self.app.learning,
            compaction=settings.compaction,
            frame=self._frame,
            recall=self.app.recall,
            clock=time.monotonic,
            store=self.app.store,
        )

    def _tools(self, cwd: Path, sandbox: SandboxKind | None, options: RunOptions) -> Toolbox:
        """The session's tools; its sandbox lives as long as the worker, unless the workspace is
        another one."""
        if self._shells is not None and self._shells.workspace != cwd:
            self.app.background(self._shells.aclose())
            self._shells = self._toolbox = None
        if self._toolbox is None or self._shells is None:
            self._shells = self.app.shells(cwd, sandbox, options)
            self._toolbox = self.app.toolbox(self._shells)
        return self._toolbox

    @property
    def unconfined(self) -> bool:
        return self._shells is not None and self._shells.unconfined

    @property
    def busy(self) -> bool:
        return self.phase != "resting" or bool(self._shells and self._shells.busy)

    async def _close_shells(self) -> None:
        if self._shells is not None:
            await self._shells.aclose()
        self._shells = self._toolbox = None

    async def _frame(self, said: Said) -> Framed:
        return await framed(self.app, self.conversation, said)

    async def _keep_prefix(self) -> None:
        """A session keeps the prompt it began with; only other tool schemas force a new one."""
        system, tools, version = await self.app.prompt()
        if self.conversation.tools != tools:
            reason = "the tools are not those the session began with"
            changed = PromptChanged(
                system=system, tools=tools, prompt_version=version, reason=reason
            )
            await self.tell(changed)

    # -- what people see ------------------------------------------------------------------------

    def describe(self) -> str:
        """The phase, and for how long."""
        return f"{self.phase}, {int(time.monotonic() - self.since)} s"

    def _note_phase(self, event: AnyEvent) -> None:
        if isinstance(event, ModelAsked):
            phases = {"checkpoint": "evaluating", "compaction": "shortening"}
            self._set_phase(phases.get(event.purpose, "thinking"))
        elif isinstance(event, ToolStarted) and not event.checkpoint:
            self._set_phase(f"running {event.name}")
        elif isinstance(event, ApprovalRequested | QuestionAsked):
            self._set_phase("waiting for you")
        elif isinstance(event, ModelReplied | RunFinished | CheckpointStarted):
            self._set_phase("working")

    def _note_heard(self, event: AnyEvent) -> None:
        """What the next answer answers."""
        if self._answering:
            self.heard, self._answering = [], False
        if isinstance(event, UserSpoke):
            self.heard.append(event)
        self._answering = isinstance(event, Answered | RunFinished)

    def _set_phase(self, phase: str) -> None:
        self.phase, self.since = phase, time.monotonic()
