"""The application behind the sockets, and the server that runs it on the daemon's loop."""

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

from gateway.api import (
    about,
    cron,
    learned,
    moving,
    openai,
    openai_chat,
    openai_responses,
    openapi,
    pairing,
    sessions,
    stream,
)
from gateway.api.problems import HANDLERS
from gateway.peers import Gatekeeper, PeerProtocol
from hermes_home.version import VERSION

if TYPE_CHECKING:
    from gateway.app import App

SOCKET_PATH_BYTES = 100
"""Longer paths do not fit a socket address; they are reached through the open run folder."""


ROUTES = [
    *openai.ROUTES,
    *openai_chat.ROUTES,
    *openai_responses.ROUTES,
    *sessions.ROUTES,
    *stream.ROUTES,
    *learned.ROUTES,
    *cron.ROUTES,
    *pairing.ROUTES,
    *about.ROUTES,
    *moving.ROUTES,
    *openapi.ROUTES,
]


def doors(app: App) -> Starlette:
    """Every route, whoever may come to it."""
    starlette = Starlette(routes=ROUTES, exception_handlers=HANDLERS)
    starlette.state.app = app
    return starlette


def on_unix(app: App, doors: Starlette) -> Server:
    """The server behind the Unix socket, which knows its peers by their process."""
    return Server(Gatekeeper(doors, app.tool_roots, app.touch), PeerProtocol)


class Server(uvicorn.Server):
    """uvicorn on a socket of ours; the daemon handles the signals."""

    def __init__(self, app: Any, protocol: type[asyncio.Protocol], **options: Any) -> None:
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            date_header=False,
            headers=[("Hermes-Version", VERSION)],
            timeout_graceful_shutdown=2,
            **options,
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
