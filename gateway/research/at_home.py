"""A prompt of a batch with --learn: a session of the home itself, carried out by the home's
daemon, so that what it teaches goes through the one door."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from gateway.cli.start import connect
from gateway.cli.talk import Talk
from gateway.research.frames import Task
from gateway.research.one import Done
from hermes_home.files import put
from memory.trajectory import Trajectory

ENDS = ("RunFinished", "RunParked")


class AtHome:
    """One attempt. `run` blocks until the run has ended, or `close` is called in another thread.

    home: the home's folder. note: where the session is noted before anything is said in it, so
    that whoever comes next under the same key finds it.
    """

    def __init__(self, home: str, source: str, task: Task, note: Path) -> None:
        self._home = home
        self._source = source
        self._task = task
        self._note = note
        self._key = sha256(f"{note}/{task.key}".encode()).hexdigest()
        self._talk: Talk | None = None

    def run(self) -> Done | None:
        """What came of it; None if it was closed before."""
        began = time.monotonic()
        talk = self._talk = Talk(self._home, self._session())
        options = msgspec.structs.replace(
            self._task.options, cwd=self._task.workspace, headless=True
        )
        with connect(self._home) as wire:
            wire.post(
                f"/api/sessions/{talk.session}/inputs",
                {
                    "kind": "message",
                    "text": self._task.prompt,
                    "options": msgspec.to_builtins(options),
                },
                self._key,
            )
        end = self._end(talk)
        if end is None:
            return None
        with connect(self._home) as wire:
            text = wire.text("GET", f"/api/sessions/{talk.session}/export?format=jsonl")
        found = msgspec.convert(json.loads(text), Trajectory)
        parked = end["type"] == "RunParked"
        return Done(
            found,
            "parked" if parked else end["reason"],
            end["reason"] if parked else end.get("error", ""),
            time.monotonic() - began,
            end.get("tool_calls", 0),
        )

    def close(self) -> None:
        if self._talk is not None:
            self._talk.close()

    def _session(self) -> str:
        """The session of this attempt, opened if there is none yet."""
        if self._note.exists():
            noted = json.loads(self._note.read_text(encoding="utf-8"))
            if noted["key"] == self._task.key:
                return str(noted["session"])
        with connect(self._home) as wire:
            about = {"source": self._source, "cwd": self._task.workspace}
            session: str = wire.post("/api/sessions", about)["id"]
        put(self._note, json.dumps({"key": self._task.key, "session": session}).encode())
        return session

    def _end(self, talk: Talk) -> dict[str, Any] | None:
        """The event that the run ended with. When its time is over it is told to stop."""
        why = f"it took longer than {self._task.seconds:g} s"
        stop = self._timer(self._task.seconds, lambda: talk.post("stop", reason=why))
        try:
            for stored in filter(None, talk.events(0, ENDS)):
                return dict(stored["event"])
            return None
        finally:
            stop.cancel()

    def _timer(self, seconds: float, act: Callable[[], object]) -> threading.Timer:
        timer = threading.Timer(seconds or threading.TIMEOUT_MAX, act)
        timer.daemon = True
        timer.start()
        return timer
