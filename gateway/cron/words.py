"""The words a schedule is said in, and a reader that knows where it stands in them."""

from __future__ import annotations

import re
from difflib import SequenceMatcher, get_close_matches

from hermes_home.errors import UsageError

WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mon",
            "tuesday tue tues",
            "wednesday wed",
            "thursday thu thur thurs",
            "friday fri",
            "saturday sat",
            "sunday sun",
        )
    )
    for name in names.split()
}
PLURALS = {f"{name}s": number for name, number in WEEKDAYS.items() if name.endswith("day")}
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
NUMBERS = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve".split(),
        range(1, 13),
        strict=True,
    )
)
MINUTES = ("minute", "minutes", "min", "mins", "m")
SECONDS = ("seconds", "secs", "sec", "s")
HOURS = ("hour", "hours", "hr", "hrs", "h")
DAYS = ("day", "days", "d")
WEEKS = ("week", "weeks", "w")
WORKDAY = ("weekday", "workday", "weekdays", "workdays")
EXAMPLES = (
    "every weekday at 9:00",
    "every day at 7:30pm",
    "every monday and thursday at 18:30",
    "every other tuesday at 8:00",
    "every 1h30m",
    "every 30 minutes between 9:00 and 17:00",
    "first monday of the month at 10:00",
    "last friday of the month at 17:00",
    "on the 1st and 15th at 9:00",
    "every quarter at 9:00",
    "every morning at 8:00",
    "every hour",
    "every year on december 24 at 18:00",
    "twice a day at 8:00 and 20:00",
    "weekends at 10:00",
    "in 2 hours",
    "tomorrow at noon",
    "on friday at 17:00",
    "december 24 at 18:00",
    "2026-12-24 18:00",
    "0 9 * * mon-fri",
)
_OTHERS = (
    "a an and afternoon am annually at between by daily day days each evening every except fifth "
    "for from fortnight fortnightly half hourly in last midnight month monthly morning night noon "
    "o'clock of on once other pm quarter quarterly second st nd rd th the this three through to "
    "today tomorrow tonight twice times until week weekday weekdays weekend weekends weekly "
    "working workday workdays year yearly after before"
).split()
_REASONS = {
    **dict.fromkeys(SECONDS, "the shortest interval is one minute"),
    "next": "the coming one, or the one after it? say 'on monday', or a date",
}
"""Why a word that people say is not understood."""
KNOWN = frozenset(
    [*WEEKDAYS, *PLURALS, *MONTHS, *ORDINALS, *NUMBERS, *MINUTES, *HOURS, *DAYS, *WEEKS, *_OTHERS]
)
_TOKEN = re.compile(
    r"\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}(?::\d{2})?(?!\d)|\d+|[^\W\d_]+(?:['’][^\W\d_]+)?|\S"
)
_ABBREVIATED = re.compile(r"\b([ap])\.\s?m\.?(?=\W|$)")


class Reader:
    """Words in order. What is taken was understood; `refuse` names the first one that was not."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        plain = _ABBREVIATED.sub(r"\1m", self.text.lower().replace("’", "'")).rstrip(".! ")
        self._words: list[str] = _TOKEN.findall(plain)
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self._words[place] if place < len(self._words) else ""

    def take(self, *words: str) -> str:
        """The next word if it is one of these, else "" and nothing is taken."""
        word = self.peek()
        if word and word in words:
            self.at += 1
            return word
        return ""

    def takes(self, *words: str) -> bool:
        """Whether exactly these words follow; then they are taken."""
        if tuple(self._words[self.at : self.at + len(words)]) != words:
            return False
        self.at += len(words)
        return True

    def need(self, *words: str) -> str:
        found = self.take(*words)
        if not found:
            raise self.refuse()
        return found

    def number(self) -> int | None:
        """The next word as a number, taken; None if it is none."""
        word = self.peek()
        if word in NUMBERS or (word.isdecimal() and word.isascii() and len(word) < 6):
            self.at += 1
            return NUMBERS.get(word) or int(word)
        return None

    def finish(self) -> None:
        """All of it was understood another way."""
        self.at = len(self._words)

    def end(self) -> None:
        if self.peek():
            raise self.refuse()

    def refuse(self, why: str = "") -> UsageError:
        """The error that names the word at which understanding ended."""
        word = self.peek()
        why = why or _REASONS.get(word, "")
        if why:
            what = f"{self.text!r}: {why}"
        elif word:
            what = f"{self.text!r}: {word!r} was not understood"
        else:
            last = f" after {self._words[-1]!r}" if self._words else ""
            what = f"{self.text!r}: something is missing{last}"
        near = get_close_matches(word, KNOWN, 1, 0.7) if len(word) > 2 and word not in KNOWN else []
        guess = f"did you mean {near[0]!r}? " if near and not why else ""
        return UsageError(what, f"{guess}for example: {self.example()}")

    def example(self) -> str:
        """The example most like what was said."""
        said = self.text.lower()
        return max(EXAMPLES, key=lambda one: SequenceMatcher(None, said, one).ratio())
