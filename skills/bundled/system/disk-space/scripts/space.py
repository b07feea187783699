"""What occupies a folder on one disk, by allocated blocks; what of it can be made again."""

from __future__ import annotations

import argparse
import heapq
import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

AGAIN = {
    "node_modules": "npm install",
    ".venv": "python3 -m venv",
    "venv": "python3 -m venv",
    "__pycache__": "by itself",
    ".mypy_cache": "by itself",
    ".ruff_cache": "by itself",
    ".pytest_cache": "by itself",
    ".tox": "tox",
    ".nox": "nox",
    ".gradle": "gradle build",
    ".terraform": "terraform init",
    ".next": "next build",
    ".cache": "by its programs, some by large downloads",
    "target": "cargo build or mvn package",
}
BESIDE = {"target": ("Cargo.toml", "pom.xml"), "venv": (), ".venv": ()}
"""A folder of this name counts only beside one of these files; () = only with pyvenv.cfg in it."""
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Survey:
    """Sums over one walk. Sizes are bytes on the disk; a hard link counts once."""

    def __init__(self, root: Path, skip_disks: bool = True) -> None:
        self.root = root
        self.folders: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.files: list[tuple[int, str]] = []
        self.again: dict[str, tuple[int, str]] = {}
        self.unread = 0
        self._seen: set[tuple[int, int]] = set()
        self._disk = root.stat().st_dev if skip_disks else None

    def walk(self, folder: str, again: str = "") -> int:
        """The bytes below a folder; deep trees are walked without recursion of ours above 1000."""
        total = 0
        try:
            entries = list(os.scandir(folder))
        except OSError:
            self.unread += 1
            return 0
        self.counts[folder] = len(entries)
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                self.unread += 1
                continue
            size = self._size(status)
            if entry.is_dir(follow_symlinks=False):
                if status.st_dev == self._disk:
                    size += self._inside(entry, again)
            elif size and not again:
                heapq.heappush(self.files, (size, entry.path))
                if len(self.files) > 200:
                    heapq.heappop(self.files)
            total += size
        self.folders[folder] = total
        return total

    def _inside(self, entry: os.DirEntry[str], again: str) -> int:
        known = "" if again else _again(entry)
        size = self.walk(entry.path, again or known)
        if known:
            self.again[entry.path] = (size, known)
        return size

    def _size(self, status: os.stat_result) -> int:
        if status.st_nlink > 1:
            key = (status.st_dev, status.st_ino)
            if key in self._seen:
                return 0
            self._seen.add(key)
        return status.st_blocks * 512


def _again(entry: os.DirEntry[str]) -> str:
    """How a folder is made again, empty if that is not known for sure."""
    how = AGAIN.get(entry.name, "")
    folder = Path(entry.path)
    if how and entry.name in BESIDE:
        beside = BESIDE[entry.name]
        fits = any((folder.parent / name).exists() for name in beside)
        return how if fits or (not beside and (folder / "pyvenv.cfg").exists()) else ""
    return how


def held() -> list[tuple[int, str]]:
    """Deleted files that processes keep open, with their sizes (Linux)."""
    found: dict[tuple[int, int], tuple[int, str]] = {}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if not (target := str(link.readlink())).endswith(" (deleted)"):
                continue
            status = link.stat()
        except OSError:
            continue
        if (
            status.st_blocks
            and target.startswith("/")
            and not target.startswith(("/dev/", "/memfd:"))
        ):
            key = (status.st_dev, status.st_ino)
            found[key] = (status.st_blocks * 512, f"{target} by process {link.parts[2]}")
    return sorted(found.values(), reverse=True)


def human(size: float) -> str:
    for unit in ("B", "K", "M", "G"):
        if size < 1024:
            return f"{size:.0f}{unit}" if unit in "BK" else f"{size:.1f}{unit}"
        size /= 1024
    return f"{size:.1f}T"


def amount(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.I)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount such as 2G")
    return int(float(found[1]) * UNITS[found[2].upper()])


def telling(survey: Survey, top: int) -> list[tuple[int, str]]:
    """The largest folders, without those that are nearly all one of their own folders."""
    shown: list[tuple[int, str]] = []
    for path, size in survey.folders.most_common(top * 20):
        inner = max((survey.folders[child] for child in _children(survey, path)), default=0)
        if path != str(survey.root) and inner < 0.8 * size and len(shown) < top:
            shown.append((size, path))
    return shown


def _children(survey: Survey, path: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(path) if entry.path in survey.folders]
    except OSError:
        return []


def show(survey: Survey, top: int, count: bool) -> None:
    print(f"{human(survey.folders[str(survey.root)])} in {survey.root}\n\nfolders:")
    for size, path in telling(survey, top):
        print(f"{human(size):>8}  {path}")
    print("\nfiles:")
    for size, path in sorted(survey.files, reverse=True)[:top]:
        print(f"{human(size):>8}  {path}")
    for path, (size, how) in sorted(survey.again.items(), key=lambda item: -item[1][0])[:top]:
        print(f"again: {human(size):>8}  {path}  ({how})")
    for size, what in held()[:top]:
        print(f"held: {human(size):>8}  {what}")
    if count:
        for path, number in survey.counts.most_common(top):
            print(f"entries: {number:8}  {path}")
    if survey.unread:
        print(f"{survey.unread} places could not be read", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--top", type=int, default=12, help="lines of each list")
    parser.add_argument("--count", action="store_true", help="also folders with most entries")
    parser.add_argument("--need", type=amount, help="only: exit 0 if so much is free, as 2G")
    arguments = parser.parse_args()
    if not arguments.root.is_dir():
        print(f"{arguments.root} is no folder", file=sys.stderr)
        return 2
    if arguments.need is not None:
        free = shutil.disk_usage(arguments.root).free
        print(f"{human(free)} free, {human(arguments.need)} needed")
        return 0 if free >= arguments.need else 1
    survey = Survey(arguments.root)
    sys.setrecursionlimit(5000)
    survey.walk(str(arguments.root))
    show(survey, arguments.top, arguments.count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
