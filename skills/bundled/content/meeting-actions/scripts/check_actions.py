"""Checks a table of actions against the meeting notes it was made from."""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from datetime import date
from pathlib import Path

COLUMNS = ["#", "what", "who", "due", "said"]
NO_OWNER, NO_DATE = "nobody named", "none named"


def plain(text: str) -> str:
    """Text as it is compared: one space between words, one kind of quotes, no case."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[\"'“”„‘’‚«»]", "", text).split())


def cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def rows(text: str) -> list[list[str]]:
    """The rows of the first table that has our columns; ValueError if there is none."""
    lines = text.splitlines()
    heads = [at for at, line in enumerate(lines) if [c.lower() for c in cells(line)] == COLUMNS]
    if not heads:
        raise ValueError("there is no table | # | What | Who | Due | Said |")
    found = []
    for line in lines[heads[0] + 2 :]:
        if not line.strip().startswith("|"):
            break
        found.append(cells(line))
    return found


def faults_of(row: list[str], notes: str) -> list[str]:
    if len(row) != len(COLUMNS) or not all(row):
        return [f"has not {len(COLUMNS)} filled cells"]
    _, what, who, due, said = row
    faults = []
    if plain(said) not in notes:
        faults.append(f"these words are not in the notes: {said}")
    elif len(plain(said).split()) < 3:
        faults.append("quotes fewer than three words, which proves nothing")
    if who != NO_OWNER and not re.search(rf"(?<!\w){re.escape(plain(who))}(?!\w)", notes):
        faults.append(f"{who} does not occur in the notes")
    if due != NO_DATE and not _is_date(due):
        faults.append(f"{due!r} is neither a date as 2026-05-08 nor {NO_DATE!r}")
    if len(what.split()) < 2:
        faults.append(f"{what!r} does not say what is to be done")
    return faults


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notes", type=Path)
    parser.add_argument("actions", type=Path, help="Markdown with the table of actions")
    arguments = parser.parse_args()
    try:
        notes = plain(arguments.notes.read_text(encoding="utf-8"))
        table = rows(arguments.actions.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    seen: dict[str, int] = {}
    faults = 0
    for number, row in enumerate(table, 1):
        told = faults_of(row, notes)
        same = seen.setdefault(plain(" ".join(row[1:3])), number)
        if same != number:
            told.append(f"says the same as row {same}")
        faults += len(told)
        for fault in told:
            print(f"row {number}: {fault}")
    unowned = sum(NO_OWNER in row for row in table)
    print(f"{len(table)} actions, {unowned} without an owner, {faults} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
