"""Where an endpoint is, and the proxy on the way to it if the environment names one."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

Login = tuple[str, str]
"""User and password."""

_LEFT_AS_WRITTEN = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Address:
    """`host` as it is resolved, `port` None where the scheme's own is meant, `path` without a
    slash at its end."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str = ""
    login: Login | None = None

    @classmethod
    def of(cls, url: str) -> Address:
        """ValueError says why `url` is none."""
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https"):
            raise ValueError("it begins with neither http:// nor https://")
        if not parts.hostname:
            raise ValueError("it names no host")
        host = parts.hostname
        return cls(
            parts.scheme,
            host if host.isascii() else host.encode("idna").decode(),
            parts.port,
            quote(parts.path.rstrip("/"), _LEFT_AS_WRITTEN),
            quote(parts.query, f"?{_LEFT_AS_WRITTEN}"),
            _login(parts),
        )

    @property
    def authority(self) -> str:
        """Host and port as they are written."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def on_this_machine(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    def target(self, path: str) -> str:
        """What a request for `path` below this address asks for."""
        return f"{self.path}/{path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    url: str
    login: Login | None = None


def proxy_for(address: Address) -> ProxyAddress | None:
    """None for an endpoint on this machine, or one that the environment excepts. ValueError: the
    proxy named there cannot be used."""
    if address.on_this_machine or proxy_bypass(address.authority):
        return None
    named = getproxies()
    url = named.get(address.scheme) or named.get("all")
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the environment names {parts.scheme}://{parts.hostname or ''}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return ProxyAddress(f"{parts.scheme}://{host}{port}", _login(parts))


def _login(parts: SplitResult) -> Login | None:
    if not parts.username:
        return None
    return unquote(parts.username), unquote(parts.password or "")
