"""A job: one file below cron/, strict, written to be edited by hand.

schedule: every weekday at 9:00
prompt: |
  Read the news of the project and write a report of ten lines.
deliver: telegram
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml

from hermes_home.config_edit import put_value
from hermes_home.errors import SettingsError, UsageError
from hermes_home.paths import Home
from hermes_home.rules import ZoneName
from hermes_home.schema import build
from hermes_home.yaml_text import Leaf, Section, parse

SUFFIX = ".yaml"
LARGEST = 64 * 1024
"""Bytes of a job's file."""
LONGEST_PROMPT = 20_000
"""Characters."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LONG = ("prompt", "script")
_UNQUOTED = re.compile(r"^(schedule:)\s*([@*].*)$", re.MULTILINE)

Misfire = Literal["once", "skip", "all"]


class AbsoluteFolder:
    accepts = "a folder, absolute or beginning with ~/"
    example = "~/projects"

    def apply(self, value: str, environment: dict[str, str]) -> str:
        if not value.startswith(("/", "~/")):
            raise ValueError(repr(value))
        return value


class Instant:
    accepts = "a date and time with its offset"
    example = '"2026-11-21T15:30:00+01:00"'

    def apply(self, value: str, environment: dict[str, str]) -> str:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(repr(value)) from None
        if moment.tzinfo is None:
            raise ValueError(f"{value!r} without an offset")
        return value


@dataclass(frozen=True)
class Job:
    """What a job's file says. The name of the file is the name of the job."""

    schedule: str = ""
    """When: a cron expression, an interval, a date, or plain English."""
    prompt: str = ""
    """What is asked of the model."""
    script: str = ""
    """A command run before the prompt, or instead of one."""
    tz: Annotated[str, ZoneName()] = ""
    """An IANA time zone; empty = the setting `timezone`, else this machine's."""
    misfire: Misfire = "once"
    """What happens to due times that were slept through."""
    deliver: str = ""
    """Where the result goes, as `telegram` or `inbox`; several with commas; empty = the inbox."""
    skills: tuple[str, ...] = ()
    """Skills loaded with the prompt."""
    model: str = ""
    """Empty = the settings'."""
    provider: str = ""
    """Empty = the settings'."""
    workspace: Annotated[str, AbsoluteFolder()] = ""
    """The folder the work is about; empty = your home folder."""
    enabled: bool = True
    """false = paused."""
    created: Annotated[str, Instant()] = ""
    """Since when intervals are counted; empty = since it was first seen."""

    @property
    def anchor(self) -> float | None:
        return datetime.fromisoformat(self.created).timestamp() if self.created else None

    @property
    def folder(self) -> Path:
        return Path(self.workspace).expanduser() if self.workspace else Path.home()


def file_of(name: str) -> str:
    """The name of a job's file. One called .yml by mistake is a broken job of that name."""
    return name if name.endswith(".yml") else name + SUFFIX


def path_of(home: Home, name: str) -> Path:
    return home.cron / file_of(name)


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a job",
            "a name has small letters, digits, - and _, at most 64, for example: daily-report",
        )
    return name


def name_from(text: str, taken: set[str]) -> str:
    """A name for a job that was given none: its first words."""
    words = re.findall(r"[a-z0-9]+", text.lower())[:4]
    base = "-".join(words)[:40].strip("-") or "job"
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, 10_000))
    return next(name for name in names if name not in taken)


def names(home: Home) -> list[str]:
    """Every job's name, as the files are called."""
    if not home.cron.is_dir():
        return []
    found = sorted(path for path in home.cron.iterdir() if path.suffix in (SUFFIX, ".yml"))
    return [path.stem if path.suffix == SUFFIX else path.name for path in found]


def read_text(home: Home, name: str) -> str | None:
    """A job's file; None if there is none. SettingsError if it is nothing to be read."""
    path = path_of(home, name)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise SettingsError(f"{path} is larger than {LARGEST // 1024} KiB", "shorten it")
        return data.decode("utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", "look at the file") from (
            error
        )
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text", "save the file as UTF-8") from error


def understand(text: str, place: str) -> Job:
    """The job a text says. SettingsError names the line, the key, and what to write instead."""
    try:
        tree = parse(text, place)
    except SettingsError as error:
        if bare := _UNQUOTED.search(text):
            hint = f"put it in quotes:\n  {bare[1]} {json.dumps(bare[2])}"
            raise SettingsError(error.message, hint) from None
        raise
    short, long = _without_lines(tree)
    job = replace(build(Job, short, place, {}), **long)
    if not job.schedule:
        raise SettingsError(f"{place}: schedule is missing", "schedule: every weekday at 9:00")
    if not job.prompt.strip() and not job.script.strip():
        raise SettingsError(f"{place}: there is neither a prompt nor a script", "prompt: ...")
    if len(job.prompt) > LONGEST_PROMPT:
        raise SettingsError(
            f"{place}: the prompt has {len(job.prompt):,} characters, at most {LONGEST_PROMPT:,}",
            "write it to a file in the workspace and name that",
        )
    return job


def _without_lines(tree: Section) -> tuple[Section, dict[str, Any]]:
    """The same tree with the long texts on one line, and these as they are."""
    entries = dict(tree.entries)
    long: dict[str, Any] = {}
    for name in _LONG:
        entry = entries.get(name)
        if entry and isinstance(entry.node, Leaf) and isinstance(entry.node.value, str):
            long[name] = entry.node.value.strip("\n")
            shortened = Leaf(" ".join(entry.node.value.split()), entry.node.span)
            entries[name] = replace(entry, node=shortened)
    return replace(tree, entries=entries), long


def written(job: Job) -> str:
    """A new file for a job: what is not the default."""
    values: dict[str, Any] = {}
    for field in fields(Job):
        value = getattr(job, field.name)
        if value != field.default:
            values[field.name] = list(value) if isinstance(value, tuple) else value
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


@contextmanager
def pointing(text: str, key: str, place: str) -> Iterator[None]:
    """What is wrong with a key's value is told with the key's line."""
    try:
        yield
    except UsageError as error:
        before = re.split(rf"^{key}:", text, maxsplit=1, flags=re.MULTILINE)[0]
        where = f"{place} line {before.count(chr(10)) + 1}"
        raise SettingsError(f"{where}: {error.message}", error.hint) from error


def rewritten(text: str, place: str, changes: dict[str, Any]) -> str:
    """A job's file with some values changed, comments and order kept where that can be done."""
    wanted = replace(understand(text, place), **changes)
    edited = text
    try:
        for key, value in changes.items():
            edited = put_value(edited, place, key, value)
        if understand(edited, place) == wanted:
            return edited
    except SettingsError:
        pass
    return written(wanted)


def now_text(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat()


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
