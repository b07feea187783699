"""What the scripted model does next, read from the request alone.

A task carries its script in brackets: `Count up. [name=count-60 calls=60 tool=shell]`. The model
asks for `calls` tool calls, one per reply, then answers. Where it stands is the number of tool
results after the task, so nothing is remembered between requests and a resumed session goes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.model_answers import Answer
from tests.model_server import CHECKPOINT, EVALUATION

SCRIPT = re.compile(r"\[(\w+=[\w./-]+(?: \w+=[\w./-]+)*)\]")
TOOLS = {"shell": ("shell", "exec", "terminal", "bash"), "read": ("read_file", "read")}
Message = dict[str, Any]


@dataclass(frozen=True)
class Position:
    """Where a request stands: the script's words, the tool results since, whether the last thing
    asked for is a self-evaluation, and the tool whose result the request ends with."""

    words: dict[str, str]
    results: tuple[str, ...] = ()
    evaluating: bool = False
    answered: str = ""

    @property
    def name(self) -> str:
        return self.words.get("name", "")

    @property
    def left(self) -> int:
        return int(self.words.get("calls", 0)) - len(self.results)

    @property
    def wrong(self) -> int:
        """Tool results that do not hold what their step was to bring."""
        return sum(f"step-{n}" not in text for n, text in enumerate(self.results, 1))


def task(
    name: str, calls: int, tool: str = "shell", folder: str = "", *, reasons: bool = False
) -> str:
    """A prompt whose script makes the model ask for `calls` calls, thinking before each if it
    `reasons`."""
    where = f" folder={folder}" if folder else ""
    script = f"[name={name} calls={calls} tool={tool}{where}{' reasons=yes' if reasons else ''}]"
    return f"Please take the steps and say when you are done. {script}"


def locate(messages: list[Message]) -> Position:
    words: dict[str, str] = {}
    results: list[str] = []
    evaluating = False
    answered = asked = ""
    for message in messages:
        text = plain(message.get("content"))
        for call in message.get("tool_calls") or []:
            asked = call["function"]["name"]
        answered = asked if message["role"] == "tool" else ""
        if message["role"] == "tool":
            results.append(text)
        elif message["role"] == "user":
            evaluating = text.startswith(CHECKPOINT)
            found = None if evaluating else SCRIPT.search(text)
            if found:
                words, results = dict(pair.split("=", 1) for pair in found[1].split()), []
    return Position(words, tuple(results), evaluating, answered)


def decide(position: Position, offered: list[str]) -> Answer:
    """The next reply, where `offered` are the names of the tools."""
    if position.evaluating:
        if "evaluate" in offered and position.answered != "evaluate":
            return _call("evaluate", EVALUATION)
        return {"content": "Evaluated."}
    tool = next(
        (name for name in offered if name in TOOLS[position.words.get("tool", "shell")]), ""
    )
    thought = {"reasoning": "The next step is clear."} if "reasons" in position.words else {}
    if position.left <= 0 or not tool:
        return {"content": f"Done after {len(position.results)} results."} | thought
    return _call(tool, _arguments(position)) | thought


def _call(tool: str, arguments: Mapping[str, object]) -> Answer:
    return {"tool_calls": [{"name": tool, "arguments": arguments}]}


def _arguments(position: Position) -> dict[str, str]:
    step = len(position.results) + 1
    if position.words.get("tool") == "read":
        return {"path": f"{position.words['folder']}/page-{step}.txt"}
    return {"command": f"echo step-{step}"}


def plain(content: object) -> str:
    """A message's content as text, be it a text or a list of parts."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
