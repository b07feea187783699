"""A body up to its bound, unpacked piece by piece, so that no bomb goes off."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable

from hermes_home.errors import FetchError

MOST_BYTES = 10_000_000
"""Bytes of a body after unpacking; the rest is not read."""


async def bounded(stream: AsyncIterable[bytes], encoding: str) -> tuple[bytes, bool]:
    """The first MOST_BYTES of a body and whether there was more. encoding: its Content-Encoding;
    we ask for gzip only. FetchError."""
    unpack = _Unpacker(encoding)
    pieces: list[bytes] = []
    room = packed = MOST_BYTES + 1
    async for raw in stream:
        piece = unpack(raw, room)
        pieces.append(piece)
        room -= len(piece)
        packed -= len(raw)
        if room <= 0 or packed <= 0 or unpack.ended:
            break
    data = b"".join(pieces)
    return data[:MOST_BYTES], room <= 0 or packed <= 0


class _Unpacker:
    def __init__(self, encoding: str) -> None:
        known = encoding.strip().lower()
        if known not in ("", "identity", "gzip", "x-gzip"):
            raise FetchError(f"the page came packed as {known[:40]!r}, which was not asked for")
        self._zipped = "gzip" in known
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def ended(self) -> bool:
        """Whatever follows is no part of the page."""
        return self._inflate.eof

    def __call__(self, raw: bytes, room: int) -> bytes:
        """At most `room` bytes, which is above 0; 0 would mean all of them."""
        if not self._zipped:
            return raw[:room]
        try:
            return self._inflate.decompress(raw, room)
        except zlib.error as error:
            raise FetchError(f"the page cannot be unpacked ({error})") from None
