"""A trajectory in the forms that people and trainers read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from memory import llamafactory
from memory.escaping import as_json, block, escaped, escaped_in, portable
from memory.trajectory import Call, Step, Trajectory


def export(trajectory: Trajectory, format: str) -> str:
    """The trajectory as text that ends with a newline; KeyError for an unknown format."""
    return FORMATS[format](trajectory)


def jsonl(trajectory: Trajectory) -> str:
    """The whole trajectory as one line of JSON."""
    return as_json(trajectory.plain()) + "\n"


def session_file(trajectory: Trajectory) -> str:
    """The same with line breaks, as a file of its own."""
    return as_json(trajectory.plain(), indent=1) + "\n"


def sharegpt(trajectory: Trajectory) -> str:
    """One line of JSON: `conversations` of system, human, gpt and tool turns.

    A gpt turn is a <think> block (empty if there was no thought), the text, and a <tool_call>
    block for each call; the results follow as one tool turn of <tool_response> blocks, matched by
    id. What could be mistaken for a tag or a special token is escaped (memory/escaping.py).
    """
    clean = portable(trajectory)
    turns = [_turn("system", _system(clean))]
    for step in clean.trajectory:
        turns += [_turn("human", escaped(step.text))] if step.role == "user" else _gpt(step)
    wrapped = [at for at, tool in enumerate(clean.tools) if _function(tool) is not tool]
    return _row(clean, {"conversations": turns}, {"wrapped": wrapped})


def messages(trajectory: Trajectory) -> str:
    """One line of JSON: `messages` and `tools` as OpenAI's chat API takes them, arguments as
    JSON text, the thought as `reasoning_content`. Texts are escaped as in `sharegpt`, as
    templates write them between tags and special tokens."""
    clean = portable(trajectory)
    listed: list[dict[str, Any]] = [{"role": "system", "content": escaped(clean.system)}]
    for step in clean.trajectory:
        if step.role == "user":
            listed.append({"role": "user", "content": escaped(step.text)})
        else:
            listed += _openai(step)
    calls = [call for step in clean.trajectory for call in step.tool_calls]
    how = {
        "errors": {str(at): call.error for at, call in enumerate(calls) if call.error is not None},
        "raw": [at for at, call in enumerate(calls) if isinstance(call.arguments, str)],
    }
    return _row(clean, {"messages": listed, "tools": escaped_in(clean.tools)}, how)


def for_llamafactory(trajectory: Trajectory) -> str:
    """One line of JSON for LLaMA-Factory."""
    return as_json(llamafactory.row(trajectory)) + "\n"


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
    "llamafactory": for_llamafactory,
}


def _row(trajectory: Trajectory, turns: dict[str, Any], how: dict[str, Any]) -> str:
    """The turns, what rows are chosen by, and all else as one text of JSON, so that the columns
    of all rows are of one type."""
    about = trajectory.plain()
    for name in ("system", "tools", "trajectory"):
        del about[name]
    chosen = {
        "id": trajectory.session,
        "task": trajectory.task,
        "model": trajectory.model,
        "outcome": trajectory.outcome,
        "reward": trajectory.reward and trajectory.reward.total,
    }
    return as_json({**chosen, **turns, "metadata": as_json({**about, "how": how})}) + "\n"


def _function(tool: Any) -> Any:
    """A tool's schema without what OpenAI wraps around it."""
    whole = isinstance(tool, dict) and tool.keys() == {"type", "function"}
    return tool["function"] if whole and tool["type"] == "function" else tool


def _system(trajectory: Trajectory) -> str:
    functions = [_function(tool) for tool in trajectory.tools]
    return f"{escaped(trajectory.system)}\n<tools>\n{block(functions)}\n</tools>"


def _gpt(step: Step) -> list[dict[str, str]]:
    calls = "".join(
        f"\n<tool_call>\n{block(_call(call))}\n</tool_call>" for call in step.tool_calls
    )
    thought = f"<think>\n{escaped(step.thought)}\n</think>\n"
    turns = [_turn("gpt", f"{thought}{escaped(step.text)}{calls}")]
    blocks = [
        f"<tool_response>\n{block(_response(call))}\n</tool_response>"
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
    message: dict[str, Any] = {"role": "assistant", "content": escaped(step.text)}
    if step.thought:
        message["reasoning_content"] = escaped(step.thought)
    if step.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _safe_arguments(call)},
            }
            for call in step.tool_calls
        ]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": escaped(call.observation)}
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
    return call.arguments if isinstance(call.arguments, str) else as_json(call.arguments)


def _safe_arguments(call: Call) -> str:
    given = escaped_in(call.arguments)
    return given if isinstance(given, str) else as_json(given)


def _turn(speaker: str, value: str) -> dict[str, str]:
    return {"from": speaker, "value": value}
