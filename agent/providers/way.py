"""The connections to one endpoint, kept open between requests."""

from __future__ import annotations

from base64 import b64encode

import httpcore

from agent.providers.address import Address, Login, proxy_for

_KEPT = 64
_KEPT_SECONDS = 60.0


class Way:
    """Made for an address, with the key that goes along. ValueError: the environment names a
    proxy that cannot be used. Redirects are not followed."""

    def __init__(self, address: Address, key: str, connect_seconds: float) -> None:
        self._address = address
        self._extensions = {"timeout": {"connect": connect_seconds}}
        self._headers: list[tuple[str, str]] = [
            ("Host", address.authority),
            ("Accept", "text/event-stream, application/json"),
            ("Accept-Encoding", "identity"),
            ("Content-Type", "application/json"),
            ("User-Agent", "hermes"),
            *_authorization(address.login, key),
        ]
        proxy = proxy_for(address)
        self._pool = httpcore.AsyncConnectionPool(
            # Made once: for every connection it would load all authorities again.
            ssl_context=httpcore.default_ssl_context() if address.scheme == "https" else None,
            proxy=httpcore.Proxy(proxy.url, proxy.login) if proxy else None,
            max_connections=None,
            max_keepalive_connections=_KEPT,
            keepalive_expiry=_KEPT_SECONDS,
        )

    async def send(self, method: str, path: str, body: bytes) -> httpcore.Response:
        """The answer as soon as it begins; whoever takes it closes it."""
        url = httpcore.URL(
            scheme=self._address.scheme,
            host=self._address.host,
            port=self._address.port,
            target=self._address.target(path),
        )
        length = [("Content-Length", str(len(body)))] if body else []
        request = httpcore.Request(
            method, url, headers=self._headers + length, content=body, extensions=self._extensions
        )
        return await self._pool.handle_async_request(request)

    async def close(self) -> None:
        await self._pool.aclose()


def _authorization(login: Login | None, key: str) -> list[tuple[str, str]]:
    if login:
        return [("Authorization", f"Basic {b64encode(':'.join(login).encode()).decode()}")]
    return [("Authorization", f"Bearer {key}")] if key else []
