"""How long a server asks us to wait, in the several ways servers say it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from agent.providers.chat_json import mapping, text_of

_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_RESET = re.compile(r"(?:x-|anthropic-)?ratelimit-(?:(\w+)-)?reset(?:-(.+))?")
_EPOCH = 1_000_000_000.0


def told_wait(headers: Mapping[str, str], told: Any) -> float | None:
    """Seconds to wait before the next try, from the headers or the error's body; None = untold."""
    named = {name.lower(): value.strip() for name, value in headers.items()}
    if (wait := seconds(named.get("retry-after-ms", ""))) is not None:
        return wait / 1000
    if (wait := seconds(named.get("retry-after", ""))) is not None:
        return wait
    return _from_body(told) or _from_resets(named)


def seconds(text: str, now: float | None = None) -> float | None:
    """A wait written as seconds, as a time on the clock (seconds or milliseconds since the epoch,
    an HTTP or ISO date), or like 1m30.5s. Never negative; None if it is none of these."""
    now = time.time() if now is None else now
    try:
        number = float(text)
    except ValueError:
        return _duration(text) if _duration(text) is not None else _until(text, now)
    if number != number or number in (float("inf"), float("-inf")):
        return None
    if number > _EPOCH * 1000:
        number /= 1000
    return max(0.0, number - now if number > _EPOCH else number)


def _duration(text: str) -> float | None:
    parts = _PARTS.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _until(text: str, now: float) -> float | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
        except (ValueError, TypeError):
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    return None


def _from_resets(headers: Mapping[str, str]) -> float | None:
    """The reset of what is used up; if no header says what is, the soonest of all."""
    soonest: list[float] = []
    used_up: list[float] = []
    for name, value in headers.items():
        found = _RESET.fullmatch(name)
        wait = seconds(value) if found else None
        if wait is None:
            continue
        soonest.append(wait)
        if headers.get(name.replace("reset", "remaining"), "").split(".")[0] == "0":
            used_up.append(wait)
    return max(used_up) if used_up else min(soonest, default=None)


def _from_body(told: Any) -> float | None:
    """Google tells the wait in the error's details, like {"retryDelay": "34s"}."""
    told = told[0] if isinstance(told, list) and told else told
    error = mapping(mapping(told).get("error")) or mapping(told)
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if delay := text_of(mapping(detail).get("retryDelay")):
            return seconds(delay)
    return None
