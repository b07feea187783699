"""Checks a table of collected facts: is every value a number, sourced, dated, in one unit."""

from __future__ import annotations

import argparse
import csv
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

COLUMNS = ("item", "measure", "value", "unit", "year", "source", "url", "accessed", "quote", "note")
FILLED = ("item", "measure", "year", "source", "url", "accessed")
MISSING = "n/a"

Row = dict[str, str]


def number(text: str) -> float | None:
    """A number in plain form: `1234.5`, without blanks, units and separators of thousands."""
    return float(text) if re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text) else None


def digits(text: str) -> set[str]:
    """The numbers in a quote with and without its separators, as they may be meant."""
    found = set()
    for word in re.findall(r"\d[\d.,'\u00a0\u202f ]*\d|\d", text):
        tight = re.sub(r"[\s'\u00a0\u202f]", "", word)
        found |= {tight.replace(",", ""), tight.replace(".", "").replace(",", ".")}
        found |= set(re.findall(r"\d+", word))
    return {str(float(one)) for one in found if number(one) is not None}


def row_faults(row: Row, today: date) -> Iterator[str]:
    for name in FILLED:
        if not row[name] and not (name == "year" and row["value"] == MISSING):
            yield f"has no {name}"
    if row["value"] != MISSING:
        yield from value_faults(row)
    elif not row["note"]:
        yield f"is {MISSING} without a note that says where it was looked for"
    if row["url"] and not re.match(r"https?://[^\s/]+\.\w", row["url"]):
        yield f"{row['url']!r} is no address"
    if row["year"] and not re.fullmatch(r"(?:1[5-9]|20)\d\d(?:-\d\d){0,2}", row["year"]):
        yield f"the year {row['year']!r} is none"
    try:
        if row["accessed"] and date.fromisoformat(row["accessed"]) > today:
            yield "was read in the future"
    except ValueError:
        yield f"accessed {row['accessed']!r} is no date as 2026-05-01"


def value_faults(row: Row) -> Iterator[str]:
    """The value is a number with a unit, and stands in the words it was taken from; if it was
    computed, the note says how."""
    value = number(row["value"])
    if value is None:
        yield f"the value {row['value']!r} is no plain number"
        return
    if not row["unit"]:
        yield "has no unit (write 1 for a pure number)"
    if not row["quote"]:
        yield "has no quote: the words of the source that hold the value"
    elif not {str(value), str(abs(value))} & digits(row["quote"]) and not row["note"]:
        yield f"the quote does not hold {row['value']}, and no note says how it was computed"


def table_faults(rows: list[Row], items: list[str]) -> Iterator[str]:
    units: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row["unit"]:
            units[row["measure"]][row["unit"]] += 1
    for measure, counted in units.items():
        if len(counted) > 1:
            yield f"{measure} has several units: {', '.join(counted)}"
    for measure in units:
        there = {row["item"] for row in rows if row["measure"] == measure}
        if lost := [item for item in items if item not in there]:
            yield f"{measure} is missing for {', '.join(lost[:10])}"
        if extra := sorted(there - set(items)) if items else []:
            yield f"{measure} is there for what is not in the list: {', '.join(extra[:10])}"


def doubles(rows: list[Row]) -> Iterator[str]:
    """Two rows for the same fact need a note each."""
    places: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for at, row in enumerate(rows, start=2):
        places[row["item"], row["measure"], row["year"]].append(at)
    for (item, measure, year), lines in places.items():
        if len(lines) > 1 and not all(rows[line - 2]["note"] for line in lines):
            yield f"{item}, {measure}, {year} stands in rows {lines}: choose, and say why in a note"


def oddities(rows: list[Row]) -> Iterator[str]:
    """Values far from their like: right perhaps, but read them again."""
    for measure in sorted({row["measure"] for row in rows}):
        told = [(number(row["value"]), row["item"]) for row in rows if row["measure"] == measure]
        values = [abs(value) for value, _ in told if value]
        if len(values) < 5:
            continue
        middle = statistics.median(values)
        for value, item in told:
            if value and not middle / 100 <= abs(value) <= middle * 100:
                yield f"look again: {item}, {measure} is {value:g}, the median {middle:g}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help=f"CSV with the columns {', '.join(COLUMNS)}")
    parser.add_argument("--items", type=Path, help="what must be there, one in a line")
    options = parser.parse_args()
    try:
        with options.table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            lost = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            rows = [{name: (row.get(name) or "").strip() for name in COLUMNS} for row in reader]
        text = options.items.read_text(encoding="utf-8") if options.items else ""
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    items = [line.strip() for line in text.splitlines() if line.strip()]
    wrong = [f"there is no column {name}" for name in lost]
    if not lost:
        today = datetime.now(UTC).date()
        wrong += [f"row {at}: {fault}" for at, row in enumerate(rows, start=2)
                  for fault in row_faults(row, today)]  # fmt: skip
        wrong += [*table_faults(rows, items), *doubles(rows)]
    wrong += [] if rows else ["there are no rows"]
    sys.stdout.writelines(f"ERROR {one}\n" for one in wrong)
    sys.stdout.writelines(f"{one}\n" for one in oddities(rows))
    sys.stdout.write(f"{len(rows)} rows, {len(wrong)} errors\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
