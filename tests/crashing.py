"""A daemon that kills itself: `python -m tests.crashing KIND:N` is `gateway.daemon --on-demand`
that dies by SIGKILL at the Nth point of a kind, counted from its start; with '' it lives.

commit  around each BEGIN and COMMIT of a database: before it, with the work done, after it
send    around each write to a socket: to clients, to the model
spawn   around each start of a process, and of each command in a sandbox
file    before each new name, renaming or removal below the home, and around an exchange
git     around each git command
change  around each replacement of a learned file

The points are put around the product's parts from outside; the product knows nothing of them.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from asyncio import selector_events
from collections.abc import Callable
from typing import Any

from gateway import daemon
from hermes_home import replace
from hermes_home.git import Repository
from hermes_home.history import History

KINDS = ("commit", "send", "spawn", "file", "git", "change")
NAME_CHANGES = frozenset({"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir"})


class Points:
    """Counts the points of one kind and kills at the one that was asked for."""

    def __init__(self, wanted: str) -> None:
        self.kind, _, number = wanted.partition(":")
        self.left = int(number or 0)
        self.home = os.environ["HERMES_HOME"]

    def pass_by(self, kind: str, where: str) -> None:
        if kind != self.kind:
            return
        self.left -= 1
        if self.left == 0:
            os.write(2, f"{kind}: {where}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, kind: str) -> None:
        """A point before and one after each call of `owner.name`."""
        work: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(work)
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.pass_by(kind, f"before {name}")
            result = work(*arguments, **options)
            self.pass_by(kind, f"after {name}")
            return result

        setattr(owner, name, wrapped)

    def around_git(self) -> None:
        work = Repository.run

        async def run(repository: Repository, *arguments: str, data: bytes = b"") -> bytes:
            self.pass_by("git", f"before {arguments[0]}")
            result = await work(repository, *arguments, data=data)
            self.pass_by("git", f"after {arguments[0]}")
            return result

        setattr(Repository, "run", run)  # noqa: B010 - mypy would not have it assigned

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The interpreter tells of each change of a name before it is made (PEP 578)."""
        if self.kind == "file" and event in NAME_CHANGES:
            path = os.fsdecode(arguments[0])
            if path.startswith(self.home):
                self.pass_by("file", f"{event} {path.removeprefix(self.home)}")


class Connection(sqlite3.Connection):
    points: Points

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        verb = statement.split(None, 1)[0].upper()
        if verb not in ("BEGIN", "COMMIT"):
            return super().execute(statement, *values)
        self.points.pass_by("commit", f"before {verb}")
        result = super().execute(statement, *values)
        if verb == "COMMIT":
            self.points.pass_by("commit", "after COMMIT")
        return result


def put_points(points: Points) -> None:
    """Put every point where it belongs."""
    Connection.points = points
    setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Connection))  # noqa: B010
    transport = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
    points.around(transport, "write", "send")
    points.around(socket, "send_fds", "spawn")
    points.around(subprocess.Popen, "_execute_child", "spawn")
    points.around(replace, "_exchange", "file")
    points.around(History, "replace", "change")
    points.around_git()
    sys.addaudithook(points.audit)


def main() -> int:
    if sys.argv[1]:
        put_points(Points(sys.argv[1]))
    return daemon.main(["--on-demand"])


def become(point: str, environment: dict[str, str], folder: str, said: str) -> None:
    """A process that was forked with all of this imported becomes what the command would be.
    `said`: the file for what it writes."""
    for descriptor, path in enumerate((os.devnull, said, said)):
        opened = os.open(path, os.O_RDWR | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["tests.crashing", point]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]
    sys.exit(main())


if __name__ == "__main__":
    sys.exit(main())
