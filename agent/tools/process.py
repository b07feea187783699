"""A command that goes on while the model does something else."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

from agent.sandbox.base import Process

RING = 200_000
"""Bytes of a background command's output that are kept."""

_PAUSE = 0.02  # seconds between pieces of an endless output, so that reading it stays cheap

END_SECONDS = 5.0
"""How long a command that was told to end, or to read, may take."""


class Background:
    """`id`: as the model names it. `outside`: it runs outside the sandbox."""

    def __init__(self, id: str, command: str, process: Process, *, outside: bool) -> None:
        self.id = id
        self.command = command
        self.outside = outside
        self.exit: int | None = None
        self._process = process
        self._ring = bytearray()
        self._dropped = 0
        self._shown = 0
        self._began = time.monotonic()
        self._pump = asyncio.get_running_loop().create_task(self._read())

    @property
    def running(self) -> bool:
        return not self._pump.done()

    def output(self) -> str:
        """What it printed since this was last asked."""
        skipped = max(0, self._dropped - self._shown)
        start = max(0, self._shown - self._dropped)
        text = bytes(self._ring[start:]).decode(errors="replace")
        self._shown = self._dropped + len(self._ring)
        return f"[… {skipped:,} bytes are gone …]\n{text}" if skipped else text

    def state(self) -> str:
        if self.running:
            return f"running for {time.monotonic() - self._began:.0f} s"
        return "ended" if self.exit is None else exit_text(self.exit)

    async def wait(self, seconds: float) -> None:
        """Until it has ended, at most so long."""
        await asyncio.wait([self._pump], timeout=seconds)

    async def write(self, text: str) -> None:
        """BrokenPipeError if it reads no more, TimeoutError if it does not take it in time."""
        async with asyncio.timeout(END_SECONDS):
            await self._process.write(text.encode(errors="replace"))

    async def end(self) -> None:
        self._process.kill()
        await self.wait(END_SECONDS)

    async def aclose(self) -> None:
        self._pump.cancel()
        with suppress(asyncio.CancelledError):
            await self._pump

    async def _read(self) -> None:
        while data := await self._process.read():
            self._ring += data
            if len(self._ring) > RING:
                self._dropped += len(self._ring) - RING
                del self._ring[:-RING]
                await asyncio.sleep(_PAUSE)
        self.exit = await self._process.wait()


def exit_text(code: int) -> str:
    """`exit N`; a signal as shells count it, with its name."""
    if code >= 0:
        return f"exit {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"exit {128 - code} ({name})"
