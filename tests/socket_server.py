"""A throw-away HTTP server on a Unix socket, for what a real daemon never answers."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Answer = Callable[[str, dict[str, str], bytes], bytes | None]


@contextmanager
def serving(path: Path, answer: Answer) -> Iterator[list[tuple[str, dict[str, str], bytes]]]:
    """A server at `path` that gives `answer(request line, headers, body)`; None hangs up."""
    requests: list[tuple[str, dict[str, str], bytes]] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    bind_at(listener, path)
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as incoming:
                while request := read_request(incoming):
                    requests.append(request)
                    reply = answer(*request)
                    if reply is None:
                        break
                    connection.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def bind_at(listener: socket.socket, path: Path) -> None:
    """By way of the open folder, so that any path fits a socket's address."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def read_request(incoming: Any) -> tuple[str, dict[str, str], bytes] | None:
    line = incoming.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while text := incoming.readline().decode().strip():
        name, _, value = text.partition(": ")
        headers[name.lower()] = value
    return line, headers, incoming.read(int(headers.get("content-length", 0)))


def reply(value: object, status: str = "200 OK") -> bytes:
    """A whole answer with a JSON body."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
