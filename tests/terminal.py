"""A terminal for tests: a program on a pseudo-terminal, and what a person would see of it."""

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
from codecs import getincrementaldecoder
from collections.abc import Mapping, Sequence
from pathlib import Path

CODE = re.compile(r"\x1b\[([?0-9;]*)([@-~])|\x1b[=>]|\x1b\][^\x07]*\x07")
PATIENCE = 30.0


class Paper:
    """What was written, as a terminal shows it; lines that scroll off at the top are kept. Knows
    the few codes that line editing needs, and no wide characters."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self.lines = [""]
        self._line = 0
        self._column = 0
        self._held = ""

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)

    def write(self, text: str) -> None:
        text = self._held + text
        place = 0
        while place < len(text):
            if text[place] != "\x1b":
                self._put(text[place])
                place += 1
            elif code := CODE.match(text, place):
                self._obey(code[1] or "", code[2] or "")
                place = code.end()
            else:
                break
        self._held = text[place:]

    def _put(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._down(1)
        elif character == "\b":
            self._column = max(0, self._column - 1)
        elif character >= " ":
            if self._column >= self.columns:
                self._column = 0
                self._down(1)
            line = self.lines[self._line].ljust(self._column)
            self.lines[self._line] = line[: self._column] + character + line[self._column + 1 :]
            self._column += 1

    def _down(self, count: int) -> None:
        self._line += count
        while len(self.lines) <= self._line:
            self.lines.append("")

    def _obey(self, words: str, letter: str) -> None:
        count = int(words) if words.isdigit() else 0
        top = max(0, len(self.lines) - self.rows)
        if letter == "A":
            self._line = max(top, self._line - max(1, count))
        elif letter == "B":
            self._down(max(1, count))
        elif letter == "C":
            self._column = min(self.columns - 1, self._column + max(1, count))
        elif letter == "D":
            self._column = max(0, self._column - max(1, count))
        elif letter == "H":
            self._line, self._column = top, 0
        elif letter == "K":
            self.lines[self._line] = self.lines[self._line][: self._column]
        elif letter == "J":
            first = top if count == 2 else self._line + 1
            self.lines[first:] = [""] * (len(self.lines) - first)
            if count == 0:
                self.lines[self._line] = self.lines[self._line][: self._column]


class Terminal:
    """`paper` is what a person sees, `raw` every byte that came."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], list(command), dict(environment))
        self.paper = Paper(80, 24)
        self.raw = ""
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self.resize(80, 24)

    @property
    def seen(self) -> str:
        return self.paper.text

    def resize(self, columns: int, rows: int) -> None:
        self.paper.columns, self.paper.rows = columns, rows
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        data = text.encode()
        while data:
            self.read(0)
            if select.select([], [self._master], [], 1)[1]:
                data = data[os.write(self._master, data[:4096]) :]

    def paste(self, text: str) -> None:
        self.type(f"\x1b[200~{text}\x1b[201~")

    def wait(self, text: str, times: int = 1, seconds: float = PATIENCE) -> None:
        """Until `text` is seen so many times."""
        deadline = time.monotonic() + seconds
        while self.seen.count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} is not in:\n{self.seen}"
            self.read(0.05)

    def settle(self, seconds: float = 0.3) -> None:
        """Until nothing new is written for a while."""
        while self.read(seconds):
            pass

    def end(self, seconds: float = PATIENCE) -> int:
        """The program's exit code, once it has left."""
        deadline = time.monotonic() + seconds
        while True:
            self.read(0.02)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"it did not leave:\n{self.seen}"

    def close(self) -> None:
        """Hang up, as a closed window does."""
        os.close(self._master)
        if self.pid:
            os.kill(self.pid, signal.SIGHUP)
            os.waitpid(self.pid, 0)

    def read(self, seconds: float) -> bool:
        """Take what the program wrote within so many seconds; whether there was anything."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            time.sleep(seconds)
            return False
        text = self._decoder.decode(data)
        self.raw += text
        self.paper.write(text)
        return bool(data)
