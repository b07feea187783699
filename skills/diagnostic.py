"""What is odd about a skill, told to whoever keeps it instead of being swallowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. error: the skill is not loaded; warning: it is, with this flaw; info: nothing
    to mend. `line` counts from 1 in the file, 0 = the whole file. `path` is set by the library."""

    level: Level
    text: str
    line: int = 0
    path: str = ""

    def __str__(self) -> str:
        place = ":".join(part for part in (self.path, str(self.line or "")) if part)
        return f"{place}: {self.level}: {self.text}" if place else f"{self.level}: {self.text}"
