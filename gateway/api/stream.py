"""A session's events as server-sent events: first what is stored, then what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.responses import StreamingResponse

from agent.events import Stored, kind_of
from gateway import reports
from gateway.api.doors import Door
from memory.subscriptions import Lagged, Subscription

if TYPE_CHECKING:
    from gateway.app import App

PING_SECONDS = 15.0
PING = b": ping\n\n"
NOW = b": now\n\n"
"""Comments of a stream: nothing happens; from here on it is live."""

_encoder = msgspec.json.Encoder()


def frame(stored: Stored) -> bytes:
    """One event on the wire; a transient one has no id, so it never moves a reader's place."""
    id = b"id: %d\n" % stored.seq if stored.seq else b""
    kind = kind_of(stored.event).encode()
    return id + b"event: " + kind + b"\ndata: " + _encoder.encode(stored) + b"\n\n"


async def events(request: Request) -> StreamingResponse:
    """`after`: the last event the reader has. `kinds`: the only ones it wants, with commas
    between. `follow=0`: nothing of what comes."""
    app: App = request.app.state.app
    session = await reports.find_session(app, request.path_params["id"])
    place = request.query_params.get("after") or request.headers.get("last-event-id") or "0"
    after = int(place) if place.isdigit() else 0
    follow = request.query_params.get("follow", "1") != "0"
    kinds = frozenset(filter(None, request.query_params.get("kinds", "").split(",")))
    body = (_follow if follow else _past)(app, session, after, kinds)
    return StreamingResponse(body, media_type="text/event-stream")


def _stored(app: App, session: str, after: int, kinds: frozenset[str]) -> Iterator[Stored]:
    for stored in app.journal.read(session, after):
        if not kinds or kind_of(stored.event) in kinds:
            yield stored


async def _past(app: App, session: str, after: int, kinds: frozenset[str]) -> AsyncIterator[bytes]:
    for stored in _stored(app, session, after, kinds):
        yield frame(stored)


async def _follow(
    app: App, session: str, after: int, kinds: frozenset[str]
) -> AsyncIterator[bytes]:
    async with aclosing(follow(app, session, after, kinds)) as events:
        async for piece in events:
            yield piece if isinstance(piece, bytes) else frame(piece)


async def follow(
    app: App, session: str, after: int, kinds: frozenset[str]
) -> AsyncGenerator[Stored | bytes]:
    """What is stored after `after`, then NOW, then what comes; PING when nothing comes. Ends when
    the daemon does. Subscribed before reading, so nothing falls between; a view that was too slow
    reads again."""
    lagged = True
    while lagged:
        lagged = False
        subscription = app.journal.subscribe(session, kinds=kinds)
        app.views += 1
        try:
            for stored in _stored(app, session, after, kinds):
                after = stored.seq
                yield stored
            yield NOW
            while (piece := await _next(subscription)) is not None:
                if isinstance(piece, Lagged):
                    lagged, after = True, max(after, piece.after)
                elif isinstance(piece, bytes):
                    yield piece
                elif not piece.seq or piece.seq > after:
                    after = max(after, piece.seq)
                    yield piece
        finally:
            app.views -= 1
            subscription.close()


async def _next(subscription: Subscription) -> Stored | Lagged | bytes | None:
    """What comes next; a ping when nothing comes for a while, None at the end."""
    try:
        async with asyncio.timeout(PING_SECONDS):
            return await anext(subscription, None)
    except TimeoutError:
        return PING


ROUTES = [
    Door(
        "GET",
        "/api/sessions/{id}/events",
        events,
        gives=Stored,
        media="text/event-stream",
        query={
            "after": "the last event the reader has",
            "kinds": "the only ones it wants, with commas between",
            "follow": "0 = nothing of what comes",
        },
        headers={"Last-Event-ID": "as `after`, sent by clients that reconnect"},
    ),
]
