"""The process that owns a home: takes its lock, resumes what was cut short, serves, and stops.

    python -m gateway.daemon [--on-demand]

The lock is the operating system's and dies with the process, however it dies.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from gateway.api.server import ApiServer, bind, doors, on_unix
from gateway.api.tcp import Tcp
from gateway.app import App
from gateway.service.notify import Notifier
from hermes_home.errors import HermesError
from hermes_home.guard import check_home, resolve_home, seed
from hermes_home.paths import Home
from hermes_home.placing import finish

ALREADY_RUNNING = 75
"""Exit code when another daemon owns the home (EX_TEMPFAIL)."""
IDLE_SECONDS = 15 * 60.0
"""An on-demand daemon without work leaves after this long."""
WATCH_SECONDS = 4.0
"""How often it looks whether its home is still there, and whether it may leave."""
LOG_BYTES = 5 * 1024 * 1024
NEW_OBJECTS, YOUNG_ROUNDS, OLD_ROUNDS = 5_000, 20, 10
"""How often Python looks for circles of garbage: with many chats at once most it finds lives."""
PR_SET_CHILD_SUBREAPER = 36

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
            finish(home)
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
    """Everything goes to the log; in the foreground to standard error as well."""
    handlers: list[logging.Handler] = [
        RotatingFileHandler(home.log, maxBytes=LOG_BYTES, backupCount=3, encoding="utf-8")
    ]
    if not quiet and sys.stderr and not _leads_to(home.log):
        handlers.append(logging.StreamHandler())
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=handlers,
        force=True,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    home.log.chmod(0o600)


def _leads_to(log: Path) -> bool:
    """Whether standard error is that file; a daemon started by a client has it so."""
    return os.path.samestat(os.fstat(sys.stderr.fileno()), log.stat())


async def _serve(home: Home, *, on_demand: bool) -> int:
    _adopt_orphans()
    app = await App.open(home)
    logging.getLogger().setLevel(app.settings.log.level.upper())
    api = doors(app)
    server, tcp = on_unix(app, api), Tcp(app, os.environ, api)
    listener = bind(home.socket)
    stop = asyncio.Event()
    app.on_stop(stop.set)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notifier = Notifier(os.environ)
    serving = asyncio.create_task(server.serve([listener]))
    tcp.start()
    watching = asyncio.create_task(_watch(app, stop, on_demand=on_demand))
    tending = asyncio.create_task(app.curator.watch())
    beating = asyncio.create_task(notifier.beat(lambda: _state(app)))
    log.info("serving %s", home.root)
    _spare_the_collector()
    try:
        await app.hub.start()
        await app.router.resume()
        app.background(app.recurring.resume())
        notifier.ready(_state(app))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        tending.cancel()
        beating.cancel()
        if app.restarts:
            notifier.restarting()
        else:
            notifier.stopping()
        await _close(app, server, serving, tcp)
    if app.restarts:
        _start_again()
    return 0


def _spare_the_collector() -> None:
    """What the start made stays until the end, so it need not be looked at again and again."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_ROUNDS, OLD_ROUNDS)


def _state(app: App) -> str:
    """What the service manager shows."""
    return f"serving {app.home.root}, {len(app.router.working)} at work"


async def _close(app: App, server: ApiServer, serving: asyncio.Task[None], tcp: Tcp) -> None:
    """Take no more requests, suspend the runs, close the store; the socket goes last."""
    log.info("stopping")
    await app.recurring.rest()
    await app.hub.close()
    await app.router.close()
    await app.trials.close()
    app.journal.end_subscriptions()
    server.leave()
    await asyncio.gather(tcp.close(), asyncio.wait({serving}, timeout=5))
    await app.close()
    app.home.socket.unlink(missing_ok=True)


def _start_again() -> None:
    """The same process becomes the new daemon, by the command it was started with; descriptors
    are closed on exec, the lock with them, so a client that races may win and that is as good."""
    os.execv(sys.executable, sys.orig_argv)


def _adopt_orphans() -> None:
    """What a tool leaves behind becomes a child of the daemon, not of init, so that it can still
    be told from the owner's processes."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _dead_children() -> set[int]:
    """Children that have ended and were not waited for."""
    dead = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        for pid in listed.read_text().split():
            stat = Path("/proc", pid, "stat")
            if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
                dead.add(int(pid))
    return dead


def _bury(seen: set[int]) -> set[int]:
    """Wait for adopted orphans. The daemon's own children are waited for at once, so one that is
    still there at the second look is an orphan."""
    dead = _dead_children() if sys.platform == "linux" else set()
    for pid in dead & seen:
        os.waitpid(pid, os.WNOHANG)
    return dead - seen


async def _watch(app: App, stop: asyncio.Event, *, on_demand: bool) -> None:
    """Leave when the home is gone, or when an on-demand daemon has had nothing to do for long."""
    last_work = time.monotonic()
    dead: set[int] = set()
    while not stop.is_set():
        await asyncio.sleep(WATCH_SECONDS)
        dead = _bury(dead)
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
