"""The server that runs in a sandbox and starts a session's commands: `inside.py CONTROL_FD`.

A program of its own on the plain standard library: nothing else of Hermes is visible in there.
It reads requests, one JSON object a line, from the socket it inherited: {id, command, cwd, env}
with the descriptors of the command's output and, if `input` is true, of its input; {kill: id}.
It reports {ready}, {id, pid} and {id, exit}. When the socket closes it takes everything with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any, NoReturn

SHELLS = ("/bin/bash", "/usr/bin/bash", "/run/current-system/sw/bin/bash", "/bin/sh")
SET_PDEATHSIG, SET_DUMPABLE, SET_CHILD_SUBREAPER = 1, 4, 36
END_SECONDS = 5.0


def parents() -> dict[int, int]:
    """Every living process and its parent; zombies are left out."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112 - pathlib would double the start time
        with os.popen("ps -axo pid=,ppid=,stat=") as table:
            rows = [line.split() for line in table]
        return {int(row[0]): int(row[1]) for row in rows if row[2][0] != "Z"}
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and (parent := parent_of(int(name))) is not None:
            found[int(name)] = parent
    return found


def parent_of(pid: int) -> int | None:
    """The parent by /proc; None if the process is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123
            state, parent = stat.read().rpartition(b")")[2].split()[:2]
    except OSError:
        return None
    return None if state in b"ZX" else int(parent)


def descendants(root: int) -> set[int]:
    """Every living process below `root`, without it."""
    table = parents()
    found: set[int] = set()
    fresh = {root}
    while fresh:
        fresh = {pid for pid, parent in table.items() if parent in fresh} - found
        found |= fresh
    return found - {root}


def end_descendants(root: int) -> None:
    """Kill all below `root`, again and again, since what is being killed may still fork."""
    limit = time.monotonic() + END_SECONDS
    while (found := descendants(root)) and time.monotonic() < limit:
        for pid in found:
            send_signal(pid, signal.SIGKILL)


def send_signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def process_control(option: int, value: int) -> None:
    """prctl(2), where there is one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Server:
    """Starts commands and reports their ends. `commands`: supervisor's pid -> request id."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.commands: dict[int, int] = {}
        self.received = b""
        self.descriptors: list[int] = []
        self.over = False

    def serve(self) -> None:
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self.hang_up)
        self.report({"ready": True})
        sources: list[Any] = [self.control, wake]
        while not self.over:
            ready = select.select(sources, [], [])[0]
            if wake in ready:
                os.read(wake, 4096)
            self.reap()
            if self.control in ready:
                self.take()

    def hang_up(self, *signalled: object) -> None:
        """Leave the loop. Nothing is raised: the clearing away that follows must not be cut."""
        self.over = True

    def take(self) -> None:
        """Take what the daemon sent."""
        data, fresh, _, _ = socket.recv_fds(self.control, 65536, 16)
        self.descriptors += fresh
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            self.answer(json.loads(line))
        if not data:
            self.hang_up()

    def answer(self, request: dict[str, Any]) -> None:
        if "kill" in request:
            self.kill(request["kill"])
            return
        given = [self.descriptors.pop(0) for _ in range(2 if request["input"] else 1)]
        pid = os.fork()
        if pid == 0:
            self.control.close()
            supervise(request, given)
        for descriptor in given:
            os.close(descriptor)
        self.commands[pid] = request["id"]
        self.report({"id": request["id"], "pid": pid})

    def kill(self, id: int) -> None:
        """End a command's tree. Its supervisor is stopped first: while it lives, whatever the
        command started stays below it."""
        for pid in [pid for pid, known in self.commands.items() if known == id]:
            send_signal(pid, signal.SIGSTOP)
            end_descendants(pid)
            send_signal(pid, signal.SIGKILL)

    def reap(self) -> None:
        for pid, status in ended():
            if (id := self.commands.pop(pid, None)) is not None:
                self.report({"id": id, "exit": os.waitstatus_to_exitcode(status)})

    def report(self, message: dict[str, Any]) -> None:
        self.control.sendall(json.dumps(message).encode() + b"\n")


def ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def supervise(request: dict[str, Any], given: list[int]) -> NoReturn:
    """Stay above one command, so that what it starts can be found, and end as it ends."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    process_control(SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        become(request, given)
    for descriptor in given:
        os.close(descriptor)
    while True:
        pid, status = os.wait()
        if pid != child:
            continue
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {-code})
            if -code not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        os._exit(code)


def become(request: dict[str, Any], given: list[int]) -> NoReturn:
    """Turn into the shell that runs the command."""
    try:
        os.setsid()
        output, *rest = given
        os.dup2(rest[0] if rest else os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 4096)
        os.chdir(request["cwd"])
        shell = next(path for path in SHELLS if os.access(path, os.X_OK))
        os.execve(shell, [shell, "-c", request["command"]], request["env"])
    except (OSError, ValueError, StopIteration) as error:
        os.write(2, f"the command could not be started: {error}\n".encode(errors="replace"))
    os._exit(127)


def main() -> None:
    process_control(SET_PDEATHSIG, signal.SIGTERM)
    process_control(SET_DUMPABLE, 0)  # commands of the same user cannot take this process over
    process_control(SET_CHILD_SUBREAPER, 1)
    with socket.socket(fileno=int(sys.argv[1])) as control:
        control.set_inheritable(False)
        try:
            Server(control).serve()
        except OSError:
            pass  # the daemon is gone: there is nobody to report to
        finally:
            end_descendants(os.getpid())


if __name__ == "__main__":
    main()
