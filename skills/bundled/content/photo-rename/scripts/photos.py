"""Renames pictures by the time they were taken: plan, apply, check, undo."""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import struct
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

PICTURES = {
    ".jpg",
    ".jpeg",
    ".tif",
    ".tiff",
    ".png",
    ".heic",
    ".heif",
    ".dng",
    ".nef",
    ".cr2",
    ".arw",
}
BESIDE = {".xmp", ".aae", ".mov", ".mp4", ".thm", ".wav", *PICTURES}
FORM = "%Y-%m-%d_%H%M%S"
HEAD_BYTES = 512 * 1024
_TAKEN, _DIGITISED, _CHANGED, _MODEL, _EXIF = 0x9003, 0x9004, 0x0132, 0x0110, 0x8769
_NAMED = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_ T.]?(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)(?!\d{4})"
)


def tags(path: Path) -> dict[int, str]:
    """The EXIF texts of a picture by tag; empty if it has none."""
    with path.open("rb") as file:
        data = file.read(HEAD_BYTES)
    if data.startswith(b"\xff\xd8"):
        at = data.find(b"Exif\0\0")
        data = data[at + 6 :] if at >= 0 else b""
    elif data.startswith(b"\x89PNG"):
        at = data.find(b"eXIf")
        data = data[at + 4 :] if at >= 0 else b""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    found: dict[int, str] = {}
    if order:
        _directory(data, struct.unpack_from(order + "I", data, 4)[0], order, found)
    return found


def _directory(data: bytes, at: int, order: str, found: dict[int, str]) -> None:
    if at + 2 > len(data):
        return
    (count,) = struct.unpack_from(order + "H", data, at)
    for entry in range(at + 2, min(at + 2 + count * 12, len(data) - 11), 12):
        tag, kind, size, value = struct.unpack_from(order + "HHII", data, entry)
        if tag == _EXIF and value > at:
            _directory(data, value, order, found)
        elif kind == 2 and tag in (_TAKEN, _DIGITISED, _CHANGED, _MODEL):
            start = entry + 8 if size <= 4 else value
            found[tag] = (
                data[start : start + size].split(b"\0")[0].decode("ascii", "replace").strip()
            )


def taken(path: Path, found: dict[int, str], file_dates: bool) -> datetime | None:
    """When a picture was taken by its camera's clock, by its EXIF, else by its name."""
    for tag in (_TAKEN, _DIGITISED, _CHANGED):
        if (time := _time(re.findall(r"\d+", found.get(tag, ""))[:6])) is not None:
            return time
    if named := _NAMED.search(path.stem):
        return _time(list(named.groups()))
    stamp = path.stat().st_mtime
    return datetime.fromtimestamp(stamp, UTC).astimezone() if file_dates else None


def _time(parts: list[str]) -> datetime | None:
    """The time of year, month, day, hour, minute, second; None if they are none, or a camera's
    zero."""
    try:
        time = datetime.strptime(" ".join(parts), "%Y %m %d %H %M %S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return time if time.year > 1990 else None


def plan(arguments: argparse.Namespace) -> int:
    """Writes old and new names; files of one stem share their new stem."""
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(arguments.root.rglob("*")):
        if path.is_file() and path.suffix.lower() in BESIDE and not path.name.startswith("."):
            groups[path.with_suffix("")].append(path)
    taken_stems: set[Path] = {stem for stem in groups}
    rows: list[tuple[str, str]] = []
    undated: list[Path] = []
    for stem, members in sorted(groups.items()):
        time = _group_time(members, arguments)
        if time is None:
            undated += [path for path in members if path.suffix.lower() in PICTURES]
            continue
        wished = arguments.root / time.strftime(arguments.form)
        if re.fullmatch(re.escape(str(wished)) + r"(-\d+)?", str(stem)):
            continue
        new = _free(wished, taken_stems)
        taken_stems.add(new)
        rows += [(str(path), f"{new}{path.suffix.lower()}") for path in members]
    _write(arguments.plan, rows)
    for path in undated:
        print(f"no date: {path}")
    print(f"{len(rows)} files to rename, {len(undated)} pictures without a date")
    return 0


def _group_time(members: list[Path], arguments: argparse.Namespace) -> datetime | None:
    times = []
    for path in members:
        if path.suffix.lower() in PICTURES:
            found = tags(path)
            time = taken(path, found, arguments.file_dates)
            shifted = arguments.camera.lower() in found.get(_MODEL, "").lower()
            if time is not None:
                times.append(time + timedelta(hours=arguments.hours if shifted else 0))
    return min(times, default=None)


def _free(wished: Path, known: set[Path]) -> Path:
    new, count = wished, 1
    while new in known or any(new.parent.glob(f"{new.name}.*")):
        count += 1
        new = wished.with_name(f"{wished.name}-{count}")
    return new


def _write(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(("old", "new", "sha256"))
        table.writerows((old, new, _digest(Path(old))) for old, new in rows)


def _read(path: Path) -> list[tuple[Path, Path, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    return [(Path(row[0]), Path(row[1]), row[2]) for row in rows if len(row) == 3]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def move(pairs: list[tuple[Path, Path]]) -> int:
    """All or none; nothing is written over."""
    targets = [new for _, new in pairs]
    missing = [old for old, _ in pairs if not old.is_file()]
    there = [new for new in targets if new.exists()]
    if missing or there or len(set(targets)) < len(targets):
        for path in missing:
            print(f"is not there: {path}", file=sys.stderr)
        for path in there:
            print(f"exists already: {path}", file=sys.stderr)
        print("nothing was renamed", file=sys.stderr)
        return 1
    done: list[tuple[Path, Path]] = []
    try:
        for old, new in pairs:
            new.parent.mkdir(parents=True, exist_ok=True)
            old.rename(new)
            done.append((old, new))
    except OSError as error:
        for old, new in reversed(done):
            new.rename(old)
        print(f"{error}; all were put back", file=sys.stderr)
        return 1
    print(f"{len(done)} files renamed")
    return 0


def check(rows: list[tuple[Path, Path, str]]) -> int:
    wrong = [f"{new}: is not there" for _, new, _ in rows if not new.is_file()]
    wrong += [
        f"{new}: has other bytes" for _, new, d in rows if new.is_file() and _digest(new) != d
    ]
    news = {new for _, new, _ in rows}
    wrong += [f"{old}: is still there" for old, _, _ in rows if old.exists() and old not in news]
    print("\n".join(wrong) or f"{len(rows)} files have their new names")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("plan", "apply", "check", "undo"))
    parser.add_argument("places", nargs="+", type=Path, help="plan: FOLDER PLAN; others: PLAN")
    parser.add_argument("--form", default=FORM, help="of new names, as strftime has it")
    parser.add_argument("--camera", default="", help="shift only pictures of this camera")
    parser.add_argument("--hours", type=float, default=0, help="how far their clock was behind")
    parser.add_argument("--file-dates", action="store_true", help="without a date take the file's")
    arguments = parser.parse_args()
    arguments.plan = arguments.places[-1]
    try:
        if arguments.action == "plan":
            if len(arguments.places) != 2 or not arguments.places[0].is_dir():
                parser.error("plan needs a folder and the file for the plan")
            arguments.root = arguments.places[0]
            return plan(arguments)
        rows = _read(arguments.plan)
        if arguments.action == "check":
            return check(rows)
        forth = arguments.action == "apply"
        return move([(old, new) if forth else (new, old) for old, new, _ in rows])
    except OSError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
