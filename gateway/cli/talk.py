"""One session as a client has it: post inputs, follow its events across restarts."""

from __future__ import annotations

import json
import os
import time

from gateway.cli.start import connect
from gateway.cli.wire import Lost, NotListening, Wire
from hermes_home.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import Any

    from gateway.cli.arguments import Arguments

Stored = dict[str, "Any"]
"""A journal row as the daemon sends it: seq, session, run, at, event {type, ...}."""
ATTEMPTS = 3
NOW = "now"
"""The comment that the daemon puts between what is stored and what happens."""
PAUSE = 0.2
"""Seconds before the socket is tried again."""


def run_options(arguments: Arguments, *, headless: bool) -> dict[str, Any]:
    """The common flags as the options of an input."""
    options: dict[str, Any] = {"cwd": workspace(arguments), "headless": headless}
    for name, key in (("model", "model"), ("provider", "provider"), ("base-url", "base_url")):
        if arguments.text(name):
            options[key] = arguments.text(name)
    if arguments.on("offline"):
        options |= {"provider": "offline", "model": "", "base_url": ""}
    if arguments.on("max-turns"):
        options["max_turns"] = arguments.number("max-turns", 0)
    if arguments.text("skills"):
        options["skills"] = [name.strip() for name in arguments.text("skills").split(",")]
    return options | {"yolo": arguments.on("yolo"), "learning": not arguments.on("no-learning")}


def workspace(arguments: Arguments) -> str:
    """The folder the work is about, absolute; UsageError if there is none."""
    path = os.path.abspath(os.path.expanduser(arguments.text("cwd") or os.getcwd()))
    if not os.path.isdir(path):
        raise UsageError(f"there is no folder {path}", "--cwd names the workspace")
    return path


class Talk:
    """A session. `wire` may be used for the first requests and, at last, the events.

    known: the last event its owner is known to have seen, 0 = none.
    """

    def __init__(self, home: str, session: str, wire: Wire | None = None, known: int = 0) -> None:
        self.home = home
        self.session = session
        self.known = known
        self._wire = wire
        self._live: Wire | None = None
        self._closed = False

    def post(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Put an input into the session's inbox; it is stored when this returns. The row has
        `input`, `position` and `after`, the journal's sequence number before it."""
        return self._send("inputs", {"kind": kind, **fields})

    def command(self, text: str, options: dict[str, Any]) -> dict[str, Any]:
        """Run a slash command: `text` of the answer is to be shown, `session` to be gone to, the
        events of `input` follow `after`."""
        return self._send("commands", {"text": text, "options": options})

    def seen(self, seq: int) -> None:
        self._send("seen", {"seq": seq})

    def _send(self, door: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post once, however often the connection breaks: the key is the same."""
        key = os.urandom(12).hex()
        for _ in range(ATTEMPTS - 1):
            try:
                return self._post(door, body, key)
            except Lost:
                if self._wire is not None:
                    self._wire.close()
                    self._wire = None
        return self._post(door, body, key)

    def _post(self, door: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        path = f"/api/sessions/{self.session}/{door}"
        if self._wire is not None:
            return dict(self._wire.post(path, body, key))
        with connect(self.home) as wire:
            return dict(wire.post(path, body, key))

    def events(self, after: int = 0, kinds: Iterable[str] = ()) -> Generator[Stored | None]:
        """Everything from `after` on, or only events of `kinds`, as it happens; None once all
        that is stored was given.

        It reconnects, and starts the daemon, when the daemon goes away: None then comes again.
        Transient events (seq 0) may be missed meanwhile, stored ones never are.
        """
        while not self._closed:
            try:
                for row in self._connected(after, kinds):
                    after = max(after, row["seq"] if row else 0)
                    yield row
            except (Lost, NotListening):
                pass
            if not self._closed:
                time.sleep(PAUSE)

    def close(self) -> None:
        """End `events`, also in another thread that waits in it."""
        self._closed = True
        if self._live is not None:
            self._live.shut()

    def _connected(self, after: int, kinds: Iterable[str]) -> Iterator[Stored | None]:
        wire, self._wire = self._wire or connect(self.home), None
        self._live = wire
        with wire:
            query = f"after={after}&kinds={','.join(kinds)}"
            for event in wire.stream(f"/api/sessions/{self.session}/events?{query}"):
                if event.kind != ":":
                    yield json.loads(event.data)
                elif event.data == NOW:
                    yield None
        self._live = None


def open_session(home: str, source: str, arguments: Arguments) -> Talk:
    """A new session."""
    wire = connect(home)
    row = wire.post("/api/sessions", {"source": source, "cwd": workspace(arguments)})
    return Talk(home, row["id"], wire)
