"""The tests' Telegram as an HTTP server: addresses with the token, replies, faults on command."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.loopback_http import HttpHandler, HttpServer
from tests.telegram_forms import BadRequest, Text, received

if TYPE_CHECKING:
    from tests.telegram_server import Fault, TelegramServer


class Web:
    def __init__(self, owner: TelegramServer, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), owner)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def hang_up(self) -> None:
        self._server.hang_up()


class _Server(HttpServer):
    def __init__(self, address: tuple[str, int], owner: TelegramServer) -> None:
        self.owner = owner
        super().__init__(address, _Handler)


class _Handler(HttpHandler):
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        owner, parts = self.server.owner, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if parts.path.startswith("/file/"):
            return self._file(unquote(parts.path))
        token, _, method = parts.path.removeprefix("/bot").partition("/")
        fault = owner.fault_for(method) if token == owner.token else None
        if fault is not None and self._instead(fault):
            return
        try:
            if not parts.path.startswith("/bot") or ":" not in token:
                raise BadRequest("Not Found", 404)
            if token != owner.token:
                raise BadRequest("Unauthorized", 401)
            sent = {name: Text(value) for name, value in parse_qsl(parts.query, True)}
            sent |= received(self.headers.get("Content-Type", ""), body)
            result = owner.answer(method, sent)
        except BadRequest as refusal:
            return self._refuse(refusal)
        if fault is not None:
            return self._after(fault, result)
        self._json(200, {"ok": True, "result": result})

    def _instead(self, fault: Fault) -> bool:
        """A fault that keeps the call from being done."""
        if fault.kind == "flood":
            told = f"retry after {fault.seconds}"
            self._refuse(BadRequest(told, 429, retry_after=fault.seconds))
        elif fault.kind == "error":
            self._json(
                500, {"ok": False, "error_code": 500, "description": "Internal Server Error"}
            )
        elif fault.kind == "gone":
            self._refuse(BadRequest("bot was blocked by the user", 403))
        elif fault.kind == "entities":
            self._refuse(BadRequest('can\'t parse entities: Unsupported start tag "x"'))
        elif fault.kind == "early":
            self._cut()
        else:
            return False
        return True

    def _after(self, fault: Fault, result: Any) -> None:
        """A fault after the call was done."""
        if fault.kind == "lost":
            self.server.owner.closing.wait()
            self._cut()
        elif fault.kind == "cut":
            self._cut()
        elif fault.kind == "late":
            self._json(502, {"ok": False, "error_code": 502, "description": "Bad Gateway"})
        elif fault.kind == "mute":
            result = {name: value for name, value in result.items() if name != "message_id"}
            self._json(200, {"ok": True, "result": result})
        else:
            assert fault.kind == "bad", fault.kind
            self._send(200, b"<html>welcome</html>", "text/html")

    def _file(self, path: str) -> None:
        start, token, name = path.removeprefix("/file/").partition(f"{self.server.owner.token}/")
        found = self.server.owner.chats.path(name) if start == "bot" and token else None
        if found is None:
            return self._refuse(BadRequest("Not Found", 404))
        self._send(200, found, "application/octet-stream")

    def _refuse(self, refusal: BadRequest) -> None:
        said = {"ok": False, "error_code": refusal.code, "description": str(refusal)}
        self._json(
            refusal.code, said | ({"parameters": refusal.parameters} if refusal.parameters else {})
        )

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, data: bytes, type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
