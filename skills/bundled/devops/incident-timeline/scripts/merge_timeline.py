"""Puts the lines of several logs and notes into one order of time, in UTC, each with its place."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

_ISO = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
    r" ?(Z|UTC|[+-]\d\d:?\d\d)?"
)
_CLF = re.compile(r"\[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]")
_SYSLOG = re.compile(r"^(\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)")
_EPOCH = re.compile(r"(?:^|\D)(1\d{9})(\d{3})?(?:\.\d+)?(?!\d)")
_ROW = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) *\| *([^|]+):(\d+) *\| *(.*?)\s*\|?\s*$"
)
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
SHOWN = 200


@dataclass(frozen=True)
class Row:
    """One line of a source: its time, `source` and `number`, and its words."""

    time: datetime
    source: str
    number: int
    text: str

    def __str__(self) -> str:
        words = self.text.replace("|", "¦")[:SHOWN].strip()
        return f"{stamp(self.time)} | {self.source}:{self.number} | {words}"


def stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def zone(text: str) -> timezone:
    """`+02:00`, `-0500` or `Z`."""
    if text in ("Z", "UTC"):
        return UTC
    found = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text)
    if found is None:
        raise ValueError(f"{text!r} is no offset such as +02:00")
    minutes = int(found[2]) * 60 + int(found[3])
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def time_of(line: str, default: timezone, year: int) -> datetime | None:
    """The first time in a line; what tells no zone is in `default`, no year in `year`."""
    head = line[:300]
    if found := _CLF.search(head):
        return _moment(found, (3, 2, 1, 4, 5, 6), zone(found[7]))
    if found := _ISO.search(head):
        return _moment(found, (1, 2, 3, 4, 5, 6), zone(found[8]) if found[8] else default)
    if (found := _SYSLOG.match(head)) and found[1] in _MONTHS:
        return _moment(found, (0, 1, 2, 3, 4, 5), default, year)
    if found := _EPOCH.search(head):
        return datetime.fromtimestamp(int(found[1]), UTC)
    return None


def _moment(found: re.Match[str], at: Sequence[int], where: timezone, year: int = 0) -> datetime:
    """The time whose year, month … second are these groups; group 0 stands for `year`."""
    _, month, day, hour, minute, second = (found[group] for group in at)
    number = int(month) if month.isdigit() else _MONTHS.index(month) // 3 + 1
    clock = (int(hour), int(minute), int(second or 0))
    return datetime(year or int(found[at[0]]), number, int(day), *clock, tzinfo=where)


def source(word: str) -> tuple[Path, timezone]:
    """`app.log` or `app.log@+02:00`."""
    name, at, offset = word.rpartition("@")
    if at and re.fullmatch(r"Z|UTC|[+-]\d\d:?\d\d", offset):
        return Path(name), zone(offset)
    return Path(word), UTC


def rows_of(path: Path, default: timezone, year: int) -> Iterator[Row]:
    """The lines of a file that tell a time; what follows without one belongs to the line before."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            time = time_of(line, default, year)
        except ValueError:
            continue
        if time is not None:
            yield Row(time, path.name, number, line)


def chosen(rows: list[Row], options: argparse.Namespace) -> list[Row]:
    around = options.around.astimezone(UTC) if options.around else None
    reach = timedelta(minutes=options.minutes)
    return [
        row
        for row in sorted(rows, key=lambda row: (row.time, row.source, row.number))
        if (around is None or abs(row.time - around) <= reach)
        and (options.grep is None or options.grep.search(row.text))
    ]


def faults(timeline: Path, rows: list[Row]) -> list[str]:
    """What a written timeline says that its sources do not."""
    known = {(row.source, row.number): row for row in rows}
    found, last = [], ""
    told = [match for line in timeline.read_text(encoding="utf-8").splitlines()
            if (match := _ROW.search(line))]  # fmt: skip
    for match in told:
        time, name, number, words = match[1], match[2].strip(), int(match[3]), match[4]
        row = known.get((name, number))
        if row is None:
            found.append(f"{name}:{number} is no line with a time")
            continue
        if stamp(row.time) != re.sub(r"\.\d+", "", time):
            found.append(f"{name}:{number} is of {stamp(row.time)}, not {time}")
        for quote in re.findall(r"`([^`]+)`", words):
            if quote not in row.text:
                found.append(f"{name}:{number} does not say `{quote}`")
        if time < last:
            found.append(f"{name}:{number} stands after {last}")
        last = max(last, time)
    return found if told else [f"{timeline} has no row: 2026-05-01T10:30:00Z | file:line | words"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", help="files; FILE@+02:00 if its times tell no zone")
    parser.add_argument("--around", type=datetime.fromisoformat, help="a time with its zone")
    parser.add_argument("--minutes", type=float, default=30, help="before and after --around")
    parser.add_argument("--grep", type=re.compile, help="only lines that match this pattern")
    parser.add_argument("--year", type=int, default=datetime.now(UTC).year, help="for syslog times")
    parser.add_argument("--limit", type=int, default=300, help="most rows to print")
    parser.add_argument("--check", type=Path, help="exit 1 unless this timeline agrees with them")
    options = parser.parse_args()
    try:
        rows = [row for word in options.sources for row in rows_of(*source(word), options.year)]
        wrong = faults(options.check, rows) if options.check else []
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    if options.check:
        sys.stdout.write("\n".join([f"ERROR {one}" for one in wrong] or ["agrees"]) + "\n")
        return int(bool(wrong))
    picked = chosen(rows, options)
    sys.stdout.writelines(f"{row}\n" for row in picked[: options.limit])
    sys.stderr.write(
        f"{len(picked)} of {len(rows)} rows with a time; {options.limit} are shown at most\n"
    )
    return 0 if picked else 1


if __name__ == "__main__":
    sys.exit(main())
