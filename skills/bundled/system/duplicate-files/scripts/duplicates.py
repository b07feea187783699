"""Finds files with the same bytes and moves the copies aside: plan, apply, check, undo."""

from __future__ import annotations

import argparse
import csv
import filecmp
import hashlib
import os
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

SKIPPED = {".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox"}
HEAD = 64 * 1024
COPY = re.compile(r"\(\d+\)|\bcopy\b|\bkopie\b|\bcopie\b|\bcopia\b| - \d+$", re.I)


@dataclass(frozen=True)
class Row:
    """One file of a group of equal ones."""

    action: str
    size: int
    digest: str
    path: Path


def files(roots: list[Path], left_out: list[str]) -> list[tuple[int, Path]]:
    """Size and path of each regular file that is not empty; of hard links only the first."""
    found: list[tuple[int, Path]] = []
    seen: set[tuple[int, int]] = set()
    for root in roots:
        for folder, inner, names in os.walk(root):
            inner[:] = sorted(name for name in inner if name not in SKIPPED)
            for name in sorted(names):
                path = Path(folder, name)
                if path.is_symlink() or any(fnmatch(str(path), glob) for glob in left_out):
                    continue
                try:
                    status = path.stat()
                except OSError as error:
                    print(f"cannot be read: {path}: {error.strerror}", file=sys.stderr)
                    continue
                key = (status.st_dev, status.st_ino)
                if path.is_file() and status.st_size and key not in seen:
                    seen.add(key)
                    found.append((status.st_size, path))
    return found


def digest(path: Path, limit: int = -1) -> str:
    """sha256 of a file, or of its first bytes; empty if it cannot be read."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            if limit > 0:
                total.update(file.read(limit))
            else:
                while chunk := file.read(1 << 20):
                    total.update(chunk)
    except OSError as error:
        print(f"cannot be read: {path}: {error.strerror}", file=sys.stderr)
        return ""
    return total.hexdigest()


def parted(groups: Iterable[list[Path]], key: Callable[[Path], str]) -> list[list[Path]]:
    """Groups split by a key, without those of one."""
    result = []
    for group in groups:
        split: dict[str, list[Path]] = defaultdict(list)
        for path in group:
            if value := key(path):
                split[value].append(path)
        result += [part for part in split.values() if len(part) > 1]
    return result


def plan(roots: list[Path], left_out: list[str], output: Path) -> int:
    sizes: dict[int, list[Path]] = defaultdict(list)
    for size, path in files(roots, left_out):
        sizes[size].append(path)
    alike = parted(sizes.values(), lambda path: digest(path, HEAD))
    groups = parted(alike, digest)
    rows: list[Row] = []
    for group in sorted(groups, key=lambda g: -g[0].stat().st_size * (len(g) - 1)):
        group.sort(key=lambda path: _rank(path, roots))
        size, whole = group[0].stat().st_size, digest(group[0])
        rows += [Row("aside" if at else "keep", size, whole, p) for at, p in enumerate(group)]
    with output.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(("action", "size", "sha256", "path"))
        table.writerows((row.action, row.size, row.digest, row.path) for row in rows)
    free = sum(row.size for row in rows if row.action == "aside")
    copies = sum(row.action == "aside" for row in rows)
    print(f"{len(groups)} groups, {copies} copies, {free / 1e6:.1f} MB could be freed")
    return 0


def _rank(path: Path, roots: list[Path]) -> tuple[int, bool, float, int, str]:
    root = next((at for at, root in enumerate(roots) if path.is_relative_to(root)), len(roots))
    copied = bool(COPY.search(path.stem))
    return root, copied, path.stat().st_mtime, len(str(path)), str(path)


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        table = list(csv.reader(file, delimiter="\t"))[1:]
    rows = [Row(row[0].strip(), int(row[1]), row[2], Path(row[3])) for row in table if row]
    if wrong := {row.action for row in rows} - {"keep", "aside"}:
        raise ValueError(f"an action is keep or aside, not {', '.join(sorted(wrong))}")
    kept = {row.digest for row in rows if row.action == "keep"}
    if lost := [row.path for row in rows if row.digest not in kept]:
        raise ValueError(f"no copy of {lost[0]} is kept; mark one of its group with keep")
    return rows


def place(aside: Path, path: Path) -> Path:
    """Where a file goes: its whole path below the folder for what is put aside."""
    return aside.joinpath(*path.resolve().parts[1:])


def apply(rows: list[Row], aside: Path) -> int:
    """Moves each copy that still equals a kept file; exit 1 if any did not."""
    kept = {row.digest: row.path for row in rows if row.action == "keep"}
    moved = refused = 0
    for row in rows:
        if row.action != "aside":
            continue
        other, target = kept[row.digest], place(aside, row.path)
        same = row.path.is_file() and other.is_file() and not row.path.samefile(other)
        if target.exists() or not same or not filecmp.cmp(row.path, other, shallow=False):
            print(f"left where it is: {row.path}", file=sys.stderr)
            refused += 1
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(row.path, target)
        moved += 1
    print(f"{moved} copies moved to {aside}, {refused} left")
    return 1 if refused else 0


def undo(rows: list[Row], aside: Path) -> int:
    back = 0
    for row in rows:
        target = place(aside, row.path)
        if row.action == "aside" and target.is_file() and not row.path.exists():
            row.path.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(target, row.path)
            back += 1
    print(f"{back} copies are back")
    return 0


def check(rows: list[Row], aside: Path) -> int:
    faults = []
    for row in rows:
        where = row.path if row.action == "keep" else place(aside, row.path)
        if not where.is_file():
            faults.append(f"is not there: {where}")
        elif digest(where) != row.digest:
            faults.append(f"has other bytes: {where}")
        if row.action == "aside" and row.path.exists():
            faults.append(f"is still there: {row.path}")
    print("\n".join(faults) or f"{len(rows)} files are as planned")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("plan", "apply", "check", "undo"))
    parser.add_argument("places", nargs="+", type=Path, help="plan: FOLDER... PLAN; others: PLAN")
    parser.add_argument("--aside", type=Path, default=Path("duplicates-aside"))
    parser.add_argument("--not", action="append", default=[], dest="left_out", metavar="GLOB")
    arguments = parser.parse_args()
    try:
        if arguments.action == "plan":
            *roots, output = arguments.places
            if not roots or not all(root.is_dir() for root in roots):
                parser.error("plan needs folders and the file for the plan")
            return plan(roots, arguments.left_out, output)
        rows = read(arguments.places[0])
        act = {"apply": apply, "check": check, "undo": undo}[arguments.action]
        return act(rows, arguments.aside)
    except (OSError, ValueError, IndexError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
