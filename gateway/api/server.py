"""The application behind the sockets, and the server that runs it on the daemon's loop."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    sharing,
    stream,
    trials,
    upkeep,
)
from gateway.api.problems import HANDLERS
from gateway.peers import Gatekeeper, PeerProtocol
from gateway.serving import Server
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
    *upkeep.ROUTES,
    *sharing.ROUTES,
    *trials.ROUTES,
    *openapi.ROUTES,
]


def doors(app: App) -> Starlette:
    """Every route, whoever may come to it."""
    starlette = Starlette(routes=ROUTES, exception_handlers=HANDLERS)
    starlette.state.app = app
    return starlette


def on_unix(app: App, doors: Starlette) -> ApiServer:
    """The server behind the Unix socket, which knows its peers by their process."""
    return ApiServer(Gatekeeper(doors, app.tool_roots, app.touch), PeerProtocol)


class ApiServer(Server):
    """Its answers name our version."""

    def __init__(self, app: Any, protocol: type[asyncio.Protocol], **options: Any) -> None:
        named = [("Hermes-Version", VERSION)]
        super().__init__(app, protocol, date_header=False, headers=named, **options)


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
