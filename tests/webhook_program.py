"""A program at the other end of the webhook channel: it posts what people say until it is taken,
and keeps what is posted back, judging each signature by docs/channels/webhook.md alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a-secret-of-both-sides-0123456789"


def headers(body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """A signature as the documentation says it is made."""
    stamp = str(int(time.time() if at is None else at))
    digest = hashlib.sha256(body).hexdigest()
    signature = hmac.new(secret.encode(), f"{stamp}.{digest}".encode(), "sha256").hexdigest()
    return {
        "X-Hermes-Timestamp": stamp,
        "X-Hermes-Digest": digest,
        "X-Hermes-Signature": signature,
    }


class Program:
    """Use as a context. `port`: where the channel listens. `faults`: what the next answers to
    posts are to be: flood, lost, gone."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.said: list[bytes] = []
        self.taken = 0
        self.shown: dict[str, dict[str, Any]] = {}
        self.faults: list[str] = []
        self.forged = 0
        self._ending = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/answers"
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.02,)),
            threading.Thread(target=self._deliver),
        ]

    def __enter__(self) -> Program:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def say(self, text: str, chat: str = "c1", sender: str = "u1", **more: Any) -> bytes:
        """Somebody writes; the post's body. It is posted until it is taken."""
        event = f"e{len(self.said) + 1}"
        told = {"event": event, "chat": chat, "sender": sender, "text": text, **more}
        self.said.append(json.dumps(told).encode())
        return self.said[-1]

    def post(
        self, body: bytes, signed: dict[str, str] | None = None, path: str = "/messages"
    ) -> int:
        """The status of one post; 0 if nobody answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, body, headers(body) if signed is None else signed)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def until(self, holds: Callable[[], Any], seconds: float = 60.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            if time.monotonic() > deadline:
                raise AssertionError(list(self.shown.values()))
            time.sleep(0.02)
        return found

    def answers(self, chat: str = "c1") -> list[str]:
        return [one["text"] for one in list(self.shown.values()) if one["chat"] == chat]

    def _deliver(self) -> None:
        while not self._ending.is_set():
            if self.taken < len(self.said) and self.post(self.said[self.taken]) == 202:
                self.taken += 1
            else:
                self._ending.wait(0.05)

    def answered(self, body: bytes, given: Any) -> int:
        """A post to us: 0 = the connection breaks."""
        fault = self.faults.pop() if self.faults else ""
        if fault in ("flood", "gone"):
            return {"flood": 429, "gone": 410}[fault]
        wanted = headers(body, at=float(given.get("X-Hermes-Timestamp", "0")))
        if any(not hmac.compare_digest(given.get(name, ""), wanted[name]) for name in wanted):
            self.forged += 1
            return 401
        message = json.loads(body)
        assert message["key"] == given["Idempotency-Key"]
        self.shown.setdefault(message["key"], message)
        return 0 if fault == "lost" else 204


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], program: Program) -> None:
        self.program = program
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 20

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.program.answered(body, self.headers)
        if not status:
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass
