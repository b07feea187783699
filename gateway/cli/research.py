"""`hermes research`: tasks, score, export; run is in research_run.py."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.output import cut, note, one_line, show_json, table
from gateway.research import exporting, sessions
from gateway.research.tasks.table import TASKS
from hermes_home.errors import UsageError
from memory.outcomes.reward import WEIGHTS, Reward
from memory.trajectory import Trajectory


def show_tasks(arguments: Arguments) -> int:
    tasks = TASKS.values()
    if arguments.on("json"):
        show_json([{"name": t.name, "summary": t.summary, "kinds": t.kinds} for t in tasks])
    else:
        head = ["task", "what is to be done", "its instances are about, in turn"]
        table([[task.name, task.summary, ", ".join(task.kinds)] for task in tasks], head)
    return 0


def score(arguments: Arguments) -> int:
    """The reward and its parts, of every trajectory and in the mean."""
    found = list(sessions.read(_input(arguments)))
    rows = [_scored(name, one) for name, one in found]
    total = _means([one.reward for _, one in found if one.reward is not None])
    outcomes = [one.outcome for _, one in found]
    if arguments.on("json"):
        counted = {name: outcomes.count(name) for name in dict.fromkeys(outcomes)}
        show_json({"sessions": rows, "outcomes": counted, "mean": total})
        return 0
    head = ["file", "what", "outcome", "reward", *(name.replace("_", " ") for name in WEIGHTS)]
    shown = [[row["file"], row["title"], row["outcome"], *_figures(row["reward"])] for row in rows]
    mean = ["mean", "", f"{outcomes.count('success')} of {len(found)}"]
    table([*shown, [*mean, *_figures(total)]], head)
    return 0


def _means(rewards: list[Reward]) -> dict[str, float] | None:
    names = ("total", *WEIGHTS)
    return {one: fmean(getattr(r, one) for r in rewards) for one in names} if rewards else None


def _input(arguments: Arguments) -> Path:
    given = arguments.text("input") or arguments.word(0)
    if not given:
        raise UsageError("--input names the folder of a run or a batch")
    return Path(given).expanduser().absolute()


def _scored(name: str, one: Trajectory) -> dict[str, Any]:
    parts = one.reward and {part: getattr(one.reward, part) for part in ("total", *WEIGHTS)}
    return {
        "file": name,
        "session": one.session,
        "title": one.title or cut(one_line(one.task), 40),
        "outcome": one.outcome,
        "reward": parts,
    }


def _figures(reward: dict[str, float] | None) -> list[str]:
    if reward is None:
        return ["-"] * (len(WEIGHTS) + 1)
    return [f"{reward[name]:.3f}" for name in ("total", *WEIGHTS)]


def export(arguments: Arguments) -> int:
    if not arguments.text("format"):
        raise UsageError("--format says in which form", ", ".join(exporting.FORMATS))
    if not arguments.text("output"):
        raise UsageError("--output names the folder for the file")
    folder = Path(arguments.text("output")).expanduser().absolute()
    told = exporting.write(_input(arguments), folder, arguments.text("format"))
    if arguments.on("json"):
        show_json(told)
        return 0
    print(f"{told['file']}: {told['rows']} rows")
    if told["left_out"]:
        note(f"left out, as they hold no turn of both sides: {', '.join(told['left_out'])}")
    return 0
