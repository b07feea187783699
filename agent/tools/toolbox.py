"""A session's tools: their schemas, finding one, running one. Long output is cut here only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import msgspec

from agent.events import SkillRef
from agent.messages import ToolCall
from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.output import LIMIT, clean, cut
from hermes_home.errors import NotSaved, ToolError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call. `text` is what the model reads; `file`, if not empty, names the whole
    of it below files/; `loaded`: the skill whose instructions it holds."""

    text: str
    failed: bool
    exit: int | None
    file: str
    details: dict[str, Any]
    loaded: SkillRef | None = None
    hopeless: bool = False
    """Nothing of this kind will succeed for now."""


class Toolbox:
    """`make` gives the tools, when the first is asked for: most conversations call none. `store`
    keeps a long text and returns its name below files/."""

    def __init__(self, make: Callable[[], Sequence[Tool]], store: Callable[[str], str]) -> None:
        self._make = make
        self._store = store

    @cached_property
    def _tools(self) -> dict[str, Tool]:
        tools = self._make()
        named = {tool.name: tool for tool in tools}
        if len(named) < len(tools):
            raise ValueError("two tools have the same name")
        return named

    @cached_property
    def schemas(self) -> bytes:
        """Every tool's schema, in order, as the JSON array that requests hold."""
        return msgspec.json.encode([_schema(tool) for tool in self._tools.values()])

    def get(self, name: str) -> Tool | None:
        return self._tools.get(name)

    def unknown(self, name: str) -> str:
        """What a model is told that called a tool by a name we do not have."""
        near = get_close_matches(name, self._tools, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._tools)}"
        return f"there is no tool {name!r}; {hint}"

    def arguments(self, tool: Tool, call: ToolCall) -> dict[str, Any]:
        """The call's arguments, checked; ToolError says which one is wrong and what it takes."""
        try:
            written = call.parsed()
        except (ValueError, RecursionError) as error:
            raise ToolError(
                f"the arguments of {tool.name} are not a JSON object: {error}"
            ) from None
        return tool.accept(written)

    async def execute(self, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Outcome:
        """Run a call whose arguments are checked and which passed the gate. Never raises but when
        it is cancelled: a fault becomes a failed result."""
        hopeless = False
        try:
            result = await tool.call(context, **arguments)
        except ToolError as error:
            result, hopeless = ToolResult(str(error), failed=True), isinstance(error, NotSaved)
        except Exception as error:  # noqa: BLE001 - the border around one tool
            _log.exception("the tool %s failed", tool.name)
            result = ToolResult(f"{tool.name} failed: {type(error).__name__}: {error}", failed=True)
        text, file = clean(result.text), ""
        if len(text) > LIMIT:
            file = self._store(text)
            text = cut(text, file)
        return Outcome(
            text, result.failed, result.exit, file, result.details, result.loaded, hopeless
        )


def _schema(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}
