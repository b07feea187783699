"""`hermes batch`: a file of prompts, worked through by many workers, however often it is cut short.

lock            held by the parent and its workers: a folder has one batch at work
ledger.db       every prompt and how far it is
frozen/         the home as it was when the batch began
slots/NN/       a worker's home, kept so that the next one goes on with its prompt
workspaces/     of the prompts at work
session_*.json  one for each finished prompt
statistics.json
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from agent.inputs import RunOptions
from agent.policy import writable_workspace
from gateway.cli.output import note
from gateway.learning.copies import remove
from gateway.load import load
from gateway.research.engine import Engine, boot
from gateway.research.figures import statistics
from gateway.research.foreman import Foreman, Plan
from gateway.research.frozen import freeze
from gateway.research.ledger import Ledger
from gateway.research.prompts import Malformed, Prompt, read_prompts, shard_of
from hermes_home.errors import ToolError, UsageError
from hermes_home.files import put
from hermes_home.guard import check_home
from hermes_home.mounts import MOUNTINFO, network_kind
from hermes_home.paths import Home
from hermes_home.settings import load_settings
from skills.library import Library

ENGINES = {
    "local": "gateway.research.local_engine:LocalEngine",
    "ray": "gateway.research.ray_engine:RayEngine",
}
LOCK_SECONDS, SILENT_SECONDS = 10.0, 1.0
"""How long a folder is waited for whose last batch is just dying; after how long that is said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for. input: None = what the ledger holds. kept: what a batch is begun with
    and keeps: options, seed, shard (number, of), compress, seconds, cwd, learn; when it goes on
    only those named here are compared."""

    folder: Path
    input: Path | None
    workers: int
    retries: int
    resume: bool
    engine: str
    kept: dict[str, Any]


DEFAULTS: dict[str, Any] = {
    "options": {},
    "seed": 0,
    "shard": [1, 1],
    "compress": 0,
    "seconds": 3600.0,
    "cwd": "",
    "learn": False,
}

Watch = Callable[[Ledger], None]


def work_through(home: Home, asked: Asked, watch: Watch) -> dict[str, Any]:
    """Do it, or go on with it; what it came to, which is also in statistics.json. `watch` is
    called every now and then. An interrupt suspends what is under way; --resume goes on."""
    folder = asked.folder
    _check_folder(home, asked)
    with _locked(folder) as lock, closing(Ledger(folder / "ledger.db")) as ledger:
        kept, prompts, malformed = _prepared(home, asked, ledger)
        began, before = time.monotonic(), ledger.counts()["done"]
        plan = Plan(
            folder,
            asked.workers,
            asked.retries,
            kept["seconds"],
            msgspec.convert(kept["options"], RunOptions),
            kept["seed"],
            kept["compress"],
            load_settings(home, os.environ).budget.per_day,
        )
        maker: Any = load(ENGINES[asked.engine])
        engine: Engine = maker(folder, lock, home if kept["learn"] else None)
        left_out = [asdict(one) for one in malformed]
        with closing(engine):
            _start_log(folder / "batch.log")
            with ledger.turn():
                ledger.add(prompts, kept["seed"])
                # What a slot's home held may not have reached the disk before a power cut.
                ledger.try_again(held=engine.durable and kept.get("boot") == boot())
                ledger.keep_settings({**kept, "malformed": left_out, "boot": boot()})
            try:
                Foreman(ledger, engine, plan, lambda: watch(ledger)).run()
            finally:
                told = statistics(ledger) | {"malformed": left_out}
                told["this_run"] = _pace(told["done"] - before, time.monotonic() - began)
                put(folder / "statistics.json", (json.dumps(told, indent=1) + "\n").encode())
        _tidy(folder)
    return told


def _pace(done: int, seconds: float) -> dict[str, float]:
    return {"done": done, "seconds": round(seconds, 3), "rate": round(done / seconds, 3)}


def _prepared(
    home: Home, asked: Asked, ledger: Ledger
) -> tuple[dict[str, Any], list[Prompt], list[Malformed]]:
    """The batch's settings, the prompts that were read and the malformed lines. Nothing of it is
    in the ledger yet: a folder whose batch is refused is as free as before."""
    known = ledger.settings()
    if known and not asked.resume:
        raise UsageError(
            f"{asked.folder} holds a batch already", "--resume goes on with it, or take another."
        )
    if not known and asked.input is None:
        raise UsageError(f"{asked.folder} holds no batch", "--input FILE begins one.")
    kept = {**DEFAULTS, **known, **asked.kept}
    if known and (differ := [key for key in DEFAULTS if kept[key] != known[key]]):
        raise UsageError(
            f"this batch was begun otherwise: {', '.join(differ)}",
            "Leave these out to go on as it was begun, or begin another in a folder of its own.",
        )
    if asked.input is None:
        return kept, [], [Malformed(**one) for one in known["malformed"]]
    prompts, malformed = read_prompts(asked.input, kept["cwd"])
    if not (known or prompts):
        why = [f"line {one.line}: {one.problem}" for one in malformed[:1]]
        raise UsageError(f"{asked.input} holds no prompt", *why)
    number, count = kept["shard"]
    mine = [prompt for prompt in prompts if shard_of(prompt.id, count) == number]
    for template in {prompt.template for prompt in mine if prompt.template}:
        if asked.folder.is_relative_to(Path(template).resolve()):
            raise UsageError(
                f"{asked.folder} lies in {template}, which each workspace would be a copy of",
                "Choose another with --checkpoint.",
            )
    if not known:
        _check_skills(home, kept["options"].get("skills", ()))
    if not (known or kept["learn"]):
        _freeze(home, asked.folder)
    return kept, mine, malformed


def _check_skills(home: Home, names: Sequence[str]) -> None:
    """UsageError if there is no skill of one of these names."""
    if not names:
        return
    roots = load_settings(home, os.environ).skills.extra_roots
    library = Library(home, extra=[Path(root).expanduser() for root in roots])
    try:
        for name in names:
            library.require(name)
    except ToolError as error:
        raise UsageError(error.message, "`hermes skills list` shows them.") from error


def _freeze(home: Home, folder: Path) -> None:
    """The home as it is now; what a start that was cut short left is made anew."""
    check_home(home)
    frozen = Home(folder / "frozen")
    if frozen.root.exists():
        shutil.rmtree(frozen.root)
    (folder / "slots").mkdir(mode=0o700, exist_ok=True)
    freeze(home, frozen, beside=folder / "slots")


def _check_folder(home: Home, asked: Asked) -> None:
    """UsageError if a batch cannot be kept there, or none is there to go on with."""
    folder = asked.folder
    if asked.input is None and not (folder / "ledger.db").exists():
        raise UsageError(f"{folder} holds no batch", "--input FILE begins one.")
    if not writable_workspace(home, folder / "workspaces"):
        raise UsageError(f"{folder} lies in the home", "Choose another with --checkpoint.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}") from error
    if kind := network_kind(folder.resolve(), MOUNTINFO):
        raise UsageError(
            f"{folder} is on a network file system ({kind}), where a database loses its locks",
            "Choose a local folder with --checkpoint; --shard divides the work among machines.",
        )


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The folder's lock, held by this process and those that inherit the descriptor."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        began, told = time.monotonic(), False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited, busy = time.monotonic() - began, f"another batch is at work in {folder}"
                if waited > LOCK_SECONDS:
                    raise UsageError(busy, "Wait for it, or end it.") from None
                if waited > SILENT_SECONDS and not told:
                    told = True
                    note(f"{busy}; waiting {LOCK_SECONDS:g} s for its end")
            time.sleep(0.02)
        yield descriptor
    finally:
        os.close(descriptor)


def _start_log(path: Path) -> None:
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[logging.FileHandler(path, encoding="utf-8")],
        force=True,
    )


def _tidy(folder: Path) -> None:
    """Everything is done: homes of workers and workspaces are of no use any more."""
    for name in ("slots", "workspaces"):
        for path in (folder / name).glob("*"):
            remove(path)
