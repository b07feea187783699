"""The hermes command as a user runs it: a process of its own, in a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TIMEOUT = 60.0
STOP_SECONDS = 10.0
LOG_LINES = 40


class Hermes:
    """Runs commands in `home`. `close` ends the daemon they started, whatever its state."""

    python: tuple[str, ...] = (sys.executable,)
    command: tuple[str, ...] = (sys.executable, "-m", "gateway.cli.entry")

    def __init__(self, home: Path, workspace: Path, extra: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.workspace = workspace
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(workspace.parent),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PYTHONPATH": str(ROOT),
            "HERMES_HOME": str(home),
            **(extra or {}),
        }

    def run(
        self, *words: str, input: str | None = None, timeout: float = TIMEOUT
    ) -> subprocess.CompletedProcess[str]:
        """One command to its end; without `input` standard input is empty."""
        return subprocess.run(
            [*self.command, *words],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            cwd=self.workspace,
            check=False,
        )

    def ok(self, *words: str, input: str | None = None) -> str:
        """The stdout of a command that must succeed."""
        result = self.run(*words, input=input)
        told = (words, result.returncode, result.stdout, result.stderr)
        assert result.returncode == 0, f"{told}\n{self.last_log_lines()}"
        return result.stdout

    def last_log_lines(self) -> str:
        """The end of the daemon's log, for the reader of a failure."""
        log = self.home / "logs" / "daemon.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(["the daemon's log:", *lines[-LOG_LINES:]])

    def json(self, *words: str) -> Any:
        """The one value that `--json` puts on stdout."""
        return json.loads(self.ok(*words, "--json"))

    def spawn(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """A command that goes on; the caller waits for it."""
        streams = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return subprocess.Popen(
            [*self.command, *words],
            text=True,
            env=self.environment,
            cwd=self.workspace,
            **{**streams, **options},
        )

    def daemon_pid(self) -> int | None:
        """The process that owns the home, by its lock file; None if there is none alive."""
        try:
            pid = int((self.home / "run" / "daemon.lock").read_text().strip())
            command = Path(f"/proc/{pid}/cmdline")
            if command.parent.parent.exists() and b"gateway.daemon" not in command.read_bytes():
                return None
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """A planned stop, as a service manager asks for it; whoever does not stop is killed."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.daemon_pid() is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if (pid := self.daemon_pid()) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
