"""`hermes cron`: recurring work, and what became of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import quote

from gateway.cli.arguments import Arguments
from gateway.cli.output import Paint, clean, note, show_json, table, when
from gateway.cli.start import connect
from gateway.cli.talk import workspace
from hermes_home.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gateway.cli.wire import Wire

WAIT = 25
"""Seconds that one request waits for a run to end."""
TEXTS = ("tz", "misfire", "deliver", "script", "model", "provider")


def create(arguments: Arguments) -> int:
    prompt = " ".join(arguments.words[1:])
    if prompt == "-":
        prompt = sys.stdin.read()
    _check_words(arguments.word(0), prompt, arguments.text("script"))
    new = {
        "schedule": arguments.word(0),
        "prompt": prompt,
        "name": arguments.text("name"),
        "workspace": workspace(arguments),
        **_given(arguments),
    }
    with connect(arguments.home) as wire:
        row = wire.post("/api/cron", new)
    return _shown(arguments, row, "created")


def _check_words(schedule: str, prompt: str, script: str) -> None:
    """What is often forgotten: the task, and the quotes."""
    example = 'hermes cron create "every weekday at 9" "what is to be done"'
    if schedule.lower() in ("every", "each", "on", "in", "at", "first", "last", "*"):
        raise UsageError("the schedule is one word of the command: put it in quotes", example)
    if not prompt.strip() and not script.strip():
        raise UsageError("there is nothing to do yet: say a prompt, or --script COMMAND", example)


def _given(arguments: Arguments) -> dict[str, Any]:
    given: dict[str, Any] = {name: arguments.text(name) for name in TEXTS if arguments.on(name)}
    if arguments.on("skill"):
        words = arguments.text("skill").split(",")
        given["skills"] = [word.strip() for word in words if word.strip()]
    return given


def _shown(arguments: Arguments, row: dict[str, Any], done: str) -> int:
    """A job that was made or changed: what it means, and when it is due."""
    if arguments.on("json"):
        show_json(row)
        return 0
    paint = Paint(sys.stdout)
    print(f"{done} {paint('bold', row['name'])}: {row['description']}, {row['tz']}")
    if row["state"] in ("active", "over"):
        print("next:" if row["next"] else "it is not due any more")
    else:
        print(row["state"])
    for due in row["next"]:
        print(f"  {_day(due)}")
    return 0


def _day(due: str) -> str:
    from gateway.cron.due import due_text

    return due_text(due)


def show_list(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        rows = wire.get("/api/cron")
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        cells = [
            [
                row["name"],
                "running" if row["running"] else row["state"],
                row["description"] or row["schedule"],
                _day(row["next"][0]) if row["next"] else "",
                f"{row['last']['status']} {when(row['last']['due'])}" if row["last"] else "",
            ]
            for row in rows
        ]
        table(cells, ["name", "state", "schedule", "next", "last"])
        for row in rows:
            if row["error"]:
                note(f"{row['name']}: {row['error']}")
    else:
        note('there are no jobs yet\n  hermes cron create "every weekday at 9:00" "…"')
    return 0


def show(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.get(_path(arguments.word(0)))
    if arguments.on("json"):
        show_json(row)
        return 0
    for key in ("name", "state", "error", "schedule", "description", "tz", "misfire"):
        _field(key, row[key])
    for key in ("deliver", "model", "provider", "workspace", "script", "prompt"):
        _field(key, row[key])
    _field("skills", ", ".join(row["skills"]))
    for due in row["next"]:
        _field("next", _day(due))
    if last := row["last"]:
        _field(
            "last", f"{when(last['due'])} {last['status']}: {last['reason'] or last['delivery']}"
        )
    return 0


def _field(key: str, value: str) -> None:
    if value:
        print(f"{key:<12} {clean(value)}")


def edit(arguments: Arguments) -> int:
    """With flags those keys; without any the file, in $EDITOR."""
    name = arguments.word(0)
    changes = _given(arguments)
    for flag in ("schedule", "prompt"):
        if arguments.on(flag):
            changes[flag] = arguments.text(flag)
    if arguments.on("cwd"):
        changes["workspace"] = workspace(arguments)
    with connect(arguments.home) as wire:
        wire.get(_path(name))  # there is such a job
        if not changes:
            before = _read(arguments.home, name)
            after = _edited(before)
            if after == before:
                note("nothing was changed")
                return 0
            changes = {"before": before, "text": after}
    with connect(arguments.home) as wire:
        row = wire.ask("PATCH", _path(name), changes)
    return _shown(arguments, row, "changed")


def _read(home: str, name: str) -> str:
    file = name if name.endswith(".yml") else f"{name}.yaml"
    return Path(home, "cron", file).read_text(encoding="utf-8")


def _edited(text: str) -> str:
    """What the owner makes of it in an editor."""
    import shlex
    import subprocess
    import tempfile

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    if not editor:
        raise UsageError("no editor is set", "set EDITOR, or give flags such as --schedule")
    with tempfile.TemporaryDirectory(prefix="hermes-") as folder:
        path = Path(folder, "job.yaml")
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)
        if done.returncode:
            raise UsageError(f"the editor ended with {done.returncode}; nothing was changed")
        return path.read_text(encoding="utf-8")


def pause(arguments: Arguments) -> int:
    return _set_enabled(arguments, False, "paused")


def resume(arguments: Arguments) -> int:
    return _set_enabled(arguments, True, "resumed")


def _set_enabled(arguments: Arguments, enabled: bool, done: str) -> int:
    with connect(arguments.home) as wire:
        row = wire.ask("PATCH", _path(arguments.word(0)), {"enabled": enabled})
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"{done} {row['name']}")
    return 0


def remove(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.ask("DELETE", _path(arguments.word(0)))
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"removed {row['removed']}")
    return 0


def run(arguments: Arguments) -> int:
    """Exit 1 if it failed. Without --no-wait it returns when the occurrence is final."""
    with connect(arguments.home) as wire:
        row = wire.post(f"{_path(arguments.word(0))}/run")
    if not arguments.on("no-wait"):
        row = _final(arguments.home, row)
    if arguments.on("json"):
        show_json(row)
    elif row["status"] == "claimed":
        print(f"{arguments.word(0)} runs")
    else:
        if row["output"]:
            print(clean(row["output"]))
        note(_outcome(row))
    return 1 if row["status"] == "failed" else 0


def _final(home: str, row: dict[str, Any]) -> dict[str, Any]:
    """The occurrence when it is final, across restarts of the daemon."""
    from gateway.cli.wire import Lost, NotListening

    wire: Wire | None = None
    while row["status"] == "claimed":
        try:
            wire = wire or connect(home)
            row = wire.get(f"/api/occurrences/{row['id']}?wait={WAIT}")
        except (Lost, NotListening):
            wire = None
    if wire is not None:
        wire.close()
    return row


def _outcome(row: dict[str, Any]) -> str:
    reason = f": {row['reason']}" if row["reason"] else ""
    return f"{row['status']}{reason} · delivery: {row['delivery']}"


def history(arguments: Arguments) -> int:
    limit = arguments.number("limit", 50)
    with connect(arguments.home) as wire:
        rows = wire.get(f"{_path(arguments.word(0))}/history?limit={limit}")
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        cells = [
            [when(row["due"]), row["status"], row["delivery"], row["session"], row["reason"]]
            for row in rows
        ]
        table(cells, ["due", "status", "delivery", "session", "why"])
    else:
        note("it was not due yet")
    return 0


def _path(name: str) -> str:
    return f"/api/cron/{quote(name, safe='')}"
