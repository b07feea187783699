"""The one way out for every fetch the tools make: a GET to an address that was checked.

A name is resolved once for each hop, every address it has is checked, and the connection goes to
one of these by its number; the name stays in the Host header, in TLS's SNI and in the check of the
certificate. Redirects are followed by hand, so the next hop is checked like the first.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import httpx

from agent.web.address import (
    PORTS,
    Address,
    Allowed,
    Place,
    addresses_of,
    is_public,
    place_of,
)
from agent.web.base import Fetched
from agent.web.body import bounded
from agent.web.leaks import leaks
from hermes_home.errors import FetchError, FetchRefused
from hermes_home.settings import WebSettings
from hermes_home.version import VERSION

SECONDS = 30.0
"""For a whole fetch: names, redirects, body."""
CONNECT_SECONDS = 8.0
MOST_REDIRECTS = 5
MOST_ADDRESSES = 4
"""Addresses of one name that are tried."""
AGENT = f"hermes-daemon/{VERSION} (a personal agent, reading for its owner)"

_REDIRECTS = (301, 302, 303, 307, 308)
_OWNERS = "Only the owner can allow addresses that are not public."

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Connect = Callable[[ssl.SSLContext, str], httpx.AsyncBaseTransport]


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address the system knows for a name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def connect(trust: ssl.SSLContext, proxy: str) -> httpx.AsyncBaseTransport:
    """A way for one request. Nothing is kept open: connections are pooled by address, and one
    that was checked for a name must not serve another."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(
        verify=trust, trust_env=False, limits=limits, proxy=proxy or None
    )


class Client:
    """Keeps no cookies, no connections and no cache, and sends no Referer.

    secrets: values that must not stand in an address. seconds: for a whole fetch. `resolve` and
    `connect` are arguments for the sake of tests.
    """

    def __init__(
        self,
        settings: WebSettings,
        secrets: Callable[[], Collection[str]] = tuple,
        *,
        resolve: Resolve = resolve,
        connect: Connect = connect,
        seconds: float = SECONDS,
    ) -> None:
        self._allowed = Allowed.of(settings.allow_private)
        self._proxy = settings.proxy
        self._secrets = secrets
        self._resolve = resolve
        self._connect = connect
        self._seconds = seconds

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, private: bool = True
    ) -> Fetched:
        """Follow a URL to its end, whatever status that has. FetchError, FetchRefused.

        headers: more of them, for this host only. private: whether the owner's exceptions count.
        """
        allowed = self._allowed if private else Allowed()
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(url, headers or {}, allowed)
        except TimeoutError:
            raise FetchError(f"{_shown(url)} took longer than {self._seconds:g} s") from None

    async def addresses(self, url: str) -> tuple[str, int, list[str]]:
        """Host, port and the addresses that may be connected to for a URL, for a program that
        connects by itself; with a proxy, no address. FetchError, FetchRefused."""
        place = self._place(url)
        targets = await self._targets(place, self._allowed)
        return place.host, place.port, [] if self._proxy else [target.host for target in targets]

    async def _follow(self, url: str, headers: Mapping[str, str], allowed: Allowed) -> Fetched:
        first = place = self._place(url)
        for _ in range(MOST_REDIRECTS + 1):
            same = (place.url.scheme, place.netloc) == (first.url.scheme, first.netloc)
            answer = await self._once(place, headers if same else {}, allowed)
            if isinstance(answer, Fetched):
                return answer
            after = self._place(answer)
            if place.url.scheme == "https" and after.url.scheme == "http":
                raise FetchRefused(f"{_shown(str(place.url))} redirects from https to plain http")
            place = after
        raise FetchError(f"{_shown(url)} redirects more than {MOST_REDIRECTS} times")

    def _place(self, url: str) -> Place:
        if leaks(url, self._secrets()):
            raise FetchRefused("this address holds a secret of the owner, which must not leave")
        return place_of(url)

    async def _once(
        self, place: Place, headers: Mapping[str, str], allowed: Allowed
    ) -> Fetched | str:
        """One hop: an answer, or where it sends us on to. Of several addresses the first that
        can be reached."""
        targets = await self._targets(place, allowed)
        trust = await _trust(place.url.scheme)
        for number, target in enumerate(targets, 1):
            try:
                async with self._connect(trust, self._proxy) as transport:
                    return await _ask(transport, place, _request(place, target, headers))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if number == len(targets):
                    raise _broken(place, error) from error
            except httpx.TransportError as error:
                raise _broken(place, error) from error
        raise AssertionError("a place has an address")

    async def _targets(self, place: Place, allowed: Allowed) -> list[httpx.URL]:
        """The place by number, for each address of it; FetchRefused if one is not to be fetched."""
        named = place.host in allowed.names
        if place.is_local_name and not named:
            raise FetchRefused(f"{place.host} is this machine and not the web", _OWNERS)
        if place.literal is not None:
            addresses: list[Address] = [place.literal]
        elif self._proxy:
            addresses = []  # the proxy resolves the name; docs/web.md says so
        else:
            addresses = await self._resolved(place)
        private = [one for one in addresses if named or allowed.holds(one)]
        for one in addresses:
            if one not in private and not is_public(one):
                leads = "is" if place.literal else f"leads to {one},"
                raise FetchRefused(f"{place.host} {leads} no public address", _OWNERS)
        excepted = named or (private and private == addresses)
        if place.port not in PORTS and not excepted:
            ports = ", ".join(map(str, PORTS))
            raise FetchRefused(f"port {place.port} is none of the web's ({ports})", _OWNERS)
        if self._proxy:
            return [place.url]
        return [place.at(one) for one in addresses[:MOST_ADDRESSES]]

    async def _resolved(self, place: Place) -> list[Address]:
        try:
            found = addresses_of(await self._resolve(place.host, place.port), place)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise FetchError(
                f"no address is known for {place.host}",
                "Check the spelling; if every name fails, this machine has no network.",
            )
        return found


def _request(place: Place, target: httpx.URL, headers: Mapping[str, str]) -> httpx.Request:
    fixed = {
        "Host": place.netloc,
        "User-Agent": AGENT,
        "Accept": "text/html, text/markdown, text/plain, application/json, */*;q=0.5",
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
    waits = {"connect": CONNECT_SECONDS, "read": SECONDS, "write": SECONDS, "pool": SECONDS}
    more = {"sni_hostname": place.host, "timeout": waits}
    return httpx.Request("GET", target, headers={**fixed, **headers}, extensions=more)


async def _ask(
    transport: httpx.AsyncBaseTransport, place: Place, request: httpx.Request
) -> Fetched | str:
    response = await transport.handle_async_request(request)
    try:
        onward = response.headers.get("location", "")
        if response.status_code in _REDIRECTS and onward:
            return _joined(place, onward)
        return await _read(place, response)
    finally:
        await response.aclose()


def _joined(place: Place, onward: str) -> str:
    try:
        return str(place.url.join(onward))
    except (httpx.InvalidURL, ValueError):
        raise FetchRefused(f"{_shown(str(place.url))} redirects to what is not a URL") from None


async def _read(place: Place, response: httpx.Response) -> Fetched:
    assert isinstance(response.stream, httpx.AsyncByteStream)  # of an asynchronous transport
    data, cut = await bounded(response.stream, response.headers.get("content-encoding", ""))
    kind, _, parameters = response.headers.get("content-type", "").partition(";")
    return Fetched(
        url=str(place.url),
        status=response.status_code,
        type=kind.strip().lower()[:100],
        charset=_charset(parameters),
        data=data,
        cut=cut,
        at=time.time(),
        modified=response.headers.get("last-modified", "")[:40],
    )


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return "".join(sign for sign in value if sign.isalnum() or sign in "._:-")[:40]
    return ""


async def _trust(scheme: str) -> ssl.SSLContext:
    """What certificates are checked against, SSL_CERT_FILE included; nothing for plain http."""
    if scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return await asyncio.to_thread(_authorities)


@functools.lru_cache(1)
def _authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _broken(place: Place, error: Exception) -> FetchError:
    said = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return FetchError(f"the certificate of {place.netloc} is not to be trusted ({said})")
    return FetchError(f"{place.netloc} cannot be read ({said})")


def _shown(url: str) -> str:
    return url if len(url) <= 200 else f"{url[:200]}…"
