"""A trajectory cut down to so many tokens: what the middle calls returned goes first.

The first message and its reply and the last steps stay whole. In between, long observations are
shortened, then long arguments, then texts and thoughts, each only as far as is needed. Every cut
is marked where it is. No step and no call is left out, so each call keeps its result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from memory.trajectory import Step, Trajectory

CHARS = 4
"""Characters a token has, roughly."""
FIRST, LAST = 2, 4
"""Steps at the start and at the end that stay whole."""
KEPT = (1_000, 300, 80)
"""Characters left of a long text, first many, at last few."""

Cut = Callable[[str], str]


def tokens_of(trajectory: Trajectory) -> int:
    """An estimate of all that a trainer would see."""
    schemas = len(json.dumps(trajectory.tools, ensure_ascii=False))
    steps = sum(map(_size, trajectory.trajectory))
    return (len(trajectory.system) + schemas + steps) // CHARS


def compressed(trajectory: Trajectory, target: int) -> tuple[Trajectory, dict[str, int]]:
    """The trajectory within `target` tokens, as nearly as the rules allow; and what was done:
    the target, the tokens before and after. Unchanged if it fits."""
    before = tokens_of(trajectory)
    steps = list(trajectory.trajectory)
    size = before
    for rule in (_observations, _arguments, _words):
        for kept in KEPT:
            cut = partial(shortened, kept=kept)
            for place in range(FIRST, len(steps) - LAST):
                if size <= target:
                    break
                smaller = rule(steps[place], cut)
                size -= (_size(steps[place]) - _size(smaller)) // CHARS
                steps[place] = smaller
    result = msgspec.structs.replace(trajectory, trajectory=steps)
    return result, {"target": target, "before": before, "after": tokens_of(result)}


def shortened(text: str, kept: int) -> str:
    """Both ends of a text, and how much is missing between them; the text if it is short."""
    missing = len(text) - kept
    mark = f"\n[… {missing:,} characters left out …]\n"
    if missing <= len(mark):
        return text
    return f"{text[: kept - kept // 3]}{mark}{text[len(text) - kept // 3 :]}"


def _observations(step: Step, cut: Cut) -> Step:
    calls = [
        call
        if call.observation is None
        else msgspec.structs.replace(call, observation=cut(call.observation))
        for call in step.tool_calls
    ]
    return msgspec.structs.replace(step, tool_calls=calls)


def _arguments(step: Step, cut: Cut) -> Step:
    calls = [
        msgspec.structs.replace(call, arguments=_cut_values(call.arguments, cut))
        for call in step.tool_calls
    ]
    return msgspec.structs.replace(step, tool_calls=calls)


def _words(step: Step, cut: Cut) -> Step:
    return msgspec.structs.replace(step, text=cut(step.text), thought=cut(step.thought))


def _cut_values(value: Any, cut: Cut) -> Any:
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, dict):
        return {key: _cut_values(inner, cut) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cut_values(inner, cut) for inner in value]
    return value


def _size(step: Step) -> int:
    """Characters of a step."""
    calls = sum(
        len(call.name)
        + len(json.dumps(call.arguments, ensure_ascii=False))
        + len(call.observation or "")
        for call in step.tool_calls
    )
    return len(step.text) + len(step.thought) + calls
