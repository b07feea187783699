"""Tells the service manager how the daemon is, as sd_notify(3) does. Used by gateway/daemon.py."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

BEATS = 3
"""Pings in the time after which a silent daemon is taken for hung."""

log = logging.getLogger(__name__)


class Notifier:
    """Speaks to NOTIFY_SOCKET, or to nobody if that is not set.

    `interval`: seconds between two pings; 0 = none are wanted from this process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.interval = _interval(environment) if self._address else 0.0

    def ready(self, status: str) -> None:
        self._send("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        self._send("STOPPING=1", "STATUS=parking the work")

    def restarting(self) -> None:
        """This process goes on as a new daemon, which says `ready` again. To say `stopping` would
        have the manager wait for an end that does not come."""
        now = time.monotonic_ns() // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=starting again")

    async def beat(self, status: Callable[[], str]) -> None:
        """Ping for ever. A task of the event loop: while the loop hangs, no ping leaves."""
        while self.interval:
            self._send("WATCHDOG=1", f"STATUS={status()}")
            await asyncio.sleep(self.interval)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        flat = (line.replace("\n", " ") for line in lines)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
                to.setblocking(False)
                to.sendto("\n".join(flat).encode(), self._address)
        except OSError as error:  # a manager that went away is no reason to stop working
            log.warning("the service manager did not hear %s: %s", lines[0], error)


def _address(named: str) -> bytes:
    """The socket's address; "@" stands for the first byte of an abstract one."""
    if named.startswith("@"):
        return b"\0" + os.fsencode(named[1:])
    return os.fsencode(named) if named.startswith("/") else b""


def _interval(environment: Mapping[str, str]) -> float:
    meant = environment.get("WATCHDOG_PID", "")
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or meant not in ("", str(os.getpid())):
        return 0.0
    return int(microseconds) / 1_000_000 / BEATS
