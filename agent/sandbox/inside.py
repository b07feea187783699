"""The server that runs in a sandbox and starts a session's commands: `inside.py CONTROL_FD`.

A program of its own on the plain standard library: nothing else of Hermes is visible in there.
It reads requests, one JSON object a line, from the socket it inherited: {id, command, cwd, env,
input} with the descriptors of the command's output and, if `input`, of its input; {kill: id}. It
reports {ready} and {id, exit}. When the socket closes it takes everything with it.
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

TYPE_CHECKING = False  # to import typing would cost every sandbox a tenth of its start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

SHELLS = ("/bin/bash", "/usr/bin/bash", "/run/current-system/sw/bin/bash", "/bin/sh")
SET_PDEATHSIG, SET_DUMPABLE, SET_CHILD_SUBREAPER = 1, 4, 36
END_SECONDS = 5.0
# What whoever started the daemon ignored, as nohup does, a command does not.
DEFAULTS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
NOTHING = (os.devnull, os.O_RDONLY, 0)


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


class Link:
    """Messages over a socket, one JSON object a line, and the descriptors that come with them."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.descriptors: list[int] = []
        self._rest = b""

    def fileno(self) -> int:
        return self.end.fileno()

    def send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        data = json.dumps(message).encode() + b"\n"
        if descriptors:
            data = data[socket.send_fds(self.end, [data], descriptors) :]
        self.end.sendall(data)

    def receive(self) -> list[dict[str, Any]] | None:
        """Wait for something; the messages it completes. None: the other end is closed."""
        data, fresh, _, _ = socket.recv_fds(self.end, 65536, 16)
        for descriptor in fresh:
            os.set_inheritable(descriptor, False)
        self.descriptors += fresh
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines] if data else None

    def take(self, count: int) -> list[int]:
        """The next `count` descriptors; whoever takes them closes them."""
        taken, self.descriptors = self.descriptors[:count], self.descriptors[count:]
        return taken


class Worker:
    """A child that runs commands, one at a time. `id`: of the request it works on, or 0."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.id = 0
        self.pid = os.fork()
        if self.pid == 0:
            work(theirs)
        theirs.close()
        self.link = Link(ours)

    def begin(self, request: dict[str, Any], given: Sequence[int]) -> bool:
        """False if it cannot: it was killed."""
        try:
            self.link.send(request, given)
        except ConnectionError:
            return False
        self.id = request["id"]
        return True


class Server:
    """Hands requests to workers and reports the ends of their commands. A worker is used again
    when its command left nothing running; one is kept for the next command."""

    def __init__(self, control: socket.socket) -> None:
        self.control = Link(control)
        self.workers: list[Worker] = []
        self.over = False

    def serve(self) -> None:
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self.hang_up)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries whoever ends
        self.control.send({"ready": True})
        while not self.over:
            sources: list[Any] = [self.control, wake, *(worker.link for worker in self.workers)]
            ready = select.select(sources, [], [])[0]
            for worker in tuple(self.workers):
                if worker.link in ready:
                    self.hear(worker)
            if self.control in ready:
                self.take()

    def hang_up(self, *signalled: object) -> None:
        """Leave the loop. Nothing is raised: the clearing away that follows must not be cut."""
        self.over = True

    def take(self) -> None:
        """Take what the daemon sent."""
        requests = self.control.receive()
        for request in requests or ():
            if "kill" in request:
                self.kill(request["kill"])
            else:
                self.hand_out(request)
        if requests is None:
            self.hang_up()

    def hand_out(self, request: dict[str, Any]) -> None:
        given = self.control.take(2 if request["input"] else 1)
        while not (worker := self.free() or self.another()).begin(request, given):
            self.dismiss(worker)
        for descriptor in given:
            os.close(descriptor)

    def free(self) -> Worker | None:
        return next((worker for worker in self.workers if not worker.id), None)

    def another(self) -> Worker:
        self.workers.append(Worker())
        return self.workers[-1]

    def dismiss(self, worker: Worker) -> None:
        """It ends, if it has not; what its command left running is ours from then on."""
        self.workers.remove(worker)
        worker.link.end.close()

    def hear(self, worker: Worker) -> None:
        """Take a worker's report; without one it was killed, and its command with it."""
        try:
            told = worker.link.receive()
        except ConnectionError:
            told = None
        if told == []:
            return
        report = told[0] if told else {"exit": -signal.SIGKILL, "alone": False}
        if worker.id:
            self.control.send({"id": worker.id, "exit": report["exit"]})
        if not report["alone"] or self.free():
            self.dismiss(worker)
        worker.id = 0

    def kill(self, id: int) -> None:
        """End a command's tree. Its worker is stopped first: while it lives, whatever the
        command started stays below it."""
        for worker in [worker for worker in self.workers if worker.id == id]:
            send_signal(worker.pid, signal.SIGSTOP)
            end_descendants(worker.pid)
            send_signal(worker.pid, signal.SIGKILL)


def work(end: socket.socket) -> NoReturn:
    """Run one command after the other, staying above it, so that what it starts can be found.
    End when one leaves something running."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.closerange(3, end.fileno())
    os.closerange(end.fileno() + 1, 4096)
    process_control(SET_CHILD_SUBREAPER, 1)
    link, alone = Link(end), True
    try:
        while alone and (requests := link.receive()) is not None:
            for request in requests:
                code = run(request, link.take(2 if request["input"] else 1))
                alone = not has_children()
                link.send({"exit": code, "alone": alone})
    finally:
        os._exit(0)


def run(request: dict[str, Any], given: list[int]) -> int:
    """Run a command in the shell to its end; its exit status, minus the signal that ended it."""
    output, source = given[0], given[1:]
    into = (os.POSIX_SPAWN_DUP2, *source, 0) if source else (os.POSIX_SPAWN_OPEN, 0, *NOTHING)
    try:
        os.chdir(request["cwd"])
        shell = next(path for path in SHELLS if os.access(path, os.X_OK))
        child = os.posix_spawn(
            shell,
            [shell, "-c", request["command"]],
            request["env"],
            file_actions=[into, *((os.POSIX_SPAWN_DUP2, output, place) for place in (1, 2))],
            setsid=True,
            setsigdef=DEFAULTS,
        )
    except (OSError, ValueError, StopIteration) as error:
        os.write(output, f"the command could not be started: {error}\n".encode(errors="replace"))
        return 127
    finally:
        for descriptor in given:
            os.close(descriptor)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def has_children() -> bool:
    """Whether anything below this process lives; what has ended is buried."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    except ChildProcessError:
        return False


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
