"""Workers as processes of this machine, one pipe each way. They are forked, so that what they all
need is loaded once."""

from __future__ import annotations

import os
import selectors
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from agent.inputs import input_id
from gateway.research import slot as worker_side
from gateway.research.engine import Died
from gateway.research.frames import Frames, Report, Task, framed
from hermes_home.paths import Home

LEAVE_SECONDS = 10.0
"""For workers to suspend what they are at when the batch is stopped."""
PIECE = 1 << 20
LOG_BYTES = 1_500
"""Of a dead worker's log that is told."""


@dataclass
class _Worker:
    """down, up: our ends of its pipes; down is -1 once it was told to leave."""

    pid: int
    down: int
    up: int
    frames: Frames[Report]
    log: Path
    log_start: int


class LocalEngine:
    """folder: the batch's. lock: the descriptor of its lock, which the workers hold too, so that
    the folder is free only when all of them are gone. origin: the home itself, if it is to learn.
    """

    durable = True

    def __init__(self, folder: Path, lock: int, origin: Home | None) -> None:
        self._folder = folder
        self._lock = lock
        self._origin = origin
        self._workers: dict[str, _Worker] = {}
        self._selector = selectors.DefaultSelector()

    def start(self, slot: str, task: Task | None) -> None:
        place = self._folder / "slots" / slot
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place / "worker.log"
        start = path.stat().st_size if path.exists() else 0
        theirs, down = os.pipe()
        up, reports = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            ends = worker_side.Ends(theirs, reports, (self._lock,))
            input = input_id(task.key) if task else ""
            worker_side.become(self._folder, slot, parent, input, ends, self._origin)
        os.close(theirs)
        os.close(reports)
        self._workers[slot] = _Worker(pid, down, up, Frames(Report), path, start)
        self._selector.register(up, selectors.EVENT_READ, slot)

    def give(self, slot: str, task: Task) -> None:
        data = framed(task)
        try:
            while data:
                data = data[os.write(self._workers[slot].down, data) :]
        except BrokenPipeError:
            return  # its end is seen where it is waited for

    def wait(self, seconds: float) -> list[tuple[str, Report | Died]]:
        heard: list[tuple[str, Report | Died]] = []
        for key, _ in self._selector.select(seconds):
            slot: str = key.data
            data = os.read(key.fd, PIECE)
            try:
                heard += [(slot, report) for report in self._workers[slot].frames.feed(data)]
            except ValueError as error:
                self.kill(slot)
                heard.append((slot, Died(f"it said what cannot be understood: {error}")))
                continue
            if not data:
                heard.append((slot, Died(self._end(slot))))
        return heard

    def kill(self, slot: str) -> None:
        os.kill(self._workers[slot].pid, signal.SIGKILL)
        self._end(slot)

    def leave(self, slot: str) -> None:
        self._dismiss(self._workers[slot])
        self._end(slot)

    def close(self) -> None:
        for worker in self._workers.values():
            self._dismiss(worker)
        until = time.monotonic() + LEAVE_SECONDS
        while self._workers and time.monotonic() < until:
            self.wait(0.1)
        for slot in list(self._workers):
            self.kill(slot)
        self._selector.close()

    def _dismiss(self, worker: _Worker) -> None:
        """The end of its input tells it to leave."""
        if worker.down >= 0:
            os.close(worker.down)
            worker.down = -1

    def _end(self, slot: str) -> str:
        """Wait for a worker that is ending and forget it; how it ended."""
        worker = self._workers.pop(slot)
        self._selector.unregister(worker.up)
        self._dismiss(worker)
        code = _ended(worker.pid)
        os.close(worker.up)
        with worker.log.open("rb") as log:
            log.seek(max(worker.log_start, worker.log.stat().st_size - LOG_BYTES))
            said = log.read().decode("utf-8", "replace").strip()
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        return f"its worker ended ({how})" + (f": {said}" if said else "")


def _ended(pid: int) -> int:
    """The exit code of a process that is ending, below 0 for a signal; it is ended if it does not
    do so by itself."""
    until = time.monotonic() + LEAVE_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
