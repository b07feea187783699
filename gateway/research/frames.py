"""What a batch's parent and its workers say to each other, and how it goes over a pipe: the length
in four bytes, then MessagePack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from agent.inputs import RunOptions

LENGTH = 4
MOST = 1 << 30
"""Bytes of one frame; more is a worker gone wrong."""

STOP_SECONDS = 20.0
"""What a run may take to stop when its time is over."""

Frame = TypeVar("Frame")


class Task(msgspec.Struct, frozen=True, tag=True):
    """A prompt to carry out. attempt: from 1, each begins anew. template: the folder its workspace
    is a copy of, empty = an empty one. workspace: where that is made. seconds: its time limit.
    compress: tokens its trajectory is to fit into; 0 = as it is. data: rides into the result."""

    id: str
    prompt: str
    attempt: int
    workspace: str
    template: str
    options: RunOptions
    seconds: float
    compress: int
    data: dict[str, Any] = {}

    @property
    def key(self) -> str:
        """Names the attempt: what was begun under it is gone on with."""
        return f"{self.id}/{self.attempt}"


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The worker has its home and waits for a task."""


class Beat(msgspec.Struct, frozen=True, tag=True):
    """The worker is alive."""


class Result(msgspec.Struct, frozen=True, tag=True):
    """What became of a task. reason, error: as in one.Done; `file`, the session's file, is empty
    if there was no run. whole: it came to an end of its own, so no further attempt is due.
    interrupted: calls that were cut short, so that their effect is unknown."""

    id: str
    attempt: int
    whole: bool
    reason: str
    error: str = ""
    file: bytes = b""
    outcome: str = "unknown"
    reward: float | None = None
    tool_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    interrupted: int = 0


Report = Ready | Beat | Result


class Frames(Generic[Frame]):
    """Puts what comes in pieces together again."""

    def __init__(self, kind: object) -> None:
        self._decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(kind)
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now; ValueError if this is none of ours."""
        self._bytes += data
        while len(self._bytes) >= LENGTH:
            length = int.from_bytes(self._bytes[:LENGTH])
            if length > MOST:
                raise ValueError("not a frame")
            if len(self._bytes) < LENGTH + length:
                return
            whole = bytes(self._bytes[LENGTH : LENGTH + length])
            del self._bytes[: LENGTH + length]
            yield self._decoder.decode(whole)


def framed(message: msgspec.Struct) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH) + body
