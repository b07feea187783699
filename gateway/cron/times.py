"""Times of day and lengths of time, as people write them."""

from __future__ import annotations

from typing import Literal

from gateway.cron.words import DAYS, HOURS, MINUTES, WEEKS, Reader

DayPart = Literal["", "morning", "afternoon", "evening", "night"]
PARTS: tuple[DayPart, ...] = ("morning", "afternoon", "evening", "night")
_WITHOUT_AT = ("noon", "midnight")


def times(reader: Reader, part: DayPart = "") -> tuple[int, ...]:
    """`8`, `8:30 and 20:00`, `7pm, 9 pm`: minutes since midnight, sorted."""
    found = [time(reader, part)]
    while _another(reader):
        reader.take(",")
        reader.take("and", "&")
        reader.take("at")
        found.append(time(reader, part))
    if len(set(found)) < len(found):
        raise reader.refuse("a time is named twice")
    return tuple(sorted(found))


def is_time(reader: Reader, ahead: int = 0) -> bool:
    """Whether a time that needs no `at` to be one stands here."""
    word, after = reader.peek(ahead), reader.peek(ahead + 1)
    return word in _WITHOUT_AT or ":" in word or (word.isdecimal() and after in ("am", "pm"))


def _another(reader: Reader) -> bool:
    """Whether a further time follows the separator that stands here."""
    if reader.peek() not in (",", "and", "&"):
        return False
    ahead = 2 if reader.peek() == "," and reader.peek(1) in ("and", "&") else 1
    if reader.peek(ahead) == "at":
        ahead += 1
    return is_time(reader, ahead) or reader.peek(ahead).isdecimal()


def time(reader: Reader, part: DayPart = "") -> int:
    """One time of day."""
    word = reader.peek()
    if reader.take(*_WITHOUT_AT):
        return 12 * 60 if word == "noon" else 0
    place = reader.at
    hour, minute = _clock(reader)
    half = reader.take("am", "pm")
    if not half:
        reader.takes("o'clock")
        part = _part(reader) or part
    if half:
        if not 1 <= hour <= 12:
            reader.at = place
            raise reader.refuse(f"{word} {half} is no time of day")
        hour = hour % 12 + (12 if half == "pm" else 0)
    else:
        hour = _in_part(reader, hour, part)
    return hour * 60 + minute


def _clock(reader: Reader) -> tuple[int, int]:
    """Hour and minute as written; refused if there are no such."""
    word = reader.peek()
    hours, _, minutes = word.partition(":")
    if not hours.isdecimal() or ":" in minutes or not hours.isascii():
        raise reader.refuse()
    hour, minute = int(hours), int(minutes or 0)
    if hour > 23 or minute > 59:
        raise reader.refuse(f"{word!r} was not understood as a time of day")
    reader.at += 1
    return hour, minute


def _part(reader: Reader) -> DayPart:
    for part in PARTS:
        if reader.takes("in", "the", part) or (part == "night" and reader.takes("at", "night")):
            return part
    return ""


def _in_part(reader: Reader, hour: int, part: DayPart) -> int:
    """An hour of the morning, the evening...: `7` in the evening is 19."""
    if not part:
        return hour
    if part == "night" and hour <= 5:
        return hour
    if part == "night" and hour == 12:
        return 0
    late = hour + 12 if part != "morning" and hour < 12 else hour
    spans = {"morning": (0, 11), "afternoon": (12, 18), "evening": (16, 23), "night": (18, 23)}
    low, high = spans[part]
    if not low <= late <= high:
        raise reader.refuse(f"{hour} is not in the {part}")
    return late


def duration(reader: Reader) -> tuple[int, int] | None:
    """`2 hours`, `1h30m`, `1 hour and 30 minutes`, `half an hour`, `3 days`: (days, minutes).
    None, and nothing taken, if no length of time stands here."""
    start = reader.at
    if reader.take("half"):
        reader.take("an", "a")
        if reader.take("hour"):
            return 0, 30
        reader.at = start
        return None
    days = minutes = 0
    units: list[int] = []
    while (piece := _piece(reader, bare=not units)) is not None:
        size, count = piece
        if units and size >= units[-1]:
            raise reader.refuse("the larger unit comes first, as in 1h30m")
        units.append(size)
        days += count * size // 1440 if size >= 1440 else 0
        minutes += count * size if size < 1440 else 0
        if reader.peek() == "and" and reader.peek(2) in (*HOURS, *MINUTES, *DAYS):
            reader.take("and")
    if not units:
        reader.at = start
        return None
    return days, minutes


def _piece(reader: Reader, *, bare: bool) -> tuple[int, int] | None:
    """One unit in minutes and how many of it; `bare`: a unit alone, or `an hour`, is one."""
    start = reader.at
    count = reader.number()
    if count is None and bare:
        reader.take("a", "an")
        count = 1
    for size, names in ((1, MINUTES), (60, HOURS), (1440, DAYS), (7 * 1440, WEEKS)):
        if count is not None and reader.take(*names):
            return size, count
    reader.at = start
    return None
