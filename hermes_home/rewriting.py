"""A repository's commits without certain words: the stream of git's fast-export, changed."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

Keep = Callable[[str, bytes], bytes | None]
"""(path, what it held) -> what it is to have held; None = the file was never there."""
Said = Callable[[str], str]
"""A commit's message -> the message it is to have."""

_DATA = re.compile(rb"data (\d+)\n")
_MARK = re.compile(rb"mark (:\d+)\n")
_PATH = re.compile(rb"(?:M \d+ (\S+)|D) (.+)\n")


class _Piece(NamedTuple):
    """One command of the stream: its lines, and the data that follows, if any."""

    lines: bytes
    data: bytes | None


def rewritten(stream: bytes, keep: Keep, said: Said) -> bytes:
    """The same commits with the files and messages as they are to have been; the same bytes if
    nothing is to be changed."""
    pieces = list(_pieces(stream))
    places: dict[bytes, list[str]] = {}
    for piece in pieces:
        for mark, path in _PATH.findall(piece.lines):
            if mark:
                places.setdefault(mark, []).append(_plain(path))
    return b"".join(_changed(piece, places, keep, said) for piece in pieces)


def _pieces(stream: bytes) -> Iterator[_Piece]:
    at = 0
    while at < len(stream):
        found = _DATA.search(stream, at)
        if found is None:
            yield _Piece(stream[at:], None)
            return
        end = found.end() + int(found[1])
        yield _Piece(stream[at : found.start()], stream[found.end() : end])
        at = end


def _changed(piece: _Piece, places: dict[bytes, list[str]], keep: Keep, said: Said) -> bytes:
    """Lines that name a file that was never there go. The lines before data tell what it is."""
    lines = b"".join(
        line
        for line in piece.lines.splitlines(keepends=True)
        if not (found := _PATH.fullmatch(line)) or keep(_plain(found[2]), b"") is not None
    )
    if piece.data is None:
        return lines
    data = piece.data
    if b"committer " in piece.lines.rpartition(b"commit refs/")[2]:
        data = said(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    elif mark := _MARK.findall(piece.lines):
        data = _kept(data, places.get(mark[-1], []), keep)
    return lines + b"data %d\n" % len(data) + data


def _kept(data: bytes, paths: list[str], keep: Keep) -> bytes:
    """What the files of these paths held, which is kept once; nothing if none of them is left."""
    found = [held for path in paths if (held := keep(path, data)) is not None]
    changed = (held for held in found if held != data)
    return next(changed, data if found or not paths else b"")


def _plain(path: bytes) -> str:
    if path.startswith(b'"'):
        path = codecs.escape_decode(path[1:-1])[0]
    return path.decode("utf-8", "surrogateescape")
