"""Brave's search API; its key is BRAVE_API_KEY."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from agent.web.base import Fetched, Fetcher, Result
from agent.web.search.text import plain
from hermes_home.errors import FetchError

ADDRESS = "https://api.search.brave.com/res/v1/web/search"
MOST = 20
"""Results one request may ask for."""


class _Hit(msgspec.Struct):
    url: str
    title: str = ""
    description: str | None = ""


class _Web(msgspec.Struct):
    results: list[_Hit] = []


class _Reply(msgspec.Struct):
    web: _Web | None = None


class _Problem(msgspec.Struct):
    detail: str = ""
    code: str = ""


class _Refusal(msgspec.Struct):
    error: _Problem | None = None


class Brave:
    name = "brave"

    def __init__(
        self, client: Fetcher, key: str, proxy: str = "", *, address: str = ADDRESS
    ) -> None:
        self._client = client
        self._key = key
        self._address = address

    async def search(self, query: str, limit: int) -> list[Result]:
        asked = urlencode({"q": query, "count": min(limit, MOST)})
        page = await self._client.get(
            f"{self._address}?{asked}",
            headers={"X-Subscription-Token": self._key, "Accept": "application/json"},
        )
        if page.status != 200:
            raise _refusal(page)
        try:
            reply = msgspec.json.decode(page.data, type=_Reply)
        except msgspec.DecodeError:
            raise FetchError("Brave's answer is not what its API says", "Try again.") from None
        hits = reply.web.results if reply.web else []
        return [
            Result(plain(hit.title, 200), hit.url, plain(hit.description, 300))
            for hit in hits[:limit]
        ]


def _refusal(page: Fetched) -> FetchError:
    """Brave tells a wrong key by 401, 403 or, with a code, by 422."""
    try:
        problem = msgspec.json.decode(page.data, type=_Refusal).error or _Problem()
    except msgspec.DecodeError:
        problem = _Problem()
    said = plain(problem.detail, 200)
    if page.status in (401, 403) or "TOKEN" in problem.code.upper():
        hint = "Put the right BRAVE_API_KEY in .env, or set web.search to ddgs."
        return FetchError(f"Brave does not take the key ({page.status} {said})".rstrip(), hint)
    if page.status == 429:
        hint = "Wait a little; if it stays so, the plan's requests are used up."
        return FetchError("Brave says that it was asked too often (429)", hint)
    return FetchError(f"Brave answered {page.status} {said}".rstrip(), "Try again later.")
