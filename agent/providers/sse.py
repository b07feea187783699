"""An incremental parser for server-sent events: bytes in, in any pieces, whole events out."""

from __future__ import annotations

from typing import NamedTuple

LIMIT = 32 * 1024 * 1024
"""Bytes one event may have before the stream counts as broken."""

_BOM = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """`data` is the event's data lines joined by newlines, undecoded; `id` the last id seen."""

    data: bytes
    event: str = "message"
    id: str = ""


class ServerEvents:
    """Feed it what arrives; `close` gives the event that the stream's end left unfinished."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._event = ""
        self._id = ""
        self._size = 0
        self._after_cr = False
        self._begun = False

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """The events that `piece` completes. ValueError: one event is larger than LIMIT."""
        first, *others = self._newlines(piece).split(b"\n")
        self._line.append(first)
        self._size += len(piece)
        if self._size > LIMIT:
            raise ValueError("an event of the stream is too large")
        events: list[ServerEvent] = []
        for rest in others:
            self._end_line(events)
            self._line.append(rest)
        return events

    def close(self) -> list[ServerEvent]:
        """The last event of a stream which ended without the empty line that completes one."""
        events: list[ServerEvent] = []
        self._end_line(events)
        self._end_event(events)
        return events

    def _newlines(self, piece: bytes) -> bytes:
        """`piece` with its CRLF and CR made LF, also where a CRLF is split between two pieces."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
        if piece:
            self._after_cr = piece.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece

    def _end_line(self, events: list[ServerEvent]) -> None:
        line = b"".join(self._line)
        self._line.clear()
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if line:
            self._field(line)
        else:
            self._end_event(events)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")

    def _end_event(self, events: list[ServerEvent]) -> None:
        if self._data:
            events.append(ServerEvent(b"\n".join(self._data), self._event or "message", self._id))
            self._data.clear()
        self._event = ""
        self._size = 0
