"""What every measure works with: the model, the agents that are here, and the table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.agents import Agent, Bare, write_skills
from tests.benchmarks.model import Model
from tests.benchmarks.processes import BenchmarkFailed, Daemon, Place, Spent, run, start
from tests.benchmarks.table import Table


@dataclass
class Ready:
    """An agent set up and warm: what it has to load or compile at its first run is behind it."""

    agent: Agent
    place: Place
    daemon: Daemon | None = None

    def run(self, command: list[str]) -> Spent:
        """Run a command of the agent; its CPU is that of the command and of the daemon."""
        before = self.daemon.cpu() if self.daemon else 0.0
        spent = run(command, self.place)
        after = self.daemon.cpu() if self.daemon else 0.0
        return Spent(spent.wall, spent.cpu + after - before, spent.output)

    def open(self) -> None:
        if self.agent.needs_daemon:
            self.daemon = start(*_daemon(self.agent, self.place))

    def close(self) -> None:
        if self.daemon:
            self.daemon.stop()
            self.daemon = None


@dataclass
class Bench:
    """One run of the harness. `quick`: sizes that only show that everything works."""

    model: Model
    folder: Path
    agents: list[Agent]
    table: Table
    quick: bool = False
    floor: Agent = field(default_factory=Bare)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def everyone(self) -> list[Agent]:
        return [self.floor, *self.agents]

    def name(self, of: str) -> str:
        """A name for a script that no other has."""
        return f"{of}-{next(self._numbers)}"

    def place(self, agent: Agent, skills: int = 0) -> Place:
        place = agent.set_up(self.folder / self.name(agent.name), self.model.url)
        write_skills(agent.skills_folder(place), skills)
        return place

    @contextmanager
    def ready(self, agent: Agent, skills: int = 0) -> Iterator[Ready]:
        ready = Ready(agent, self.place(agent, skills))
        ready.open()
        try:
            name = self.name("warm")
            ready.run(agent.hello(hello(name), name))
            yield ready
        finally:
            ready.close()

    def one_by_one(
        self, measure: str, agents: Sequence[Agent], step: Callable[[Agent], None]
    ) -> None:
        """Each agent alone on the machine."""
        for agent in agents:
            with self.noting(measure, agent):
                step(agent)

    def interleaved(self, measure: str, rounds: int, step: Callable[[Ready], None]) -> None:
        """The floor and every agent once per round, so that a slow minute hits them all."""
        with ExitStack() as stack:
            warm: list[Ready] = []
            for agent in self.everyone:
                with self.noting(measure, agent):
                    warm.append(stack.enter_context(self.ready(agent)))
            for _ in range(rounds):
                for ready in warm:
                    with self.noting(measure, ready.agent):
                        step(ready)

    @contextmanager
    def noting(self, measure: str, agent: Agent) -> Iterator[None]:
        """An agent that cannot do something is named in the table; the others go on."""
        try:
            yield
        except BenchmarkFailed as failure:
            note = f"{agent.name}, {measure}: {failure}"
            if note not in self.table.notes:
                self.table.notes.append(note)


def hello(name: str) -> str:
    return f"say hi [name={name}]"


def _daemon(agent: Agent, place: Place) -> tuple[list[str], Place, str | tuple[str, int]]:
    command, address = agent.daemon(place)
    return command, place, address
