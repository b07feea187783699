"""The provider for every endpoint that speaks OpenAI's chat completions, remote or local."""

from __future__ import annotations

import asyncio
from typing import Any

from agent.providers import chat_wire
from agent.providers.base import Reply, Request, Show
from agent.providers.chat_json import decode
from agent.providers.chat_reply import ReplyPieces
from agent.providers.faults import Target, bad_reply, fault_in_stream, refusal
from agent.providers.retry import Sleep, with_retries
from agent.providers.sse import ServerEvent, ServerEvents
from agent.providers.web import Answer, Patience, Web
from hermes_home.errors import ProviderError

_FOR_COUNTS = 15.0
"""Seconds to wait for the token counts once the reply itself is whole."""

_FOR_END = 1.0
"""Seconds to wait for the stream's end after [DONE]; only read, the connection can be kept."""


class OpenAIChat:
    """One endpoint.

    base_url: up to and with `/v1`. api_key: empty = none is sent. Errors name the host and the
    model, never the key. After an error that may pass, a request is sent up to three times more.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str = "",
        *,
        patience: Patience | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self._web = Web(base_url, api_key, patience)
        self._key = api_key.strip()
        self._sleep = sleep
        self._counts_tokens = True

    async def reply(self, request: Request, show: Show) -> Reply:
        try:
            return await self._reply(request, show)
        except ProviderError as error:
            if error.kind != "bad_request" or "stream_options" not in error.message:
                raise
        self._counts_tokens = False
        return await self._reply(request, show)

    async def close(self) -> None:
        await self._web.close()

    async def _reply(self, request: Request, show: Show) -> Reply:
        body = chat_wire.body(request, usage=self._counts_tokens)
        return await with_retries(lambda: self._attempt(request, body, show), show, self._sleep)

    async def _attempt(self, request: Request, body: bytes, show: Show) -> Reply:
        target = Target(self._web.host, request.model, self._key)
        async with self._web.post("chat/completions", body) as answer:
            if answer.status != 200:
                raise refusal(target, answer.status, answer.headers, await answer.rest())
            reception = _Reception(target, show)
            await reception.take(answer)
        return reception.pieces.reply(request, body)


class _Reception:
    """The way of one answer's bytes into a reply."""

    def __init__(self, target: Target, show: Show) -> None:
        self.pieces = ReplyPieces()
        self._target = target
        self._show = show
        self._done = False

    async def take(self, answer: Answer) -> None:
        begin = await self._begin(answer)
        if begin.startswith(b"{"):
            await self._chunk(begin + await answer.rest())
        elif begin.startswith(b"<"):
            raise bad_reply(self._target, "a web page", retryable=False)
        else:
            await self._stream(begin, answer)
        for delta in self.pieces.close():
            await self._show(delta)
        if not self._whole:
            raise bad_reply(self._target, "a stream that broke off")

    @property
    def _whole(self) -> bool:
        return self._done or bool(self.pieces.finish)

    async def _begin(self, answer: Answer) -> bytes:
        """The first bytes that tell a stream from a whole answer, which some servers send."""
        begin = b""
        while not begin and (piece := await answer.read()):
            begin = piece.lstrip()
        return begin

    async def _stream(self, begin: bytes, answer: Answer) -> None:
        events, piece = ServerEvents(), begin
        while piece:
            try:
                arrived = events.feed(piece)
            except ValueError as error:
                raise bad_reply(self._target, str(error)) from error
            for event in arrived:
                await self._event(event)
            piece = await self._next(answer)
        for event in events.close():
            await self._unfinished(event)

    async def _next(self, answer: Answer) -> bytes:
        """The next bytes. Once the reply is whole, neither a break nor a wait can spoil it."""
        if not self._whole:
            return await answer.read()
        try:
            return await answer.read(within=_FOR_END if self._done else _FOR_COUNTS)
        except ProviderError:
            return b""

    async def _unfinished(self, event: ServerEvent) -> None:
        """An event which the stream's end cut, or one that only lacks its empty line."""
        try:
            await self._event(event)
        except ProviderError:
            if not self._whole:
                raise

    async def _event(self, event: ServerEvent) -> None:
        if event.data.strip() == b"[DONE]":
            self._done = True
        elif event.event == "error":
            raise fault_in_stream(self._target, self._decoded(event.data))
        else:
            await self._chunk(event.data)

    async def _chunk(self, data: bytes) -> None:
        chunk = self._decoded(data)
        if chunk.get("error") or chunk.get("object") == "error":
            raise fault_in_stream(self._target, chunk.get("error") or chunk)
        for delta in self.pieces.feed(chunk):
            await self._show(delta)
        if self.pieces.finish == "error":
            raise fault_in_stream(self._target, "the model stopped with an error")

    def _decoded(self, data: bytes) -> dict[str, Any]:
        try:
            chunk = decode(data)
        except ValueError as error:
            raise bad_reply(self._target, "something that is not JSON") from error
        if not isinstance(chunk, dict):
            raise bad_reply(self._target, "JSON that is no chunk")
        return chunk
