"""A schedule: read from text, told in words, and its next instant.

One closed grammar: cron expressions, intervals, dates, plain English. What is not understood is
refused with the word that was not understood; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gateway.cron.dates import once
from gateway.cron.expression import looks_like_cron, parse_cron
from gateway.cron.phrases import recurring
from gateway.cron.rules import Rule, moment
from gateway.cron.telling import describe
from gateway.cron.words import Reader
from hermes_home.errors import UsageError

LONGEST = 200
"""Characters of a schedule."""


@dataclass(frozen=True)
class Schedule:
    """`text` is the schedule in its plain form: read again with the same zone and anchor it means
    the same. `description` says it in words."""

    text: str
    description: str
    rule: Rule
    zone: ZoneInfo

    def next(self, after: datetime) -> datetime | None:
        """The first due time after an instant (aware), in the schedule's zone."""
        found = self.due_after(after.timestamp())
        return None if found is None else moment(found, self.zone)

    def due_after(self, after: float) -> int | None:
        """The same in seconds since the epoch."""
        return self.rule.next(after, self.zone)

    def due_between(self, after: float, until: float) -> Iterator[int]:
        """Every due time above `after`, up to and with `until`."""
        while (due := self.due_after(after)) is not None and due <= until:
            yield due
            after = due


def parse(text: str, zone: ZoneInfo, anchor: float) -> Schedule:
    """The schedule that `text` means. `anchor`: since when it holds; intervals, `in 2 hours` and
    `every other` are counted from there. UsageError names what was not understood."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise UsageError(
            f"a schedule has 1 to {LONGEST} characters", "for example: every weekday at 9:00"
        )
    if looks_like_cron(text):
        plain, rule = parse_cron(text)
        return _known(Schedule(plain, describe(rule, zone), rule, zone))
    reader = Reader(text)
    begun = datetime.fromtimestamp(int(anchor), UTC).astimezone(zone)
    spoken = once(reader, begun) or recurring(reader, begun)
    reader.end()
    words = describe(spoken, zone)
    return _known(Schedule(words, words, spoken, zone))


def _known(schedule: Schedule) -> Schedule:
    """UsageError if there is no day on which it can come."""
    if schedule.due_after(0) is None:
        raise UsageError(f"{schedule.text!r} never comes", "for example: every weekday at 9:00")
    return schedule
