"""Reading a request's body: never more of it than is taken, and not for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from hermes_home.errors import UsageError

BODY_BYTES = 4 * 1024 * 1024
"""The longest body that is taken."""
BODY_SECONDS = 30.0
"""For all of a body to arrive."""
CLOSE = {"connection": "close"}
"""After a refusal with a body under way nothing more is read from that connection."""


async def read(request: Request) -> bytes:
    """The body as it is. 413 before anything is read if its length is told and too much, else as
    soon as it is too much; 408 if it does not come."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > BODY_BYTES:
        raise _too_long(int(told))
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                pieces.append(piece)
                if (size := size + len(piece)) > BODY_BYTES:
                    raise _too_long(size)
    except TimeoutError:
        raise HTTPException(408, "the body did not arrive in time", CLOSE) from None
    return b"".join(pieces)


def _too_long(size: int) -> HTTPException:
    detail = (
        f"the request has {size:,} bytes or more, at most {BODY_BYTES:,} are taken;"
        " write long texts to a file in the workspace and name it"
    )
    return HTTPException(413, detail, CLOSE)


async def body(request: Request, kind: type[Any]) -> Any:
    """The request's body as `kind`, strictly."""
    return msgspec.json.decode(await read(request) or b"{}", type=kind)


def idempotency_key(request: Request) -> str:
    """The key the caller chose for this request; empty = none."""
    key: str = request.headers.get("idempotency-key", "")
    if len(key) > 255:
        raise UsageError("an Idempotency-Key has at most 255 characters")
    return key
