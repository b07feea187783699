"""What a conversation is made of besides its messages: calls, a self-evaluation, a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from agent.events import CallEnd, RunStarted
from agent.messages import Message, Usage


@dataclass
class Call:
    """One tool call of the run: asked for, perhaps started, perhaps finished."""

    id: str
    name: str
    arguments: str
    number: int = 0
    status: CallEnd | None = None
    exit: int | None = None
    text: str = ""
    file: str = ""
    event: int = 0
    requested: str = ""
    allowed: bool | None = None
    reply: str | None = None
    asked: bool = False

    @property
    def command(self) -> str:
        """What a shell call runs; empty for other tools."""
        if self.name != "shell":
            return ""
        try:
            command = json.loads(self.arguments).get("command", "")
        except (ValueError, AttributeError):
            return ""
        return command if isinstance(command, str) else ""


@dataclass
class Checkpoint:
    """A self-evaluation that has begun. `messages` follow the run's own in its requests."""

    number: int
    due: int
    numbers: tuple[int, ...]
    messages: list[Message]
    changes: list[int] = field(default_factory=list)
    crashes: int = 0
    open: dict[str, bool] = field(default_factory=dict)
    """Calls without a result yet, by id: has it started?"""


@dataclass
class RunState:
    """The run in progress."""

    id: str
    started: RunStarted
    turns: int = 0
    calls: int = 0
    checkpoints: int = 0
    crashes: int = 0
    denied: bool = False
    suspended: bool = False
    parked: str = ""
    answered: bool = False
    failed_checks: set[str] = field(default_factory=set)
    mended: bool = False
    judged: bool = False
    usage: Usage = Usage()
