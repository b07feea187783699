"""What a Ray actor is: it keeps one worker process on its node, in a folder of its own, and starts
it again when it dies. It knows nothing of Ray."""

from __future__ import annotations

import io
import os
import selectors
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import msgspec

from agent.inputs import input_id
from gateway.cli.start import daemon_environment
from gateway.learning.copies import remove
from gateway.research.frames import Frames, Ready, Report, Result, Task, framed
from hermes_home.errors import HermesError
from hermes_home.paths import Home
from hermes_home.secrets import write_secret

PREFIX = "hermes-batch-"
PIECE = 1 << 20
SILENCE_SECONDS = 60.0
"""A process that says nothing for so long is hung; it says that it lives every 2 s."""
MOST_DEATHS = 5
"""Processes one attempt may cost; then it has failed."""


class RayWorker:
    """One slot. frozen: the home to start from, packed. secrets: by their names."""

    def __init__(self, slot: str, frozen: bytes, secrets: dict[str, str]) -> None:
        self._slot = slot
        self._secrets = secrets
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        self._process: subprocess.Popen[bytes] | None = None
        self._frames: Frames[Report] = Frames(Report)
        self._reports: list[Report] = []
        home = Home(self._folder / "frozen")
        (self._folder / "slots" / slot).mkdir(parents=True)
        unpacked(frozen, home.root)
        home.env.unlink(missing_ok=True)  # it leads to the home itself, which is elsewhere
        for name in secrets:
            write_secret(home, name, "")  # their values are on no disk but the owner's

    def ready(self) -> None:
        """Returns when the process has its home."""
        self._start("")

    def carry_out(self, task: bytes, template: bytes | None) -> bytes:
        """One attempt, framed as the result is. A process that dies is replaced by one that goes
        on; HermesError if that happens too often."""
        asked = next(Frames[Task](Task).feed(task))
        mine = msgspec.structs.replace(
            asked,
            workspace=str(self._folder / "workspaces" / Path(asked.workspace).name),
            template=str(self._template(template)) if template is not None else "",
        )
        for _ in range(MOST_DEATHS):
            if self._process is None:
                self._start(input_id(mine.key))
            self._say(framed(mine))
            while (report := self._hear()) is not None:
                if isinstance(report, Result):
                    return framed(report)
            self._end()
        raise HermesError(f"its worker died {MOST_DEATHS} times: {self._last_words()}")

    def leave(self) -> None:
        """Nothing of it stays on the node."""
        self._end()
        remove(self._folder)

    def _template(self, packed: bytes) -> Path:
        folder = self._folder / "template"
        if folder.exists():
            remove(folder)
        unpacked(packed, folder)
        return folder

    def _start(self, input: str) -> None:
        place = self._folder / "slots" / self._slot
        words = [str(self._folder), self._slot, str(os.getpid()), input]
        self._frames, self._reports = Frames(Report), []
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gateway.research.slot", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it keeps a log
            env=daemon_environment(str(place / "home")) | self._secrets,
        )
        while (report := self._hear()) is not None:
            if isinstance(report, Ready):
                return
        self._end()
        raise HermesError(f"no worker comes up: {self._last_words()}")

    def _say(self, data: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # its end is seen where it is waited for

    def _hear(self) -> Report | None:
        """The next report; None if the process has ended, or says nothing any more."""
        assert self._process is not None
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not self._reports:
                if not selector.select(SILENCE_SECONDS):
                    return None
                if not (data := os.read(descriptor, PIECE)):
                    return None
                self._reports += self._frames.feed(data)
        return self._reports.pop(0)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _last_words(self) -> str:
        log = self._folder / "slots" / self._slot / "worker.log"
        return log.read_text(errors="replace")[-1_000:].strip() if log.exists() else ""


def packed(folder: Path) -> bytes:
    """A folder as an archive, links as links."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(folder, arcname=".")
    return data.getvalue()


def unpacked(data: bytes, folder: Path) -> None:
    """What `packed` made of a folder, in a new one."""
    folder.mkdir(mode=0o700, parents=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="fully_trusted")
