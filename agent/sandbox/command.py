"""One running command, as the daemon sees it: its output, its input, its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

_PIECE = 65536
_LEISURE = 0.05


class Command:
    """A command in a sandbox."""

    def __init__(self, output: int, input: int | None, kill: Callable[[], None]) -> None:
        """Takes over the descriptors: the reading end of its output, the writing one of its
        input."""
        self._loop = asyncio.get_running_loop()
        self._output: int | None = output
        self._input = input
        self._kill = kill
        self._exit: asyncio.Future[int] = self._loop.create_future()
        for descriptor in (output, input):
            if descriptor is not None:
                os.set_blocking(descriptor, False)

    @property
    def quiet(self) -> bool:
        """Whether nothing can be read any more."""
        return self._output is None

    async def read(self) -> bytes:
        while self._output is not None:
            try:
                data = os.read(self._output, _PIECE)
            except BlockingIOError:
                if self._exit.done():
                    self._discard_rest()
                    break
                await self._readable(self._output)
                continue
            if data:
                await asyncio.sleep(0)  # a command that never pauses must not stop the rest
                return data
            self._close_output()
        await asyncio.shield(self._exit)
        return b""

    async def write(self, data: bytes) -> None:
        while data:
            if self._input is None:
                raise BrokenPipeError("the command has no input")
            try:
                data = data[os.write(self._input, data) :]
            except BlockingIOError:
                await self._writable(self._input)

    async def wait(self) -> int:
        return await asyncio.shield(self._exit)

    def kill(self) -> None:
        if not self._exit.done():
            self._kill()

    def ended(self, code: int) -> None:
        """Told by the sandbox once the command has ended."""
        if not self._exit.done():
            self._exit.set_result(code)
        self._close_input()

    def close(self) -> None:
        """The sandbox is gone: nothing writes or reads any more."""
        self.ended(-9)
        self._close_output()

    async def _readable(self, descriptor: int) -> None:
        """Until there is output, or the command has ended."""
        ready = asyncio.Event()
        wake: Callable[[object], None] = lambda _: ready.set()  # noqa: E731
        self._loop.add_reader(descriptor, ready.set)
        self._exit.add_done_callback(wake)
        try:
            await ready.wait()
        finally:
            self._exit.remove_done_callback(wake)
            if self._output is not None:
                self._loop.remove_reader(descriptor)

    async def _writable(self, descriptor: int) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            if self._input is not None:
                self._loop.remove_writer(descriptor)

    def _discard_rest(self) -> None:
        """What the command left running keeps its output: closing it would end a server at its
        next line. It is read at leisure, so that an endless one costs little."""
        if self._output is not None:
            self._loop.add_reader(self._output, self._discard)

    def _discard(self) -> None:
        if self._output is None:
            return
        if os.read(self._output, _PIECE):
            self._loop.remove_reader(self._output)
            self._loop.call_later(_LEISURE, self._discard_rest)
        else:
            self._close_output()

    def _close_output(self) -> None:
        if self._output is not None:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = None

    def _close_input(self) -> None:
        if self._input is not None:
            self._loop.remove_writer(self._input)
            os.close(self._input)
            self._input = None
