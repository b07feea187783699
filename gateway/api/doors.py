"""A route that says what it takes and gives, so that the OpenAPI document can be read off it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]
Row = dict[str, Any]
"""A JSON object whose fields its command's documentation names."""


class Door(Route):
    """One method of one path.

    takes, gives: types of the bodies, for msgspec. query, headers: names and what they mean.
    status, media: of the answer when all is well; events: it may be server-sent events too.
    """

    def __init__(  # noqa: PLR0913 - a row of a table, by names
        self,
        method: str,
        path: str,
        endpoint: Endpoint,
        *,
        takes: Any = None,
        gives: Any = Row,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
        media: str = "application/json",
        events: bool = False,
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.method = method
        self.takes, self.gives = takes, gives
        self.query, self.headers = dict(query or {}), dict(headers or {})
        self.status, self.media, self.events = status, media, events


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")
