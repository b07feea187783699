"""POST /v1/responses: one request, one run, in the shape of OpenAI's responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
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
from gateway.api.telling import Spoken, Telling
from gateway.app import App
from hermes_home.errors import HermesError

PREFIX = "resp_"
ONLY: dict[str, tuple[Any, ...]] = {
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "text": (None, {}, {"format": {"type": "text"}}),
    "background": (None, False),
    "conversation": (None,),
    "prompt": (None,),
    "max_tool_calls": (None,),
    "top_logprobs": (None, 0),
    "stream_options": (None, {}, {"include_obfuscation": False}),
}
"""What a run cannot do for its caller, and the values that do not ask for it."""


class ResponseRequest(msgspec.Struct):
    """`model`, `input`, `instructions`, `previous_response_id`, `stream` and `metadata` are
    honoured. The others of OpenAI's parameters are taken and change nothing, since the run's own
    model settings count; those that would change the answer's shape are refused unless they ask
    for nothing."""

    input: str | list[Any]
    model: str = MODEL
    instructions: str | None = None
    previous_response_id: str | None = None
    stream: bool | None = None
    metadata: dict[str, str] | None = None
    tools: Any = None
    tool_choice: Any = None
    text: Any = None
    background: Any = None
    conversation: Any = None
    prompt: Any = None
    max_tool_calls: Any = None
    top_logprobs: Any = None
    stream_options: Any = None
    include: Any = None
    max_output_tokens: Any = None
    parallel_tool_calls: Any = None
    prompt_cache_key: Any = None
    prompt_cache_retention: Any = None
    reasoning: Any = None
    safety_identifier: Any = None
    service_tier: Any = None
    store: Any = None
    temperature: Any = None
    top_p: Any = None
    truncation: Any = None
    user: Any = None


class InputDetails(msgspec.Struct):
    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputDetails(msgspec.Struct):
    reasoning_tokens: int = 0


class Tokens(msgspec.Struct):
    """Of all the model's replies that the answer took."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class OutputText(msgspec.Struct):
    text: str = ""
    type: Literal["output_text"] = "output_text"
    annotations: tuple[()] = ()
    logprobs: tuple[()] = ()


class Item(msgspec.Struct):
    """One reply of the model. phase: `commentary` came before calls, `final_answer` is it."""

    id: str
    content: tuple[OutputText, ...] = ()
    status: Literal["in_progress", "completed"] = "in_progress"
    phase: Literal["commentary", "final_answer"] | None = None
    role: Literal["assistant"] = "assistant"
    type: Literal["message"] = "message"


class TextFormat(msgspec.Struct):
    type: Literal["text"] = "text"


class TextSettings(msgspec.Struct):
    format: TextFormat = msgspec.field(default_factory=TextFormat)


class AnswerShape(msgspec.Struct, kw_only=True):
    """A response."""

    id: str
    created_at: int
    status: Literal["in_progress", "completed", "failed"] = "in_progress"
    output: list[Item]
    usage: Tokens | None = None
    error: dict[str, Any] | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    metadata: dict[str, str]
    object: Literal["response"] = "response"
    model: str = MODEL
    incomplete_details: None = None
    parallel_tool_calls: bool = True
    tool_choice: Literal["auto"] = "auto"
    tools: tuple[()] = ()
    text: TextSettings = msgspec.field(default_factory=TextSettings)


async def responses(request: Request) -> Response:
    """Say the last user's message of `input`; what came before it goes along as plain text.
    `previous_response_id` goes on with that response's session."""
    asked = await parse(request, ResponseRequest, ONLY)
    check_model(asked.model)
    app: App = request.app.state.app
    named = await named_session(request)
    session = named or _continued(app, asked.previous_response_id)
    items = [asked.input] if isinstance(asked.input, str) else list(asked.input)
    items = [{"role": "user", "content": one} if isinstance(one, str) else one for one in items]
    if asked.instructions:
        items.insert(0, {"role": "instructions", "content": asked.instructions})
    telling = Telling(await ask(request, question(items, alone=bool(named)), session))
    drafting = _Drafting(telling, asked)
    headers = {"X-Hermes-Session": telling.session}
    if asked.stream:
        return StreamingResponse(_stream(app, drafting), 200, headers, "text/event-stream")
    async for spoken in telling.follow(app, live=False):
        for piece in spoken:
            list(drafting.piece(piece))
    return answer(drafting.response("completed"), headers=headers)


def _continued(app: App, previous: str | None) -> str:
    """The session of an earlier response; empty: none is gone on with."""
    if not previous:
        return ""
    session = app.inbox.session_of(previous.removeprefix(PREFIX))
    if not session:
        raise Refused(
            f"there is no response {previous!r}",
            "It may have been deleted with its session.",
            param="previous_response_id",
            code="previous_response_not_found",
            status=404,
        )
    return session


async def _stream(app: App, drafting: _Drafting) -> AsyncIterator[bytes]:
    frame = drafting.frame
    yield frame("response.created", response=drafting.response("in_progress"))
    yield frame("response.in_progress", response=drafting.response("in_progress"))
    try:
        async for spoken in drafting.telling.follow(app, live=True):
            if not spoken:
                yield PING
            for piece in spoken:
                for event in drafting.piece(piece):
                    yield event
        yield frame("response.completed", response=drafting.response("completed"))
    except HermesError as error:
        drafting.error = {
            "code": "server_error",
            "message": openai_error(error)["error"]["message"],
        }
        yield frame("response.failed", response=drafting.response("failed"))


class _Drafting:
    """A response as it grows: its items, and the events that tell of them."""

    def __init__(self, telling: Telling, asked: ResponseRequest) -> None:
        self.telling = telling
        self.error: dict[str, Any] | None = None
        self._asked = asked
        self._items: list[Item] = []
        self._sent = 0

    def response(self, status: Literal["in_progress", "completed", "failed"]) -> AnswerShape:
        return AnswerShape(
            id=PREFIX + self.telling.input,
            created_at=int(self.telling.at),
            status=status,
            output=self._items,
            usage=_tokens(self.telling.usage) if status == "completed" else None,
            error=self.error,
            instructions=self._asked.instructions,
            previous_response_id=self._asked.previous_response_id,
            metadata=self._asked.metadata or {},
        )

    def frame(self, kind: str, **fields: Any) -> bytes:
        """One event; they are numbered from 0."""
        event = {"type": kind, "sequence_number": self._sent, **fields}
        self._sent += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(event))

    def piece(self, piece: Spoken) -> Iterator[bytes]:
        """What tells of more text: an item opens with its first and closes with its last."""
        if piece.reply == len(self._items):
            yield from self._open()
        item = self._items[piece.reply]
        place = {"item_id": item.id, "output_index": piece.reply, "content_index": 0}
        if piece.text:
            kind = "response.output_text.delta"
            yield self.frame(kind, **place, delta=piece.text, logprobs=())
        if piece.whole is not None:
            yield from self._close(item, place, OutputText(piece.whole), final=piece.final)

    def _open(self) -> Iterator[bytes]:
        item = Item(f"msg_{self.telling.input}_{len(self._items)}")
        place = {"output_index": len(self._items)}
        self._items.append(item)
        yield self.frame("response.output_item.added", **place, item=item)
        place |= {"content_index": 0}
        kind = "response.content_part.added"
        yield self.frame(kind, **place, item_id=item.id, part=OutputText())

    def _close(
        self, item: Item, place: dict[str, Any], part: OutputText, *, final: bool
    ) -> Iterator[bytes]:
        item.content, item.status = (part,), "completed"
        item.phase = "final_answer" if final else "commentary"
        yield self.frame("response.output_text.done", **place, text=part.text, logprobs=())
        yield self.frame("response.content_part.done", **place, part=part)
        index = place["output_index"]
        yield self.frame("response.output_item.done", output_index=index, item=item)


def _tokens(usage: Usage) -> Tokens:
    details = InputDetails(usage.cached)
    return Tokens(usage.prompt, details, usage.completion, OutputDetails(), usage.total)


ROUTES = [
    Door(
        "POST",
        "/v1/responses",
        responses,
        takes=ResponseRequest,
        gives=AnswerShape,
        headers=HEADERS,
        events=True,
    ),
]
