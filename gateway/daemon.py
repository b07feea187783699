"""The process that owns a home: takes its lock, resumes what was cut short, serves, and stops.

    python -m gateway.daemon [--on-demand]

The lock is the operating system's and dies with the process, however it dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from typing import IO

from gateway.api.server import Server, bind
from gateway.app import App
from hermes_home.errors import HermesError
from hermes_home.guard import check_home, resolve_home, seed
from hermes_home.paths import Home

ALREADY_RUNNING = 75
"""Exit code when another daemon owns the home (EX_TEMPFAIL)."""
IDLE_SECONDS = 15 * 60.0
"""An on-demand daemon without work leaves after this long."""
WATCH_SECONDS = 4.0
"""How often it looks whether its home is still there, and whether it may leave."""
LOG_BYTES = 5 * 1024 * 1024

log = logging.getLogger("gateway.daemon")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        home = resolve_home(os.environ)
        check_home(home)
        seed(home)
        with home.lock.open("a+") as lock:
            if not _take(lock):
                return ALREADY_RUNNING
            _start_log(home, quiet="--on-demand" in arguments)
            return asyncio.run(_serve(home, on_demand="--on-demand" in arguments))
    except HermesError as error:
        sys.stderr.write(f"hermes: {error}\n")
        return error.exit_code


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return True


def _start_log(home: Home, *, quiet: bool) -> None:
    """Everything goes to the log; in the foreground to the terminal as well."""
    handlers: list[logging.Handler] = [
        RotatingFileHandler(home.log, maxBytes=LOG_BYTES, backupCount=3, encoding="utf-8")
    ]
    if not quiet:
        handlers.append(logging.StreamHandler())
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=handlers,
        force=True,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    home.log.chmod(0o600)


async def _serve(home: Home, *, on_demand: bool) -> int:
    app = await App.open(home)
    server = Server(app)
    listener = bind(home.socket)
    stop = asyncio.Event()
    app.on_stop(stop.set)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve([listener]))
    watching = asyncio.create_task(_watch(app, stop, on_demand=on_demand))
    log.info("serving %s", home.root)
    try:
        await app.router.resume()
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        await _close(app, server, serving, home)
    if app.restarts:
        _start_again(on_demand=on_demand)
    return 0


async def _close(app: App, server: Server, serving: asyncio.Task[None], home: Home) -> None:
    """Take no more requests, suspend the runs, close the store; the socket goes last."""
    log.info("stopping")
    await app.router.close()
    app.journal.end_subscriptions()
    server.leave()
    await asyncio.wait({serving}, timeout=5)
    await app.close()
    home.socket.unlink(missing_ok=True)


def _start_again(*, on_demand: bool) -> None:
    """The same process becomes the new daemon; descriptors are closed on exec, the lock with
    them, so a client that races may win and that is as good."""
    options = ["--on-demand"] if on_demand else []
    os.execv(sys.executable, [sys.executable, "-m", "gateway.daemon", *options])


async def _watch(app: App, stop: asyncio.Event, *, on_demand: bool) -> None:
    """Leave when the home is gone, or when an on-demand daemon has had nothing to do for long."""
    last_work = time.monotonic()
    while not stop.is_set():
        await asyncio.sleep(WATCH_SECONDS)
        if not app.home.lock.exists():
            log.warning("the home is gone; leaving")
            stop.set()
        if app.busy:
            last_work = time.monotonic()
        elif on_demand and time.monotonic() - max(last_work, app.last_request) > IDLE_SECONDS:
            log.info("nothing to do for %d minutes; leaving", IDLE_SECONDS // 60)
            stop.set()


if __name__ == "__main__":
    sys.exit(main())
