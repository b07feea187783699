"""HTTP/1.1 over the daemon's Unix socket, blocking, by hand: an HTTP library costs 60 ms."""

from __future__ import annotations

import json
import os
import socket
import sys

from hermes_home.errors import HermesError, UnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

LONGEST_PATH = 100
"""Bytes; a socket's address holds 104 on macOS, 108 on Linux."""
PATIENCE = 60.0
"""Seconds without a byte; an event stream says something every 15."""
EXIT_CODES = {403: 1, 429: 3}


class NotListening(UnavailableError):
    """No daemon answers at the socket."""


class Lost(UnavailableError):
    """The daemon went away in the middle of an answer."""


class Problem(HermesError):
    """The daemon's refusal, from an RFC 9457 document."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.exit_code = EXIT_CODES.get(status, 4 if status >= 500 else 2)


class ServerEvent:
    """One server-sent event."""

    __slots__ = ("data", "id", "kind")

    def __init__(self, id: str, kind: str, data: str) -> None:
        self.id = id
        self.kind = kind
        self.data = data


def dial(path: str, timeout: float = PATIENCE) -> socket.socket:
    """A connected socket; NotListening if nobody answers there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        _connect(connection, path)
    except OSError as error:
        connection.close()
        raise NotListening(f"no daemon answers at {path}", "start it: hermes daemon start") from (
            error
        )
    return connection


def _connect(connection: socket.socket, path: str) -> None:
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return connection.connect(path)
    folder, name = os.path.split(path)
    if sys.platform != "linux":
        return _connect_by_link(connection, folder, name)
    opened = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{opened}/{name}")
    finally:
        os.close(opened)


def _connect_by_link(connection: socket.socket, folder: str, name: str) -> None:
    """Through a short symbolic link, where /proc does not lead to open folders."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as short:
        os.symlink(folder, os.path.join(short, "r"))
        connection.connect(os.path.join(short, "r", name))


class Wire:
    """One connection to the daemon. Requests follow each other; a stream is the last."""

    def __init__(self, path: str, timeout: float = PATIENCE) -> None:
        self._socket = dial(path, timeout)
        self._incoming = Incoming(self._socket)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def shut(self) -> None:
        """End what another thread reads here."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it had ended

    def get(self, target: str) -> Any:
        return self.ask("GET", target)

    def post(self, target: str, body: object = None, key: str = "") -> Any:
        return self.ask("POST", target, {} if body is None else body, key)

    def ask(self, method: str, target: str, body: object = None, key: str = "") -> Any:
        """The JSON of a request's answer, None if it is empty. `key`: the same key twice is one
        effect. Problem if the daemon refuses, Lost if it goes away."""
        text = self.text(method, target, body, key)
        return json.loads(text) if text else None

    def text(self, method: str, target: str, body: object = None, key: str = "") -> str:
        headers = {"Idempotency-Key": key} if key else {}
        return b"".join(self._send(method, target, body, headers)).decode()

    def stream(self, target: str) -> Iterator[ServerEvent]:
        """Server-sent events until the daemon ends them; Lost if it does not."""
        return server_sent(self._send("GET", target, None, {"Accept": "text/event-stream"}))

    def _send(
        self, method: str, target: str, body: object, headers: dict[str, str]
    ) -> Iterator[bytes]:
        payload = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        lines = [f"{method} {target} HTTP/1.1", "Host: hermes", f"Content-Length: {len(payload)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        try:
            self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        except OSError as error:
            raise Lost("the daemon went away", "hermes logs shows why") from error
        return self._answer()

    def _answer(self) -> Iterator[bytes]:
        status, headers = self._incoming.head()
        pieces = self._incoming.body(headers)
        if status >= 400:
            raise problem(status, b"".join(pieces))
        return pieces


class Incoming:
    """Answers read from a socket (anything with `recv`)."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._buffer = b""

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers (names in lower case) of the next answer."""
        try:
            status = int(self._line().split(b" ", 2)[1])
        except (IndexError, ValueError):
            raise Lost("what answers at the socket does not speak HTTP") from None
        headers = {}
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return status, headers

    def body(self, headers: dict[str, str]) -> Iterator[bytes]:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
        else:
            yield from self._pieces(int(headers.get("content-length", "0")))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line().split(b";")[0], 16):
            yield from self._pieces(size)
            self._line()
        while self._line():
            pass

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if not self._buffer:
                self._receive()
            piece, self._buffer = self._buffer[:size], self._buffer[size:]
            size -= len(piece)
            yield piece

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def _receive(self) -> None:
        try:
            data = self._source.recv(65536)
        except OSError as error:
            raise Lost(f"no answer from the daemon: {error}", "hermes logs shows why") from error
        if not data:
            raise Lost("the daemon went away", "hermes logs shows why")
        self._buffer += data


def problem(status: int, body: bytes) -> Problem:
    """What a refused request's body says; the body itself if it is no problem document."""
    try:
        told = json.loads(body)
        return Problem(status, told.get("detail") or told["title"], told.get("hint", ""))
    except (ValueError, KeyError, AttributeError):
        text = body[:200].decode(errors="replace").strip()
        return Problem(status, f"the daemon answered {status}: {text}")


def server_sent(pieces: Iterable[bytes]) -> Iterator[ServerEvent]:
    """The events of a stream, however it is cut into pieces. A comment is an event of kind ":"."""
    fields: dict[str, list[str]] = {}
    for line in lines(pieces):
        name, _, value = line.partition(":")
        if line.startswith(":"):
            yield ServerEvent("", ":", value.strip())
        elif name:
            fields.setdefault(name, []).append(value.removeprefix(" "))
        elif not line and "data" in fields:
            id, kind = fields.get("id", [""])[-1], fields.get("event", [""])[-1]
            yield ServerEvent(id, kind, "\n".join(fields["data"]))
        if not line:
            fields = {}


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Whole lines without their ends; an unfinished last one is dropped."""
    held = b""
    for piece in pieces:
        *whole, held = (held + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode(errors="replace")
