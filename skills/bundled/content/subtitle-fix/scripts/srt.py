"""Checks and repairs SubRip subtitles: numbers, times, overlaps, encoding. Texts stay as they are.

`check` exits 1 on a fault; warnings (long, fast, three lines) do not count.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

LINE, LINES, SPEED = 42, 2, 21.0
"""Characters in a line, lines in a cue, characters in a second that can be read with ease."""
GAP = 0.04

_TIME = r"(\d{1,3}):(\d{1,2}):(\d{1,2})(?:[,.:](\d{1,3}))?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-+>\s*{_TIME}(.*)")
_BROKEN = re.compile("[ÃÂ][\u0080-\u00bf]|â€")


@dataclass(frozen=True)
class Cue:
    """One subtitle; times in seconds. `number`: as written, 0 = none or no number."""

    number: int
    start: float
    end: float
    text: tuple[str, ...]


def decoded(data: bytes) -> str:
    """The text, whatever common encoding it has."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def parse(text: str) -> list[Cue]:
    """The cues, in the order of the file. A line before a time line that is a number is its own."""
    lines = re.sub(r"\r\n?", "\n", text).split("\n")
    marks = [at for at, line in enumerate(lines) if _TIMES.match(line)]
    cues = []
    for place, at in enumerate(marks):
        until = marks[place + 1] if place + 1 < len(marks) else len(lines)
        words = lines[at + 1 : until]
        if place + 1 < len(marks) and words and words[-1].strip().isdigit():
            words = words[:-1]
        before = lines[at - 1].strip() if at else ""
        found = _TIMES.match(lines[at])
        assert found
        start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:8])
        kept = tuple(word.rstrip() for word in words if word.strip())
        cues.append(Cue(int(before) if before.isdigit() else 0, start, end, kept))
    return cues


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds = (int(part or 0) for part in parts[:3])
    return hours * 3600 + minutes * 60 + seconds + float(f"0.{parts[3] or 0}")


def written(cues: list[Cue]) -> str:
    blocks = (
        f"{number}\n{_stamp(cue.start)} --> {_stamp(cue.end)}\n" + "\n".join(cue.text) + "\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def _stamp(seconds: float) -> str:
    whole = round(max(0.0, seconds) * 1000)
    return (
        f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"
    )


def faults(data: bytes) -> tuple[list[str], list[str]]:
    """What is wrong with a file, and what is only uncomfortable to read."""
    text = decoded(data)
    cues = parse(text)
    wrong = [] if cues else ["there is no cue in it"]
    uneasy = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or "\ufffd" in text or not _utf8(data):
        wrong.append("is not UTF-8")
    ends = {found for found in re.findall(r"\r\n|\n|\r", text)}
    if len(ends) > 1:
        wrong.append("mixes line ends")
    for place, cue in enumerate(cues, 1):
        following = cues[place] if place < len(cues) else None
        wrong += [f"cue {place}: {told}" for told in _wrong(cue, place, following)]
        uneasy += [f"cue {place}: {told}" for told in _uneasy(cue)]
    return wrong, uneasy


def _utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _wrong(cue: Cue, place: int, following: Cue | None) -> list[str]:
    told = []
    if cue.number != place:
        told.append(f"is numbered {cue.number or 'not at all'}")
    if cue.end <= cue.start:
        told.append("ends before it begins")
    if not "".join(cue.text).strip():
        told.append("has no text")
    if any(_BROKEN.search(line) for line in cue.text):
        told.append(f"has letters in the wrong encoding: {' '.join(cue.text)[:60]}")
    if following and following.start < cue.start:
        told.append("begins after the next")
    elif following and following.start < cue.end - 0.0005 and not _placed(cue, following):
        told.append(f"overlaps the next by {cue.end - following.start:.2f} s")
    return told


def _placed(cue: Cue, other: Cue) -> bool:
    """Shown in another corner, so both may be seen at once."""
    return any("{\\an" in line for one in (cue, other) for line in one.text)


def _uneasy(cue: Cue) -> list[str]:
    bare = [re.sub(r"<[^>]+>|\{[^}]*\}", "", line) for line in cue.text]
    told = [f"long: {len(line)} characters" for line in bare if len(line) > LINE]
    if len(bare) > LINES:
        told.append("three lines" if len(bare) == LINES + 1 else f"{len(bare)} lines")
    speed = sum(map(len, bare)) / max(cue.end - cue.start, 0.001)
    return [*told, f"fast: {speed:.0f} characters a second"] if speed > SPEED else told


def mended(cues: list[Cue], move: Callable[[float], float], drop_empty: bool) -> list[Cue]:
    moved = [
        replace(cue, start=move(cue.start), end=move(cue.end), text=tuple(map(_letters, cue.text)))
        for cue in cues
        if cue.text or not drop_empty
    ]
    moved = [cue for cue in moved if cue.end > 0]
    moved.sort(key=lambda cue: cue.start)
    result = []
    for cue, following in zip(moved, [*moved[1:], None], strict=True):
        end = cue.end
        if following and cue.start < following.start < end and not _placed(cue, following):
            end = max(following.start - GAP, cue.start + (following.start - cue.start) / 2)
        result.append(replace(cue, start=max(0.0, cue.start), end=end))
    return result


def _letters(line: str) -> str:
    """A line whose UTF-8 was read as Windows-1252, read rightly; others as they are."""
    if not _BROKEN.search(line):
        return line
    try:
        return line.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return line


def mover(shift: float, points: list[str], cues: list[Cue]) -> Callable[[float], float]:
    """How a time moves. Points are shown=spoken or number=spoken; two of them give a scale."""
    if not points:
        return lambda time: time + shift
    pairs = []
    for point in points:
        shown, _, spoken = point.partition("=")
        if shown.isdigit() and 0 < int(shown) <= len(cues):
            shown = _stamp(cues[int(shown) - 1].start)
        times = [re.fullmatch(_TIME, part) for part in (shown, spoken)]
        if not all(times):
            raise ValueError(f"{point!r} is neither 00:01:10=00:01:12.4 nor, by cue, 7=00:01:12.4")
        pairs.append([_seconds(found.groups()) for found in times if found])
    if len(pairs) != 2 or pairs[0][0] == pairs[1][0]:
        raise ValueError("give two different points; for one difference everywhere use --shift")
    (a, b), (c, d) = pairs
    scale = (d - b) / (c - a)
    return lambda time: b + (time - a) * scale


def words(data: bytes) -> list[str]:
    return [
        word for cue in parse(decoded(data)) for line in cue.text for word in _letters(line).split()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("check", "fix"))
    parser.add_argument("file", type=Path)
    parser.add_argument("output", nargs="?", type=Path, help="for fix: the file to write")
    parser.add_argument("--shift", type=float, default=0.0, help="seconds; negative is earlier")
    parser.add_argument(
        "--point", action="append", default=[], help="time or number shown=spoken; twice"
    )
    parser.add_argument("--drop-empty", action="store_true", help="leave out cues without text")
    parser.add_argument("--same-text", type=Path, help="check: hold the words against this file")
    arguments = parser.parse_args()
    try:
        data = arguments.file.read_bytes()
        if arguments.action == "fix":
            return _fix(arguments, data)
        wrong, uneasy = faults(data)
        if arguments.same_text and words(data) != words(arguments.same_text.read_bytes()):
            wrong.append(f"the words are not those of {arguments.same_text}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join([*(f"fault: {told}" for told in wrong), *(f"warning: {u}" for u in uneasy)]))
    print(f"{len(wrong)} faults, {len(uneasy)} warnings", file=sys.stderr)
    return 1 if wrong else 0


def _fix(arguments: argparse.Namespace, data: bytes) -> int:
    if not arguments.output or arguments.output.resolve() == arguments.file.resolve():
        raise ValueError("fix needs another file to write to")
    cues = parse(decoded(data))
    move = mover(arguments.shift, arguments.point, cues)
    kept = mended(cues, move, arguments.drop_empty)
    arguments.output.write_text(written(kept), encoding="utf-8", newline="\n")
    print(f"{len(kept)} of {len(cues)} cues written to {arguments.output}")
    for number in sorted({1, len(kept) // 2 + 1, len(kept)}):
        if number <= len(kept):
            print(f"{number}: {_stamp(kept[number - 1].start)} {' '.join(kept[number - 1].text)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
