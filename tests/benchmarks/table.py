"""The figures of one run and how they are shown: each beside a floor or a peer of the same run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

FLOOR = "floor"


@dataclass
class Row:
    """One figure: `samples` by agent's name, or `floor`; `floor` says what the floor is."""

    measure: str
    figure: str
    unit: str
    floor: str = ""
    samples: dict[str, list[float]] = field(default_factory=dict)

    def value(self, who: str) -> float | None:
        return statistics.median(self.samples[who]) if who in self.samples else None


@dataclass
class Table:
    """Rows in the order of their first sample, columns in the order of `columns`."""

    columns: Sequence[str]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, at: tuple[str, str, str], who: str, *samples: float, floor: str = "") -> None:
        """Samples of a figure, at (measure, figure, unit), of an agent or of the floor."""
        row = self._row(*at)
        row.floor = row.floor or floor
        row.samples.setdefault(who, []).extend(samples)

    def _row(self, measure: str, figure: str, unit: str) -> Row:
        for row in self.rows:
            if (row.measure, row.figure) == (measure, figure):
                return row
        self.rows.append(Row(measure, figure, unit))
        return self.rows[-1]

    def base(self, row: Row) -> str:
        """Whose value the others' are divided by: the floor, else the first agent measured."""
        return next(who for who in (FLOOR, *self.columns) if who in row.samples)

    def markdown(self) -> str:
        head = ["measure", "figure", *self.columns, FLOOR]
        lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        for before, row in zip([None, *self.rows], self.rows, strict=False):
            same = before is not None and before.measure == row.measure
            name = "" if same else row.measure
            cells = [self._cell(row, who) for who in self.columns]
            floor = f"{self._cell(row, FLOOR)} ({row.floor})" if row.floor else "–"
            lines.append("| " + " | ".join([name, row.figure, *cells, floor]) + " |")
        lines += [
            "",
            "In brackets: how many times the floor, or the first agent where none is given.",
        ]
        return "\n".join(lines + [f"- {note}" for note in self.notes]) + "\n"

    def _cell(self, row: Row, who: str) -> str:
        value, base = row.value(who), self.base(row)
        if value is None:
            return "–"
        against = row.value(base)
        shown = f"{rounded(value)} {row.unit}".rstrip()
        return shown if who == base or not against else f"{shown} ({rounded(value / against)}×)"

    def json(self) -> dict[str, Any]:
        """Everything, with all samples."""
        rows = [
            {
                "measure": row.measure,
                "figure": row.figure,
                "unit": row.unit,
                "floor": row.floor,
                "base": self.base(row),
                "median": {who: row.value(who) for who in row.samples},
                "samples": row.samples,
            }
            for row in self.rows
        ]
        return {"notes": self.notes, "rows": rows}


def rounded(value: float) -> str:
    """Three digits, which is more than the noise leaves standing."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
