"""Checks a crontab: when each line runs next, and the mistakes that keep it from running."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
RANGES = {
    "minute": (0, 59, []),
    "hour": (0, 23, []),
    "day": (1, 31, []),
    "month": (1, 12, MONTHS),
    "weekday": (0, 7, DAYS),
}
NICK = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
HORIZON = 366 * 9
"""Days that are searched: any 29th of February lies within."""
BUILT_IN = set("cd test [ echo exit export if for while case . : set sleep".split())


@dataclass(frozen=True)
class Times:
    """The values each field allows; `either`: both kinds of day were given."""

    minutes: set[int]
    hours: set[int]
    days: set[int]
    months: set[int]
    weekdays: set[int]
    either: bool

    def on(self, day: datetime) -> bool:
        month_day, weekday = day.day in self.days, (day.weekday() + 1) % 7 in self.weekdays
        fits = month_day or weekday if self.either else month_day and weekday
        return day.month in self.months and fits


def values(text: str, name: str) -> set[int]:
    """What a field stands for; ValueError says what is wrong with it."""
    low, high, names = RANGES[name]
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if not match or (match[1] == "*" and match[2]):
            raise ValueError(f"{name} {part!r} cannot be read")
        first, last = low, high
        if match[1] != "*":
            first = _number(match[1], name)
            last = _number(match[2], name) if match[2] else (high if match[3] else first)
        step = int(match[3] or 1)
        if not (low <= first <= last <= high) or not step:
            raise ValueError(f"{name} {part!r} is not within {low}-{high}")
        found |= set(range(first, last + 1, step))
    return {0 if name == "weekday" and value == 7 else value for value in found}


def _number(word: str, name: str) -> int:
    names = RANGES[name][2]
    if word.isdigit():
        return int(word)
    if word[:3].lower() in names and len(word) == 3:
        return names.index(word.lower()) + (name == "month")
    raise ValueError(f"{name} {word!r} is no number")


def times(fields: list[str]) -> Times:
    parsed = [values(text, name) for text, name in zip(fields, RANGES, strict=True)]
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    minutes, hours, days, months, weekdays = parsed
    return Times(minutes, hours, days, months, weekdays, either)


def following(rule: Times, start: datetime, zone: tzinfo, count: int) -> list[datetime]:
    """The next times; those a change of the clock leaves out are passed over."""
    found: list[datetime] = []
    day = start.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for _ in range(HORIZON):
        if rule.on(day):
            for hour in sorted(rule.hours):
                for minute in sorted(rule.minutes):
                    at = day.replace(hour=hour, minute=minute, tzinfo=zone)
                    if at > start and at.astimezone(UTC).astimezone(zone) == at:
                        found.append(at)
                        if len(found) == count:
                            return found
        day += timedelta(days=1)
    return found


def advice(fields: list[str], command: str, has_path: bool) -> list[str]:
    told = []
    for (name, (low, high, _)), text in zip(RANGES.items(), fields, strict=True):
        found = re.fullmatch(r"\*/(\d+)", text)
        if found and name != "weekday" and (high - low + 1) % int(found[1]):
            told.append(f"{name} {text} is not even: it starts anew at {low} each time")
    if fields[0] == "*" and fields[1] != "*":
        told.append("runs every minute of that hour; a number in the first field means once")
    if re.search(r"(?<!\\)%", command):
        told.append("has a % that ends the command: write \\%")
    word = re.sub(r"^(?:\w+=\S*\s+)*", "", command).split(" ")[0]
    if not has_path and word and "/" not in word and word not in BUILT_IN:
        told.append(f"{word} is looked for in /usr/bin:/bin only: give its whole path or set PATH")
    if re.search(r"(?<![\w/])\.\.?/", command) and not command.startswith("cd "):
        told.append("has a relative path; cron starts in the home")
    return told


def machine_zone() -> tzinfo | None:
    """The machine's zone by name, so that its changes of the clock are known."""
    names = [os.environ.get("TZ", ""), str(Path("/etc/localtime").resolve())]
    for name in names:
        try:
            return ZoneInfo(name.rpartition("zoneinfo/")[2])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return None


@dataclass
class Check:
    """The state over the lines of one file."""

    zone: tzinfo
    start: datetime
    system: bool
    count: int
    has_path: bool = False
    jobs: int = 0
    faults: list[str] = field(default_factory=list)

    def line(self, number: int, text: str) -> None:
        bare = text.strip()
        if not bare or bare.startswith("#"):
            return
        if found := re.match(r"([A-Za-z_]\w*)\s*=\s*(.*)", bare):
            self.has_path |= found[1] == "PATH"
            if "$" in found[2]:
                self._tell(number, f"{found[1]} holds a $, which cron does not expand")
            return
        self.jobs += 1
        nick, _, rest = bare.partition(" ")
        if nick == "@reboot":
            print(f"{number}: {bare}\n    at each start of the machine")
            return
        words = (NICK[nick] + " " + rest if nick in NICK else bare).split(
            None, 6 if self.system else 5
        )
        if len(words) < (7 if self.system else 6):
            self._tell(
                number,
                "has too few fields: five of time, " + "a user, " * self.system + "a command",
            )
            return
        self._job(number, bare, words[:5], words[-1])

    def _job(self, number: int, bare: str, fields: list[str], command: str) -> None:
        print(f"{number}: {bare}")
        try:
            rule = times(fields)
        except ValueError as error:
            self._tell(number, str(error))
            return
        next_ones = following(rule, self.start, self.zone, self.count)
        for at in next_ones:
            print(f"    {at:%a %Y-%m-%d %H:%M %Z}")
        if not next_ones:
            self._tell(number, "never runs: there is no such day")
        if rule.either:
            print("    note: either of its two days is enough")
        for told in advice(fields, command, self.has_path):
            self._tell(number, told)

    def _tell(self, number: int, told: str) -> None:
        self.faults.append(f"fault: line {number}: {told}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--system", action="store_true", help="the sixth column is a user")
    parser.add_argument("--zone", help="such as Europe/Berlin; else the machine's")
    parser.add_argument("--next", type=int, default=4, dest="count", help="how many next times")
    parser.add_argument(
        "--start", type=datetime.fromisoformat, help="count from here, not from now"
    )
    arguments = parser.parse_args()
    try:
        text = arguments.file.read_bytes().decode("utf-8")
        here = datetime.now(UTC).astimezone()
        zone = ZoneInfo(arguments.zone) if arguments.zone else machine_zone() or here.tzinfo or UTC
    except (OSError, UnicodeDecodeError, ZoneInfoNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    start = arguments.start.replace(tzinfo=zone) if arguments.start else here.astimezone(zone)
    check = Check(zone, start, arguments.system, arguments.count)
    for number, line in enumerate(text.splitlines(), 1):
        check.line(number, line)
    if text and not text.endswith("\n"):
        check.faults.append("fault: the last line has no newline: cron does not read it")
    if "\r" in text:
        check.faults.append("fault: the lines end as on Windows; the command gets a stray letter")
    print("".join(f"{fault}\n" for fault in check.faults), end="")
    print(f"{check.jobs} jobs, {len(check.faults)} faults", file=sys.stderr)
    return 1 if check.faults or not check.jobs else 0


if __name__ == "__main__":
    sys.exit(main())
