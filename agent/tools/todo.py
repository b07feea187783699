"""The list of what is to be done. It lives in the conversation: the last call is the list."""

from __future__ import annotations

from typing import Literal, TypedDict

from agent.tools.base import Tool, ToolContext, ToolResult, no_effects
from agent.tools.schema import tool

_MARKS = {"open": "[ ]", "doing": "[>]", "done": "[x]"}


class Item(TypedDict):
    text: str
    status: Literal["open", "doing", "done"]


async def todo(context: ToolContext, items: list[Item]) -> ToolResult:
    """The steps of longer work; each call replaces the list."""
    done = sum(item["status"] == "done" for item in items)
    lines = [f"{_MARKS[item['status']]} {item['text']}" for item in items]
    text = "\n".join([*lines, f"{done} of {len(items)} done"])
    return ToolResult(text, details={"items": items})


def todo_tools() -> list[Tool]:
    return [tool(todo, effects=no_effects, read_only=True)]
