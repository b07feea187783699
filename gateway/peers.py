"""Who is at the other end of the socket.

The terminal's principal is the owner if its uid is the daemon's. A process that a tool started
gets no say, whatever its uid: it could answer its own approvals.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.sandbox.descent import descends_from


def credentials(connection: socket.socket) -> tuple[int, int]:
    """(pid, uid) of the peer; pid 0 where the system does not tell."""
    if hasattr(socket, "SO_PEERCRED"):
        size = struct.calcsize("3i")
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        pid, uid, _ = struct.unpack("3i", raw)
        return pid, uid
    raw = connection.getsockopt(0, 0x001, 76)  # SOL_LOCAL, LOCAL_PEERCRED: struct xucred
    (uid,) = struct.unpack_from("I", raw, 4)
    (pid,) = struct.unpack("i", connection.getsockopt(0, 0x002, 4))  # LOCAL_PEERPID
    return pid, uid


class PeerProtocol(H11Protocol):
    """uvicorn's protocol, which also says who connected: the scope's `client` is (uid, pid)."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        pid, uid = credentials(connection)
        self.client = (str(uid), pid)


class Gatekeeper:
    """ASGI middleware: lets in the daemon's own user, and no process a tool started."""

    def __init__(
        self, app: Any, tool_roots: Callable[[], Iterable[int]], touch: Callable[[], None]
    ) -> None:
        self.app = app
        self._tool_roots = tool_roots
        self._touch = touch

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (why := self._refusal(scope)):
            body = (
                '{"type":"about:blank","title":"Refused","status":403,'
                f'"detail":"{why}","hint":"Use a terminal of your own."}}'
            ).encode()
            headers = [(b"content-type", b"application/problem+json")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        self._touch()
        await self.app(scope, receive, send)

    def _refusal(self, scope: Any) -> str:
        uid, pid = scope.get("client") or ("", 0)
        if uid not in (str(os.getuid()), "0"):
            return "this daemon belongs to another user"
        roots = set(self._tool_roots())
        if roots and pid and descends_from(pid, roots):
            return "a process started by a tool may not talk to the daemon"
        return ""
