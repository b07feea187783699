"""Starting processes and what they cost, with everything they start (Linux)."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.usage import cpu_of, memory_of, parents, tree

CHILD_SUBREAPER = 36
Address = str | tuple[str, int]
"""A Unix socket's path, or host and port."""


class BenchmarkFailed(Exception):
    """A process did not do what is measured, so there is no figure."""


@dataclass(frozen=True)
class Place:
    """A fresh installation of an agent: its folder, the workspace in it, and the environment."""

    root: Path
    workspace: Path
    env: dict[str, str]


@dataclass(frozen=True)
class Spent:
    """What a finished command took, with everything it started. Seconds."""

    wall: float
    cpu: float
    output: str


@dataclass(frozen=True)
class Held:
    """What a running process tree holds and has used. Bytes and seconds."""

    processes: int
    rss: int
    pss: int
    cpu: float


@dataclass
class Daemon:
    """A process of ours that goes on running until `stop`."""

    process: subprocess.Popen[bytes]
    log: Path
    stopped: bool = field(default=False)

    def held(self) -> Held:
        pids = tree(self.process.pid)
        memory = [memory_of(pid) for pid in pids]
        return Held(
            len(pids), sum(m["Rss"] for m in memory), sum(m["Pss"] for m in memory), cpu_of(pids)
        )

    def cpu(self) -> float:
        return cpu_of(tree(self.process.pid))

    def stop(self) -> None:
        if self.stopped:
            return
        self.stopped = True
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _own.discard(self.process.pid)
        reap_orphans()


_own: set[int] = set()


def adopt_orphans() -> None:
    """From now on what a measured process leaves behind becomes our child, to be counted."""
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans() -> float:
    """End what measured processes left behind; the CPU seconds it had used."""
    used = 0.0
    while left := [pid for pid, parent in parents().items() if parent == os.getpid()]:
        strangers = [pid for pid in left if pid not in _own]
        if not strangers:
            break
        for pid in strangers:
            os.kill(pid, signal.SIGKILL)
            _, _, usage = os.wait4(pid, 0)
            used += usage.ru_utime + usage.ru_stime
    return used


def run(command: list[str], place: Place, timeout: float = 240) -> Spent:
    """Run a command to its end. Raises BenchmarkFailed if it fails or takes too long."""
    log = place.root / "output.txt"
    with log.open("wb") as out:
        begun = time.perf_counter()
        process = _start(command, place, out.fileno())
        late = threading.Timer(timeout, process.kill)
        late.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    late.cancel()
    _own.discard(process.pid)
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log.read_text(errors="replace")
    cpu = usage.ru_utime + usage.ru_stime + reap_orphans()
    if process.returncode:
        raise BenchmarkFailed(f"a command ended with {process.returncode}: {_last(output)}")
    return Spent(wall, cpu, output)


def start(command: list[str], place: Place, address: Address, timeout: float = 90) -> Daemon:
    """Start a daemon and wait until it answers HTTP at `address`."""
    log = place.root / "daemon.txt"
    with log.open("ab") as out:
        daemon = Daemon(_start(command, place, out.fileno()), log)
    deadline = time.monotonic() + timeout
    while not answers(address):
        ended = daemon.process.poll() is not None
        if ended or time.monotonic() > deadline:
            daemon.stop()
            why = "ended" if ended else "did not answer"
            raise BenchmarkFailed(f"the daemon {why}: {_last(log.read_text(errors='replace'))}")
        time.sleep(0.05)
    return daemon


def _last(output: str) -> str:
    """The last words of a process that failed, in one line."""
    return " ".join(output.split())[-300:]


def _start(command: list[str], place: Place, out: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        command,
        env=place.env,
        cwd=place.workspace,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=out,
        start_new_session=True,
    )
    _own.add(process.pid)
    return process


def answers(address: Address) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    try:
        with socket.socket(family) as link:
            link.settimeout(5)
            link.connect(address)
            link.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return link.recv(5) == b"HTTP/"
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
