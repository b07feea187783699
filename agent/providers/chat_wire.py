"""Our messages as chat-completions bytes; each message is encoded once, however often it is sent.

`messages` comes last, so a request is a byte prefix of the next one of its session, up to the
closing `]}`.
"""

from __future__ import annotations

import re
from typing import Any

from agent.messages import Message, ToolCall
from agent.providers.base import Request
from agent.providers.chat_json import encode, is_object

_WIRE = "chat"
_NOTHING_SAID = "(nothing said)"


def body(request: Request, *, usage: bool = True) -> bytes:
    """The request's JSON. usage: ask for the token counts, which a few servers refuse."""
    parts = [b'{"model":', encode(request.model), b',"stream":true']
    if usage:
        parts.append(b',"stream_options":{"include_usage":true}')
    if request.seed:
        parts.append(b',"seed":%d' % request.seed)
    if request.tools.strip() not in (b"", b"[]"):
        parts += [b',"tools":', request.tools]
    parts += [b',"messages":[', b",".join(_messages(request)), b"]}"]
    return b"".join(parts)


def _messages(request: Request) -> list[bytes]:
    system = [encode({"role": "system", "content": request.system})] if request.system else []
    return system + [message.wire.get(_WIRE) or _wire(message) for message in request.messages]


def _wire(message: Message) -> bytes:
    wire = message.wire[_WIRE] = encode(_FORMS[message.role](message))
    return wire


def _said(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": message.text}


def _answered(message: Message) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}


def _replied(message: Message) -> dict[str, Any]:
    """No server accepts a reply that says nothing and calls nothing, so such a one says so."""
    text = message.text if message.text.strip() else None
    if not message.tool_calls:
        return {"role": "assistant", "content": text or _NOTHING_SAID}
    return {
        "role": "assistant",
        "content": text,
        "tool_calls": [_called(call) for call in message.tool_calls],
    }


def _called(call: ToolCall) -> dict[str, Any]:
    function = {"name": _name(call.name), "arguments": _arguments(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _name(name: str) -> str:
    """What the model called the tool, in the characters every server accepts back."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "unnamed"


def _arguments(written: str) -> str:
    """An object exactly as written; anything else inside one, since servers parse it again."""
    if is_object(written):
        return written
    return encode({"unreadable": written}).decode() if written.strip() else "{}"


_FORMS = {"system": _said, "user": _said, "tool": _answered, "assistant": _replied}
