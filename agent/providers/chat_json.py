"""JSON as chat servers send it: strict when possible, forgiving about characters when not."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def decode(data: bytes) -> Any:
    """The value of `data`. ValueError if it is not JSON; bad UTF-8 becomes U+FFFD."""
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(data.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def encode(value: Any) -> bytes:
    """JSON in UTF-8. Halves of surrogate pairs are joined, lone ones become U+FFFD."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(json.loads(whole(json.dumps(value, ensure_ascii=False))))


def whole(text: str) -> str:
    """`text` without lone surrogates, so that it can be stored and sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def is_object(text: str) -> bool:
    """Whether `text` is one whole JSON object."""
    if not text.rstrip().endswith("}"):
        return False
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        return False


def mapping(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one: for optional parts of untrusted JSON."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def count_of(value: Any) -> int:
    """A number of tokens; anything that is none counts as 0."""
    return int(value) if isinstance(value, int | float) and 0 < value < 2**53 else 0
