"""A program at the other end of the loopback channel: a real HTTP server that speaks
docs/channels/loopback.md strictly, keeps what people would see, and can be told to misbehave."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback_http import HttpHandler, HttpServer

TOKEN = "loopback-secret"


@dataclass
class Message:
    """One message in a chat. `texts`: each form it ever had; `gone`: it was deleted."""

    id: str
    chat: str
    key: str
    texts: list[str]
    buttons: list[list[dict[str, str]]] = field(default_factory=list)
    silent: bool = False
    files: list[bytes] = field(default_factory=list)
    gone: bool = False
    thread: str = ""

    @property
    def text(self) -> str:
        return self.texts[-1]


class Program:
    """Use as a context. `misbehave(method, target, body)` may name a fault for a request:

    flood  429 with a Retry-After; nothing is done
    lost   done, and the connection cut before the answer
    cut    not done, and the connection cut
    mute   done and answered, without a message id
    fail   503, nothing is done
    gone   410, nothing is done
    hang   no answer until `release`
    """

    def __init__(self, account: str = "bot-1") -> None:
        self.account = account
        self.events: list[dict[str, Any]] = []
        self.acknowledged = 0
        self.redeliver = 1
        self.messages: list[Message] = []
        self.presses: list[str] = []
        self.files: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self.misbehave: Callable[[str, str, dict[str, Any]], str] = lambda *_: ""
        self.release = threading.Event()
        self._delivered: Counter[int] = Counter()
        self._acked: dict[str, int] = defaultdict(int)
        self.lock = threading.Condition()
        self._closing = False
        self._server = _Server(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Program:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self._closing = True
            self.lock.notify_all()
        self.release.set()
        self._server.shutdown()
        self.cut()
        self._server.server_close()
        self._thread.join()

    # -- people ---------------------------------------------------------------------------------

    def say(self, text: str, chat: str = "c1", sender: str = "u1", **more: Any) -> str:
        """Somebody does something; the event's id."""
        with self.lock:
            number = len(self.events) + 1
            event = {"number": number, "event": f"e{number}", "chat": chat, "sender": sender}
            self.events.append({**event, "text": text, "at": time.time(), **more})
            self.lock.notify_all()
            return str(self.events[-1]["event"])

    def shown(self, chat: str = "c1") -> list[Message]:
        with self.lock:
            return [one for one in self.messages if one.chat == chat and not one.gone]

    def until(self, holds: Callable[[], Any], seconds: float = 60.0) -> Any:
        """What `holds` returns, as soon as it is something. A look that takes long, as a command
        does, is not taken as often."""
        deadline = (asked := time.monotonic()) + seconds
        while not (found := holds()):
            now = time.monotonic()
            if now > deadline:
                raise AssertionError([(m.chat, m.text, m.gone) for m in self.messages])
            time.sleep(min(max(0.02, 2 * (now - asked)), 1.0))
            asked = time.monotonic()
        return found

    def cut(self) -> None:
        self._server.hang_up()

    # -- the protocol ---------------------------------------------------------------------------

    def poll(self, after: int, wait: float) -> list[dict[str, Any]]:
        """What the channel has not acknowledged. `redeliver`: how often every other event comes
        at least, acknowledged or not; the others are forgotten when they are acknowledged."""
        deadline = time.monotonic() + wait
        with self.lock:
            self.acknowledged = max(self.acknowledged, after)
            while not self._closing:
                due = [one for one in self.events if self._due(one)]
                if due or time.monotonic() >= deadline:
                    self._delivered.update(one["number"] for one in due)
                    return due
                self.lock.wait(min(0.5, deadline - time.monotonic()))
        return []

    def _due(self, event: dict[str, Any]) -> bool:
        number = event["number"]
        often = self.redeliver if number % 2 else 1
        return number > self.acknowledged or self._delivered[number] < often

    def send(self, body: dict[str, Any]) -> str:
        with self.lock:
            id = f"m{len(self.messages) + 1}"
            files = [base64.b64decode(one["data"]) for one in body["uploads"]]
            self.messages.append(
                Message(
                    id,
                    body["chat"],
                    body["key"],
                    [body["text"]],
                    body["buttons"],
                    body["silent"],
                    files,
                    thread=body["thread"],
                )
            )
            return id

    def find(self, id: str) -> Message | None:
        return next((one for one in self.messages if one.id == id and not one.gone), None)

    def edit(self, id: str, body: dict[str, Any]) -> bool:
        with self.lock:
            message = self.find(id)
            if message is not None:
                message.texts.append(body["text"])
                message.buttons = body["buttons"]
            return message is not None

    def delete(self, id: str) -> bool:
        with self.lock:
            message = self.find(id)
            if message is not None:
                message.gone = True
            return message is not None


class _Server(HttpServer):
    def __init__(self, address: tuple[str, int], program: Program) -> None:
        self.program = program
        super().__init__(address, _Handler)


class _Handler(HttpHandler):
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_GET

    def _serve(self) -> None:
        program = self.server.program
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:  # the channel died meanwhile
            self.close_connection = True
            return
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {})
        body = json.loads(raw) if raw else {}
        fault = program.misbehave(self.command, parts.path, body)
        with program.lock:
            program.requests[f"{self.command} /{parts.path.split('/')[1]}"] += 1
        if fault == "hang":
            program.release.wait()
            return self._cut()
        if fault == "flood":
            return self._answer(429, {}, {"Retry-After": "0.2"})
        if fault in ("fail", "gone"):
            return self._answer({"fail": 503, "gone": 410}[fault], {})
        if fault == "cut":
            return self._cut()
        status, answer = self._route(program, parts, body)
        if fault == "lost":
            return self._cut()
        self._answer(status, {} if fault == "mute" else answer)

    def _route(self, program: Program, parts: Any, body: dict[str, Any]) -> tuple[int, Any]:
        step, _, rest = parts.path.removeprefix("/").partition("/")
        rest = unquote(rest)
        if (self.command, step) == ("GET", "me"):
            return 200, {"account": program.account}
        if (self.command, step) == ("GET", "events"):
            query = parse_qs(parts.query)
            events = program.poll(int(query["after"][0]), float(query["wait"][0]))
            return 200, {"events": events}
        if (self.command, step) == ("GET", "files"):
            found = program.files.get(rest)
            return (200, found) if found is not None else (404, {})
        if (self.command, step) == ("POST", "messages"):
            return 200, {"id": program.send(body)}
        if (self.command, step) == ("PUT", "messages"):
            return (200 if program.edit(rest, body) else 404), {}
        if (self.command, step) == ("DELETE", "messages"):
            return (200 if program.delete(rest) else 404), {}
        if (self.command, step) == ("POST", "presses"):
            program.presses.append(body["text"])
            return 200, {}
        return 404, {}

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)

    def _answer(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, header in (headers or {}).items():
            self.send_header(name, header)
        self.end_headers()
        self.wfile.write(data)


def buttons_of(message: Message) -> Sequence[dict[str, str]]:
    return [button for row in message.buttons for button in row]
