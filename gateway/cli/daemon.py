"""`hermes daemon`: run, start, stop, restart, status."""

from __future__ import annotations

import os
import sys

from gateway.cli import start as starting
from gateway.cli import status as reporting
from gateway.cli.arguments import Arguments


def run(arguments: Arguments) -> int:
    """This process becomes the daemon, in the foreground."""
    environment = starting.daemon_environment(arguments.home)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-P", "-m", "gateway.daemon"], environment)


def start(arguments: Arguments) -> int:
    """Idempotent: a daemon that runs already is as good."""
    wire = starting.answering(arguments.home) or starting.start(arguments.home, stay=True)
    wire.close()
    with starting.connect(arguments.home) as wire:
        return _tell(arguments, wire.get("/health"), "running")


def stop(arguments: Arguments) -> int:
    stopped = starting.stop(arguments.home)
    told = "stopped" if stopped else "it was not running"
    return _tell(arguments, {"pid": None, "home": arguments.home, "stopped": stopped}, told)


def restart(arguments: Arguments) -> int:
    starting.stop(arguments.home)
    return start(arguments)


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
