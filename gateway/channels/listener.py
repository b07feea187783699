"""A small HTTP door for one path, for channels that are called by their platform.

It may be open to a network, so who knocks is judged by the headers alone, before a byte of the
body is asked for, and everything is bounded: head and body, seconds of a connection, connections
at a time, posts a second. One request a connection: whoever says nothing is gone soon.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.channels.base import ChannelError
from gateway.serving import Server

BODY_BYTES = 1024 * 1024
HEAD_BYTES = 16 * 1024
CONNECTION_SECONDS = 10.0
CONNECTIONS = 64
POSTS_PER_SECOND = 30.0
"""On average; as many may come at once. Only posts that were let in count."""

log = logging.getLogger(__name__)
quiet = logging.getLogger(f"{__name__}.protocol")
quiet.setLevel(logging.ERROR)  # anybody can cause its warnings, and would fill the log


class Impatient(H11Protocol):
    """A connection that ends after CONNECTION_SECONDS, whatever it was doing."""

    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.logger = quiet
        self._end = self.loop.call_later(CONNECTION_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)


class Listener:
    """Takes posts to `path`. `allowed` judges the headers (names in lower case); `handle` is given
    them and the body, and returns the status to answer with. `count` is told of posts that were
    not taken."""

    def __init__(
        self,
        path: str,
        allowed: Callable[[Mapping[str, str]], bool],
        handle: Callable[[Mapping[str, str], bytes], Awaitable[int]],
        count: Callable[[str], None],
    ) -> None:
        self._count = count
        self._path = path
        self._allowed = allowed
        self._handle = handle
        self._left, self._at = POSTS_PER_SECOND, time.monotonic()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        status = await self._status(Request(scope, receive))
        await Response(status_code=status, headers={"connection": "close"})(scope, receive, send)

    @asynccontextmanager
    async def serving(self, address: str) -> AsyncIterator[None]:
        """Listens at `address` (host:port) inside the context. ChannelError: it is taken."""
        server = Server(
            self,
            Impatient,
            limit_concurrency=CONNECTIONS,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
        task = asyncio.create_task(server.serve([_bound(address)]))
        try:
            yield
        finally:
            server.leave()
            await asyncio.wait({task}, timeout=5)

    async def _status(self, request: Request) -> int:
        if request.url.path != self._path:
            return 404
        if request.method != "POST":
            return 405
        if not self._allowed(request.headers):
            self._count("posts without the secret")
            return 401
        if _length(request) > BODY_BYTES:
            self._count("posts too large")
            return 413
        if not self._in_time():
            self._count("posts that came too fast")
            return 429
        return await self._taken(request)

    async def _taken(self, request: Request) -> int:
        body = bytearray()
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > BODY_BYTES:
                    self._count("posts too large")
                    return 413
            return await self._handle(request.headers, bytes(body))
        except ClientDisconnect:
            self._count("posts broken off")
            return 400
        except Exception:  # the border of one post: the platform sends it again
            log.exception("a post to %s could not be handled", self._path)
            self._count("posts that failed")
            return 500

    def _in_time(self) -> bool:
        now = time.monotonic()
        grown = self._left + (now - self._at) * POSTS_PER_SECOND
        self._left, self._at = min(POSTS_PER_SECOND, grown), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of host:port; ValueError if it has none."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(address)
    return host.removeprefix("[").removesuffix("]"), int(port)


def _bound(address: str) -> socket.socket:
    host, port = host_and_port(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ChannelError(
            f"{address} cannot be listened at ({error.strerror or error})",
            "Choose another address for the webhook, and lead your proxy there.",
        ) from error


def _length(request: Request) -> int:
    """What the sender says; 0 if it says nothing."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0
