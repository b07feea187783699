"""A terminal for tests: a program on a pseudo-terminal, and what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0-9A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07")
PATIENCE = 30.0


class Terminal:
    """`seen` is everything the program wrote so far, without the codes that move and colour."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], list(command), dict(environment))
        self.raw = ""
        self._mark = 0
        self.resize(80, 24)

    @property
    def seen(self) -> str:
        return ESCAPES.sub("", self.raw)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        data = text.encode()
        while data:
            self._read(0)
            if select.select([], [self._master], [], 1)[1]:
                data = data[os.write(self._master, data[:4096]) :]

    def paste(self, text: str) -> None:
        self.type(f"\x1b[200~{text}\x1b[201~")

    def wait(self, text: str, seconds: float = PATIENCE) -> None:
        """Until `text` is seen after what was waited for before."""
        deadline = time.monotonic() + seconds
        while (found := self.seen.find(text, self._mark)) < 0:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.seen[self._mark :]!r}"
            self._read(0.05)
        self._mark = found + len(text)

    def settle(self, seconds: float = 0.3) -> None:
        """Until nothing new is written for a while."""
        while self._read(seconds):
            pass

    def end(self, seconds: float = PATIENCE) -> int:
        """The program's exit code, once it has left."""
        deadline = time.monotonic() + seconds
        while True:
            self._read(0.02)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"it did not leave: {self.seen[-300:]!r}"

    def close(self) -> None:
        """Hang up, as a closed window does."""
        os.close(self._master)
        if self.pid:
            os.kill(self.pid, signal.SIGHUP)
            os.waitpid(self.pid, 0)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            time.sleep(seconds)
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)
