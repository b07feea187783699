"""One trial of a skill: its cases, the runs of each, and how it goes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from agent.purse import Purse
from memory.outcomes.cases import Case
from memory.outcomes.outcome import Outcome

Side = Literal["with", "without"]
State = Literal["working", "done", "stopped", "spent", "failed"]

SIDES: tuple[Side, ...] = ("without", "with")


@dataclass(frozen=True, slots=True)
class Tried:
    """One run of a case. `whole`: it came to its own end, so it counts."""

    session: str
    outcome: Outcome
    calls: int
    tokens: int
    whole: bool


@dataclass
class Row:
    """A case and its two runs; `skipped`: why it has none, or not both."""

    case: Case
    runs: dict[Side, Tried] = field(default_factory=dict)
    skipped: str = ""


@dataclass
class Trial:
    """One trial. `ending`: how it is to end, once its run and its copy are gone; `why`: unless it
    is done, what ended it. `changed` is set whenever it moves on, and then another one."""

    id: str
    skill: str
    version: str
    rows: list[Row]
    purse: Purse
    state: State = "working"
    ending: State = "working"
    why: str = ""
    session: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        return self.ending != "working"

    def end(self, state: State, why: str = "") -> None:
        """The first end counts."""
        if not self.over:
            self.ending, self.why = state, why

    @property
    def steps(self) -> int:
        """Goes up as it moves on."""
        over = self.state != "working"
        return sum(len(row.runs) + bool(row.skipped) for row in self.rows) + over

    def tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()
