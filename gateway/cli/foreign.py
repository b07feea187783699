"""`hermes import FOLDER`: what another program's home holds; there it stays untouched."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from gateway.cli import backup
from gateway.cli import start as starting
from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_json, table
from gateway.cli.start import connect
from gateway.cli.wire import Wire
from gateway.moving import classes, source
from gateway.moving.arrive import FOLDER
from hermes_home.errors import HermesError, UsageError
from hermes_home.paths import Home

PATIENCE = 600.0
"""Seconds the daemon may take for all of it."""
NO_KEYS = "only with --secrets"


def main(arguments: Arguments, path: Path) -> int:
    home = Home(Path(arguments.home))
    if path.resolve() == home.root.resolve():
        raise UsageError(f"{path} is the home itself", "set HERMES_HOME to another folder")
    source.require_foreign(path)
    secrets, dry = arguments.on("secrets"), arguments.on("dry-run")
    connect(arguments.home).close()
    folder = home.run / FOLDER
    with backup.alone(home):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _copy(path, folder, secrets=secrets)
            with Wire(starting.socket_path(arguments.home), PATIENCE) as wire:
                rows = wire.post("/api/import", {"origin": str(path), "dry_run": dry})
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    rows += [_row(outcome) for outcome in classes.left(path)]
    if not secrets and (path / ".env").exists():
        rows.append({"class": "keys", "name": ".env", "status": "skipped", "reason": NO_KEYS})
    _tell(arguments, path, rows, dry=dry)
    return 0


def _copy(path: Path, folder: Path, *, secrets: bool) -> None:
    try:
        source.copy(path, folder, secrets=secrets)
    except OSError as error:
        raise HermesError(
            f"{error.filename} could not be copied: {error.strerror}", "nothing was changed"
        ) from error


def _row(outcome: classes.Outcome) -> dict[str, str]:
    return {
        "class": outcome.kind,
        "name": outcome.name,
        "status": outcome.status,
        "reason": outcome.reason,
    }


def summary(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """For each class: how many were found, imported and skipped."""
    kinds = dict.fromkeys([*classes.TAKEN, *(row["class"] for row in rows)])
    counts = Counter((row["class"], row["status"]) for row in rows)
    return [
        {
            "class": kind,
            "found": sum(count for (of, _), count in counts.items() if of == kind),
            "imported": counts[kind, "imported"],
            "skipped": counts[kind, "skipped"],
        }
        for kind in kinds
    ]


def _tell(arguments: Arguments, path: Path, rows: list[dict[str, str]], *, dry: bool) -> None:
    totals = summary(rows)
    if arguments.on("json"):
        show_json({"source": str(path), "dry_run": dry, "classes": totals, "items": rows})
        return
    shown = [[str(total[key]) for key in ("class", "found", "imported", "skipped")]
             for total in totals]  # fmt: skip
    table(shown, ["class", "found", "imported", "skipped"])
    print()
    table([[r["class"], r["name"], r["status"], r["reason"]] for r in rows],
          ["class", "name", "status", "reason"])  # fmt: skip
    if any(row["class"] == "jobs" and row["status"] == "imported" for row in rows):
        note("its jobs run here from now on; stop that program, or they run twice")
    if dry:
        note("nothing was changed")
