"""Search without a key, by the library ddgs: it asks several engines and joins what they say.

The library has an HTTP client of its own, which looks like a browser, since engines turn others
away. It only goes to the engines' addresses, which stand in the library; the query is all it takes.
It runs in a process of its own (engines.py).
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from agent.web import child
from agent.web.base import Fetcher, Result
from agent.web.search.text import plain
from hermes_home.errors import FetchError

SECONDS = 30.0
PROGRAM = Path(__file__).with_name("engines.py")
_EACH = 10  # seconds for one engine
_PASSED = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ddgs_proxy"}
_PASSED |= {"ssl_cert_file", "ssl_cert_dir", "primp_ca_bundle", "curl_ca_bundle"}
"""Variables that say how the web is reached, in either case; the program gets no others."""


class _Hit(msgspec.Struct):
    title: str
    href: str
    body: str


class _Reply(msgspec.Struct):
    found: list[_Hit]
    error: str


class Ddgs:
    name = "ddgs"

    def __init__(
        self,
        client: Fetcher,
        key: str = "",
        proxy: str = "",
        *,
        backend: str = "auto",
        program: Path = PROGRAM,
    ) -> None:
        """backend: the engines to ask, by ddgs' names. `program` is an argument for tests."""
        self._proxy = proxy
        self._backend = backend
        self._program = program

    async def search(self, query: str, limit: int) -> list[Result]:
        request = {"query": query, "limit": limit, "proxy": self._proxy}
        request |= {"backend": self._backend, "seconds": _EACH}
        ways = {name: way for name, way in os.environ.items() if name.lower() in _PASSED}
        try:
            said = await child.run(
                self._program,
                given=msgspec.json.encode(request),
                seconds=SECONDS,
                environment=ways,
            )
        except TimeoutError:
            raise _failed(f"nothing came for {SECONDS:g} s") from None
        if said.why:
            raise _failed(plain(said.why, 200))
        reply = msgspec.json.decode(said.out, type=_Reply)
        if reply.error:
            raise _failed(plain(reply.error, 200))
        return [
            Result(plain(hit.title, 200), hit.href, plain(hit.body, 300)) for hit in reply.found
        ]


def _failed(why: str) -> FetchError:
    return FetchError(
        f"the search failed: {why}",
        "Try once more, or other words. With BRAVE_API_KEY in .env Brave's search is used.",
    )
