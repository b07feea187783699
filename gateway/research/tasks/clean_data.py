"""`clean_data`: a file in a mess, and the rules for a clean one.

Judged by the clean file, and by the script that made it: it is run on another file of the kind.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from gateway.research.tasks import messes
from gateway.research.tasks.base import Bench, Instance, Task, Verdict, said, written

PROMPT = """\
raw.txt holds {what}. Write clean.py, with nothing but Python's standard library, so that \
`python3 clean.py raw.txt clean.csv` writes the same as clean comma-separated values, and run it. \
It will be run on other files of the same kind, too.

{rules}"""

Rows = list[list[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`make` draws a raw text and the rows it comes to, the head first."""

    what: str
    rules: str
    make: Callable[[Random], tuple[str, Rows]]


KINDS = {
    "contacts": Kind("contacts from several lists", messes.CONTACTS, messes.contacts),
    "orders": Kind("orders as a shop exports them", messes.ORDERS, messes.orders),
    "readings": Kind("readings of thermometers", messes.READINGS, messes.readings),
    "stock": Kind("what was counted in a store room", messes.STOCK, messes.stock),
}


def draw(kind: str, draw: Random) -> Instance:
    about = KINDS[kind]
    raw, rows = about.make(draw)
    other, other_rows = about.make(draw)

    async def judge(bench: Bench) -> Verdict:
        if problem := differs(bench.read("clean.csv"), rows):
            return Verdict(False, f"clean.csv: {problem}")
        script = bench.read("clean.py")
        if script is None:
            return Verdict(False, "there is no clean.py")
        folder = bench.lay({"clean.py": script, "raw.txt": other})
        ran = await bench.python(folder, "clean.py", "raw.txt", "clean.csv")
        if ran.exit != 0:
            return Verdict(False, f"clean.py fails on another file: {said(ran.output)}")
        if problem := differs(written(folder / "clean.csv"), other_rows):
            return Verdict(False, f"clean.py on another file: {problem}")
        return Verdict(True, f"{len(rows) - 1} and {len(other_rows) - 1} rows are right")

    return Instance(PROMPT.format(what=about.what, rules=about.rules), {"raw.txt": raw}, judge)


def differs(text: str | None, rows: Rows) -> str:
    """The first difference; empty if these are the rows."""
    if text is None:
        return "it is missing"
    try:
        found = [row for row in csv.reader(text.splitlines(), strict=True) if row]
    except csv.Error as error:
        return f"it is no CSV: {error}"
    for number, (one, other) in enumerate(zip(found, rows, strict=False), 1):
        if one != other:
            return f"row {number} is not right"
    return "" if len(found) == len(rows) else f"{len(found)} rows instead of {len(rows)}"


TASK = Task("clean_data", "write a script that cleans a messy file", tuple(KINDS), draw)
