"""`hermes daemon`: run, start, stop, restart, status."""

from __future__ import annotations

import os
import sys

from gateway.cli import start as starting
from gateway.cli import status as reporting
from gateway.cli.arguments import Arguments

DOWN = ("inactive", "failed")
"""States of a service whose daemon is not the one that answers."""


def run(arguments: Arguments) -> int:
    """This process becomes the daemon, in the foreground."""
    environment = starting.daemon_environment(arguments.home)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-P", "-m", "gateway.daemon"], environment)


def start(arguments: Arguments) -> int:
    """Idempotent: a daemon that runs already is as good, but not in the place of a service."""
    if (service := reporting.service(arguments.home)) and service["state"] in DOWN:
        starting.stop(arguments.home)
    wire = starting.answering(arguments.home) or starting.start(arguments.home, stay=True)
    wire.close()
    with starting.connect(arguments.home) as wire:
        return _tell(arguments, wire.get("/health"), "running")


def stop(arguments: Arguments) -> int:
    stopped = _stop(arguments.home)
    told = "stopped" if stopped else "it was not running"
    return _tell(arguments, {"pid": None, "home": arguments.home, "stopped": stopped}, told)


def restart(arguments: Arguments) -> int:
    _stop(arguments.home)
    return start(arguments)


def _stop(home: str) -> bool:
    """Asked to stop, a daemon ends well, and its service manager leaves it at that; it is told all
    the same, since it may be about to start a daemon that had crashed."""
    stopped = starting.stop(home)
    if reporting.service(home):
        from gateway.service import manager

        manager.stop(home)
    return stopped


def status(arguments: Arguments) -> int:
    return reporting.main(arguments)


def _tell(arguments: Arguments, about: dict[str, object], text: str) -> int:
    if arguments.on("json"):
        import json

        print(json.dumps(about))
    else:
        pid = f", pid {about['pid']}" if about["pid"] else ""
        print(f"the daemon of {about['home']}: {text}{pid}")
    return 0
