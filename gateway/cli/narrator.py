"""Tells a demo to a person as it happens: what gateway/demo.py measures, and nothing else."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from gateway.cli.output import Paint, clean, columns, cut, one_line, wrapped
from gateway.cli.view import MARKS, subject
from gateway.demo import Act, Call, Event
from gateway.demo_task import Kind
from gateway.learning.announcing import VERBS

WIDEST = 80
NAME_COLUMNS = 12
LABEL_COLUMNS = 44
FILE_ROWS = 40
"""How much of a file is shown."""
LESSONS = 4
CODE_COLUMNS = 17
"""Longer commands in a lesson are cut there."""
WAY = re.compile(r"^\d+\. ", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


class Narrator:
    """Prints to stdout, a terminal or a pipe. `folder` is where the demo plays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paint = Paint(sys.stdout)
        self.room = min(columns(), WIDEST)
        self._acts: list[Act] = []
        self._seen: list[Call] = []
        self._line = ""

    # -- the frame ------------------------------------------------------------------------------

    def opens(self, seed: int, kind: Kind) -> None:
        print(self.paint("bold", "Hermes learns from its own work"))
        self._say(
            "Two tasks of one kind, on files made for this run. The built-in model works on them"
            " in a temporary home: no key, no network."
        )
        self._say(f"The same files again: hermes demo --seed {seed} --kind {kind}", "dim")
        sys.stdout.flush()

    def begins(self, act: Act) -> None:
        self._acts.append(act)
        self._seen = []
        self._heading(f"Task {len(self._acts)}: {act.about}")
        for suffix in dict.fromkeys(path.suffix for path in act.files):
            alike = [path for path in act.files if path.suffix == suffix]
            plural = "s" if len(alike) > 1 else ""
            lines = alike[0].read_text(encoding="utf-8").splitlines()
            line = cut(one_line(lines[len(lines) // 2]), self._rest)
            self._entry(f"{len(alike)} {suffix} file{plural}", line, "dim")
        if len(self._acts) > 1 and act.task.prompt == self._acts[0].task.prompt:
            self._say("The same words as before, other files.")
        else:
            ways = len(WAY.findall(act.task.prompt))
            self._say(f"The words name {ways} ways and a check, not which way fits which file.")

    def hears(self, act: Act, event: Event) -> None:
        if tell := TOLD.get(event["type"]):
            tell(self, act, event)
            sys.stdout.flush()

    def ends(self, act: Act) -> None:
        self._end_line()
        if len(self._acts) == 1:
            self._show_files(act)

    def compares(self, first: Act, second: Act) -> None:
        self._heading("Both tasks, as measured")
        calls = f"{len(first.calls)} calls → {len(second.calls)} calls"
        self._entry("tool calls", calls, "bold")
        self._entry("files", f"{len(first.files)} → {len(second.files)}")
        self._entry("time", f"{first.seconds:.1f} s → {second.seconds:.1f} s")
        self._entry("results", f"check {_verdict(first)} → check {_verdict(second)}")
        for skill in first.skills:
            offered = "in" if second.offers(skill) else "not in"
            number = second.loaded.get(skill)
            loaded = f"loaded by call {number}" if number else "not loaded"
            self._entry("skill", f"{skill}: {offered} the second task's catalog, {loaded}")

    def closes(self, first: Act, second: Act, *, kept: bool) -> None:
        self._heading("Where trajectories, skill and note lie")
        print(f"  {self.folder}")
        for act in (first, second):
            self._path(act.trajectory, f", {act.recorded} tool calls")
        for path in dict.fromkeys([*first.learned, *second.learned]):
            self._path(path)
        if kept:
            self._say("The home and both workspaces are kept. To go on in it:")
            print(f"  HERMES_HOME={self.folder / 'home'} hermes")
        self._say("To remove it all:")
        print(f"  rm -r {self.folder}")

    # -- calls, as they happen ------------------------------------------------------------------

    def _spoke(self, act: Act, event: Event) -> None:
        for skill in self._acts[0].skills:
            if act.offers(skill):
                self._say(f"The catalog that comes with it names the skill {skill}.")
        self._say(f"Its tool calls ({MARKS['ok']} worked, {MARKS['failed']} failed):")

    def _started(self, act: Act, event: Event) -> None:
        if call := act.calls.get(event["call_id"]):
            label = cut(_label(call, act), min(LABEL_COLUMNS, self.room - 8))
            if label != self._line:
                self._end_line()
                self._line = label
                print(f"    {label:<{NAME_COLUMNS + 2}} ", end="")

    def _finished(self, act: Act, event: Event) -> None:
        if call := act.calls.get(event["call_id"]):
            self._seen.append(call)
            style = "green" if call.status == "ok" else "red"
            print(self.paint(style, MARKS[call.status]), end="")

    def _end_line(self) -> None:
        if self._line:
            print()
        self._line = ""

    # -- the checkpoint -------------------------------------------------------------------------

    def _pauses(self, act: Act, event: Event) -> None:
        """What the checkpoint sees: the calls since the one before."""
        self._end_line()
        numbers = [call.number for call in self._seen]
        worked = sum(call.status == "ok" for call in self._seen)
        self._seen = []
        self._say(f"── checkpoint {event['number']} ──", "cyan")
        counts = f"{worked} worked, {len(numbers) - worked} failed"
        self._entry("it saw", f"calls {numbers[0]} to {numbers[-1]}: {counts}")

    def _evaluated(self, act: Act, event: Event) -> None:
        evaluation = event.get("evaluation") or {}
        told = evaluation.get("accomplished") or event.get("reason", "")
        self._entry("it judged", f"{evaluation.get('outcome', event['status'])}. {told}")
        if event["number"] == 1 and len(self._acts) == 1:
            self._tell_lessons(evaluation.get("lessons", ()))
        changes = [
            f"{VERBS.get(change['action'], change['action'])} {_what(change)}"
            for change in act.changes.values()
            if change.get("checkpoint") == event["number"]
        ]
        self._entry("it kept", "; ".join(changes) or "nothing new")

    def _tell_lessons(self, lessons: list[dict[str, Any]]) -> None:
        for lesson in lessons[:LESSONS]:
            self._entry("lesson", _lesson(lesson))
        if len(lessons) > LESSONS:
            self._entry("", f"and {len(lessons) - LESSONS} more")

    # -- files and lines ------------------------------------------------------------------------

    def _show_files(self, act: Act) -> None:
        self._heading("What it wrote: plain files")
        for path in act.learned:
            self._path(path)
            rows = self._rows(path)
            for row in rows[:FILE_ROWS]:
                print(f"  {self.paint('dim', '│')} {row}".rstrip())
            if len(rows) > FILE_ROWS:
                print(self.paint("dim", "  │ …"))

    def _rows(self, path: Path) -> list[str]:
        """A file as it fits here."""
        room = self.room - 4
        return [
            row
            for line in clean(path.read_text(encoding="utf-8")).splitlines()
            for row in wrapped(line, room)
        ]

    @property
    def _rest(self) -> int:
        """Columns beside a name."""
        return self.room - NAME_COLUMNS - 4

    def _heading(self, text: str) -> None:
        print(f"\n{self.paint('bold', cut(one_line(text), self.room))}")

    def _path(self, path: Path, what: str = "") -> None:
        """Whole, however narrow the terminal is."""
        print(f"  {self.paint('cyan', str(path.relative_to(self.folder)))}{what}")

    def _say(self, text: str, style: str = "") -> None:
        for line in wrapped(one_line(text), self.room - 2):
            print(f"  {self.paint(style, line) if style else line}")

    def _entry(self, name: str, text: str, style: str = "") -> None:
        """A name, and beside it what there is to say."""
        for line in wrapped(one_line(text), self._rest):
            print(f"  {name:<{NAME_COLUMNS}}  {self.paint(style, line) if style else line}")
            name = ""


def _label(call: Call, act: Act) -> str:
    """The file a call is about, or the call itself."""
    about = subject(call.arguments)
    named = [path.name for path in act.files if f"inbox/{path.name}" in about]
    return named[0] if named else one_line(f"{call.name} {about}")


def _lesson(lesson: dict[str, Any]) -> str:
    """What it says, with long commands cut, and the calls that show it."""
    text = CODE.sub(lambda code: f"`{cut(code[1], CODE_COLUMNS)}`", one_line(lesson["text"]))
    numbers = ", ".join(map(str, lesson.get("evidence", ())))
    return f"{text} Calls {numbers}." if numbers else text


def _what(change: Event) -> str:
    return f"skill {change['name']}" if change["kind"] == "skill" else f"a note in {change['name']}"


def _verdict(act: Act) -> str:
    return "passed" if act.verified else "failed"


TOLD = {
    "UserSpoke": Narrator._spoke,
    "ToolStarted": Narrator._started,
    "ToolFinished": Narrator._finished,
    "CheckpointStarted": Narrator._pauses,
    "CheckpointFinished": Narrator._evaluated,
}
