"""What a model sees. Providers turn these into their wire form, once per message."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]

_CALL_CHARS = 40  # of a call besides its arguments


class ToolCall(msgspec.Struct, frozen=True):
    """One call a model asked for. `arguments` is the JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:
        """The arguments as an object; ValueError if they are not one."""
        value = json.loads(self.arguments or "{}")
        if not isinstance(value, dict):
            raise ValueError("the arguments are not a JSON object")
        return value


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one model request. `cached` of the `prompt` tokens were read from a cache."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    estimated: bool = False

    @property
    def total(self) -> int:
        return self.prompt + self.completion

    @property
    def uncached(self) -> int:
        """The tokens that had to be computed."""
        return self.prompt - self.cached + self.completion

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.cached + other.cached,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a request.

    A `tool` message answers the call `call_id`. `reasoning` is kept apart and never sent back
    as text. `wire` holds what a provider made of this message, by provider name, so that a
    message is encoded once however often it is sent. `size`: characters, for estimates.
    """

    role: Role
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    reasoning: str = ""
    wire: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    size: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        called = sum(len(call.arguments) + _CALL_CHARS for call in self.tool_calls)
        object.__setattr__(self, "size", len(self.text) + called)
