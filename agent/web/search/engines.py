"""One search by the library ddgs: `engines.py < {query, limit, proxy, backend, seconds}`.

A program of its own, so that the library, its HTTP client and the parsing of what engines send
leave the daemon alone. Writes {found: [{title, href, body}], error} as JSON to standard output.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

MOST_CHARS = 2_000
"""Of a title, an address, a snippet; who shows them cuts further."""
_MEMORY = 2 << 30
_CPU_SECONDS = 20
_NOTHING = "no results found"
_UNREACHED = ("DNSError", "ConnectError")


def asked(request: dict[str, Any], engine: Callable[..., Any]) -> dict[str, Any]:
    """engine: ddgs.DDGS, or what stands for it."""
    from ddgs.exceptions import DDGSException  # noqa: PLC0415 - heavy

    try:
        asking = engine(proxy=request["proxy"] or None, timeout=request["seconds"])
        found = asking.text(
            request["query"], max_results=request["limit"], backend=request["backend"]
        )
    except DDGSException as error:
        return {"found": [], "error": _reason(str(error))}
    hits = [_hit(one) for one in found if one.get("href")]
    return {"found": hits[: request["limit"]], "error": ""}


def _reason(said: str) -> str:
    """Why nothing came; "" if there is nothing to be found."""
    if _NOTHING in said.lower():
        return ""
    away = any(word in said for word in _UNREACHED)
    return "no engine can be reached" if away else said[:MOST_CHARS]


def _hit(one: dict[str, Any]) -> dict[str, str]:
    return {name: str(one.get(name) or "")[:MOST_CHARS] for name in ("title", "href", "body")}


def main() -> None:
    for limit, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _CPU_SECONDS)):
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))
    from ddgs import DDGS  # noqa: PLC0415 - heavy

    sys.stdout.write(json.dumps(asked(json.load(sys.stdin), DDGS)))


if __name__ == "__main__":
    main()
