"""A web site on loopback that says exactly the bytes a test wants, and counts who came."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from types import TracebackType
from typing import Self

from tests.socket_server import read_request

Say = Callable[[socket.socket, Mapping[str, str]], None]
"""Writes an answer to a connection; it is given the request's headers too."""


def page(
    body: bytes | str = b"",
    type: str = "text/html; charset=utf-8",
    status: str = "200 OK",
    **headers: str,
) -> Say:
    """A whole answer; further headers by keyword, with _ for -."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", "Connection: close"]
    lines += [f"Content-Type: {type}"] if type else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    def say(connection: socket.socket, _: Mapping[str, str]) -> None:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + data)

    return say


def redirect(target: str, status: int = 302) -> Say:
    return page(status=f"{status} Go on", Location=target)


class Site:
    """Serves `routes` by path, 404 else. `hits`: connections so far; `asked`: request lines and
    headers."""

    def __init__(
        self,
        routes: Mapping[str, Say] | None = None,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.routes = dict(routes or {})
        self.hits = 0
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._tls = tls
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((host, port))
        except OSError:
            self.close()
            raise
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if tls else 'http'}://{name}:{self.port}"

    def close(self) -> None:
        """Of a site that was not entered."""
        self._listener.close()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.hits += 1
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, plain: socket.socket) -> None:
        with closing(plain), suppress(OSError):
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with closing(connection), connection.makefile("rb") as incoming:
                if request := read_request(incoming):
                    line, headers, _ = request
                    self.asked.append((line, headers))
                    path = line.split(" ")[1].partition("?")[0]
                    self.routes.get(path, page("not here", status="404 Not Found"))(
                        connection, headers
                    )
