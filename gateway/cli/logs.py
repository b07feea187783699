"""`hermes logs`: the daemon's log, read from the file."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from gateway.cli.arguments import Arguments
from gateway.cli.start import log_path
from hermes_home.errors import UsageError

PAUSE = 0.2
"""Seconds between two looks at a followed log."""


def main(arguments: Arguments) -> int:
    path = Path(log_path(arguments.home))
    if not path.exists():
        raise UsageError(f"there is no log at {path}", "the daemon has not run in this home")
    with path.open(encoding="utf-8", errors="replace") as log:
        print("".join(deque(log, arguments.number("lines", 50))), end="", flush=True)
        read = log.tell()
    if arguments.on("follow"):
        _follow(path, read)
    return 0


def _follow(path: Path, read: int) -> None:
    """Print what is added, also after the log was replaced by a shorter one."""
    while True:
        time.sleep(PAUSE)
        size = path.stat().st_size if path.exists() else 0
        if size < read:
            read = 0
        if size > read:
            with path.open(encoding="utf-8", errors="replace") as log:
                log.seek(read)
                print(log.read(), end="", flush=True)
                read = log.tell()
