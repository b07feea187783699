"""Telegram's Bot API by plain HTTP: a method called, a file sent, a file fetched.

What goes wrong becomes an error of base.py, told apart by whether the call may have had its
effect. The token is part of every address, so no address is ever logged or put into an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from agent.providers.web import on_this_machine, trusted
from gateway.channels.base import ChannelError, Delayed, NotPermitted, Refused, Unknown

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""For an answer of the API, unless the call itself waits longer."""
UPLOAD_SECONDS = 60.0
DOWNLOAD_BYTES = 20_000_000
"""What the Bot API lets a bot fetch."""
ANSWER_BYTES = 16 * 1024 * 1024
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Faults before the first byte of a request."""

T = TypeVar("T")

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every address


class Conflict(ChannelError):
    """Somebody else fetches this bot's updates, or a webhook is set."""


class Rejected(Refused):
    """400: the API does not take this call. `reason` is its own words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Telegram refused it: {reason}")
        self.reason = reason.lower()


class Reply(msgspec.Struct, frozen=True):
    """What every method answers."""

    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: dict[str, Any] = {}


class BotApi:
    """One bot of one Bot API server."""

    def __init__(self, token: str, address: str) -> None:
        self._token = token
        self._calls = f"{address}/bot{token}"
        self._files = f"{address}/file/bot{token}"
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=16, keepalive_expiry=15.0),
            trust_env=not on_this_machine(address),
            verify=trusted(address),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def call(
        self, method: str, parameters: Mapping[str, Any], within: float = ANSWER_SECONDS
    ) -> msgspec.Raw:
        """The result as JSON. within: seconds. NotPermitted, Conflict, Delayed, Rejected, Refused,
        Unknown; ChannelError if the call certainly had no effect."""
        request = self._client.build_request("POST", f"{self._calls}/{method}", json=parameters)
        return await self._answer(request, within)

    async def upload(
        self, method: str, parameters: Mapping[str, Any], field: str, file: tuple[Path, str]
    ) -> msgspec.Raw:
        """Call a method with a file, (path, the name people see), as the parameter `field`."""
        path, name = file
        form = {key: _formed(value) for key, value in parameters.items()}
        with path.open("rb") as stream:
            request = self._client.build_request(
                "POST", f"{self._calls}/{method}", data=form, files={field: (name, stream)}
            )
            return await self._answer(request, UPLOAD_SECONDS)

    async def download(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file by its `file_path`; ChannelError if it cannot be had whole."""
        request = self._client.build_request("GET", f"{self._files}/{path}")
        with self._faults():
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self._client.send(request, stream=True)
        try:
            if response.status_code != 200:
                raise ChannelError(f"Telegram has no such file ({response.status_code})")
            size, pieces = 0, response.aiter_bytes()
            while piece := await self._piece(pieces):
                size += len(piece)
                if size > DOWNLOAD_BYTES:
                    raise ChannelError("the file is larger than a bot may fetch (20 MB)")
                yield piece
        finally:
            await response.aclose()

    async def _piece(self, pieces: AsyncIterator[bytes]) -> bytes:
        with self._faults():
            async with asyncio.timeout(ANSWER_SECONDS):
                return await anext(pieces, b"")

    async def _answer(self, request: httpx.Request, within: float) -> msgspec.Raw:
        with self._faults():
            async with asyncio.timeout(within):
                response = await self._client.send(request, stream=True)
                try:
                    body = await _bounded(response)
                finally:
                    await response.aclose()
        try:
            reply = msgspec.json.decode(body, type=Reply)
        except msgspec.DecodeError:
            raise _unintelligible(response.status_code) from None
        if not reply.ok:
            raise _error(reply)
        return reply.result

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """What goes wrong on the way, as ours; `from None` because theirs hold the address."""
        try:
            yield
        except NOT_SENT as error:
            raise ChannelError(
                f"Telegram cannot be reached ({self._words(error)})",
                "Look at the network and channels.telegram.api_url; it is tried again.",
            ) from None
        except TimeoutError:
            raise Unknown("Telegram did not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Unknown(f"the connection to Telegram broke ({self._words(error)})") from None

    def _words(self, error: Exception) -> str:
        return (str(error) or type(error).__name__).replace(self._token, "…")


def decoded(result: msgspec.Raw, type: type[T]) -> T:
    """A call's result as what it is documented to be."""
    try:
        return msgspec.json.decode(result, type=type)
    except msgspec.DecodeError as error:
        raise ChannelError(f"Telegram's answer is not as documented: {error}") from None


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > ANSWER_BYTES:
            raise Unknown("Telegram's answer is too large")
    return bytes(body)


def _formed(value: Any) -> str:
    """A parameter as a form field."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _unintelligible(status: int) -> ChannelError:
    """No answer of the API: a proxy's, or its own when it is down."""
    if status in (401, 404):
        return ChannelError(
            f"what answers is not the Bot API ({status})", "Check channels.telegram.api_url."
        )
    return Unknown(f"Telegram's answer cannot be read ({status})")


def _error(reply: Reply) -> ChannelError:
    code, reason = reply.error_code, reply.description
    if code in (401, 404):
        return NotPermitted(
            f"Telegram does not know this bot ({reason})",
            "Run `hermes gateway setup telegram` with the token that BotFather shows.",
        )
    if code == 409:
        return Conflict(
            f"Another program uses this bot ({reason})",
            "Stop it, or make it a bot of its own; one token serves one program.",
        )
    if code == 429:
        return Delayed(float(reply.parameters.get("retry_after", 5)))
    if code == 403:
        return Refused(f"Telegram refused it: {reason}")
    if 400 <= code < 500:
        return Rejected(reason)
    return Unknown(f"Telegram failed ({code} {reason})")
