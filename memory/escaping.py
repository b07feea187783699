"""Texts made safe to stand among the marks of a training format, so that each can be read back as
it was: tags of ours, special tokens of chat templates, placeholders, and lone surrogates."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from memory.trajectory import Trajectory

_NAMES = "|".join(
    (
        "think|thinking|tool_call|tool_calls|tool_response|tools|function_call|image|video|audio",
        "s|bos|eos|pad|unk|start_of_turn|end_of_turn",
    )
)
_WORDS = "INST|SYS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|AVAILABLE_TOOLS|SYSTEM_PROMPT|ARGS|CALL_ID"
_AFTER = {
    "<": rf"(?:/?(?:{_NAMES})>|\||｜|</?SYS>>)",
    r"\[": rf"/?(?:{_WORDS})\]",
    r"\{": r"\{(?:content|idx)\}\}",
}
"""What makes a mark, by the sign it begins with."""

_MARK = re.compile("|".join(rf"{sign}(?=\\*{rest})" for sign, rest in _AFTER.items()))
_JSON_MARK = re.compile("|".join(rf"{sign}(?={rest})" for sign, rest in _AFTER.items()))
_HALF = re.compile(r"(\\*)(u[dD][89a-fA-F][0-9a-fA-F]{2}|[\ud800-\udfff])")


def escaped(text: str) -> str:
    """A text in which nothing can be mistaken for a mark: the sign that begins one gets a
    backslash behind it, and one more if it has some."""
    return _MARK.sub(lambda match: f"{match[0]}\\", text)


def escaped_in(value: Any) -> Any:
    """The same of every text in dicts and lists, keys too: for JSON that a trainer reads and
    writes anew, which undoes escapes of JSON's own."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        return {escaped(key): escaped_in(inner) for key, inner in value.items()}
    return [escaped_in(inner) for inner in value] if isinstance(value, list | tuple) else value


def block(value: Any) -> str:
    """A value as JSON in which nothing can be mistaken for a mark: a sign that begins one is
    written as \\u00NN."""
    return _JSON_MARK.sub(lambda match: f"\\u{ord(match[0]):04x}", as_json(value))


def as_json(value: Any, indent: int | None = None) -> str:
    """As it is but for lone surrogates, which no UTF-8 can hold."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return re.sub(r"[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def portable(trajectory: Trajectory) -> Trajectory:
    """The same without lone surrogates, which loaders refuse: each is written as \\uNNNN. Where
    such a text stands already, or backslashes before either, their backslashes are doubled."""
    return msgspec.convert(_portable(trajectory.plain()), Trajectory)


def _portable(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF.sub(_written, value)
    if isinstance(value, dict):
        return {_portable(key): _portable(inner) for key, inner in value.items()}
    return [_portable(inner) for inner in value] if isinstance(value, list | tuple) else value


def _written(match: re.Match[str]) -> str:
    slashes, what = match[1], match[2]
    if len(what) > 1:
        return f"{slashes}{slashes}{what}"
    return f"{slashes}{slashes}\\u{ord(what):04x}"
