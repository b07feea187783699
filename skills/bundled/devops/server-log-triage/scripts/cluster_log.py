"""Groups the lines of server logs by what they say, with counts, times and an example each."""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_ISO = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)")
_CLF = re.compile(r"\[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d)")
_SYSLOG = re.compile(r"^(\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d)")
_ACCESS = re.compile(r'"(?P<verb>[A-Z]+) (?P<path>\S+)[^"]*" (?P<status>\d{3}) ')
_LEVEL = re.compile(r"\b(emerg|alert|crit|critical|fatal|panic|error|err|warn|warning)\b", re.I)
_CLAIM = re.compile(r"(\d+) lines match `([^`\n]+)`")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_MASKS = (
    (_ISO, "<time>"), (_CLF, "[<time>"), (_SYSLOG, "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b", re.I), "<uuid>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"\b(?:0x)?[0-9a-f]{8,}\b", re.I), "<hex>"),
    (re.compile(r"(?<=\?)[^\s\"]+"), "<query>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)  # fmt: skip


@dataclass
class Group:
    """Lines that say the same. Times are `YYYY-MM-DD HH:MM:SS` as the log writes them, or ''."""

    count: int = 0
    first: str = ""
    last: str = ""
    where: str = ""
    example: str = ""
    level: str = ""


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    opened = gzip.open(path, "rb") if packed else path.open("rb")
    with opened as file:
        for number, line in enumerate(file, start=1):
            yield number, line.decode("utf-8", "replace").rstrip("\r\n")


def time_of(line: str, year: str) -> str:
    """The first time a line tells, without its zone; '' if it tells none."""
    head = line[:200]
    if found := _ISO.search(head):
        return f"{found[1]}-{found[2]}-{found[3]} {found[4]}"
    if (found := _CLF.search(head)) and found[2] in _MONTHS:
        return f"{found[3]}-{_MONTHS.index(found[2]) // 3 + 1:02}-{found[1]} {found[4]}"
    if (found := _SYSLOG.match(head)) and found[1] in _MONTHS:
        return f"{year}-{_MONTHS.index(found[1]) // 3 + 1:02}-{int(found[2]):02} {found[3]}"
    return ""


def template(line: str) -> str:
    for pattern, mask in _MASKS:
        line = pattern.sub(mask, line)
    return line[:160]


def level_of(line: str) -> str:
    if found := _ACCESS.search(line):
        return "error" if found["status"][0] == "5" else ""
    found = _LEVEL.search(line[:300])
    word = found[1].lower() if found else ""
    return "warn" if word.startswith("warn") else "error" if word else ""


class Reading:
    """What the chosen lines say."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.groups: dict[str, Group] = {}
        self.total = 0
        self.statuses: Counter[str] = Counter()
        self.failing: Counter[str] = Counter()
        self.minutes: Counter[str] = Counter()

    def take(self, path: Path) -> Iterator[str]:
        """The chosen lines, each counted. A line without a time belongs to the one before."""
        time = ""
        for number, line in lines_of(path):
            time = time_of(line, self.options.year) or time
            if line.strip() and self._chosen(line, time):
                self._count(line, time, f"{path.name}:{number}")
                yield line

    def _chosen(self, line: str, time: str) -> bool:
        options = self.options
        since, until = options.since.replace("T", " "), options.until.replace("T", " ")
        inside = time >= since and (not until or time[: len(until)] <= until)
        return inside and (not options.grep or bool(options.grep.search(line)))

    def _count(self, line: str, time: str, where: str) -> None:
        self.total += 1
        group = self.groups.setdefault(template(line), Group(first=time, where=where, example=line))
        group.count += 1
        group.last = time
        group.level = group.level or level_of(line)
        if found := _ACCESS.search(line):
            self.statuses[found["status"]] += 1
            if found["status"][0] == "5":
                self.failing[found["path"].partition("?")[0]] += 1
        if group.level == "error" and time:
            self.minutes[time[:16]] += 1


def report(reading: Reading, top: int, all_lines: bool) -> list[str]:
    groups = list(reading.groups.values())
    times = [time for group in groups for time in (group.first, group.last) if time]
    span = f"{min(times)} to {max(times)}" if times else "no times"
    lines = [f"lines: {reading.total}, groups: {len(groups)}, {span}"]
    if reading.statuses:
        lines.append(
            "status: " + ", ".join(f"{s} {n}" for s, n in sorted(reading.statuses.items()))
        )
    for title, counted in (("5xx by path", reading.failing), ("errors by minute", reading.minutes)):
        if counted:
            lines.append(f"{title}: " + ", ".join(f"{k} {n}" for k, n in counted.most_common(5)))
    shown = [group for group in groups if all_lines or group.level]
    for label, ranked in (
        ("commonest", sorted(shown, key=lambda group: -group.count)[:top]),
        ("first seen last", sorted(shown, key=lambda group: group.first)[-5:]),
    ):
        lines.append(f"-- {label}")
        lines += [
            f"{g.count} x [{g.first} .. {g.last}] {g.where}: {g.example[:200]}" for g in ranked
        ]
    return lines


def claims(report_file: Path, lines: list[str]) -> list[str]:
    """What a written report says wrongly: its sentences `N lines match <pattern>`."""
    stated = _CLAIM.findall(report_file.read_text(encoding="utf-8"))
    if not stated:
        return [f"{report_file} states no count as: 12 lines match `pattern`"]
    wrong = []
    for number, pattern in stated:
        counted = sum(bool(re.search(pattern, line)) for line in lines)
        if counted != int(number):
            wrong.append(f"{counted} lines match `{pattern}`, not {number}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", type=Path, nargs="+", help="log files, also .gz")
    parser.add_argument("--since", default="", help="as 2026-05-01T10:30, in the log's own zone")
    parser.add_argument("--until", default="")
    parser.add_argument("--grep", type=re.compile, help="only lines that match this pattern")
    parser.add_argument("--all", action="store_true", help="group every line, not only errors")
    parser.add_argument("--top", type=int, default=10)
    now = str(datetime.now().astimezone().year)
    parser.add_argument("--year", default=now, help="of syslog times, which tell none")
    parser.add_argument("--report", type=Path, help="exit 1 unless its counts are right")
    options = parser.parse_args()
    reading = Reading(options)
    try:
        lines = [line for path in options.logs for line in reading.take(path)]
        wrong = claims(options.report, lines) if options.report else []
    except (OSError, EOFError, UnicodeDecodeError, re.error) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    if not options.report:
        wrong = [] if lines else ["no line was chosen"]
        sys.stdout.writelines(f"{line}\n" for line in report(reading, options.top, options.all))
    sys.stdout.writelines(f"ERROR {line}\n" for line in wrong)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
