"""A scripted model on loopback that speaks the OpenAI chat API and notes what it was sent.

with Model() as model:
    ... run an agent whose endpoint is model.url ...
    model.requests("count-60")
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.benchmarks.script import Position, decide, locate
from tests.model_answers import Answer, completion, stream

CONTEXT_WINDOW = 200_000
CARD = {"id": "bench-model", "object": "model", "context_length": CONTEXT_WINDOW}


@dataclass(frozen=True)
class Request:
    """One request. Times in seconds of `time.perf_counter`: when its last byte was read and when
    the reply's last byte was handed to the socket."""

    received: float
    done: float
    body: dict[str, Any]
    position: Position
    reply: Answer

    @cached_property
    def parts(self) -> list[bytes]:
        """The prompt in the order a provider caches it: tools, then each message."""
        return [_canonical(part) for part in [self.body.get("tools", []), *self.body["messages"]]]

    @property
    def size(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def tools_bytes(self) -> int:
        return len(self.parts[0])

    @property
    def system_bytes(self) -> int:
        roles = [message["role"] for message in self.body["messages"]]
        return sum(
            len(part)
            for role, part in zip(roles, self.parts[1:], strict=True)
            if role in ("system", "developer")
        )

    def kept_by(self, later: Request) -> float:
        """The share of this prompt that `later` begins with, 0 to 1."""
        kept = 0
        for mine, other in itertools.zip_longest(self.parts, later.parts, fillvalue=b""):
            if mine != other:
                kept += len(os.path.commonprefix([mine, other])) if mine else 0
                break
            kept += len(mine)
        return kept / self.size


class Model:
    """Serves from a thread of its own, so that it costs the measured processes nothing."""

    def __init__(self) -> None:
        self.log: list[Request] = []
        self.port = 0
        self._serving = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def requests(self, name: str) -> list[Request]:
        """What belongs to the script `name` and offers tools, in order of arrival."""
        return [r for r in self.log if r.position.name == name and r.body.get("tools")]

    def __enter__(self) -> Model:
        self._thread.start()
        self._serving.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _main(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._serving.set()
        await self._ended.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._exchange(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, raw = await _read(reader)
        received = time.perf_counter()
        if method != "POST" or not path.endswith("/chat/completions"):
            known = path.endswith("/models")
            writer.write(_json({"object": "list", "data": [CARD]} if known else {}, known))
            return
        body = json.loads(raw)
        position = locate(body["messages"])
        reply = decide(position, _names(body.get("tools", [])))
        if body.get("stream"):
            text = "".join(stream(reply, raw))
            writer.write(_answer(text.encode(), "text/event-stream"))
        else:
            writer.write(_json(completion(reply, raw)))
        await writer.drain()
        self.log.append(Request(received, time.perf_counter(), body, position, reply))


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    """Method, path and body of the next request on a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    return method, path, await reader.readexactly(int(fields.get("content-length", 0)))


def _names(tools: list[dict[str, Any]]) -> list[str]:
    return [tool.get("function", tool).get("name", "") for tool in tools]


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _json(value: object, found: bool = True) -> bytes:
    return _answer(json.dumps(value).encode(), "application/json", "200 OK" if found else "404 No")


def _answer(body: bytes, kind: str, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
