"""All HTTP of the providers: requests to one endpoint; what goes wrong becomes ProviderError."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpcore

from agent.providers.address import Address
from agent.providers.way import Way
from hermes_home.errors import ProviderError

_LARGEST = 64 * 1024 * 1024
_UNREACHABLE = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.ProxyError)
_BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
_COMPRESSED = ("gzip", "x-gzip", "deflate")
_ANY_FORMAT = 32 + zlib.MAX_WBITS  # gzip or zlib, told by the data


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a connection, for the first byte of an answer, and between pieces."""

    connect: float = 10.0
    first: float = 600.0
    between: float = 120.0


class Answer:
    """A response whose body arrives piece by piece. `headers`: by their names in lower case."""

    def __init__(self, web: Web, response: httpcore.Response) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        self._web = web
        compressed = self.headers.get("content-encoding", "").lower() in _COMPRESSED
        arriving = response.aiter_stream()
        self._pieces = _decompressed(arriving) if compressed else arriving
        self._waits = web.patience.first

    async def read(self, within: float | None = None) -> bytes:
        """The next bytes, b"" at the end. within: seconds, instead of the endpoint's patience."""
        wait = self._waits if within is None else within
        with self._web.faults(wait):
            async with asyncio.timeout(wait):
                piece = await anext(self._pieces, b"")
        self._waits = self._web.patience.between
        return piece

    async def rest(self) -> bytes:
        """All bytes not yet read."""
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read():
            pieces.append(piece)
            size += len(piece)
            if size > _LARGEST:
                raise ProviderError(
                    f"The answer of {self._web.host} is too large", kind="bad_reply"
                )
        return b"".join(pieces)


class Web:
    """The way to one endpoint. Its connections are made when they are needed.

    Proxies of the environment are used, except for an endpoint on this machine. Redirects are
    not followed: a key goes nowhere but to the host it was given for.
    """

    def __init__(self, base_url: str, api_key: str = "", patience: Patience | None = None) -> None:
        self.base_url = base_url
        self.host = _host(base_url)
        self.patience = patience or Patience()
        self._key = api_key.strip()
        self._way: Way | None = None

    @asynccontextmanager
    async def post(self, path: str, body: bytes) -> AsyncIterator[Answer]:
        """Send JSON; leaving the context closes the response, read to its end or not."""
        async with self._open("POST", path, body) as answer:
            yield answer

    @asynccontextmanager
    async def fetch(self, path: str) -> AsyncIterator[Answer]:
        async with self._open("GET", path, b"") as answer:
            yield answer

    async def close(self) -> None:
        way, self._way = self._way, None
        if way:
            await way.close()

    @asynccontextmanager
    async def _open(self, method: str, path: str, body: bytes) -> AsyncIterator[Answer]:
        with self.faults(self.patience.first):
            way = self._way = self._way or self._connect()
            async with asyncio.timeout(self.patience.first):
                response = await way.send(method, path, body)
        try:
            yield Answer(self, response)
        finally:
            await response.aclose()

    def _connect(self) -> Way:
        if not (self._key.isascii() and self._key.isprintable()):
            raise ProviderError(
                f"The key for {self.host} holds characters that no key has",
                "Run `hermes setup` and paste the key again.",
                kind="auth",
            )
        try:
            address = Address.of(self.base_url)
        except ValueError as error:
            raise ProviderError(
                f"model.base_url is no address of an endpoint ({error})",
                "Set it to one like http://127.0.0.1:11434/v1.",
                kind="bad_request",
            ) from error
        try:
            return Way(address, self._key, self.patience.connect)
        except ValueError as error:
            raise ProviderError(
                f"The proxy to {self.host} cannot be used ({error})",
                "Name an http:// proxy in https_proxy, or the host in no_proxy.",
                kind="bad_request",
            ) from error

    @contextmanager
    def faults(self, seconds: float) -> Iterator[None]:
        """Turns what goes wrong on the way into ProviderError; `seconds` is what was waited."""
        try:
            yield
        except TimeoutError as error:
            raise ProviderError(
                f"{self.host} sent nothing for {seconds:g} s",
                "See whether the model server still works; a smaller model answers sooner.",
                kind="timeout",
                retryable=True,
            ) from error
        except _UNREACHABLE as error:
            raise self._unreachable(error) from error
        except _BROKEN as error:
            raise ProviderError(
                f"The connection to {self.host} broke ({_words(error)})",
                "Try again; if it stays so, see the model server's log.",
                kind="connection",
                retryable=True,
            ) from error
        except zlib.error as error:
            raise ProviderError(
                f"The answer of {self.host} cannot be decompressed", kind="bad_reply"
            ) from error

    def _unreachable(self, error: Exception) -> ProviderError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ProviderError(
                f"The certificate of {self.host} is not trusted ({_words(error)})",
                "Set SSL_CERT_FILE to the certificate of your proxy or server.",
                kind="connection",
            )
        return ProviderError(
            f"{self.host} cannot be reached ({_words(error)})",
            "Start the model server or check model.base_url; `hermes setup` finds local servers.",
            kind="connection",
            retryable=True,
        )


async def _decompressed(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Some servers compress although they were asked not to."""
    decoder = zlib.decompressobj(_ANY_FORMAT)
    async for piece in pieces:
        if plain := decoder.decompress(piece):
            yield plain
    if rest := decoder.flush():
        yield rest


def _host(base_url: str) -> str:
    """The host and port for messages, without a user or password of the address."""
    try:
        return Address.of(base_url).authority
    except ValueError:
        return "the endpoint"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
