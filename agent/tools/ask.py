"""A question to the user. The loop asks it and answers the call; nothing is run here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.policy import Effect
from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.schema import tool
from hermes_home.errors import ToolError


async def ask(context: ToolContext, question: str, choices: list[str] | None = None) -> ToolResult:
    """Ask the user and wait; only for what you cannot find out."""
    raise ToolError("nobody can be asked here; decide yourself and say what you assumed")


def question_effects(arguments: dict[str, Any], context: ToolContext) -> Sequence[Effect]:
    return [Effect("ask", arguments["question"])]


def ask_tools() -> list[Tool]:
    return [tool(ask, effects=question_effects)]
