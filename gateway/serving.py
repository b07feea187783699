"""uvicorn as all our doors use it: on the daemon's loop and a socket of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


class Server(uvicorn.Server):
    """The daemon handles the signals, and `leave` ends it. options: more of uvicorn.Config."""

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
