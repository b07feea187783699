"""What a source is reached with: the one client of the web, git, the library, a scratch folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent.web.base import Fetched
from gateway.load import load
from gateway.web import CLIENT
from hermes_home.errors import FetchError, FetchRefused
from hermes_home.settings import WebSettings
from skills.library import Library

if TYPE_CHECKING:
    from gateway.app import App

PRIVATE = (
    *("localhost", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    *("100.64.0.0/10", "::1/128", "fc00::/7"),
)
"""What --allow-private lets in: this machine and private networks. Not link-local addresses, at
which clouds tell secrets."""


class Fetcher(Protocol):
    """The client of agent/web, as far as sources need it."""

    async def get(self, url: str) -> Fetched: ...
    async def addresses(self, url: str) -> tuple[str, int, list[str]]: ...


@dataclass(frozen=True, slots=True)
class Ways:
    """One look at a source. folder: empty, for whatever must lie on the disk meanwhile."""

    client: Fetcher
    library: Library
    folder: Path
    proxy: str = ""
    secret: Callable[[str], str] = lambda name: ""

    async def bytes_of(self, url: str) -> bytes:
        """A whole body; FetchError for any answer but 200."""
        return _whole(await self._get(url))

    async def perhaps(self, url: str) -> bytes | None:
        """The same; None if the server has no such page."""
        answer = await self._get(url)
        return None if answer.status in (404, 410) else _whole(answer)

    async def addresses(self, url: str) -> tuple[str, int, list[str]]:
        """Host, port and the addresses a program may connect to for a URL."""
        try:
            return await self.client.addresses(url)
        except FetchRefused as error:
            raise _explained(error) from error

    async def _get(self, url: str) -> Fetched:
        try:
            return await self.client.get(url)
        except FetchRefused as error:
            raise _explained(error) from error


def _explained(error: FetchRefused) -> FetchRefused:
    """An address that only the owner can allow, who is asking."""
    allows = "--allow-private allows this machine and private networks"
    return FetchRefused(error.message, allows if error.hint else "")


def _whole(answer: Fetched) -> bytes:
    if answer.status != 200:
        raise FetchError(f"{answer.url} answered {answer.status}", "check the address")
    if answer.cut:
        raise FetchError(f"{answer.url} is larger than {len(answer.data) // 1_000_000} MB")
    return answer.data


def ways(app: App, folder: Path, *, private: bool) -> Ways:
    """private: whether this machine and private networks may be asked."""
    settings: WebSettings = app.settings.web
    if private:
        settings = replace(settings, allow_private=(*settings.allow_private, *PRIVATE))
    secrets = app.secrets()
    client: Any = load(CLIENT)(settings, secrets.values)
    return Ways(client, app.library, folder, settings.proxy, secrets.get)
