"""The API on a TCP port: off unless `api.listen` says where, and never without a token."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.api.guard import Guard
from gateway.api.server import ApiServer
from gateway.api.token import FIX, Token

if TYPE_CHECKING:
    from gateway.app import App

HEAD_SECONDS = 10.0
"""For the head of a request to arrive, from its first byte or the connection's beginning."""
HEAD_BYTES = 16 * 1024
CONNECTIONS = 512

log = logging.getLogger(__name__)


class Impatient(H11Protocol):
    """uvicorn's protocol, which hangs up on whoever does not get a head together."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        if self._between():
            self._expect()
        super().data_received(data)
        if not self._between():
            self._relax()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def _between(self) -> bool:
        """No head has arrived yet, or none since the last answer."""
        return bool(self.conn.their_state is h11.IDLE)

    def _expect(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _relax(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Tcp:
    """The listener, if there is to be one. What keeps it from listening is told in `app.api`."""

    def __init__(self, app: App, environment: Mapping[str, str], doors: Any) -> None:
        self._app = app
        self._token = Token(app.home, environment)
        self._doors = doors
        self._server: ApiServer | None = None
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen where the settings say. The daemon goes on if that cannot be."""
        address = self._app.settings.api.listen
        if not address:
            return
        problem = self._token.problem()
        fix = f"{FIX}, then hermes daemon restart"
        if not problem:
            try:
                self._listen(address)
            except OSError as error:
                problem = error.strerror or str(error)
                fix = "set api.listen to another address, then hermes daemon restart"
        if problem:
            problem = f"the API does not listen at {address}: {problem}; {fix}"
            self._app.warn(problem)
            log.error("%s", problem)

    def _listen(self, address: str) -> None:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname or "", parts.port or 0
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        listener = socket.create_server(place[:2], family=family, backlog=256)
        listener.setblocking(False)
        name = f"[{host}]" if ":" in host else host
        app = self._app
        guard = Guard(self._doors, self._token, lambda: app.settings.api, app.touch, name)
        self._server = ApiServer(
            guard,
            Impatient,
            limit_concurrency=CONNECTIONS,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
        self._serving = asyncio.create_task(self._server.serve([listener]))
        app.api_address = address
        log.info("the API listens at %s", address)

    async def close(self) -> None:
        if self._server is None or self._serving is None:
            return
        self._server.leave()
        await asyncio.wait({self._serving}, timeout=5)
