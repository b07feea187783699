"""What the tests' platforms and models have in common: an HTTP server on loopback that can hang up
on everybody at once."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class HttpServer(ThreadingHTTPServer):
    """Keeps its connections in sight. `accepted`: how many there were."""

    daemon_threads = False
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], handler: type[HttpHandler]) -> None:
        self._open: set[socket.socket] = set()
        self.accepted = 0
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        self.accepted += 1
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class HttpHandler(BaseHTTPRequestHandler):
    """A client that goes away is no error, and nothing is logged."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at what was received, not at a log."""
