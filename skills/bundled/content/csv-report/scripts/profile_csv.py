"""Profiles a CSV or TSV table: one JSON object on standard output, one entry per column."""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

DISTINCT_LIMIT = 10_000
"""Values of a column that are counted apart; more take memory and say little."""


class Column:
    """What is known of one column after the rows so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.filled = self.numbers = 0
        self.total = 0.0
        self.low: float | None = None
        self.high: float | None = None
        self.values: Counter[str] = Counter()

    def take(self, cell: str) -> None:
        cell = cell.strip()
        if not cell:
            return
        self.filled += 1
        if cell in self.values or len(self.values) < DISTINCT_LIMIT:
            self.values[cell] += 1
        try:
            number = float(cell)
        except ValueError:
            return
        self.numbers += 1
        self.total += number
        self.low = number if self.low is None else min(self.low, number)
        self.high = number if self.high is None else max(self.high, number)

    def profile(self, rows: int, top: int) -> dict[str, Any]:
        numeric = self.filled > 0 and self.numbers == self.filled
        kind = "number" if numeric else "mixed" if self.numbers else "text"
        result: dict[str, Any] = {
            "name": self.name,
            "type": kind if self.filled else "empty",
            "empty": rows - self.filled,
            "distinct": len(self.values),
            "commonest": self.values.most_common(top),
        }
        if numeric:
            mean = self.total / self.numbers
            result |= {"min": self.low, "max": self.high, "sum": self.total, "mean": mean}
        return result


def profile(path: Path, separator: str, top: int) -> dict[str, Any]:
    """Rows, odd rows (of another length than the heading) and columns of a table."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        separator = separator or _separator(file.readline())
        file.seek(0)
        reader = csv.reader(file, delimiter=separator)
        columns = [Column(name.strip()) for name in next(reader, [])]
        rows = odd = 0
        for row in filter(None, reader):
            rows += 1
            odd += len(row) != len(columns)
            for column, cell in zip(columns, row, strict=False):
                column.take(cell)
    profiles = [column.profile(rows, top) for column in columns]
    return {"file": str(path), "rows": rows, "odd_rows": odd, "columns": profiles}


def faults(told: dict[str, Any], report: str) -> list[str]:
    """What a report on a table does not say, or says otherwise."""
    numbers = {_plain(found) for found in re.findall(r"\d[\d.,' ]*", report)}
    missing = [column["name"] for column in told["columns"] if column["name"] not in report]
    wrong = [f"the column {name} is not named" for name in missing]
    if str(told["rows"]) not in numbers:
        wrong.append(f"the number of rows, {told['rows']}, is not told")
    for word, shown in re.findall(r"(?i)\b(sum|total|mean)\b[^\d\n|]{0,20}(-?\d[\d.,']*)", report):
        if not any(_same(shown, column, word.lower()) for column in told["columns"]):
            wrong.append(f"{word} {shown} is that of no column")
    return wrong


def _plain(number: str) -> str:
    return re.sub(r"[,' ]", "", number).rstrip(".")


def _same(shown: str, column: dict[str, Any], word: str) -> bool:
    """Whether a number is the column's sum or mean, as far as its digits go."""
    value = column.get("mean" if word == "mean" else "sum")
    digits = len(_plain(shown).partition(".")[2])
    return value is not None and abs(float(_plain(shown)) - value) <= 0.51 * 10**-digits


def _separator(heading: str) -> str:
    return max(",;\t|", key=heading.count)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the table, with a heading in its first row")
    parser.add_argument(
        "--separator", default="", help="one character; else the commonest of , ; tab |"
    )
    parser.add_argument("--top", type=int, default=5, help="how many common values to show")
    parser.add_argument("--report", type=Path, help="only judge this report on the table")
    arguments = parser.parse_args()
    try:
        result = profile(arguments.file, arguments.separator, arguments.top)
        if arguments.report:
            wrong = faults(result, arguments.report.read_text(encoding="utf-8"))
            sys.stdout.write("".join(f"{line}\n" for line in wrong))
            return 1 if wrong else 0
    except (OSError, csv.Error) as error:
        sys.stderr.write(f"cannot read {arguments.file}: {error}\n")
        return 1
    sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
