"""What every sandbox shares: one server process per session, spoken to over a socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from agent.sandbox.command import Command
from agent.sandbox.inside import end_descendants
from hermes_home.errors import SandboxError

_START_SECONDS = 20.0
_END_SECONDS = 5.0


@dataclass(frozen=True)
class Launch:
    """How to start the server. `stdin` and `given` are open descriptors that it inherits, closed
    here once it runs."""

    arguments: Sequence[str]
    stdin: int = subprocess.DEVNULL
    given: tuple[int, ...] = ()


class ServedSandbox(ABC):
    """The server starts with the first command. If it dies, so do all commands, and the next
    command starts another. Start it from the event loop's thread: it ends with that thread.
    """

    name: str
    confined: bool

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.environment = dict(environment or {})
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._errors: IO[bytes] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._starting = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._commands: dict[int, Command] = {}
        self._lingering: list[Command] = []
        self._kills: set[asyncio.Task[None]] = set()
        self._last_id = 0

    @abstractmethod
    def launch(self, control: int) -> Launch:
        """How to start `inside.py` with the descriptor `control`; SandboxError if it cannot be."""

    def ended(self) -> None:  # noqa: B027 - most have nothing to clear away
        """Called when the server is gone."""

    @property
    def root_pid(self) -> int:
        return self._server.pid if self._server is not None else 0

    async def start(
        self, command: str, *, cwd: Path, env: Mapping[str, str], interactive: bool = False
    ) -> Command:
        async with self._starting:
            if self._socket is None:
                await self._start_server()
        self._last_id += 1
        id = self._last_id
        reading, writing = os.pipe()
        taking, giving = os.pipe() if interactive else (None, None)
        given = [end for end in (writing, taking) if end is not None]
        request = {
            "id": id,
            "command": command,
            "cwd": str(cwd),
            "env": {**env, **self.environment},
            "input": interactive,
        }
        started = Command(reading, giving, lambda: self._kill(id))
        try:
            await self._begin(id, started, request, given)
        except BaseException:
            self._kill(id)
            started.close()
            raise
        finally:
            for end in given:
                os.close(end)
        return started

    async def _begin(
        self, id: int, command: Command, request: dict[str, Any], given: Sequence[int]
    ) -> None:
        self._commands[id] = command
        await self._send(request, given)

    async def close(self) -> None:
        async with self._starting:
            if self._listener is None:
                return
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)
            await asyncio.wait([self._listener])

    async def _start_server(self) -> None:
        if self._listener is not None:
            await asyncio.wait([self._listener])
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._server = self._spawn(theirs.fileno())
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        self._socket = ours
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        self._listener = loop.create_task(self._listen(ours, self._server))
        try:
            # Not wait_for: until Python 3.12 it forgets a cancellation that comes with the result.
            async with asyncio.timeout(_START_SECONDS):
                await asyncio.shield(self._ready)
        except TimeoutError:
            self._server.kill()
            raise SandboxError(f"the sandbox {self.name} did not start in time") from None

    def _spawn(self, control: int) -> subprocess.Popen[bytes]:
        launch = self.launch(control)
        self._errors = tempfile.TemporaryFile()
        try:
            return subprocess.Popen(
                launch.arguments,
                stdin=launch.stdin,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                cwd="/",
                env={"PATH": os.defpath},
                pass_fds=(control, *launch.given),
            )
        except OSError as error:
            self._errors.close()
            raise SandboxError(f"the sandbox {self.name} cannot be started: {error}") from error
        finally:
            for descriptor in (launch.stdin, *launch.given):
                if descriptor >= 0:
                    os.close(descriptor)

    async def _listen(self, control: socket.socket, server: subprocess.Popen[bytes]) -> None:
        """Take the server's reports until it is gone, then clear away what it leaves."""
        loop = asyncio.get_running_loop()
        rest = b""
        try:
            with suppress(ConnectionError):
                while data := await loop.sock_recv(control, 65536):
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        self._take(json.loads(line))
        finally:
            control.close()
            self._socket = None
            await self._bury(server)

    def _take(self, report: dict[str, Any]) -> None:
        if "ready" in report:
            _settle(self._ready, None)
        elif "exit" in report:
            self._ended(self._commands.pop(report["id"]), report["exit"])

    def _ended(self, command: Command, code: int) -> None:
        """Its output may go on: what it left running holds it."""
        command.ended(code)
        self._lingering = [one for one in (*self._lingering, command) if not one.quiet]

    async def _bury(self, server: subprocess.Popen[bytes]) -> None:
        await asyncio.to_thread(_end, server)
        error = SandboxError(f"the sandbox {self.name} ended", self._said())
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(error)
        for command in (*self._commands.values(), *self._lingering):
            command.close()
        self._commands.clear()
        self._lingering.clear()
        self._server = None
        self.ended()

    def _said(self) -> str:
        """The last words of the server, if it had any."""
        if self._errors is None:
            return ""
        with self._errors as file:
            file.seek(0)
            return file.read().decode(errors="replace").strip()[-2000:]

    async def _send(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        data = json.dumps(request).encode() + b"\n"
        loop = asyncio.get_running_loop()
        async with self._sending:
            control = self._socket
            if control is None:
                raise SandboxError(f"the sandbox {self.name} ended")
            while True:
                try:
                    sent = socket.send_fds(control, [data], list(descriptors))
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.01)
                except ConnectionError:
                    raise SandboxError(f"the sandbox {self.name} ended") from None
            await loop.sock_sendall(control, data[sent:])

    def _kill(self, id: int) -> None:
        task = asyncio.get_running_loop().create_task(self._send_kill(id))
        self._kills.add(task)
        task.add_done_callback(self._kills.discard)

    async def _send_kill(self, id: int) -> None:
        with suppress(SandboxError, OSError):
            await self._send({"kill": id})


def _settle(waiting: asyncio.Future[Any] | None, value: object) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(value)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Wait for a server that was told to end; one that cannot hear is ended with its tree."""
    try:
        server.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        end_descendants(server.pid)
        server.kill()
        server.wait()
