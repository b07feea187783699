"""What a setting's value must be like, beyond its type. Used as Annotated[type, rule]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

# A name, which has a letter in its last part; what has none is an address or nothing.
_HOST = re.compile(r"(?i)(?:[a-z0-9_-]{1,63}\.)*(?!0x)(?=[a-z0-9-]*[a-z])[a-z0-9_-]{1,63}\.?")


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
        kind = (
            "a whole number"
            if isinstance(self.low, int) and isinstance(self.high, int)
            else "a number"
        )
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


class HostPort:
    accepts = "an address to listen at: host:port"
    example = "127.0.0.1:8642"

    def apply(self, value: str, environment: Mapping[str, str]) -> str:
        try:
            parts = urlsplit(f"//{value}")
            usable = bool(parts.hostname and parts.port) and parts.netloc == value
        except ValueError:  # brackets or a port that are none
            usable = False
        if not usable or "@" in value or " " in value:
            raise ValueError(repr(value))
        return value


class Hosts:
    accepts = "a list of host names, addresses or networks"
    example = "[nas.local, 192.168.1.0/24]"

    def apply(self, value: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
        for entry in value:
            if not _HOST.fullmatch(entry) and not _is_network(entry):
                raise ValueError(repr(entry))
        return value


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text, strict=False))
    except ValueError:
        return False


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


class Folder:
    accepts = "a folder, absolute or beginning with ~/"
    example = "~/hermes-work"

    def apply(self, value: str, environment: Mapping[str, str]) -> str:
        return absolute(value, environment)


class Folders:
    accepts = "a list of folders, each absolute or beginning with ~/"
    example = "[~/projects/skills]"

    def apply(self, value: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(absolute(folder, environment) for folder in value)


def absolute(folder: str, environment: Mapping[str, str]) -> str:
    """The folder with `~` replaced; ValueError if that is no absolute path."""
    if folder == "~" or folder.startswith("~/"):
        return (environment.get("HOME") or str(Path.home())) + folder[1:]
    if not folder.startswith("/"):
        raise ValueError(repr(folder))
    return folder
