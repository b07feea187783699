"""Cleaning and cutting what a tool printed."""

from __future__ import annotations

import re
from collections import deque

LIMIT = 16_000
"""The most characters of a result a model reads at once."""

_HEAD_SHARE = 0.6
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # titles, links
    r"|\x1b[ -/]*[0-~]",
    re.MULTILINE,
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """The text as a terminal would leave it, without colours: of a line drawn over by carriage
    returns only the last state; no control character but newline and tab."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROL.sub("", text)


def cut(text: str, file: str) -> str:
    """At most LIMIT characters and a note: the head and the tail, at whole lines if they are not
    too long. `file` holds the whole."""
    room = LIMIT - 300
    head = text[: int(room * _HEAD_SHARE)]
    tail = text[len(text) - (room - len(head)) :]
    head = head[: head.rfind("\n") + 1] or head
    newline = tail.find("\n")
    tail = tail[newline + 1 :] if 0 <= newline < len(tail) - 1 else tail
    left = text[len(head) : len(text) - len(tail)]
    note = (
        f"[… {left.count(chr(10)):,} lines ({len(left):,} characters) are left out here; "
        f"the whole is in files/{file}, which read_file reads by that name …]"
    )
    return f"{head.rstrip()}\n{note}\n{tail}"


class BoundedOutput:
    """The first and the last of a stream, however long it is."""

    def __init__(self, head: int = 500_000, tail: int = 500_000) -> None:
        """`head` and `tail`: bytes kept at the start and at the end."""
        self._room = head
        self._limit = tail
        self._head: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self._kept = 0
        self._left_out = 0

    def add(self, data: bytes) -> None:
        if self._room:
            first, data = data[: self._room], data[self._room :]
            self._head.append(first)
            self._room -= len(first)
        if data:
            self._tail.append(data)
            self._kept += len(data)
        while self._kept - len(self._tail[0] if self._tail else b"") > self._limit:
            gone = self._tail.popleft()
            self._kept -= len(gone)
            self._left_out += len(gone)

    @property
    def full(self) -> bool:
        """Whether more of it is thrown away than kept."""
        return self._left_out > 0

    def text(self) -> str:
        head, tail = b"".join(self._head), b"".join(self._tail)
        note = f"\n[… {self._left_out:,} bytes are left out here …]\n" if self._left_out else ""
        return head.decode(errors="replace") + note + tail.decode(errors="replace")
