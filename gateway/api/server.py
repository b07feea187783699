"""The application behind the socket, and the server that runs it on the daemon's loop."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette

from gateway.api import about, learned, sessions, stream
from gateway.api.problems import HANDLERS
from gateway.peers import Gatekeeper, PeerProtocol
from hermes_home.version import VERSION

if TYPE_CHECKING:
    from gateway.app import App

SOCKET_PATH_BYTES = 100
"""Longer paths do not fit a socket address; they are reached through the open run folder."""


def application(app: App) -> Any:
    routes = [*about.ROUTES, *sessions.ROUTES, *stream.ROUTES, *learned.ROUTES]
    starlette = Starlette(routes=routes, exception_handlers=HANDLERS)
    starlette.state.app = app
    return Gatekeeper(starlette, app.tool_roots, app.touch)


class Server(uvicorn.Server):
    """uvicorn on a socket of ours; the daemon handles the signals."""

    def __init__(self, app: App) -> None:
        config = uvicorn.Config(
            application(app),
            http=PeerProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            headers=[("Hermes-Version", VERSION)],
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)
        self._leaving = asyncio.Event()

    async def main_loop(self) -> None:
        """One tick makes the headers every answer has; there is nothing to look at ten times a
        second, so it ends when it is told to."""
        await self.on_tick(0)
        await self._leaving.wait()

    def leave(self) -> None:
        self.should_exit = True
        self._leaving.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(path: Path) -> socket.socket:
    """A listening socket at `path`, for its owner only. The caller holds the home's lock, so a
    socket file that is there is a dead daemon's."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = -1
    address = str(path)
    if len(os.fsencode(address)) > SOCKET_PATH_BYTES:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        address = f"/proc/self/fd/{folder}/{path.name}"
    mask = os.umask(0o177)
    try:
        listener.bind(address)
    finally:
        os.umask(mask)
        if folder >= 0:
            os.close(folder)
    listener.listen(256)
    listener.setblocking(False)
    return listener
