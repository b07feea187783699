"""A session's state, folded from its events: what the model sees, and what is still to do.

The worker folds stored events when a session is opened and the loop folds each new one, so a
resumed session makes the same requests, byte for byte, as one that never stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.events import AnyEvent, ChangeIntended, Evaluation, Stored
from agent.folding import STEPS
from agent.messages import Message
from agent.state import Call, Checkpoint, RunState


@dataclass
class Conversation:
    """The fold. `messages` is what the model sees, without the system message."""

    session: str = ""
    source: str = ""
    cwd: str = ""
    title: str = ""
    system: str = ""
    tools: str = ""
    prompt_version: str = ""
    messages: list[Message] = field(default_factory=list)
    run: RunState | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    started: int = 0
    evaluated: int = 0
    last_due: int = 0
    checkpoints: int = 0
    checkpoint: Checkpoint | None = None
    listed: list[Call] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    """What the owner said; `said` holds the words of guests, too."""
    said_since: list[str] = field(default_factory=list)
    granted: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    announcements: list[str] = field(default_factory=list)
    met: set[str] = field(default_factory=set)
    """The skills this conversation knows of, or that were kept out of it: not to be listed."""
    proposals: dict[int, ChangeIntended] = field(default_factory=dict)
    sources: list[tuple[bool, str]] = field(default_factory=list)
    context_tokens: int = 0
    context_messages: int = 0
    last_evaluation: Evaluation | None = None
    seq: int = 0

    @classmethod
    def replay(cls, events: Iterable[Stored]) -> Conversation:
        """The state after these events, in order."""
        conversation = cls()
        for stored in events:
            conversation.session = conversation.session or stored.session
            conversation.apply(stored.event, stored.seq, stored.run)
        return conversation

    def apply(self, event: AnyEvent, seq: int = 0, run: str = "") -> None:
        """Fold one event; kinds that change nothing here are passed over."""
        self.seq = max(self.seq, seq)
        step = STEPS.get(type(event))
        if step is not None:
            step(self, event, seq, run)

    @property
    def unanswered(self) -> list[Call]:
        """Calls of the last reply that have no result yet, in the order they were asked for."""
        return [self.calls[id] for id in self.waiting if self.calls[id].status is None]

    @property
    def needs_reply(self) -> bool:
        """The last word is not the model's, or the model still waits for results."""
        return bool(self.messages) and self.messages[-1].role != "assistant"

    def progressed(self) -> None:
        """A step is complete: a crash from here on is the first of the next step."""
        if self.run is not None:
            self.run.crashes = 0
