"""What the tools of the web work with. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer. url: where it came from, after all redirects. type: the media type in lower
    case, "" if none was told; charset: as told. cut: the body was longer than what is in `data`.
    at: seconds since the epoch. modified: the server's Last-Modified, as it wrote it."""

    url: str
    status: int
    type: str
    charset: str
    data: bytes
    cut: bool
    at: float
    modified: str


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a search, as plain text."""

    title: str
    url: str
    snippet: str


class Fetcher(Protocol):
    async def get(
        self, url: str, *, headers: Mapping[str, str] = {}, private: bool = True
    ) -> Fetched:
        """FetchError. private: whether the owner's exceptions for private addresses count."""


class Search(Protocol):
    """An engine; made by `Class(client, key, proxy)`, `key` and `proxy` "" where there is none."""

    name: str

    async def search(self, query: str, limit: int) -> list[Result]:
        """The best first, at most `limit`; FetchError says what to do."""


class Web(Protocol):
    """The way to the web of one home, by its settings of this moment."""

    def client(self) -> Fetcher: ...
    def search(self) -> Search: ...
    def leaks(self, text: str) -> bool:
        """Whether a text for the web holds a secret of this home."""
