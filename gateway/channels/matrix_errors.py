"""What a Matrix server's refusals mean for delivery."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from gateway.channels.base import ChannelError, Delayed, NotPermitted, Refused, Unknown

if TYPE_CHECKING:
    import nio

_LOGGED_OUT = {
    "M_UNKNOWN_TOKEN",
    "M_MISSING_TOKEN",
    "M_USER_DEACTIVATED",
    "M_USER_LOCKED",
    "M_USER_SUSPENDED",
}
_PASSING = {"M_UNKNOWN", "M_UNRECOGNIZED", "M_NOT_JSON"}
DEFAULT_WAIT = 5.0

T = TypeVar("T")


async def ask(call: Awaitable[T], *, effect: bool = False) -> T:
    """The server's answer. With `effect` the call does something, and an answer lost on its way
    is Unknown; else ChannelError."""
    import aiohttp  # noqa: PLC0415  (comes with matrix-nio, which may be absent)

    try:
        return await call
    except aiohttp.ClientConnectorError as error:
        raise ChannelError(f"the Matrix server cannot be reached: {error}") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        kind = Unknown if effect else ChannelError
        raise kind(f"no answer from the Matrix server: {error!r}") from error


def failure(response: nio.ErrorResponse, *, effect: bool) -> ChannelError:
    """The error an answer stands for."""
    code = str(response.status_code or "")
    transport = response.transport_response
    status = transport.status if transport is not None else 0
    said = f"the Matrix server says: {response.message} ({code or status})"
    if code == "M_LIMIT_EXCEEDED" or status == 429:
        return Delayed((response.retry_after_ms or DEFAULT_WAIT * 1000) / 1000)
    if code in _LOGGED_OUT or (code == "M_FORBIDDEN" and type(response).__name__ == "LoginError"):
        return NotPermitted(said, "check MATRIX_ACCESS_TOKEN or MATRIX_PASSWORD in .env")
    if not effect:
        return Refused(said) if status == 404 or code == "M_FORBIDDEN" else ChannelError(said)
    if status >= 500:
        return Unknown(said)
    return ChannelError(said) if not code or code in _PASSING else Refused(said)
