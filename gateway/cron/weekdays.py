"""Weekdays, one after the other: `monday and thursday`, `mon-fri`, `weekends`."""

from __future__ import annotations

from gateway.cron.rules import WEEKEND, WORKDAYS
from gateway.cron.words import PLURALS, WEEKDAYS, WORKDAY, Reader

SPANS = ("to", "through", "-")


def weekday_words(reader: Reader, *, plural: bool | None) -> frozenset[int]:
    """Weekdays one after the other; empty, and nothing taken, if none stands here."""
    known = PLURALS if plural else {**WEEKDAYS, **PLURALS} if plural is None else WEEKDAYS
    many, one = {*WORKDAY[2:], "weekends"}, {*WORKDAY[:2], "weekend"}
    groups = many if plural else many | one if plural is None else one
    found: set[int] = set()
    start = reader.at
    while True:
        if word := reader.take(*groups):
            found |= WEEKEND if word.startswith("weekend") else WORKDAYS
        elif reader.peek() in ("working", "business") and reader.peek(1) in ("day", "days"):
            reader.at += 2
            found |= WORKDAYS
        elif word := reader.take(*known):
            first = known[word]
            if reader.take(*SPANS):
                last = known[reader.need(*known)]
                found |= {day % 7 for day in range(first, last + (8 if last <= first else 1))}
            elif plural is False and reader.peek() in PLURALS:
                raise reader.refuse()
            found.add(first)
        else:
            reader.at = start
            return frozenset(found)
        start = reader.at
        reader.take(",")
        reader.take("and", "&")
        if reader.at == start:
            return frozenset(found)
        reader.take("on", "every")
