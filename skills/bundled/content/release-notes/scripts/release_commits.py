"""Lists the commits of a range for release notes, or checks that notes name all of them."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

SHOWN_FILES = 6
HASH = re.compile(r"(?<![\w/#.-])[0-9a-f]{7,40}(?![\w-])")


def git(*words: str) -> str:
    """What git says; SystemExit(2) with its complaint if it fails."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr.strip() or f"git {words[0]} failed", file=sys.stderr)
        raise SystemExit(2)
    return done.stdout


def commits(span: str) -> list[tuple[str, str]]:
    """Full hash and subject of every commit of a range that is no merge, the oldest first."""
    lines = git("log", "--no-merges", "--reverse", "--format=%H %s", span, "--").splitlines()
    return [(line.split(" ", 1)[0], line.partition(" ")[2]) for line in lines]


def show(span: str) -> int:
    found = commits(span)
    for full, subject in found:
        touched = git("show", "--format=", "--name-only", full).split("\n")[:-1]
        more = f" … {len(touched)} files" if len(touched) > SHOWN_FILES else ""
        print(f"{full[:9]} {subject}\n          {' '.join(touched[:SHOWN_FILES])}{more}")
    print(f"{len(found)} commits", file=sys.stderr)
    return 0 if found else 1


def check(span: str, notes: Path) -> int:
    """Exit 1 if a commit of the range is not named, or a named one is not in it."""
    text = notes.read_text(encoding="utf-8")
    named = {name for name in HASH.findall(text) if re.search(r"\d", name)}
    found = commits(span)
    faults = [
        f"not in the notes: {full[:9]} {subject}"
        for full, subject in found
        if not any(full.startswith(name) for name in named)
    ]
    known = [full for full, _ in found]
    faults += [
        f"not a commit of {span}: {name}"
        for name in sorted(named)
        if not any(full.startswith(name) for full in known)
    ]
    if not found:
        faults.append(f"{span} holds no commits")
    if re.search(r"\b(TODO|TBD|FIXME|XXX)\b", text):
        faults.append("the notes still hold a TODO")
    print("\n".join(faults) or f"all {len(found)} commits are named")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("list", "check"))
    parser.add_argument("range", help="such as v1.2.0..HEAD")
    parser.add_argument("notes", nargs="?", type=Path, help="for check: the notes")
    arguments = parser.parse_args()
    if arguments.action == "list":
        return show(arguments.range)
    if not arguments.notes or not arguments.notes.is_file():
        parser.error("check needs the file of the notes")
    return check(arguments.range, arguments.notes)


if __name__ == "__main__":
    sys.exit(main())
