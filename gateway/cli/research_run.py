"""`hermes research run`: instances of a task, each worked on apart from the home and verified."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

from agent.inputs import RunOptions
from gateway.cli.arguments import Arguments
from gateway.cli.output import clean, count, cut, note, one_line, show_json
from gateway.cli.start import owned
from gateway.demo import interruptible
from gateway.research import sessions
from gateway.research.frozen import freeze
from gateway.research.one import opened
from gateway.research.tasks.base import Task
from gateway.research.tasks.table import TASKS
from gateway.research.verified import Verified, attempt, confine, need_sandbox
from hermes_home.errors import HomeError, UsageError
from hermes_home.paths import Home
from memory.outcomes.reward import WEIGHTS
from memory.trajectory import Trajectory

OFFLINE = "offline"
OFFLINE_NOTE = """\
the built-in offline model follows steps it is told, and these tasks tell none: it cannot solve them
  hermes setup names a model; --model, --provider and --base-url name one for this run"""
TEXT_CHARS = 200


def main(arguments: Arguments) -> int:
    """0 if every instance was solved. Nothing is written with --inspect."""
    task = _task(arguments.text("task"))
    inspect = arguments.on("inspect")
    output = _output(arguments) if arguments.on("output") or not inspect else None
    home = Home(Path(arguments.home))
    if arguments.on("learn") and owned(arguments.home):
        raise HomeError(f"{home.root} is in use", "--learn works in it: hermes daemon stop")
    with interruptible(), _place() as place, _log(place):
        used = home if arguments.on("learn") else _copy(home, place, output)
        found = asyncio.run(_attempts(arguments, task, used, place, None if inspect else output))
    counted = [one for one in found if _answered(one)]
    if arguments.on("json"):
        show_json([one.trajectory.plain() if inspect else _row(one) for one in found])
    elif counted and not inspect:
        solved = sum(one.verdict.good for one in counted)
        print(f"{solved} of {len(counted)} solved; mean reward {_mean(counted):.3f}")
    return _exit_code(found)


def _copy(home: Home, place: Path, output: Path | None) -> Home:
    """The home as it is, for runs that leave it so."""
    copy = Home(place / "home")
    freeze(home, copy, beside=output)
    confine(copy)
    return copy


def _task(name: str) -> Task:
    if name not in TASKS:
        raise UsageError(
            f"there is no task {name!r}" if name else "--task says which", f"{', '.join(TASKS)}"
        )
    return TASKS[name]


def _output(arguments: Arguments) -> Path:
    if not arguments.text("output"):
        raise UsageError("--output names the folder for the trajectories", "--inspect needs none")
    folder = Path(arguments.text("output")).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output: {folder} is no folder")
    return folder


@contextmanager
def _place() -> Iterator[Path]:
    """Where the runs happen; gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="hermes-research-")).resolve()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _log(place: Path) -> Iterator[None]:
    """What the parts of a home log goes to a file, not to the terminal."""
    handler = logging.FileHandler(place / "log", encoding="utf-8", delay=True)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


async def _attempts(
    arguments: Arguments, task: Task, home: Home, place: Path, output: Path | None
) -> list[Verified]:
    """Every instance, one after the other; each is told, and written when it is judged. It ends
    with one in which no model answered: that says nothing of the model. SettingsError if the model
    that is asked for cannot be."""
    found: list[Verified] = []
    seed, numbers = arguments.number("seed", 0), range(1, arguments.number("instances", 1) + 1)
    options = _options(arguments, output)
    async with opened(home) as app:
        if app.models.resolve(options)[0] == OFFLINE:
            note(OFFLINE_NOTE)
        await need_sandbox(app)
        for number in numbers:
            folder = place / f"work-{number}"
            one = await attempt(app, task, number, seed, folder=folder, options=options)
            found.append(one)
            if not _answered(one):
                note(clean(f"{task.name} {number}: {one.done.error}"))
                break
            path = sessions.add(output, one.trajectory) if output else None
            if not arguments.on("json"):
                _tell(arguments, f"{task.name} {number}", one, path)
    return found


def _answered(one: Verified) -> bool:
    """Whether a model had any part in it."""
    replied = any(step.role == "assistant" for step in one.trajectory.trajectory)
    return replied or not one.done.error


def _options(arguments: Arguments, output: Path | None) -> RunOptions:
    offline = arguments.on("offline")
    return RunOptions(
        model="" if offline else arguments.text("model"),
        provider=OFFLINE if offline else arguments.text("provider"),
        base_url="" if offline else arguments.text("base-url"),
        max_turns=arguments.number("max-turns", 0),
        learning=not arguments.on("no-learning"),
        hidden=(str(output),) if output else (),
    )


def _tell(arguments: Arguments, name: str, one: Verified, path: Path | None) -> None:
    found, reward = one.trajectory, one.trajectory.reward
    verdict = "solved" if one.verdict.good else "not solved"
    total = f", reward {reward.total:.3f}" if reward else ""
    print(clean(f"{name}: {verdict} ({one.verdict.reason}), {one.done.tool_calls} calls{total}"))
    if one.done.error:
        note(clean(f"{name}: {one.done.error}"))
    if path is not None:
        note(str(path))
    if arguments.on("inspect"):
        print("\n".join(_inspected(found)))


def _inspected(found: Trajectory) -> list[str]:
    """What a session's file would hold, in lines."""
    lines = [f"  {key}: {_short(getattr(found, key))}" for key in ("session", "model", "outcome")]
    if found.reward is not None:
        parts = ", ".join(f"{name} {getattr(found.reward, name):.2f}" for name in WEIGHTS)
        lines.append(f"  reward: {found.reward.total:.4f} ({parts})")
    lines.append(f"  tokens: {count(found.usage['total'])}, system: {len(found.system)} characters")
    for step in found.trajectory:
        lines.append(f"  {step.step}. {step.role}: {_short(step.text)}")
        if step.thought:
            lines.append(f"     thought: {_short(step.thought)}")
        for call in step.tool_calls:
            lines.append(f"     {call.id} {call.name} {_short(call.arguments)}")
            lines.append(f"     = {call.error or 'ok'}: {_short(call.observation)}")
    lines += [f"  checkpoint {one['number']}: {one['status']}" for one in found.checkpoints]
    return lines


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return cut(one_line(text), TEXT_CHARS)


def _row(one: Verified) -> dict[str, Any]:
    return {
        "session": one.trajectory.session,
        "title": one.trajectory.title,
        "solved": one.verdict.good,
        "reason": one.verdict.reason,
        "end": one.done.reason,
        "error": one.done.error,
        "outcome": one.trajectory.outcome,
        "reward": one.trajectory.reward.total if one.trajectory.reward else None,
        "tool_calls": one.done.tool_calls,
        "usage": one.trajectory.usage,
    }


def _mean(found: list[Verified]) -> float:
    return fmean(one.trajectory.reward.total for one in found if one.trajectory.reward)


def _exit_code(found: list[Verified]) -> int:
    if not all(map(_answered, found)):
        return 4
    unsolved = [one.done for one in found if not one.verdict.good]
    if any(done.reason == "limit" for done in unsolved):
        return 3
    return 1 if unsolved else 0
