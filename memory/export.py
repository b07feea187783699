"""A trajectory in the forms that people and trainers read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from memory.trajectory import Call, Step, Trajectory

_TAGS = "think|tool_call|tool_response|tools"
_TAG = re.compile(rf"<(\\*/?(?:{_TAGS})>)")
_JSON_TAG = re.compile(rf"<(?=/?(?:{_TAGS})>)")


def export(trajectory: Trajectory, format: str) -> str:
    """The trajectory as text that ends with a newline; KeyError for an unknown format."""
    return FORMATS[format](trajectory)


def jsonl(trajectory: Trajectory) -> str:
    """The whole trajectory as one line of JSON."""
    return _json(trajectory.plain()) + "\n"


def sharegpt(trajectory: Trajectory) -> str:
    """One line of JSON: `conversations` of system, human, gpt and tool turns.

    A gpt turn is a <think> block (empty if there was no thought), the text, and a <tool_call>
    block for each call; the results follow as one tool turn of <tool_response> blocks, matched by
    id. Tags that stand in a text get a backslash after the `<` (one more if they have some), and
    in the blocks' JSON the escape \\u003c, so that every text can be read back as it was.
    """
    turns = [_turn("system", _system(trajectory))]
    for step in trajectory.trajectory:
        turns += [_turn("human", escaped(step.text))] if step.role == "user" else _gpt(step)
    return _json({**_header(trajectory), "conversations": turns}) + "\n"


def messages(trajectory: Trajectory) -> str:
    """One line of JSON: `messages` and `tools` as OpenAI's chat API takes them, arguments as
    JSON text, the thought as `reasoning_content`."""
    listed: list[dict[str, Any]] = [{"role": "system", "content": trajectory.system}]
    for step in trajectory.trajectory:
        if step.role == "user":
            listed.append({"role": "user", "content": step.text})
        else:
            listed += _openai(step)
    return _json({**_header(trajectory), "messages": listed, "tools": trajectory.tools}) + "\n"


def markdown(trajectory: Trajectory) -> str:
    """For reading: a heading for each step, calls and results in fenced blocks."""
    facts = [
        f"# {' '.join(trajectory.task.split())[:80] or trajectory.session}",
        f"Session {trajectory.session}, {trajectory.model or 'no model'},"
        f" {trajectory.started_at} to {trajectory.ended_at}, outcome: {trajectory.outcome}",
    ]
    return "\n\n".join([*facts, *map(_section, trajectory.trajectory)]) + "\n"


FORMATS: dict[str, Callable[[Trajectory], str]] = {
    "jsonl": jsonl,
    "md": markdown,
    "sharegpt": sharegpt,
    "messages": messages,
}


def escaped(text: str) -> str:
    """A text in which no tag of the form can be mistaken for one of ours."""
    return _TAG.sub(r"<\\\1", text)


def _header(trajectory: Trajectory) -> dict[str, Any]:
    return {
        "id": trajectory.session,
        "schema_version": trajectory.schema_version,
        "task": trajectory.task,
        "model": trajectory.model,
        "outcome": trajectory.outcome,
    }


def _system(trajectory: Trajectory) -> str:
    functions = [tool.get("function", tool) for tool in trajectory.tools]
    return f"{escaped(trajectory.system)}\n<tools>\n{_block(functions)}\n</tools>"


def _gpt(step: Step) -> list[dict[str, str]]:
    calls = "".join(
        f"\n<tool_call>\n{_block(_call(call))}\n</tool_call>" for call in step.tool_calls
    )
    thought = f"<think>\n{escaped(step.thought)}\n</think>\n"
    turns = [_turn("gpt", f"{thought}{escaped(step.text)}{calls}")]
    blocks = [
        f"<tool_response>\n{_block(_response(call))}\n</tool_response>"
        for call in step.tool_calls
        if call.observation is not None
    ]
    return [*turns, _turn("tool", "\n".join(blocks))] if blocks else turns


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _response(call: Call) -> dict[str, Any]:
    response = {"tool_call_id": call.id, "name": call.name, "content": call.observation}
    return {**response, "error": call.error} if call.error else response


def _openai(step: Step) -> list[dict[str, Any]]:
    message: dict[str, Any] = {"role": "assistant", "content": step.text}
    if step.thought:
        message["reasoning_content"] = step.thought
    if step.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call)},
            }
            for call in step.tool_calls
        ]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": call.observation}
        for call in step.tool_calls
        if call.observation is not None
    ]
    return [message, *results]


def _section(step: Step) -> str:
    parts = [f"## {step.step}. {step.role}"]
    if step.thought:
        parts.append("\n".join(f"> {line}" for line in step.thought.split("\n")))
    if step.text:
        parts.append(step.text)
    for call in step.tool_calls:
        parts.append(f"`{call.name}`\n\n{_fenced(_arguments(call))}")
        if call.observation is not None:
            parts.append(f"{call.error or 'ok'}:\n\n{_fenced(call.observation)}")
    return "\n\n".join(parts)


def _fenced(text: str) -> str:
    """A block whose fence is longer than any in the text."""
    longest = max(map(len, re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _arguments(call: Call) -> str:
    return call.arguments if isinstance(call.arguments, str) else _json(call.arguments)


def _turn(speaker: str, value: str) -> dict[str, str]:
    return {"from": speaker, "value": value}


def _block(value: Any) -> str:
    return _JSON_TAG.sub(r"\\u003c", _json(value))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
