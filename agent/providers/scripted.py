"""A provider that plays what it is given, for tests, the demo and the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat

from agent.messages import ToolCall
from agent.providers.base import Delta, Reply, Request, Show
from hermes_home.errors import ProviderError

Play = Callable[[Request], Reply | BaseException]
Line = Reply | BaseException | Play
"""What one request gets: this reply, this error, or what the function makes of the request."""


class Scripted:
    """Answers the n-th request with the n-th line, or every request with one function.

    `requests` holds what was asked. A request beyond the last line is a ProviderError.
    """

    name = "scripted"

    def __init__(self, script: Play | Iterable[Line]) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self._lines = repeat(script) if callable(script) else iter(script)

    async def reply(self, request: Request, show: Show) -> Reply:
        self.requests.append(request)
        line = next(self._lines, None)
        if callable(line):
            line = line(request)
        if line is None:
            raise ProviderError(
                f"the script has no line for request {len(self.requests)}",
                "Add a line for it.",
                kind="bad_request",
            )
        if isinstance(line, BaseException):
            raise line
        if line.text:
            await show(Delta(text=line.text))
        return line

    async def close(self) -> None:
        self.closed = True


def says(text: str) -> Reply:
    """A reply of words alone."""
    return Reply(text)


def wants(name: str, arguments: str = "{}", *, id: str = "call", text: str = "") -> Reply:
    """A reply that makes one call; `arguments` is JSON text."""
    return Reply(text, tool_calls=(ToolCall(id, name, arguments),), finish="tool_calls")
