"""What a tool is.

One tool is one function with a typed signature: its schema is generated from the signature and
the docstring. A parameter annotated `ToolContext` is filled in by the box and not shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.events import SkillRef
from agent.policy import Effect

if TYPE_CHECKING:
    from agent.conversation import Conversation


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a call knows about where it runs. `checkpoint` is 0 outside one."""

    session: str
    run: str
    call_id: str
    cwd: Path
    principal: str = "owner"
    headless: bool = False
    checkpoint: int = 0
    learning: bool = True
    conversation: Conversation | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """`text` is for the model, whole; the box cuts it. `details` is for people and programs;
    `loaded`: the skill whose instructions the text holds."""

    text: str
    failed: bool = False
    exit: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    loaded: SkillRef | None = None


Effects = Callable[[dict[str, Any], ToolContext], Sequence[Effect]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `read_only`: may be run again after a crash, and beside its like. `accept` checks
    the arguments a model wrote and gives the ones `call` and `effects` take; ToolError if they
    cannot be used."""

    name: str
    description: str
    parameters: dict[str, Any]
    call: Callable[..., Awaitable[ToolResult]]
    effects: Effects
    read_only: bool = False
    accept: Callable[[dict[str, Any]], dict[str, Any]] = dict


def no_effects(arguments: dict[str, Any], context: ToolContext) -> Sequence[Effect]:
    """Of a tool that only thinks: nothing for the gate to judge."""
    return ()
