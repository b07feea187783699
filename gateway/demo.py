"""The demo: a task, what was learned from it, and the same kind of task again, all measured.

It plays offline, in a home of its own, through the socket as any client. What is printed is told
to an Audience; gateway/cli/demo.py is one.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from gateway.cli.arguments import Arguments
from gateway.cli.start import connect, start, stop
from gateway.cli.talk import open_session, run_options
from gateway.demo_task import DemoTask, Kind, make_task
from hermes_home.errors import SandboxError
from hermes_home.files import create

FILES = 8
"""How many files each task is about: as many in both, so that their calls compare."""
FEWER = 0.6
"""The second task may take at most this share of the first one's calls."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Event = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One tool call. arguments: as JSON. status: empty until it has ended."""

    number: int
    name: str
    arguments: str
    status: str = ""


@dataclass(slots=True)
class Act:
    """One task, and what is known of it from its session's events.

    about: at the start of the task's prompt, what it asks for. files: the names in its inbox.
    tail: what the model was told beside the words. changes: what was learned, by id, as events.
    learned: the files that hold it. reason: how the run ended. seconds: until then. verified: the
    task's own check, run outside of the agent. recorded: the calls in the trajectory file.
    """

    folder: Path
    task: DemoTask
    files: tuple[Path, ...]
    session: str = ""
    tail: str = ""
    calls: dict[str, Call] = field(default_factory=dict)
    changes: dict[int, Event] = field(default_factory=dict)
    learned: list[Path] = field(default_factory=list)
    reason: str = ""
    error: str = ""
    seconds: float = 0.0
    verified: bool = False
    trajectory: Path = Path()
    recorded: int = 0

    @property
    def about(self) -> str:
        return self.task.prompt.split("\n", 1)[0]

    @property
    def loaded(self) -> dict[str, int]:
        """The skills that were loaded, with the number of the call that did."""
        views = [c for c in self.calls.values() if c.name == "skill_view" and c.status == "ok"]
        return {json.loads(call.arguments)["name"]: call.number for call in views}

    @property
    def skills(self) -> list[str]:
        """The skills that were written, each once."""
        written = [event["name"] for event in self.changes.values() if event["kind"] == "skill"]
        return list(dict.fromkeys(written))

    def offers(self, skill: str) -> bool:
        """Whether the catalog that the model was shown with the task names this skill."""
        return f"{skill} — " in self.tail

    def take(self, seq: int, event: Event) -> None:
        if fold := FOLDS.get(event["type"]):
            fold(self, seq, event)

    def _spoke(self, seq: int, event: Event) -> None:
        self.tail = event.get("tail", "")

    def _started(self, seq: int, event: Event) -> None:
        if number := event.get("number"):
            call = Call(number, event["name"], event["arguments"])
            self.calls[event["call_id"]] = call

    def _finished(self, seq: int, event: Event) -> None:
        if event["call_id"] in self.calls:
            self.calls[event["call_id"]].status = event["status"]

    def _intended(self, seq: int, event: Event) -> None:
        self.changes[seq] = event

    def _ended(self, seq: int, event: Event) -> None:
        self.reason = event["reason"]
        self.error = event.get("error", "")

    def _parked(self, seq: int, event: Event) -> None:
        self.reason = "parked"
        self.error = event["reason"]


FOLDS: dict[str, Callable[[Act, int, Event], None]] = {
    "UserSpoke": Act._spoke,
    "ToolStarted": Act._started,
    "ToolFinished": Act._finished,
    "ChangeIntended": Act._intended,
    "RunFinished": Act._ended,
    "RunParked": Act._parked,
}


class Audience(Protocol):
    """Who watches."""

    def begins(self, act: Act) -> None:
        """The files are there; nothing was said yet."""

    def hears(self, act: Act, event: Event) -> None:
        """The act has taken this event in."""

    def ends(self, act: Act) -> None:
        """Everything about the act was measured."""


def play(folder: Path, seed: int, kind: Kind, audience: Audience) -> tuple[Act, Act]:
    """Play both tasks in `folder`: the home is `folder/home`, the workspaces are `first` and
    `second`, the trajectories lie beside them. The daemon has ended when this returns or raises,
    also by Ctrl-C.

    SandboxError if commands cannot be confined here.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    # Elsewhere a new skill is left out of one matching session in five, to measure it.
    create(home / "config.yaml", b"learning:\n  withhold: 0\n")
    with _served(home):
        _need_sandbox(home)
        first = _act(folder / "first", 2 * seed, kind, home, audience)
        second = _act(folder / "second", 2 * seed + 1, kind, home, audience)
    return first, second


def problems(first: Act, second: Act) -> list[str]:
    """What did not go as a demo has to, in sentences; empty if all is well."""
    found: list[str] = []
    for name, act in (("first", first), ("second", second)):
        if act.reason != "done":
            found.append(f"The {name} task ended as {act.reason}. {act.error}".rstrip())
        elif not act.verified:
            found.append(f"The check of the {name} task failed: `{act.task.verify}`.")
        if act.recorded != len(act.calls):
            found.append(f"The trajectory of the {name} task holds {act.recorded} calls.")
    if not first.skills:
        found.append("No skill was written.")
    elif not set(first.skills) & set(second.loaded):
        found.append("The skill was not loaded for the second task.")
    if len(second.calls) > FEWER * len(first.calls):
        found.append(
            f"The second task took {len(second.calls)} calls after {len(first.calls)}:"
            f" more than {FEWER:.0%} of them."
        )
    return found


def tidy(folder: Path) -> None:
    """Leave only what was learned and the trajectories."""
    shutil.rmtree(folder / "first")
    shutil.rmtree(folder / "second")
    for path in (folder / "home").iterdir():
        if path.is_dir() and path.name not in ("skills", "memories"):
            shutil.rmtree(path)
        elif not path.is_dir():
            path.unlink()


def _need_sandbox(home: Path) -> None:
    with connect(str(home), spawn=False) as wire:
        sandbox = wire.get("/api/status")["sandbox"]
    if sandbox == "none":
        raise SandboxError(
            "commands cannot be confined here, so every call of the demo would be denied",
            "hermes doctor says what is missing",
        )


def _act(folder: Path, seed: int, kind: Kind, home: Path, audience: Audience) -> Act:
    task = make_task(folder, seed, kind, FILES)
    act = Act(folder, task, tuple(sorted((folder / "inbox").iterdir())))
    audience.begins(act)
    _perform(act, home, audience)
    act.verified = _verified(act)
    act.trajectory = folder.with_name(f"{folder.name}-trajectory.jsonl")
    act.recorded = _export(act, home)
    paths = [file["path"] for event in act.changes.values() for file in event.get("files", ())]
    act.learned = [path for name in dict.fromkeys(paths) if (path := home / name).exists()]
    audience.ends(act)
    return act


def _perform(act: Act, home: Path, audience: Audience) -> None:
    """Say the prompt in a new session and follow it to the end of the run."""
    arguments = Arguments([], {"cwd": str(act.folder), "offline": ""}, str(home))
    began = time.monotonic()
    talk = open_session(str(home), "oneshot", arguments)
    act.session = talk.session
    options = run_options(arguments, headless=True)
    row = talk.post("message", text=act.task.prompt, options=options)
    with closing(talk.events(row["after"])) as events:
        for stored in filter(None, events):
            act.take(stored["seq"], stored["event"])
            audience.hears(act, stored["event"])
            if act.reason:
                break
    act.seconds = time.monotonic() - began


def _verified(act: Act) -> bool:
    command = ["sh", "-c", act.task.verify]
    done = subprocess.run(command, cwd=act.folder, capture_output=True, check=False)
    return done.returncode == 0 and all(path.exists() for path in act.task.check_paths)


def _export(act: Act, home: Path) -> int:
    """Write the session's trajectory as the product exports it; the calls that it holds."""
    with connect(str(home)) as wire:
        text = wire.text("GET", f"/api/sessions/{act.session}/export?format=jsonl")
    act.trajectory.write_text(text, encoding="utf-8")
    steps = json.loads(act.trajectory.read_text(encoding="utf-8"))["trajectory"]
    return sum(len(step["tool_calls"]) for step in steps)


# -- the daemon, from start to end ---------------------------------------------------------------


@contextmanager
def _served(home: Path) -> Iterator[None]:
    """A daemon for the home, however what is inside ends."""
    try:
        with undisturbed():
            start(str(home)).close()
        yield
    finally:
        with undisturbed():
            stop(str(home))


@contextmanager
def interruptible() -> Iterator[None]:
    """A kill and a closed terminal have the effect of Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _signals(interrupt):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """A signal has its effect only when what is inside is complete."""
    came: list[int] = []
    with _signals(lambda number, frame: came.append(number)):
        yield
    if came:
        raise KeyboardInterrupt


@contextmanager
def _signals(take: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, take) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
