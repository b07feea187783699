"""Which calls of a run were no use, and which errors it got over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from agent.events import CallEnd
from agent.procedures import parts

_BESIDE = frozenset("cd echo printf true ls pwd cat head tail grep wc sort".split())
"""Programs that stand beside the one a command is about."""


class Tried(NamedTuple):
    """One call that has its result. `command`: what the shell ran, '' for other tools."""

    tool: str
    arguments: str
    command: str
    status: CallEnd


def invalid(tried: Sequence[Tried]) -> int:
    """How many calls could not be carried out as they were written (no such tool, arguments that
    do not fit), or said once more, unchanged and in vain, what had failed the moment before."""
    repeats = (
        now.status in ("failed", "denied")
        and before.status == "failed"
        and (now.tool, now.arguments) == (before.tool, before.arguments)
        for before, now in zip(tried, tried[1:], strict=False)
    )
    return sum(one.status == "invalid" for one in tried) + sum(repeats)


def recovered(tried: Sequence[Tried]) -> int:
    """How many failed or invalid calls were followed by a call of the same goal that succeeded:
    the last program of the shell was among those of a later command, the same file, or else the
    same tool."""
    reached: set[tuple[str, str]] = set()
    count = 0
    for one in reversed(tried):
        goals = _goals(one)
        if one.status == "ok":
            reached.update(goals)
        elif one.status in ("failed", "invalid"):
            count += goals[-1] in reached
    return count


def _goals(one: Tried) -> list[tuple[str, str]]:
    """What a call is about; at least one."""
    if not one.command:
        return [(one.tool, _path(one.arguments))]
    programs = [part.program for part in parts(one.command)]
    about = [program for program in programs if program not in _BESIDE] or programs
    return [(one.tool, program) for program in about or [""]]


def _path(arguments: str) -> str:
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return ""
    return str(value.get("path", "")) if isinstance(value, dict) else ""
