"""What stands before the doors on a TCP port: nobody is let in by where he comes from.

Everything is decided by the head of a request, before a byte of its body is read.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from gateway.api.bodies import CLOSE
from gateway.api.problems import problem
from gateway.api.token import FIX, NAME, Token
from hermes_home.errors import HermesError
from hermes_home.settings import ApiSettings

AT_ONCE = 256
"""Requests under way at a time, streams among them."""
HERE = ("localhost", "127.0.0.1", "[::1]")
_CORS = {
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers": "authorization, content-type, idempotency-key,"
    " last-event-id, x-hermes-session",
    "access-control-max-age": "600",
}


class Refusal(HermesError):
    """A request that is not let in."""

    def __init__(self, status: int, message: str, hint: str = "", wait: float = 0) -> None:
        super().__init__(message, hint)
        self.status = status
        self.headers = dict(CLOSE)
        if status == 401:
            self.headers["www-authenticate"] = "Bearer"
        if wait:
            self.headers["retry-after"] = str(math.ceil(wait))


class Rate:
    """A minute's requests may come at once; from then on as many as a minute holds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used = 0.0
        self._at = clock()

    def wait(self, per_minute: int) -> float:
        """Take one; 0, or the seconds until there is one to take. per_minute 0: no limit."""
        if not per_minute:
            return 0
        now, each = self._clock(), 60 / per_minute
        self._used = max(0.0, self._used - (now - self._at) / each)
        self._at = now
        if self._used + 1 > per_minute:
            return (self._used + 1 - per_minute) * each
        self._used += 1
        return 0


class Guard:
    """ASGI middleware for a TCP listener."""

    def __init__(
        self,
        app: Any,
        token: Token,
        settings: Callable[[], ApiSettings],
        touch: Callable[[], None],
        host: str,
    ) -> None:
        self._app = app
        self._token = token
        self._settings = settings
        self._touch = touch
        self._host = host
        self._rate = Rate()
        self._open = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        heads: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            heads.setdefault(name, []).append(value.decode("latin-1"))
        try:
            origin = self._origin(heads)
            if origin and scope["method"] == "OPTIONS":
                await Response(status_code=204, headers=_CORS | _cors(origin))(scope, receive, send)
                return
            self._admit(heads)
        except Refusal as refusal:
            title = "Refused"
            refused = problem(scope["path"], refusal.status, title, refusal, refusal.headers)
            await refused(scope, receive, send)
            return
        self._touch()
        self._open += 1
        try:
            await self._app(scope, receive, _with(send, _cors(origin)) if origin else send)
        finally:
            self._open -= 1

    def _origin(self, heads: dict[bytes, list[str]]) -> str:
        """The page whose script is calling, one that may; empty: it is no page."""
        settings = self._settings()
        hosts = heads.get(b"host", [])
        known = {*HERE, self._host, *(name.lower() for name in settings.hosts)}
        if len(hosts) != 1 or _name(hosts[0]) not in known:
            raise Refusal(403, "this is not called by that name", "Add it to api.hosts.")
        origins = heads.get(b"origin", [])
        if any(origin not in settings.origins for origin in origins) or len(origins) > 1:
            raise Refusal(403, "web pages may not call this", "Add the page to api.origins.")
        return origins[0] if origins else ""

    def _admit(self, heads: dict[bytes, list[str]]) -> None:
        given = heads.get(b"authorization", [])
        scheme, _, value = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        # Looked at in any case, so that the time tells nothing.
        if not self._token.matches(value.strip()) or scheme.lower() != "bearer":
            hint = f"Send `Authorization: Bearer` with the value of {NAME}. {FIX}"
            raise Refusal(401, "the token is missing or wrong", hint)
        if wait := self._rate.wait(self._settings().per_minute):
            hint = f"Wait {math.ceil(wait)} s, or raise api.per_minute."
            raise Refusal(429, "too many requests in a minute", hint, wait)
        if self._open >= AT_ONCE:
            raise Refusal(429, f"{AT_ONCE} requests are under way", "Wait for one to end.", 1)


def _name(host: str) -> str:
    """A Host header without its port."""
    name, colon, port = host.strip().lower().rpartition(":")
    return name if colon and port.isdigit() else host.strip().lower()


def _cors(origin: str) -> dict[str, str]:
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "x-hermes-session, retry-after",
        "vary": "Origin",
    }


def _with(send: Any, headers: dict[str, str]) -> Any:
    """`send` that adds headers to the answer."""
    more = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return sending
