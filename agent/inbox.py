"""What has come in for a session and was not taken yet. The worker fills it, the loop reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.inputs import Answer, AnyInput, Decision, Said, Stop


class Inbox:
    """Inputs in the order they were stored. Taking one here does not lose it: it counts as taken
    when the event that names it is stored."""

    def __init__(self) -> None:
        self._inputs: list[AnyInput] = []
        self._waiting: set[asyncio.Future[None]] = set()
        self._on_stop: list[Callable[[], None]] = []

    def put(self, input: AnyInput) -> None:
        """One that is here already, since it was read from the store, is not put again."""
        if any(here.id == input.id for here in self._inputs):
            return
        self._inputs.append(input)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        if isinstance(input, Stop):
            for callback in tuple(self._on_stop):
                callback()

    def put_first(self, input: AnyInput) -> None:
        """Back to the front: it was looked at, and is not taken yet."""
        self._inputs.insert(0, input)

    def __len__(self) -> int:
        return len(self._inputs)

    async def change(self) -> None:
        """Return when the next input comes."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def stop(self) -> Stop | None:
        """The stop that has come, if one has; it stays until dropped."""
        return next((input for input in self._inputs if isinstance(input, Stop)), None)

    @contextmanager
    def on_stop(self, callback: Callable[[], None]) -> Iterator[None]:
        """While in here, `callback` is called when a stop comes, or at once if one is there."""
        self._on_stop.append(callback)
        try:
            if self.stop():
                callback()
            yield
        finally:
            self._on_stop.remove(callback)

    def drop(self, input: AnyInput) -> None:
        if input in self._inputs:
            self._inputs.remove(input)

    def has_steering(self) -> bool:
        """A message wants to join the run now."""
        return any(isinstance(i, Said) and i.mode == "steer" for i in self._inputs)

    def steering(self) -> list[Said]:
        """Take the messages that want to join the run now."""
        taken = [i for i in self._inputs if isinstance(i, Said) and i.mode == "steer"]
        self._inputs = [i for i in self._inputs if i not in taken]
        return taken

    def first(self) -> Said | None:
        """Take the oldest message, whatever its mode: it starts a run."""
        for input in self._inputs:
            if isinstance(input, Said):
                self._inputs.remove(input)
                return input
        return None

    def said(self, id: str) -> Said | None:
        """Take one certain message, whatever its mode."""
        for input in self._inputs:
            if isinstance(input, Said) and input.id == id:
                self._inputs.remove(input)
                return input
        return None

    def has_said(self, besides: str = "") -> bool:
        """A message waits, another one than `besides`."""
        return any(isinstance(input, Said) and input.id != besides for input in self._inputs)

    def reply_to(self, call_id: str) -> Decision | Answer | None:
        """Take the decision or answer for this call, if it has come."""
        for input in self._inputs:
            if isinstance(input, Decision | Answer) and input.call_id == call_id:
                self._inputs.remove(input)
                return input
        return None

    def stale(self) -> list[AnyInput]:
        """Take what nothing waits for while no run works: everything but messages."""
        taken: list[AnyInput] = [i for i in self._inputs if not isinstance(i, Said)]
        self._inputs = [input for input in self._inputs if isinstance(input, Said)]
        return taken
