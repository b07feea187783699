"""Which addresses may be fetched. Nothing is resolved or connected here."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import httpx

from hermes_home.errors import FetchRefused

Address = IPv4Address | IPv6Address

PORTS = (80, 443, 8080, 8443)
"""The ports of public hosts that are fetched from: those of the web, and no mail or database."""
LONGEST = 4096
"""Characters a URL may have."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_GLOBAL_6 = IPv6Network("2000::/3")
_NOT_PUBLIC: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and one cloud's metadata
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # a cloud's host, by an address that looks public
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
    )
)


def is_public(address: Address) -> bool:
    """An address of the open internet. Of IPv6 only what is assigned as global unicast: that
    leaves out mapped, translated (NAT64), local and link-local addresses."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_6:
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The owner's exceptions: names, and networks of addresses."""

    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Allowed:
        """From `web.allow_private`, which is checked."""
        names: set[str] = set()
        networks: list[IPv4Network | IPv6Network] = []
        for entry in entries:
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                names.add(entry.lower().rstrip("."))
        return cls(frozenset(names), tuple(networks))

    def holds(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads. host: lower case, ASCII, without a dot at its end. literal: the address
    if the host is written as one, in whatever spelling."""

    url: httpx.URL
    host: str
    port: int
    literal: Address | None = None

    @property
    def netloc(self) -> str:
        """As in a Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        default = _DEFAULT_PORTS[self.url.scheme] == self.port
        return name if default else f"{name}:{self.port}"

    @property
    def is_local_name(self) -> bool:
        """A name that means this machine, whatever a resolver says."""
        return self.host.rpartition(".")[2] in ("localhost", "localdomain")

    def at(self, address: Address) -> httpx.URL:
        """The same with the address in place of the name: nothing is left to be resolved."""
        return self.url.copy_with(host=str(address))


def place_of(text: str) -> Place:
    """FetchRefused says what is wrong with a URL."""
    url = _parsed(text)
    host = url.raw_host.decode("ascii", "replace").lower()
    host = host[:-1] if host.endswith(".") else host
    if url.userinfo:
        raise _refused(text, "it holds a user or a password")
    literal = _literal(host, text)
    if literal is not None:
        host = str(literal)
    elif not _NAME.fullmatch(host) or len(host) > 253:
        raise _refused(text, "it names no host")
    return Place(url, host, url.port or _DEFAULT_PORTS[url.scheme], literal)


def _parsed(text: str) -> httpx.URL:
    if len(text) > LONGEST:
        raise _refused(text, f"it is longer than {LONGEST:,} characters")
    try:
        url = httpx.URL(text.strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused(text, f"it is not a URL ({error})") from None
    if url.scheme not in _DEFAULT_PORTS:
        raise _refused(text, "only addresses that begin with http:// or https:// are fetched")
    if url.port is not None and not 0 < url.port < 65536:
        raise _refused(text, "it has no port that exists")
    return url


def _literal(host: str, text: str) -> Address | None:
    """The address a host is written as: dotted, short, decimal, octal, hexadecimal or IPv6. A
    host that ends in a number is an address or nothing."""
    try:
        if ":" in host or "%" in host:
            return IPv6Address(host)  # with a zone it stays link-local, which is no public address
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        raise _refused(text, "its host is no address that exists") from None
    return None


def addresses_of(found: Iterable[str], place: Place) -> list[Address]:
    """What a resolver answered, each once; FetchRefused for what is no address."""
    try:
        return list(dict.fromkeys(ip_address(one) for one in found))
    except ValueError:
        raise _refused(str(place.url), "its name leads to no address that exists") from None


def _refused(text: str, why: str) -> FetchRefused:
    shown = text if len(text) <= 200 else f"{text[:200]}…"
    return FetchRefused(f"{shown!r} cannot be fetched: {why}")
