"""What the scripted model server sends for an answer, whole or streamed.

An answer is a dict; all of it is optional:

    content, reasoning  text; tool_calls: [{"name", "arguments", "id"?}], arguments a dict or text
    usage, finish       sent as they are; usage None = not sent
    status, error       an HTTP error with a body {"error": …}
    headers             more headers
    stream              False = one JSON object although a stream was asked for
    raw_chunks          the body's pieces, as they are, each in one HTTP chunk
    delay               seconds before the answer; pause: between two pieces of a stream
    stall_after         this many pieces are sent, then nothing until the client leaves
    close_after         this many pieces are sent, then the connection breaks
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

Answer = dict[str, Any]

_serial = itertools.count(1)


def completion(answer: Answer, raw: bytes) -> dict[str, Any]:
    """The answer as one JSON object."""
    message = {"role": "assistant", "content": answer.get("content"), **_reasoning(answer)}
    if tool_calls := _tool_calls(answer):
        message["tool_calls"] = tool_calls
    choice = {"index": 0, "message": message, "finish_reason": _finish(answer)}
    return {"model": "scripted", "choices": [choice], "usage": _usage(answer, raw)}


def stream(answer: Answer, raw: bytes) -> Iterator[str]:
    """The answer as server-sent events: text in two halves, each call in one piece."""
    text = answer.get("content") or ""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [_reasoning(answer)] if answer.get("reasoning") else []
    deltas += [{"content": half} for half in (text[: len(text) // 2], text[len(text) // 2 :])]
    deltas += [{"tool_calls": [{"index": i, **c}]} for i, c in enumerate(_tool_calls(answer))]
    for delta in deltas:
        yield event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield event({"choices": [{"index": 0, "delta": {}, "finish_reason": _finish(answer)}]})
    if usage := _usage(answer, raw):
        yield event({"choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def event(chunk: Mapping[str, Any]) -> str:
    return "data: " + json.dumps({"model": "scripted", **chunk}) + "\n\n"


def _reasoning(answer: Answer) -> dict[str, Any]:
    return {"reasoning_content": answer["reasoning"]} if answer.get("reasoning") else {}


def _tool_calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "id": call.get("id", f"call_{next(_serial):06d}"),
            "type": "function",
            "function": {"name": call["name"], "arguments": _arguments(call["arguments"])},
        }
        for call in answer.get("tool_calls", ())
    ]


def _arguments(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _finish(answer: Answer) -> str:
    return str(answer.get("finish") or ("tool_calls" if answer.get("tool_calls") else "stop"))


def _usage(answer: Answer, raw: bytes) -> Any:
    written = len(answer.get("content") or "") + len(json.dumps(answer.get("tool_calls", ())))
    counted = {"prompt_tokens": len(raw) // 4, "completion_tokens": max(1, written // 4)}
    return answer.get("usage", counted)
