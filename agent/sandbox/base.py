"""What a sandbox is: the place where a session's commands run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Process(Protocol):
    """One running command. Output is stdout and stderr in one stream, as written."""

    async def read(self) -> bytes:
        """The next piece of output, at most 64 KiB; empty when the command has ended and all it
        wrote was read. What it left running may still write: that is thrown away."""

    async def write(self, data: bytes) -> None:
        """To its input; BrokenPipeError if it has none or closed it."""

    async def wait(self) -> int:
        """The exit status; minus the signal's number if one ended it."""

    def kill(self) -> None:
        """End the command and everything it started."""


class Sandbox(Protocol):
    """One per session, started with its first command, alive as long as the session is in use:
    background processes live in it, and see each other.

    `confined` is False for the sibling that runs commands as they are.
    """

    @property
    def name(self) -> str: ...

    @property
    def confined(self) -> bool: ...

    @property
    def root_pid(self) -> int:
        """The process all commands descend from, as the daemon sees it; 0 if none runs."""

    async def start(
        self, command: str, *, cwd: Path, env: Mapping[str, str], interactive: bool = False
    ) -> Process:
        """Run `command` in a shell. Only an `interactive` one has an input to write to; others
        find theirs empty. SandboxError if the sandbox itself cannot be started."""

    async def close(self) -> None:
        """End every process of the sandbox. It may be started again."""
