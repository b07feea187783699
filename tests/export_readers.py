"""Trajectories read back from every form they are exported in, by the rules that their
descriptions state; and the rules that LLaMA-Factory's converter and templates follow."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from memory.llamafactory import NO_RESULT
from memory.trajectory import Call, Step, Trajectory

_HALF = re.compile(r"(\\+)(u[dD][89a-fA-F][0-9a-fA-F]{2})")
_TAGS = (
    r"(?:/?(?:think|thinking|tool_call|tool_calls|tool_response|tools|function_call|image|video"
    r"|audio|s|bos|eos|pad|unk|start_of_turn|end_of_turn)>|\||｜|</?SYS>>)"
)
_WORDS = (
    r"/?(?:INST|SYS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|AVAILABLE_TOOLS|SYSTEM_PROMPT|ARGS"
    r"|CALL_ID)\]"
)
_MARK = re.compile(
    rf"<(?P<angle>\\*){_TAGS}|\[(?P<square>\\*){_WORDS}|\{{(?P<curly>\\*)\{{(?:content|idx)\}}\}}"
)


def marks(text: str) -> list[str]:
    """What a template would take for a mark of its own."""
    found = _MARK.finditer(text)
    return [one[0] for one in found if not any(one.groupdict().values())]


def unescaped(text: str) -> str:
    """One backslash less behind each sign that would else begin a mark."""
    return re.sub(
        rf"<\\(?=\\*{_TAGS})|\[\\(?=\\*{_WORDS})|\{{\\(?=\\*\{{(?:content|idx)\}}\}})",
        lambda match: match[0][0],
        text,
    )


def unescaped_in(value: Any) -> Any:
    """The same of every text in dicts and lists."""
    if isinstance(value, str):
        return unescaped(value)
    if isinstance(value, dict):
        return {unescaped(key): unescaped_in(inner) for key, inner in value.items()}
    return [unescaped_in(inner) for inner in value] if isinstance(value, list) else value


def restored(value: Any) -> Any:
    """With the lone surrogates that `memory.escaping.portable` wrote out."""
    if isinstance(value, str):
        return _HALF.sub(_half, value)
    if isinstance(value, dict):
        return {restored(key): restored(inner) for key, inner in value.items()}
    return [restored(inner) for inner in value] if isinstance(value, list) else value


def _half(match: re.Match[str]) -> str:
    slashes, odd = divmod(len(match[1]), 2)
    return "\\" * slashes + (chr(int(match[2][1:], 16)) if odd else match[2])


def read(line: str, form: str) -> Trajectory:
    """The trajectory that an exported line came from."""
    row = json.loads(line)
    if form == "jsonl":
        return msgspec.convert(row, Trajectory)
    about = json.loads(row["metadata"])
    how = about.pop("how")
    system, tools, steps = _READERS[form](row, how)
    plain = {"system": system, "tools": tools, "trajectory": msgspec.to_builtins(steps)}
    return msgspec.convert(restored({**about, **plain}), Trajectory)


Read = tuple[str, list[Any], list[Step]]
_GPT = re.compile(r"<think>\n(.*?)\n</think>\n(.*?)((?:\n<tool_call>\n.*?\n</tool_call>)*)", re.S)


def _sharegpt(row: dict[str, Any], how: dict[str, Any]) -> Read:
    first, *turns = row["conversations"]
    system, _, tools = first["value"].rpartition("\n<tools>\n")
    functions = json.loads(tools.removesuffix("\n</tools>"))
    for at in how["wrapped"]:
        functions[at] = {"type": "function", "function": functions[at]}
    steps: list[Step] = []
    for turn in turns:
        value = turn["value"]
        if turn["from"] == "human":
            steps.append(Step(len(steps) + 1, "user", unescaped(value)))
        elif turn["from"] == "gpt":
            match = _GPT.fullmatch(value)
            assert match
            step = Step(len(steps) + 1, "assistant", unescaped(match[2]), unescaped(match[1]))
            step.tool_calls = [Call(**call) for call in _blocks(match[3], "tool_call")]
            steps.append(step)
        else:
            calls = {call.id: call for call in steps[-1].tool_calls}
            for response in _blocks(value, "tool_response"):
                calls[response["tool_call_id"]].observation = response["content"]
                calls[response["tool_call_id"]].error = response.get("error")
    return unescaped(system), functions, steps


def _blocks(text: str, tag: str) -> list[Any]:
    return [json.loads(body) for body in re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.S)]


def _messages(row: dict[str, Any], how: dict[str, Any]) -> Read:
    first, *said = row["messages"]
    steps: list[Step] = []
    made: list[Call] = []
    for message in said:
        if message["role"] == "tool":
            calls = {call.id: call for call in steps[-1].tool_calls}
            calls[message["tool_call_id"]].observation = unescaped(message["content"])
            continue
        step = Step(len(steps) + 1, message["role"], unescaped(message["content"]))
        step.thought = unescaped(message.get("reasoning_content", ""))
        for call in message.get("tool_calls", []):
            given = call["function"]["arguments"]
            raw = len(made) in how["raw"]
            arguments = unescaped_in(given if raw else json.loads(given))
            made.append(Call(call["id"], call["function"]["name"], arguments))
            step.tool_calls.append(made[-1])
        steps.append(step)
    for at, error in how["errors"].items():
        made[int(at)].error = error
    return unescaped(first["content"]), unescaped_in(row["tools"]), steps


_THOUGHT = re.compile(r"<think>\n(.*?)\n</think>\n\n(.*)", re.S)


def _llamafactory(row: dict[str, Any], how: dict[str, Any]) -> Read:
    turns = [*row["conversations"], *how["rest"]]
    parts: list[tuple[str, str]] = []
    for turn, cut in zip(turns, how["turns"], strict=True):
        value = turn["value"]
        for role, length in cut[:-1]:
            parts.append((role, value[:length]))
            value = value[length + 2 :]
        parts.append((cut[-1][0], value))
    steps: list[Step] = []
    made: list[Call] = []
    for role, value in parts[how["begun"] :]:
        if role == "observation":
            results = value.split("\n</tool_response>\n<tool_response>\n")
            for call, result in zip(steps[-1].tool_calls, results, strict=True):
                call.observation = unescaped(result)
            continue
        thought, text, calls = _said(value, role) if role != "human" else ("", value, [])
        step = Step(len(steps) + 1, "user" if role == "human" else "assistant", unescaped(text))
        step.thought = unescaped(thought)
        step.tool_calls = [Call("", one["name"], unescaped_in(one["arguments"])) for one in calls]
        made += step.tool_calls
        steps.append(step)
    for at, (call, id) in enumerate(zip(made, how["ids"], strict=True)):
        call.id, call.error = id, how["errors"].get(str(at))
        if at in how["raw"]:
            assert isinstance(call.arguments, dict)
            call.arguments = call.arguments[""]
        if at in how["open"]:
            assert call.observation == NO_RESULT
            call.observation = None
    return unescaped(row["system"]), unescaped_in(json.loads(row["tools"])), steps


def _said(value: str, role: str) -> tuple[str, str, list[dict[str, Any]]]:
    thought, text = match.groups() if (match := _THOUGHT.fullmatch(value)) else ("", value)
    if role == "gpt":
        return thought, text, []
    text, _, calls = (
        text.rpartition("<tool_call>") if text.endswith("</tool_call>") else ("", "", text)
    )
    found = json.loads(calls.removesuffix("</tool_call>"))
    return thought, text, found if isinstance(found, list) else [found]


_READERS = {"sharegpt": _sharegpt, "messages": _messages, "llamafactory": _llamafactory}


# -- LLaMA-Factory's rules ----------------------------------------------------------------------

_SIDES = (("human", "observation"), ("gpt", "function_call"))


def faults(row: dict[str, Any]) -> list[str]:
    """Why LLaMA-Factory would drop a row, fail at it, or train on something else than was said."""
    found: list[str] = []
    turns = row["conversations"]
    if not turns or len(turns) % 2:
        found.append(f"{len(turns)} turns: a row has pairs")
    for at, turn in enumerate(turns):
        if turn.keys() != {"from", "value"} or not isinstance(turn["value"], str):
            found.append(f"turn {at} is not of the form")
        elif turn["from"] not in _SIDES[at % 2]:
            found.append(f"turn {at} is {turn['from']}")
        elif turn["from"] == "observation" and turns[at - 1]["from"] != "function_call":
            found.append(f"turn {at} answers no call")
        elif turn["from"] == "function_call":
            found += [f"turn {at}: {one}" for one in _call_faults(turn["value"])]
        else:
            bare = re.sub(r"<think>\n.*?\n</think>\n\n", "", turn["value"], flags=re.S)
            bare = bare.replace("\n</tool_response>\n<tool_response>\n", "")
            found += [f"turn {at}: {one} stands in it" for one in marks(bare)]
    if not isinstance(row["system"], str) or marks(row["system"]):
        found.append("system")
    tools = json.loads(row["tools"])
    if not isinstance(tools, list) or marks(_anew(tools)):
        found.append("tools")
    json.dumps(row, ensure_ascii=False).encode()
    return found


def _anew(value: Any) -> str:
    """JSON as the templates write it."""
    return json.dumps(value, ensure_ascii=False)


def _call_faults(value: str) -> list[str]:
    """By FunctionFormatter: calls in tags, or nothing but a thought before them."""
    if match := re.search(r"<tool_call>(.*?)</tool_call>", value, re.S):
        calls, rest = match[1], value.replace(match[0], "")
        rest = re.sub(r"<think>\n.*?\n</think>\n\n", "", rest, flags=re.S)
    else:
        thought = re.search(r"<think>\n(.*?)\n</think>\n\n", value, re.S)
        calls, rest = value.replace(thought[0], "") if thought else value, ""
    try:
        made = json.loads(calls)
    except ValueError:
        return ["the calls are no JSON, which would end the whole load"]
    made = made if isinstance(made, list) else [made]
    found = [f"{one} stands in it" for one in marks(rest) + marks(_anew(made))]
    for call in made:
        if not isinstance(call.get("name"), str) or not isinstance(call.get("arguments"), dict):
            found.append("a call has no name, or no object of arguments")
    return found
