"""One prompt, carried out in one workspace against a home, to its trajectory: what `hermes batch`
and `hermes research run` are made of.

    async with opened(home) as app:
        done = await carry_out(app, Work(prompt, workspace, key="p-1"), "batch")
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import msgspec

from agent.events import RunFinished, RunStarted, RunSuspended, Stored
from agent.inputs import RunOptions, Said, Stop, input_id
from gateway.app import App
from gateway.research.frames import STOP_SECONDS
from hermes_home.errors import HomeError, StoreError
from hermes_home.guard import check_home, seed
from hermes_home.paths import Home
from memory.redaction import Redactor
from memory.subscriptions import Subscription
from memory.trajectory import Trajectory, redacted, trajectory

ENDS = frozenset({"RunFinished"})
LOCK_SECONDS = 5.0
"""How long a home is waited for whose last owner is just leaving."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done. key: the same again, after a crash too, goes on with what was begun
    under it. options: how; its workspace and that nobody can be asked are added. seconds: after
    so long it is stopped; 0 = never."""

    prompt: str
    workspace: Path
    key: str
    options: RunOptions = RunOptions()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, without secrets. reason: how the run ended (done, blocked, limit, failed, or
    stopped because its time was over). error: what went wrong, empty if nothing did."""

    trajectory: Trajectory
    reason: str
    error: str
    seconds: float
    tool_calls: int


@asynccontextmanager
async def opened(home: Home, environment: Mapping[str, str] = os.environ) -> AsyncIterator[App]:
    """The parts of a home that this process owns meanwhile. Nothing serves it: no socket, no
    channel, no job. HomeError if somebody else owns it."""
    check_home(home)
    seed(home)
    with home.lock.open("a+") as lock:
        await _own(lock.fileno(), home)
        app = await App.open(home, environment)
        try:
            yield app
        finally:
            await app.router.close()
            await app.trials.close()
            app.journal.end_subscriptions()
            await app.close()


async def _own(lock: int, home: Home) -> None:
    """Take the lock that dies with the process."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise HomeError(
                    f"{home.root} is in use by another process", "Wait for it, or end it."
                ) from None
        await asyncio.sleep(0.05)


async def carry_out(app: App, work: Work, source: str) -> Done:
    """Say the prompt in a session of its own, or go on with the one it was said in, and wait for
    the end of its run. How often a run may crash is for the caller to count. TimeoutError if it
    does not stop when its time is over."""
    began = time.monotonic()
    subscription = app.journal.subscribe(kinds=ENDS)
    try:
        arrived = await app.router.ask(source, work.workspace, _said(work), key=work.key)
        session = arrived.session
        end = _end(app, session)
        if end is None:
            await _go_on(app, session)
            end = await _in_time(app, session, subscription, work.seconds)
    except TimeoutError:
        await app.router.dismiss(session)
        raise
    finally:
        subscription.close()
    await app.router.dismiss(session)
    await app.quiet()
    found = trajectory(app.journal.read(session), app.journal.blob)
    redactor = Redactor(app.secret_values())
    return Done(
        redacted(found, redactor),
        end.reason,
        redactor.text(end.error),
        time.monotonic() - began,
        end.tool_calls,
    )


def _said(work: Work) -> Said:
    options = msgspec.structs.replace(work.options, cwd=str(work.workspace), headless=True)
    return Said(id=input_id(work.key), text=work.prompt, mode="queue", options=options)


def _end(app: App, session: str) -> RunFinished | None:
    """How the session's run ended, if it has; nobody else speaks in it."""
    events = [stored.event for stored in app.journal.read(session)]
    return next((event for event in events if isinstance(event, RunFinished)), None)


async def _go_on(app: App, session: str) -> None:
    """Wake a session that is not at work. The stop that cut it short counts as planned: nobody
    is there whom a parked run could wait for."""
    if session in app.router.workers:
        return
    past = app.journal.read(session)
    started = [stored.run for stored in past if isinstance(stored.event, RunStarted)]
    if started:
        await app.journal.append(RunSuspended(), session=session, run=started[-1])
    app.router.wake(session)


async def _in_time(
    app: App, session: str, subscription: Subscription, seconds: float
) -> RunFinished:
    """The end of a session's run. After so many seconds it is told to stop."""
    ended = asyncio.create_task(_ended(session, subscription))
    try:
        done, _ = await asyncio.wait({ended}, timeout=seconds or None)
        if not done:
            stop = Stop(id=f"i{uuid4().hex[:16]}", reason=f"it took longer than {seconds:g} s")
            await app.router.submit(session, stop)
        return await asyncio.wait_for(ended, None if done else STOP_SECONDS)
    finally:
        ended.cancel()


async def _ended(session: str, subscription: Subscription) -> RunFinished:
    async for stored in subscription:
        if not isinstance(stored, Stored) or stored.session != session:
            continue
        if isinstance(stored.event, RunFinished):
            return stored.event
    raise StoreError("the journal was closed while a run was at work")
