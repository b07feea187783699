"""What a request is about: the words that rule, what was loaded before, what was done since."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.messages import Message
from agent.providers.offline.transcript import Done, Loaded, Spoken, finished, skills_in, spoken

SUMMARY = "[summary of the conversation so far]"
STATE = "state of the built-in model: "
_GO_ON = re.compile(
    r"(?i)\W*(?:(?:please|ok|okay|yes)\W+)*"
    r"(?:go on|continue|carry on|resume|proceed|try again|retry|yes)\W*"
)


@dataclass(frozen=True, slots=True)
class Scene:
    """`request`: the whole user message whose words rule. `results`: the calls since it."""

    request: str
    spoken: Spoken
    earlier: tuple[Loaded, ...]
    results: tuple[Done, ...]
    offered: frozenset[str]


def scene_of(messages: Sequence[Message], offered: frozenset[str]) -> Scene:
    """The scene of the last user message; "go on" stands for the message before it."""
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    resumed: list[int] = []
    while len(users) > 1 and _GO_ON.fullmatch(spoken(messages[users[-1]].text).words[:80]):
        resumed.insert(0, users.pop())
    if not users:
        return Scene("", Spoken(""), (), tuple(finished(messages)), offered)
    base = users[-1]
    bounds = [base, *resumed, len(messages)]
    results = _since(messages, bounds)
    request = messages[base].text
    if request.startswith(SUMMARY):
        request, before = _state(request)
        results = [*before, *results]
    return Scene(request, spoken(request), _loaded(messages[:base]), tuple(results), offered)


def _since(messages: Sequence[Message], bounds: Sequence[int]) -> list[Done]:
    """The results between the bounds; what ended badly right before a "go on" is made again."""
    results: list[Done] = []
    for number, (start, end) in enumerate(zip(bounds, bounds[1:], strict=False)):
        part = finished(messages[start:end])
        again = number < len(bounds) - 2 and part and not part[-1].ok
        results += part[:-1] if again else part
    return results


def _loaded(messages: Sequence[Message]) -> tuple[Loaded, ...]:
    found: list[Loaded] = []
    for message in messages:
        if message.role == "user":
            found += spoken(message.text).skills
    for done in finished(messages):
        if done.tool == "skill_view":
            found += skills_in(done.text)
    return tuple(found)


def state_line(scene: Scene) -> str:
    """What a summary must hold for the work to go on from it."""
    done = [[d.tool, d.arguments, d.outcome, _needed(d)] for d in scene.results]
    return STATE + json.dumps({"request": scene.request, "done": done}, ensure_ascii=False)


def _needed(done: Done) -> str:
    whole = done.tool == "skill_view" or str(done.arguments.get("command", "")).startswith(
        "printf "
    )
    return done.text if whole else done.text[-300:]


def _state(summary: str) -> tuple[str, list[Done]]:
    """The request and the results a summary holds; the summary itself if it is not ours."""
    for line in summary.split("\n"):
        if line.startswith(STATE):
            try:
                state = json.loads(line[len(STATE) :])
                return str(state["request"]), [_done(part) for part in state["done"]]
            except (ValueError, KeyError, TypeError, RecursionError):
                break
    return summary, []


def _done(part: Any) -> Done:
    tool, arguments, outcome, text = part
    if not isinstance(arguments, dict) or outcome not in (
        "ok",
        "failed",
        "denied",
        "skipped",
        "interrupted",
    ):
        raise TypeError("not a result")
    return Done(str(tool), arguments, str(text), outcome)
