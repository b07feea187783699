"""`hermes batch`: work through a file of prompts, and tell how it goes."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.bars import bar
from gateway.cli.oneshot import UNREACHABLE
from gateway.cli.output import clean, note
from gateway.cli.talk import run_options, workspace
from gateway.research.batch import Asked, work_through
from gateway.research.ledger import Ledger
from hermes_home.errors import UsageError
from hermes_home.paths import Home

WORKERS = 4
RETRIES = 1
LINE_SECONDS, BAR_SECONDS = 10.0, 0.2
"""Between two words on how it goes, to a file or a pipe and to a terminal."""
TOLD = 10
"""Malformed lines that are told; all are in statistics.json."""
RUN_FLAGS = ("model", "provider", "base-url", "max-turns", "skills", "yolo", "no-learning")


def main(arguments: Arguments) -> int:
    """0 if every prompt has a result, whatever its outcome; 4 if none of them reached the model;
    else 1."""
    asked = _asked(arguments)
    progress = Progress(shown=not arguments.on("json"))
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        told = work_through(Home(Path(arguments.home)), asked, progress.show)
    except KeyboardInterrupt:
        progress.end()
        note(f"stopped; to go on: hermes batch --checkpoint {asked.folder} --resume")
        raise
    finally:
        progress.end()
    for one in told["malformed"][:TOLD]:
        note(f"line {one['line']} was left out: {one['problem']}")
    if len(told["malformed"]) > TOLD:
        note(f"... and {len(told['malformed']) - TOLD} more lines; statistics.json has them all")
    if told["malformed"]:
        note(
            "once mended, they are read again by --resume with --input FILE, not by --resume alone"
        )
    if arguments.on("json"):
        print(json.dumps(told, ensure_ascii=False))
    else:
        print("\n".join(summary(told, asked.folder)))
    return _exit_code(told)


def _exit_code(told: dict[str, Any]) -> int:
    if told["failed"] and not told["done"]:
        return 4 if all(error.startswith(UNREACHABLE) for error in told["errors"]) else 1
    return 1 if told["failed"] or told["malformed"] else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _asked(arguments: Arguments) -> Asked:
    if not arguments.text("checkpoint"):
        raise UsageError("batch needs a folder for its progress and results", "--checkpoint DIR")
    if not arguments.text("input") and not arguments.on("resume"):
        raise UsageError("batch needs a file of prompts", "--input FILE, one JSON object a line")
    retries = arguments.text("retries", str(RETRIES))
    if not retries.isdecimal():
        raise UsageError(f"--retries takes a number from 0, not {retries!r}")
    return Asked(
        folder=_path(arguments.text("checkpoint")),
        input=_path(arguments.text("input")) if arguments.text("input") else None,
        workers=arguments.number("workers", WORKERS),
        retries=int(retries),
        resume=arguments.on("resume"),
        engine=arguments.text("engine", "local"),
        kept=_kept(arguments),
    )


def _kept(arguments: Arguments) -> dict[str, Any]:
    """What was said of how the batch is to be carried out, from its beginning to its end."""
    kept: dict[str, Any] = {}
    if any(arguments.on(name) for name in (*RUN_FLAGS, "offline")):
        options = run_options(arguments, headless=True)
        kept["options"] = {**options, "cwd": ""}
    if arguments.text("cwd"):
        kept["cwd"] = workspace(arguments)
    if arguments.on("shard"):
        kept["shard"] = _shard(arguments.text("shard"))
    for name in ("seed", "compress"):
        if arguments.on(name):
            kept[name] = arguments.number(name, 1)
    if arguments.on("learn"):
        kept["learn"] = True
    if arguments.on("timeout"):
        kept["seconds"] = float(arguments.number("timeout", 1))
    return kept


def _path(text: str) -> Path:
    return Path(text).expanduser().resolve()


def _shard(text: str) -> list[int]:
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UsageError(f"--shard takes i/n with i from 1 to n, not {text!r}")
    return [int(number), int(count)]


class Progress:
    """A bar on a terminal, else a line now and then; on standard error."""

    def __init__(self, *, shown: bool) -> None:
        self._terminal = shown and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._pause = BAR_SECONDS if self._terminal else LINE_SECONDS
        self._shown = shown
        self._began, self._last = 0.0, -math.inf
        self._before: int | None = None
        self._open = False

    def show(self, ledger: Ledger) -> None:
        now = time.monotonic()
        if not self._shown or now - self._last < self._pause:
            return
        counts = ledger.counts()
        total, ended = sum(counts.values()), counts["done"] + counts["failed"]
        self._last = now
        if self._before is None:
            self._before, self._began = ended, now
            if not self._terminal:
                return
        rate = (ended - self._before) / max(now - self._began, 0.001)
        line = f"{ended:,}/{total:,}"
        if rate:
            line += f"  {rate:.1f}/s  about {_time((total - ended) / rate)} left"
        if counts["failed"]:
            line += f"  {counts['failed']:,} failed"
        if self._terminal:
            columns = 30
            print(
                f"\r\x1b[K{bar(ended / total, columns):<{columns}} {line}", end="", file=sys.stderr
            )
            sys.stderr.flush()
            self._open = True
        else:
            note(line)

    def end(self) -> None:
        if self._open:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._open = False


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def summary(told: dict[str, Any], folder: Path) -> list[str]:
    """What a batch came to, for people."""
    run = told["this_run"]
    tokens = told["tokens"]["prompt"] + told["tokens"]["completion"]
    left_out, cut = len(told["malformed"]), told["interrupted"]
    outcomes = ", ".join(f"{count:,} {name}" for name, count in told["outcomes"].items())
    reward = "none" if told["reward"] is None else f"{told['reward']:.2f} on average"
    parts = [f"left out    {left_out:,} of the input's lines"] if left_out else []
    if cut["calls"]:
        parts.append(
            f"interrupted {cut['calls']:,} of the calls, in {cut['prompts']:,} of those done"
        )
    lines = [
        f"prompts     {told['done']:,} done, {told['failed']:,} failed of {told['prompts']:,}",
        *parts,
        f"outcomes    {outcomes or 'none'}",
        f"reward      {reward}",
        f"tool calls  {told['tool_calls']:,}",
        f"tokens      {tokens:,}",
        f"this run    {run['done']:,} in {_time(run['seconds'])}, {run['rate']:.1f}/s",
        f"results     {folder}",
    ]
    return lines + [f"{count:,} x {clean(error)}" for error, count in told["errors"].items()]
