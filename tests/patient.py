"""An owner who keeps talking to a daemon that keeps dying: by hand-written HTTP over its socket,
every message with a key, sent again until there is a receipt."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

from gateway.cli.wire import dial
from hermes_home.errors import UnavailableError
from tests import crashing
from tests.hermes import Hermes

PATIENCE = 60.0
"""Seconds without a byte from a living daemon that fail a test."""


class Gone(Exception):
    """The daemon went away, or is not there yet."""


NURSERY = multiprocessing.get_context("forkserver")
"""Forks daemons from a process that has imported what they need: most of a start is that."""
NURSERY.set_forkserver_preload(
    [
        "tests.crashing",
        "memory.migrations",
        "uvicorn.lifespan.off",
        "agent.providers.openai_chat",
        "agent.providers.discovery",
        "httpcore",
        "anyio._backends._asyncio",
    ]
)


class Life:
    """One life of a daemon, from its start to its end."""

    def __init__(self, hermes: Hermes, point: str) -> None:
        self._said = tempfile.NamedTemporaryFile()
        folder, environment = str(hermes.workspace), hermes.environment
        self.process = NURSERY.Process(
            target=crashing.become, args=(point, environment, folder, self._said.name)
        )
        self.process.start()

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    def end(self, *, kill: bool = False) -> int:
        """Wait for the end, which `kill` brings; the exit code, below 0 for a signal."""
        if kill:
            self.process.kill()
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, "it does not end"
        return self.process.exitcode

    def said(self) -> str:
        """What it wrote to standard error."""
        self._said.seek(0)
        return self._said.read().decode().strip()

    def close(self) -> None:
        self.end(kill=True)
        self._said.close()


class Connection(HTTPConnection):
    """One connection to the daemon's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("hermes", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        try:
            self.sock = dial(str(self._path), PATIENCE)
        except UnavailableError as error:
            raise Gone from error


@dataclass
class Message:
    """Something said in a session. `input`: its receipt. `over`: a run that had heard it ended."""

    session: str
    text: str
    kind: str = "message"
    options: dict[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: uuid4().hex)
    input: str = ""
    spoken: bool = False
    over: bool = False


class Owner:
    """Starts daemons, one after the other, and talks to them. What needs one raises Gone when it
    is not there; called again, it goes on where it was."""

    def __init__(self, hermes: Hermes) -> None:
        self._hermes = hermes
        self._path = hermes.home / "run" / "daemon.sock"
        self._cwd = str(hermes.workspace)
        self._life: Life | None = None
        self.messages: list[Message] = []
        self.places: dict[str, int] = {}
        self.shown: dict[int, Any] = {}
        self.parked = 0

    def start(self, point: str = "") -> Life:
        """Start the next daemon; `point` is where it dies, as in tests/crashing.py."""
        self.close()
        self._life = Life(self._hermes, point)
        return self._life

    def wake(self) -> Life:
        """Start the next daemon and wait until it answers; Gone if it ends before."""
        life = self.start()
        self.wait()
        return life

    def stop(self, life: Life) -> None:
        """The planned stop, as it should be."""
        self.ask("POST", "/api/daemon/stop")
        assert life.end() == 0, life.said()

    def close(self) -> None:
        if self._life is not None:
            self._life.close()
            self._life = None

    # -- asking ---------------------------------------------------------------------------------

    def ask(self, method: str, target: str, body: object = None) -> Any:
        """The JSON that the daemon answers with."""
        with self._sent(method, target, body) as connection:
            return _answer(connection)

    def open_session(self) -> str:
        body = {"source": "terminal", "cwd": self._cwd}
        session: str = self.ask("POST", "/api/sessions", body)["id"]
        self.places[session] = 0
        return session

    def say(self, *messages: Message) -> None:
        """Submit these now, then follow until they are over."""
        self.messages += messages
        self.work()

    def work(self) -> None:
        """Say everything that has no receipt yet, and follow until all is over."""
        self.submit()
        while waiting := [message for message in self.messages if not message.over]:
            self.follow(waiting[0].session)

    def wait(self) -> None:
        """Until the daemon answers; Gone if it ended before."""
        deadline = time.monotonic() + PATIENCE
        while self._life is not None and self._life.alive:
            with suppress(Gone):
                self.ask("GET", "/health")
                return
            assert time.monotonic() < deadline, "it never answered"
            time.sleep(0.01)
        raise Gone

    # -- following ------------------------------------------------------------------------------

    def follow(self, session: str) -> None:
        """Follow a session until nothing that was said there is open any more. A parked run is
        gone on with as its owner would."""
        for stored in self.events(session):
            self._take(session, stored["event"])
            self.submit()
            if all(message.over for message in self.messages if message.session == session):
                return
        raise Gone

    def until(self, session: str, kind: str, count: int = 1) -> Any:
        """The first event of a kind that a session ever had, or its `count`-th, when it came."""
        for stored in self._stored(session, after=0):
            count -= stored["event"]["type"] == kind
            if count == 0:
                return stored["event"]
        raise Gone

    def events(self, session: str) -> Iterator[Any]:
        """Stored and coming events, each once over any number of connections; ends when the
        daemon ends the stream."""
        for stored in self._stored(session, self.places[session]):
            assert stored["seq"] > self.places[session], "it was shown twice"
            self.places[session] = stored["seq"]
            self.shown[stored["seq"]] = stored
            yield stored

    def _stored(self, session: str, after: int) -> Iterator[Any]:
        target = f"/api/sessions/{session}/events?after={after}"
        with self._sent("GET", target) as connection:
            yield from (stored for stored in _events(connection) if stored["seq"])

    def _take(self, session: str, event: Any) -> None:
        mine = [message for message in self.messages if message.session == session]
        for message in mine:
            if event["type"] == "UserSpoke":
                message.spoken = message.spoken or message.input == event["input"]
            elif event["type"] == "RunFinished":
                message.over = message.spoken
        if event["type"] == "RunParked":
            self.parked += 1
            self.messages.append(Message(session, "continue"))

    # -- HTTP -----------------------------------------------------------------------------------

    def submit(self) -> None:
        """Say everything that has no receipt yet, all at once: the first answer is read when all
        are sent."""
        fresh = [message for message in self.messages if not message.input]
        with ExitStack() as stack:
            sent = [stack.enter_context(self._sent(*self._request(one))) for one in fresh]
            for message, connection in zip(fresh, sent, strict=True):
                message.input = _answer(connection)["input"]

    def _request(self, message: Message) -> tuple[str, str, object, str]:
        options = {"cwd": self._cwd, **message.options}
        body = {"kind": message.kind, "text": message.text, "options": options}
        return "POST", f"/api/sessions/{message.session}/inputs", body, message.key

    @contextmanager
    def _sent(
        self, method: str, target: str, body: object = None, key: str = ""
    ) -> Iterator[Connection]:
        """A connection with a request on its way. All that says the daemon is gone is Gone."""
        headers = {"Idempotency-Key": key} if key else {}
        connection = Connection(self._path)
        try:
            connection.request(method, target, json.dumps(body or {}), headers)
            yield connection
        except (OSError, HTTPException) as error:
            raise Gone from error
        finally:
            connection.close()


def _answer(connection: Connection) -> Any:
    with connection.getresponse() as response:
        data = response.read()
    assert response.status < 400, data
    return json.loads(data)


def _events(connection: Connection) -> Iterator[Any]:
    """The events of a stream; a daemon that only pings has lost its way."""
    last = time.monotonic()
    with connection.getresponse() as response:
        assert response.status == 200
        while line := response.readline():
            assert time.monotonic() - last < PATIENCE, "nothing happens any more"
            if line.startswith(b"data: ") and line.endswith(b"\n"):  # or it broke off
                last = time.monotonic()
                yield json.loads(line.removeprefix(b"data: "))
