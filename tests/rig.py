"""A loop on a bench: real conversation, toolbox and policy, a scripted model, no daemon."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from agent.checkpoint import evaluation_tools
from agent.context import Context, Framed, Learner
from agent.conversation import Conversation
from agent.events import (
    AnyEvent,
    RunResumed,
    RunStarted,
    SessionOpened,
    Stored,
    decode,
    encode,
    kind_of,
)
from agent.inbox import Inbox
from agent.inputs import AnyInput, RunOptions, Said
from agent.loop import run
from agent.messages import Message, ToolCall, Usage
from agent.meter import Meter
from agent.policy import Effect, Verdict
from agent.providers.base import Reply, Request, Show
from agent.providers.scripted import Scripted
from agent.tools.ask import ask_tools
from agent.tools.base import ToolContext, ToolResult
from agent.tools.schema import tool
from agent.tools.toolbox import Toolbox
from hermes_home.errors import ChangeRefused
from hermes_home.settings import CompactionSettings, LearningSettings

Script = Callable[[Request], Any] | Sequence[Any]


@dataclass
class Gate:
    """A policy that allows everything but what the test names."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def judge(self, effects: Sequence[Effect], context: ToolContext, **more: Any) -> Verdict:
        target = effects[0].target if effects else ""
        return self.verdicts.get(target, Verdict("allow"))


class Player(Scripted):
    """Scripted, and its script may be one function, also a coroutine function, and be changed."""

    def __init__(self, script: Script) -> None:
        super().__init__([])
        self.script = script
        self.played = 0

    async def reply(self, request: Request, show: Show) -> Reply:
        self.requests.append(request)
        line: Any = self.script
        if not callable(line):
            self.played += 1
            line = line[self.played - 1]
        if callable(line):
            line = line(request)
        if inspect.isawaitable(line):
            line = await line
        if isinstance(line, BaseException):
            raise line
        return line  # type: ignore[no-any-return]


class Rig:
    """One session. `say` runs the loop once; what it emitted is in `stored`."""

    def __init__(
        self,
        script: Script,
        *,
        every: int = 15,
        mode: Literal["auto", "suggest", "off"] = "auto",
        headless: bool = False,
        window: int = 1_000_000,
        limit: int = 0,
        max_turns: int = 1000,
        protect: int = 20,
        budget: float = 1.0,
    ) -> None:
        self.learner: Learner | None = None
        self.provider = Player(script)
        self.learning = LearningSettings(mode=mode, checkpoint_every=every, budget=budget)
        self.compaction = CompactionSettings(protect_last_n=protect)
        self.options = RunOptions(cwd="/", headless=headless)
        self.window, self.max_turns = window, max_turns
        self.gate = Gate()
        self.inbox = Inbox()
        self.stored: list[Stored] = []
        self.effects: list[str] = []
        self.saved: list[str] = []
        self.on_event: Callable[[AnyEvent], None] = lambda event: None
        self.before_store: Callable[[AnyEvent], None] = lambda event: None
        self.meter = Meter(limit, lambda: date(2026, 1, 1), Usage())
        self._ids = itertools.count(1)
        self._runs = itertools.count(1)
        self.conversation = Conversation(session="s")
        self.store(
            SessionOpened(source="test", cwd="/", system="SYSTEM", tools="T", prompt_version="1"),
            "",
        )

    # -- the journal ----------------------------------------------------------------------------

    def store(self, event: AnyEvent, run: str) -> int:
        """As the journal does: through the bytes."""
        seq = len(self.stored) + 1
        self.stored.append(Stored(seq, "s", run, 0.0, decode(encode(event))))
        return seq

    async def emit(self, event: AnyEvent) -> int:
        self.before_store(event)
        seq = 0 if event.transient else self.store(event, self.run)
        await asyncio.sleep(0)
        self.on_event(event)
        return seq

    @property
    def events(self) -> list[AnyEvent]:
        return [stored.event for stored in self.stored]

    def names(self) -> list[str]:
        return [kind_of(event) for event in self.events]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    # -- running --------------------------------------------------------------------------------

    def said(self, text: str, **more: Any) -> Said:
        return Said(id=f"i{next(self._ids)}", text=text, options=self.options, **more)

    async def say(self, text: str) -> None:
        """A new run for these words."""
        said = self.said(text)
        self.run = f"r{next(self._runs)}"
        started = RunStarted(
            cause=said.id, principal="owner", options=self.options, provider="scripted", model="m"
        )
        self.conversation.apply(started, self.store(started, self.run), self.run)
        self.inbox.put(said)
        await self.work()

    async def work(self) -> None:
        await run(self.context(), self.inbox, self.emit)

    async def restart(self, planned: bool = False) -> None:
        """The process died: everything is folded anew and the run goes on."""
        self.reload()
        resumed = RunResumed(planned=planned)
        self.conversation.apply(resumed, self.store(resumed, self.run), self.run)
        await self.work()

    def reload(self) -> None:
        self.conversation = Conversation.replay(self.stored)
        self.conversation.session = "s"

    def put(self, input: AnyInput) -> None:
        self.inbox.put(input)

    def context(self) -> Context:
        async def frame(said: Said) -> Framed:
            learned = "".join(f"\nlearned: {text}" for text in self.conversation.announcements)
            return Framed("", f"date: {datetime(2026, 1, 1, tzinfo=UTC):%Y-%m-%d}{learned}")

        async def recall(conversation: Conversation) -> str:
            return "Skills that match: none\nNotes: none"

        return Context(
            session="s",
            run=self.run,
            principal="owner",
            options=self.options,
            cwd=Path("/"),
            conversation=self.conversation,
            system="SYSTEM",
            tools=b"[]",
            provider=self.provider,
            model="m",
            learner=self.learner,
            window=self.window,
            max_turns=self.max_turns,
            toolbox=Toolbox(self.tools, self.keep),
            policy=self.gate,  # type: ignore[arg-type]
            meter=self.meter,
            learning=self.learning,
            compaction=self.compaction,
            frame=frame,
            recall=recall,
            clock=lambda: 0.0,
            store=self.keep,
        )

    def keep(self, text: str) -> str:
        self.saved.append(text)
        return f"file{len(self.saved)}"

    def tools(self) -> list[Any]:
        async def do(context: ToolContext, what: str) -> ToolResult:
            """Do something that has an effect."""
            self.effects.append(what)
            if what.startswith("fail"):
                return ToolResult("it failed", failed=True, exit=1)
            if what.startswith("hang"):
                await asyncio.sleep(3600)
            if what.startswith("huge"):
                return ToolResult("\n".join(f"{what} {n}" for n in range(3000)), exit=0)
            return ToolResult("x" * 5000 if what.startswith("long") else f"did {what}", exit=0)

        async def look(context: ToolContext, what: str) -> ToolResult:
            """Look at something."""
            self.effects.append(f"look {what}")
            return ToolResult(f"saw {what}")

        async def wait(context: ToolContext, turns: int) -> ToolResult:
            """Look for a while."""
            for _ in range(turns * 10):
                await asyncio.sleep(0)
            return ToolResult(f"waited {turns}")

        async def memory(context: ToolContext, text: str) -> ToolResult:
            """Keep something."""
            if text == "refuse":
                raise ChangeRefused("refused")
            self.effects.append(f"memory {text} in {context.checkpoint}")
            return ToolResult("kept")

        def acts(arguments: dict[str, Any], context: ToolContext) -> list[Effect]:
            return [Effect("run", arguments["what"])]

        def nothing(arguments: dict[str, Any], context: ToolContext) -> list[Effect]:
            return []

        return [
            tool(do, effects=acts),
            tool(look, effects=nothing, read_only=True),
            tool(wait, effects=nothing, read_only=True),
            tool(memory, effects=nothing),
            *ask_tools(),
            *evaluation_tools(),
        ]


def wants(*calls: tuple[str, str], text: str = "") -> Reply:
    """A reply that calls (tool, JSON arguments) in order; ids repeat between replies on purpose."""
    asked = tuple(ToolCall(f"c{n}", name, arguments) for n, (name, arguments) in enumerate(calls))
    return Reply(text, tool_calls=asked, usage=Usage(10, 5), finish="tool_calls")


def do(what: str) -> tuple[str, str]:
    return "do", f'{{"what": "{what}"}}'


def says(text: str) -> Reply:
    return Reply(text, usage=Usage(10, 5))


EVALUATED = (
    "evaluate",
    '{"accomplished": "a", "worked": "w", "failed": "f", "outcome": "success", "lessons": []}',
)


def is_checkpoint(messages: Sequence[Message]) -> bool:
    return any(
        message.role == "user" and message.text.startswith("[self-evaluation checkpoint]")
        for message in messages
    )


def task(total: int, per_reply: int = 1, evaluation: Reply | None = None) -> Script:
    """A model that makes `total` calls, answers, and evaluates when asked to."""

    def script(request: Request) -> Reply:
        if is_checkpoint(request.messages):
            return evaluation or wants(EVALUATED)
        last_user = max(n for n, m in enumerate(request.messages) if m.role == "user")
        done = sum(m.role == "tool" for m in request.messages[last_user:])
        if done >= total:
            return says("done")
        number = min(per_reply, total - done)
        return wants(*(do(f"step {len(request.messages)} {n}") for n in range(number)))

    return script
