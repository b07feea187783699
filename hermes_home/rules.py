"""What a setting's value must be like, beyond its type. Used as Annotated[type, rule]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


class Rule(Protocol):
    """`apply` returns the value to use; ValueError says what was found instead. The default is
    never checked."""

    @property
    def accepts(self) -> str: ...
    @property
    def example(self) -> str: ...
    def apply(self, value: Any, environment: Mapping[str, str]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `low` to `high`; the default is also accepted where it lies outside."""

    low: float
    high: float
    also: str = ""

    @property
    def accepts(self) -> str:
        kind = "a whole number" if isinstance(self.low, int) else "a number"
        return f"{kind} from {self.low} to {self.high}{self.also}"

    @property
    def example(self) -> str:
        return str(self.low)

    def apply(self, value: float, environment: Mapping[str, str]) -> float:
        if not self.low <= value <= self.high:
            raise ValueError(str(value))
        return value


class HttpAddress:
    accepts = "an http or https address without a key or password in it"
    example = "http://localhost:11434/v1"

    def apply(self, value: str, environment: Mapping[str, str]) -> str:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # brackets or a port that are none
            usable = False
        if not usable or " " in value:
            raise ValueError(repr(value))
        if "@" in parts.netloc:
            raise ValueError("one with a user or password (keys belong in .env)")
        if parts.query or parts.fragment:
            raise ValueError("one with ? or #")
        return value.rstrip("/")


class ZoneName:
    accepts = "an IANA time zone"
    example = "Europe/Berlin"

    def apply(self, value: str, environment: Mapping[str, str]) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder
            zones = {zone.lower(): zone for zone in available_timezones()}
            near = get_close_matches(value.lower(), zones, n=1, cutoff=0.7)
            question = f" (did you mean {zones[near[0]]}?)" if near else ""
            raise ValueError(repr(value) + question) from None
        return value


class Folders:
    accepts = "a list of folders, each absolute or beginning with ~/"
    example = "[~/projects/skills]"

    def apply(self, value: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(self._absolute(folder, environment) for folder in value)

    def _absolute(self, folder: str, environment: Mapping[str, str]) -> str:
        if folder == "~" or folder.startswith("~/"):
            return (environment.get("HOME") or str(Path.home())) + folder[1:]
        if not folder.startswith("/"):
            raise ValueError(repr(folder))
        return folder
