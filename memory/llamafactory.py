"""A trajectory as LLaMA-Factory's converter `sharegpt` takes it, with its own roles.

Turns alternate strictly: human or observation, then gpt or function_call. So what came on one side
without the other between is one turn, a call always has a result, and what the person said last
without an answer is no turn. `metadata` tells how it was.
"""

from __future__ import annotations

from typing import Any

from memory.escaping import as_json, escaped, escaped_in, portable
from memory.trajectory import Call, Step, Trajectory

GAP = "\n\n"
BETWEEN = "\n</tool_response>\n<tool_response>\n"
"""Between results of one turn: the templates write the outer tags."""
NO_RESULT = "(no result was recorded)"
_INPUT = ("human", "observation")

Part = tuple[str, str]
"""A role, and what is said in it."""

INFO = {
    "formatting": "sharegpt",
    "columns": {"messages": "conversations", "system": "system", "tools": "tools"},
    "tags": {
        "role_tag": "from",
        "content_tag": "value",
        "user_tag": "human",
        "assistant_tag": "gpt",
        "observation_tag": "observation",
        "function_tag": "function_call",
    },
}
"""How a file of such rows is described in dataset_info.json, besides its name."""


def row(trajectory: Trajectory) -> dict[str, Any]:
    """`conversations`, `system`, `tools` (as JSON) and what else is known. Without a turn of both
    sides `conversations` is empty."""
    clean = portable(trajectory)
    turns = _turns([part for step in clean.trajectory for part in _parts(step)])
    said = [{"from": _role(turn), "value": _value(turn)} for turn in turns]
    whole = len(said) // 2 * 2
    calls = [call for step in clean.trajectory for call in step.tool_calls]
    how = {
        "turns": [[[role, len(text)] for role, text in turn] for turn in turns],
        "rest": said[whole:],
        "begun": bool(clean.trajectory) and clean.trajectory[0].role != "user",
        "ids": [call.id for call in calls],
        "errors": {str(at): call.error for at, call in enumerate(calls) if call.error is not None},
        "raw": [at for at, call in enumerate(calls) if isinstance(call.arguments, str)],
        "open": [at for at, call in enumerate(calls) if call.observation is None],
    }
    about = clean.plain()
    for name in ("system", "tools", "trajectory"):
        del about[name]
    return {
        "id": clean.session,
        "task": clean.task,
        "model": clean.model,
        "outcome": clean.outcome,
        "reward": clean.reward and clean.reward.total,
        "conversations": said[:whole],
        "system": escaped(clean.system),
        "tools": as_json(escaped_in(clean.tools)),
        "metadata": as_json({**about, "how": how}),
    }


def _parts(step: Step) -> list[Part]:
    """What a step says, and the results of its calls."""
    thought = f"<think>\n{escaped(step.thought)}\n</think>\n\n" if step.thought else ""
    said = thought + escaped(step.text)
    if step.role == "user":
        return [("human", said)]
    if not step.tool_calls:
        return [("gpt", said)]
    calls = [_call(call) for call in step.tool_calls]
    asked = as_json(escaped_in(calls if len(calls) > 1 else calls[0]))
    if step.text:
        asked = f"<tool_call>{asked}</tool_call>"
    results = [
        NO_RESULT if call.observation is None else escaped(call.observation)
        for call in step.tool_calls
    ]
    return [("function_call", said + asked), ("observation", BETWEEN.join(results))]


def _call(call: Call) -> dict[str, Any]:
    """Arguments have to be an object; what is none is the only entry of one, without a name."""
    arguments = {"": call.arguments} if isinstance(call.arguments, str) else call.arguments
    return {"name": call.name, "arguments": arguments}


def _turns(parts: list[Part]) -> list[list[Part]]:
    """The parts by turns, the input's first, of which none stands without one of the other."""
    turns: list[list[Part]] = []
    for part in parts:
        heard = part[0] in _INPUT
        if not turns and not heard:
            turns.append([("human", "")])
        if turns and (turns[-1][-1][0] in _INPUT) == heard:
            turns[-1].append(part)
        else:
            turns.append([part])
    return turns


def _role(turn: list[Part]) -> str:
    """Results make a turn an observation, calls one of calls, whatever was said besides."""
    roles = [role for role, _ in turn]
    return "observation" if "observation" in roles else roles[-1]


def _value(turn: list[Part]) -> str:
    """The parts of one turn, with an empty line between them. Behind other text calls stand in
    tags of their own."""
    texts = [text for _, text in turn]
    if len(turn) > 1 and turn[-1][0] == "function_call" and not texts[-1].endswith("</tool_call>"):
        before, mark, asked = texts[-1].rpartition("\n</think>\n\n")
        texts[-1] = f"{before}{mark}<tool_call>{asked}</tool_call>"
    return GAP.join(texts)
