"""A model at work: what it calls for the task of each run, in runs and in checkpoints.

Where a task stands follows from the request alone, so a request that is sent again gets calls
with the same effects again: an effect that shows twice was carried out twice.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.model_answers import Answer
from tests.model_server import EVALUATION, results_since_answer

Calls = list[dict[str, Any]]

WORDS = (
    "amber basil cedar delta ember fable grove haven indigo jasper kelp lunar maple nectar onyx"
    " pearl quartz raven saffron timber umber velvet willow xenon yarrow zephyr"
).split()


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def plan(task: str) -> list[Calls]:
    """The replies that carry out a task: one call or several side by side in each."""

    def line(step: str, rest: str = "") -> dict[str, Any]:
        return call("shell", command=f"echo {task}.{step} >> log{rest}")

    note = {"action": "add", "target": "memory", "text": f"Task {task} was begun."}
    return [
        [line("a")],
        [line("b"), line("c", "; sleep 0.05"), line("d")],
        [call("write_file", path=f"made-{task}", content=task)],
        [call("read_file", path="log"), call("read_file", path=f"made-{task}")],
        [line("e", "; exit 3"), call("memory", operations=[note])],
        [line("f")],
    ]


def work(number: int, body: Mapping[str, Any]) -> Answer:
    """The script of a run: the next reply of its task's plan, then the answer."""
    task, done = task_of(body["messages"]), results_since_answer(body["messages"])
    if not task:
        return {"content": "There is nothing left to go on with."}
    for calls in plan(task):
        if done <= 0:
            return {"content": f"Going on with {task}.", "tool_calls": calls}
        done -= len(calls)
    return {"content": f"Task {task} is done."}


def task_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """The first task named since the last answer."""
    task = ""
    for message in reversed(messages):
        if message["role"] == "assistant" and not message.get("tool_calls"):
            break
        if message["role"] == "user" and (found := re.search(r"^task (\S+)", message["content"])):
            task = found[1]
    return task


class Evaluations:
    """The script of checkpoints: each writes a note; skills are made, patched and put away."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._names: list[str] = []

    def __call__(self, number: int, body: Mapping[str, Any]) -> Answer:
        if body["messages"][-1]["role"] != "user":
            return {"tool_calls": [call("evaluate", **EVALUATION)]}
        mine = next(self._numbers)
        note = {"action": "add", "target": "memory", "text": f"Seen in evaluation {mine}."}
        calls = [call("memory", operations=[note]), *self._skill_calls(mine)]
        if mine % 2:
            calls.append(call("evaluate", **EVALUATION))
        return {"tool_calls": calls}

    def _skill_calls(self, number: int) -> Calls:
        if number % 3 == 0:
            name, text = _skill(number)
            self._names.append(name)
            return [call("skill_manage", action="create", name=name, content=text)]
        if number % 3 == 1:
            asset = {"path": "references/more.md", "content": f"More of {number}."}
            return [call("skill_manage", action="write_file", name=self._names[-1], **asset)]
        return [call("skill_manage", action="archive", name=self._names.pop(0))]


def _skill(number: int) -> tuple[str, str]:
    """A skill that is like no other."""
    chosen = random.Random(number)
    name = f"{chosen.choice(WORDS)}-{chosen.choice(WORDS)}-{number}"
    body = " ".join(f"{chosen.choice(WORDS)}{chosen.randrange(1000)}" for _ in range(40))
    about = " ".join(f"{chosen.choice(WORDS)}{chosen.randrange(1000)}" for _ in range(9))
    return name, f"---\nname: {name}\ndescription: Use for {about}.\n---\n\n1. {body}\n"
