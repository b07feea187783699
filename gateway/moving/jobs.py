"""Jobs of another program's home, read as ours. What would mean another thing here is left."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway.channels.base import Place
from gateway.moving.classes import Outcome
from hermes_home.errors import HermesError

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.cron.job import Job

Row = dict[str, Any]
_EXPRESSION = ("expr", "expression", "cron", "value", "display")
_INTERVAL = ("every", "interval", "value", "display")
_ONCE = ("run_at", "at", "when", "time", "datetime", "value")
_LENGTH = re.compile(r"\d+\s*[smhd]")
_THREAD = re.compile(r"(telegram):(-?\d+):(\d+)")
_UNITS = ("seconds", "minutes", "hours", "days")
_NOT_HERE = (
    ("script", "it runs a script of that home: make it a command of this job"),
    ("no_agent", "it runs a script of that home: make it a command of this job"),
    ("context_from", "it is given the results of other jobs, which jobs here are not"),
    ("attach_to_session", "it writes into a session of that program"),
)


class Unclear(Exception):
    """Why a job is not taken over."""


async def bring(app: App, folder: Path, *, dry: bool) -> list[Outcome]:
    """Each job that means the same here becomes a file in cron/, on as it was there."""
    path = folder / "cron" / "jobs.json"
    if not path.exists():
        return []
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        rows = told["jobs"] if isinstance(told, dict) else told
        if not isinstance(rows, list):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        return [Outcome("jobs", "cron/jobs.json", "skipped", "it cannot be read")]
    return [await _bring(app, row, dry=dry) for row in rows]


async def _bring(app: App, row: object, *, dry: bool) -> Outcome:
    from gateway.cron.job import name_from  # noqa: PLC0415 - imported when there are jobs
    from gateway.cron.schedule import parse  # noqa: PLC0415

    if not isinstance(row, dict):
        return Outcome("jobs", "?", "skipped", "it is no job")
    name = name_from(_text(row, "name") or _text(row, "prompt") or "job", set())
    try:
        job = job_of(row)
        cron = await app.recurring.cron()
        if name in cron.jobs:
            raise Unclear("there is a job of this name")
        now = time.time()
        schedule = parse(job.schedule, ZoneInfo(job.tz or cron.zone_name), now)
        if schedule.due_after(now) is None:
            raise Unclear(f"it is over: that was {schedule.description}")
        notes = _notes(row)
        if dry:
            return Outcome("jobs", name, "found", "; ".join([schedule.description, *notes]))
        return await _create(app, job, name, notes)
    except Unclear as error:
        return Outcome("jobs", name, "skipped", str(error))
    except HermesError as error:
        return Outcome("jobs", name, "skipped", error.message)


async def _create(app: App, job: Job, name: str, notes: list[str]) -> Outcome:
    """The result goes where it went there, or, if that is not set up here, to the owner's inbox."""
    cron = await app.recurring.cron()
    try:
        await cron.desk.create(job, name)
    except HermesError as error:
        if not job.deliver:
            raise
        notes = [*notes, f"its results go to the inbox: {error.message}"]
        await cron.desk.create(replace(job, deliver=""), name)
    return Outcome("jobs", name, "imported", "; ".join(notes))


def job_of(row: Row) -> Job:
    """The same job in our words. Unclear says why there is none."""
    from gateway.cron.job import Job  # noqa: PLC0415

    for key, reason in _NOT_HERE:
        if row.get(key):
            raise Unclear(reason)
    repeat = row.get("repeat")
    if isinstance(repeat, dict) and isinstance(repeat.get("times"), int) and repeat["times"] > 1:
        raise Unclear(f"it ends after {repeat['times']} times, which jobs here do not")
    if _text(row, "state") in ("completed", "done", "finished"):
        raise Unclear("it is over")
    skills = row.get("skills")
    return Job(
        schedule=schedule_of(row),
        prompt=_text(row, "prompt"),
        skills=tuple(s for s in skills if isinstance(s, str)) if isinstance(skills, list) else (),
        deliver=_deliver(row),
        workspace=_text(row, "workdir"),
        enabled=row.get("enabled", True) is not False and _text(row, "state") != "paused",
    )


def schedule_of(row: Row) -> str:
    """The schedule as text that ours reads."""
    given = row.get("schedule")
    if isinstance(given, str):
        return _instant(row, ("next_run_at",)) if _LENGTH.fullmatch(given.strip()) else given
    if not isinstance(given, dict):
        raise Unclear("it has no schedule")
    kind = given.get("kind")
    if kind == "cron":
        return _first(given, _EXPRESSION)
    if kind == "once":
        return _instant({**row, **given}, (*_ONCE, "next_run_at"))
    if kind == "interval":
        for unit in _UNITS:
            if isinstance(count := given.get(unit), int) and count > 0:
                return f"every {count}{unit[0]}"
        text = _first(given, _INTERVAL)
        return f"every {text}" if _LENGTH.fullmatch(text) else text
    raise Unclear(f"its schedule is of a kind that is not known here: {kind!r}")


def _instant(given: Row, keys: tuple[str, ...]) -> str:
    """When a job that runs once is due, to the second. `30m` means once there, counted from when
    it was made."""
    text = _first(given, keys)
    try:
        return datetime.fromisoformat(text).isoformat(timespec="seconds")
    except ValueError:
        return text


def _first(given: Row, keys: tuple[str, ...]) -> str:
    for key in keys:
        if text := _text(given, key):
            return text
    raise Unclear("its schedule cannot be read")


def _deliver(row: Row) -> str:
    """Our address for where the result goes; empty = the owner's inbox."""
    to = _text(row, "deliver")
    if to in ("", "local", "all"):
        return ""
    if to != "origin":
        return ",".join(_target(one.strip()) for one in to.split(","))
    origin = row.get("origin")
    if not isinstance(origin, dict):
        return ""
    platform, chat = _text(origin, "platform"), origin.get("chat_id", origin.get("chat", ""))
    if not platform or not chat:
        return platform
    return Place(platform, "", str(chat), str(origin.get("thread_id") or "")).target


def _target(text: str) -> str:
    """`telegram:chat:thread` as we name it; the others are the same."""
    found = _THREAD.fullmatch(text)
    return Place(found[1], "", found[2], found[3]).target if found else text


def _notes(row: Row) -> list[str]:
    """What is otherwise here."""
    notes = []
    if any(row.get(key) for key in ("model", "provider", "base_url")):
        notes.append("it runs with the model of your settings")
    if row.get("enabled_toolsets"):
        notes.append("it has every tool a job has here")
    if _text(row, "deliver") == "all":
        notes.append("its results go to the inbox")
    return notes


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    return value.strip() if isinstance(value, str) else ""
