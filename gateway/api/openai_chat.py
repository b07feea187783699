"""POST /v1/chat/completions: one request, one run, in the shape of OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent.messages import Usage
from gateway.api.doors import Door, answer
from gateway.api.history import question
from gateway.api.openai import HEADERS, MODEL, ask, check_model, named_session, parse
from gateway.api.problems import Refused, openai_error
from gateway.api.stream import PING
from gateway.api.telling import PARAGRAPH, Spoken, Telling
from gateway.app import App
from hermes_home.errors import HermesError

DONE = b"data: [DONE]\n\n"
ONLY: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "response_format": (None, {"type": "text"}),
    "stop": (None, []),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "web_search_options": (None,),
}
"""What a run cannot do for its caller, and the values that do not ask for it."""


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(msgspec.Struct):
    """`model`, `messages`, `stream` and `stream_options.include_usage` are honoured. The others of
    OpenAI's parameters are taken and change nothing, since the run's own model settings count;
    those that would change the answer's shape are refused unless they ask for nothing."""

    messages: list[Any]
    model: str = MODEL
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Any = None
    tools: Any = None
    tool_choice: Any = None
    functions: Any = None
    function_call: Any = None
    response_format: Any = None
    stop: Any = None
    logprobs: Any = None
    top_logprobs: Any = None
    modalities: Any = None
    audio: Any = None
    prediction: Any = None
    web_search_options: Any = None
    frequency_penalty: Any = None
    logit_bias: Any = None
    max_completion_tokens: Any = None
    max_tokens: Any = None
    metadata: Any = None
    parallel_tool_calls: Any = None
    presence_penalty: Any = None
    prompt_cache_key: Any = None
    prompt_cache_retention: Any = None
    reasoning_effort: Any = None
    safety_identifier: Any = None
    seed: Any = None
    service_tier: Any = None
    store: Any = None
    temperature: Any = None
    top_p: Any = None
    user: Any = None
    verbosity: Any = None


class Details(msgspec.Struct):
    cached_tokens: int = 0


class Tokens(msgspec.Struct):
    """Of all the model's replies that the answer took."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: Details


class Message(msgspec.Struct):
    content: str | None
    role: Literal["assistant"] = "assistant"
    refusal: str | None = None


class Choice(msgspec.Struct):
    message: Message
    finish_reason: Literal["stop"] = "stop"
    index: int = 0
    logprobs: None = None


class Completion(msgspec.Struct):
    id: str
    created: int
    choices: tuple[Choice]
    usage: Tokens
    object: Literal["chat.completion"] = "chat.completion"
    model: str = MODEL


async def completions(request: Request) -> Response:
    """Say the last user's message; the answer, whole or streamed. The messages before it go along
    as plain text, unless X-Hermes-Session names a session, which has a history of its own."""
    asked = await parse(request, ChatRequest, ONLY)
    check_model(asked.model)
    if not asked.messages:
        raise Refused("messages is empty", "Send at least one.", param="messages")
    session = await named_session(request)
    telling = Telling(await ask(request, question(asked.messages, alone=bool(session)), session))
    app: App = request.app.state.app
    headers = {"X-Hermes-Session": telling.session}
    if asked.stream:
        usage = bool(asked.stream_options and asked.stream_options.include_usage)
        body = _stream(app, telling, usage=usage)
        return StreamingResponse(body, 200, headers, "text/event-stream")
    text = await telling.whole(app)
    choices = (Choice(Message(text)),)
    completion = Completion(_id(telling), int(telling.at), choices, tokens(telling.usage))
    return answer(completion, headers=headers)


def tokens(usage: Usage) -> Tokens:
    return Tokens(usage.prompt, usage.completion, usage.total, Details(usage.cached))


def _id(telling: Telling) -> str:
    return f"chatcmpl-{telling.input}"


async def _stream(app: App, telling: Telling, *, usage: bool) -> AsyncIterator[bytes]:
    """Every reply as it is said, those before calls too, a blank line between them."""
    chunks = _Chunks(telling, usage=usage)
    reply = 0
    try:
        yield chunks.delta({"role": "assistant", "content": ""})
        async for spoken in telling.follow(app, live=True):
            if not spoken:
                yield PING
            for piece in spoken:
                if text := _text(piece, reply):
                    yield chunks.delta({"content": text})
                reply = piece.reply
        yield chunks.delta({}, finish="stop")
        if usage:
            yield chunks.frame([], msgspec.to_builtins(tokens(telling.usage)))
    except HermesError as error:
        yield b"data: " + msgspec.json.encode(openai_error(error)) + b"\n\n"
    yield DONE


def _text(piece: Spoken, reply: int) -> str:
    return PARAGRAPH + piece.text if piece.text and piece.reply > reply else piece.text


class _Chunks:
    """The frames of one stream; with `usage` each says that its own is not known yet."""

    def __init__(self, telling: Telling, *, usage: bool) -> None:
        self._telling = telling
        self._usage = usage
        self._created = int(telling.at)

    def delta(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self.frame([choice], None)

    def frame(self, choices: list[Any], usage: Any) -> bytes:
        chunk = {
            "id": _id(self._telling),
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": MODEL,
            "choices": choices,
        }
        if self._usage:
            chunk["usage"] = usage
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


ROUTES = [
    Door(
        "POST",
        "/v1/chat/completions",
        completions,
        takes=ChatRequest,
        gives=Completion,
        headers=HEADERS,
        events=True,
    ),
]
