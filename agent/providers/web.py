"""All HTTP of the providers: a stack of clients per endpoint; faults become ProviderError."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx

from hermes_home.errors import ProviderError

# One connection each: httpx's own pool looks at every idle connection before every request.
_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=60.0)
_KEPT = 32
"""Clients that wait for the next request, each with its connection."""
_LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a connection, for the first byte of an answer, and between pieces."""

    connect: float = 10.0
    first: float = 600.0
    between: float = 120.0


class Answer:
    """A response whose body arrives piece by piece."""

    def __init__(self, web: Web, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._web = web
        self._pieces = response.aiter_bytes()
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
    """The way to one endpoint. A request takes a client that is free, the one used last first,
    or else a new one.

    Proxies of the environment are used, except for an endpoint on this machine. Redirects are
    not followed: a key goes nowhere but to the host it was given for.
    """

    def __init__(self, base_url: str, api_key: str = "", patience: Patience | None = None) -> None:
        self.base_url = base_url.strip().rstrip("/")
        self.host = _host(self.base_url)
        self.patience = patience or Patience()
        self._key = api_key.strip()
        self._free: list[httpx.AsyncClient] = []
        self._urls: dict[str, httpx.URL] = {}
        self._closed = False
        self._trusted: ssl.SSLContext | None = None

    def post(self, path: str, body: bytes) -> AbstractAsyncContextManager[Answer]:
        """Send JSON; leaving the context closes the response, read to its end or not."""
        return self._open("POST", path, body)

    def fetch(self, path: str) -> AbstractAsyncContextManager[Answer]:
        return self._open("GET", path, b"")

    async def close(self) -> None:
        """What is under way goes on, and closes its client itself."""
        self._closed = True
        while self._free:
            await self._free.pop().aclose()

    @asynccontextmanager
    async def _open(self, method: str, path: str, body: bytes) -> AsyncIterator[Answer]:
        with self.faults(self.patience.first):
            client = self._free.pop() if self._free else self._connect()
        try:
            with self.faults(self.patience.first):
                url = self._url(path)
                request = client.build_request(method, url, content=body or None)
                async with asyncio.timeout(self.patience.first):
                    response = await client.send(request, stream=True)
            try:
                yield Answer(self, response)
            finally:
                await response.aclose()
        finally:
            self._free.append(client)
            if self._closed or len(self._free) > _KEPT:
                await self._free.pop(0).aclose()

    def _url(self, path: str) -> httpx.URL:
        """Parsed once; there are few of them."""
        if path not in self._urls:
            self._urls[path] = httpx.URL(f"{self.base_url}/{path}")
        return self._urls[path]

    def _connect(self) -> httpx.AsyncClient:
        self._trusted = self._trusted or trusted(self.base_url)
        try:
            return httpx.AsyncClient(
                headers=self._headers(),
                timeout=httpx.Timeout(None, connect=self.patience.connect),
                limits=_LIMITS,
                trust_env=not on_this_machine(self.base_url),
                verify=self._trusted,
            )
        except (ImportError, ValueError) as error:
            raise ProviderError(
                f"the proxy of the environment cannot be used ({error})",
                "Set HTTPS_PROXY or ALL_PROXY to one that begins with http://, or unset it.",
                kind="bad_request",
            ) from error

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "hermes",
        }
        if not (self._key.isascii() and self._key.isprintable()):
            raise ProviderError(
                f"The key for {self.host} holds characters that no key has",
                "Run `hermes setup` and paste the key again.",
                kind="auth",
            )
        return headers | ({"Authorization": f"Bearer {self._key}"} if self._key else {})

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
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ProviderError(
                f"model.base_url is no address of an endpoint ({_words(error)})",
                "Set it to one like http://127.0.0.1:11434/v1.",
                kind="bad_request",
            ) from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise self._unreachable(error) from error
        except httpx.TransportError as error:
            raise ProviderError(
                f"The connection to {self.host} broke ({_words(error)})",
                "Try again; if it stays so, see the model server's log.",
                kind="connection",
                retryable=True,
            ) from error
        except httpx.DecodingError as error:
            raise ProviderError(
                f"The answer of {self.host} cannot be decompressed", kind="bad_reply"
            ) from error

    def _unreachable(self, error: httpx.TransportError) -> ProviderError:
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


def _host(base_url: str) -> str:
    """The host and port for messages, without a user or password of the address."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        return "the endpoint"
    return url.netloc.decode() or "the endpoint"


def on_this_machine(base_url: str) -> bool:
    host = httpx.URL(base_url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def trusted(base_url: str) -> ssl.SSLContext:
    """What certificates are checked against, SSL_CERT_FILE included. Without TLS an empty context
    does: it trusts nobody and saves loading all authorities."""
    if base_url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context()


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
