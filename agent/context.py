"""What one run needs, passed by hand from the worker to the loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from agent.conversation import Conversation
from agent.events import Purpose, SkillRef
from agent.inputs import RunOptions, Said
from agent.messages import Message
from agent.meter import Meter
from agent.policy import Policy
from agent.providers.base import Provider, Request
from agent.tools.base import ToolContext
from agent.tools.toolbox import Toolbox
from hermes_home.settings import CompactionSettings, LearningSettings


@dataclass(frozen=True, slots=True)
class Framed:
    """What rides before and behind a person's words: `preface`, the skills loaded with them;
    `tail`, the date, notes, catalog and what was learned. And of which skills, as they were:
    those in the catalog, those kept out of it to measure them, those in the preface."""

    preface: str
    tail: str
    offered: tuple[SkillRef, ...] = ()
    withheld: tuple[SkillRef, ...] = ()
    loaded: tuple[SkillRef, ...] = ()


Frame = Callable[[Said], Awaitable[Framed]]

Recall = Callable[[Conversation], Awaitable[str]]
"""What a checkpoint is shown besides the conversation: matching skills, notes."""


class Learner(NamedTuple):
    """The model that evaluates, where it is another than the run's. `window` in tokens."""

    provider: Provider
    model: str
    window: int


@dataclass(frozen=True)
class Context:
    """One run. `system` and `tools` are the texts every request of the session starts with;
    `window` is the model's context in tokens; `clock` gives monotonic seconds; `store` keeps a
    long text and returns its name below files/."""

    session: str
    run: str
    principal: str
    options: RunOptions
    cwd: Path
    conversation: Conversation
    system: str
    tools: bytes
    provider: Provider
    model: str
    learner: Learner | None
    window: int
    max_turns: int
    toolbox: Toolbox
    policy: Policy
    meter: Meter
    learning: LearningSettings
    compaction: CompactionSettings
    frame: Frame
    recall: Recall
    clock: Callable[[], float]
    store: Callable[[str], str]

    @property
    def learns(self) -> bool:
        return self.options.learning and self.learning.mode != "off"

    def request(self, purpose: Purpose = "run", extra: Sequence[Message] = ()) -> Request:
        """The run's next request, with `extra` messages behind it."""
        messages = (*self.conversation.messages, *extra)
        seed = self.options.seed
        return Request(self.model, self.system, self.tools, messages, purpose, seed)

    def call_context(self, call_id: str, checkpoint: int = 0) -> ToolContext:
        return ToolContext(
            session=self.session,
            run=self.run,
            call_id=call_id,
            cwd=self.cwd,
            principal=self.principal,
            headless=self.options.headless,
            checkpoint=checkpoint,
            learning=self.learns,
            conversation=self.conversation,
        )
