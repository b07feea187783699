"""What carries out a batch's tasks: workers in slots, on this machine or on many.

Siblings of one shape: local_engine.py, ray_engine.py. Used by foreman.py from one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.research.frames import Report, Task

BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot() -> str:
    """Names the time since this machine was started; empty where the system does not tell."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Died:
    """A worker is gone. `why` is for the owner."""

    why: str


class Engine(Protocol):
    """Keeps workers. A slot is a name; it has at most one worker, and that one task at a time."""

    durable: bool
    """Whether a slot's next worker can go on with the task that its last one was in. If not, a
    lost worker's task begins anew."""

    def start(self, slot: str, task: Task | None) -> None:
        """Start a slot's worker. `task`: the one to go on with, which is then to be given."""

    def give(self, slot: str, task: Task) -> None: ...

    def wait(self, seconds: float) -> list[tuple[str, Report | Died]]:
        """What workers said since, each slot's in order, as soon as there is anything."""

    def kill(self, slot: str) -> None:
        """End a worker at once; it is not heard of again."""

    def leave(self, slot: str) -> None:
        """Tell a worker that has no task to go; it is not heard of again."""

    def close(self) -> None:
        """End every worker; runs under way are suspended where they can be."""
