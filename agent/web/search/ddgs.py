"""Search without a key, by the library ddgs: it asks several engines and joins what they say.

The library has an HTTP client of its own, which looks like a browser, since engines turn others
away. It only goes to the engines' addresses, which stand in the library; the query is all it takes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ddgs import DDGS
from ddgs.exceptions import DDGSException

from agent.web.base import Fetcher, Result
from agent.web.search.text import plain
from hermes_home.errors import FetchError

SECONDS = 30.0
_EACH = 10  # seconds for one engine
_NOTHING = "no results found"
_UNREACHED = ("DNSError", "ConnectError")

logging.getLogger("ddgs").setLevel(logging.WARNING)  # below, it logs every query


class Ddgs:
    name = "ddgs"

    def __init__(
        self,
        client: Fetcher,
        key: str = "",
        proxy: str = "",
        *,
        backend: str = "auto",
        engine: Callable[..., Any] = DDGS,
    ) -> None:
        """backend: the engines to ask, by ddgs' names. `engine` is an argument for tests."""
        self._proxy = proxy
        self._backend = backend
        self._engine = engine

    async def search(self, query: str, limit: int) -> list[Result]:
        try:
            async with asyncio.timeout(SECONDS):
                found = await asyncio.to_thread(self._ask, query, limit)
        except TimeoutError:
            raise _failed(f"nothing came for {SECONDS:g} s") from None
        except DDGSException as error:
            if _NOTHING in str(error).lower():
                return []
            away = any(word in str(error) for word in _UNREACHED)
            why = "no engine can be reached" if away else plain(str(error), 200)
            raise _failed(why) from None
        return [
            Result(plain(one.get("title"), 200), str(one["href"]), plain(one.get("body"), 300))
            for one in found[:limit]
            if one.get("href")
        ]

    def _ask(self, query: str, limit: int) -> list[dict[str, Any]]:
        engine = self._engine(proxy=self._proxy or None, timeout=_EACH)
        found: list[dict[str, Any]] = engine.text(query, max_results=limit, backend=self._backend)
        return found


def _failed(why: str) -> FetchError:
    return FetchError(
        f"the search failed: {why}",
        "Try once more, or other words. With BRAVE_API_KEY in .env Brave's search is used.",
    )
