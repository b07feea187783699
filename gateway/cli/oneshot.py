"""`hermes -z`: one question; only the answer on stdout."""

from __future__ import annotations

import json
import os
import select
import stat
import sys

from gateway.cli.talk import Talk, open_session, run_options
from hermes_home.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gateway.cli.arguments import Arguments

EXIT_CODES = {"done": 0, "limit": 3, "stopped": 130}
"""By the reason a run finished with; any other means the task failed."""
ENDS = {
    "blocked": "what the task needed was denied\n  hermes chat asks; --yolo grants everything",
}
UNREACHABLE = "model unreachable:"
PIPE_PATIENCE = 1.0
"""Seconds in which a pipe beside a written question must begin to speak."""


def main(arguments: Arguments) -> int:
    text = question(arguments.text("oneshot"))
    options = run_options(arguments, headless=True)
    talk = open_session(arguments.home, "oneshot", arguments)
    row = talk.post("message", text=text, options=options)
    result = Result(talk.session)
    whole = arguments.on("json") or arguments.on("usage-file")
    try:
        _follow(talk, result, row["after"], whole, shown=not arguments.on("json"))
    except KeyboardInterrupt:
        talk.post("stop")
        raise
    if arguments.on("usage-file"):
        _write_usage(arguments.text("usage-file"), result)
    if arguments.on("json"):
        print(json.dumps(result.as_json(), ensure_ascii=False))
    return result.exit_code()


def question(text: str) -> str:
    """What to ask: the words given, `-` for standard input, and what is piped beside them."""
    if text == "-":
        text = "" if sys.stdin.isatty() else sys.stdin.read()
    elif piped := _piped():
        text = f"{text}\n\n{piped}"
    if not text.strip():
        raise UsageError("there is no question", 'hermes -z "TEXT", or pipe one into hermes -z -')
    return text


def _piped() -> str:
    """Standard input if it is a file or a pipe that speaks; an idle pipe is not waited for."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return ""
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        if not select.select([0], [], [], PIPE_PATIENCE)[0]:
            print("nothing came on standard input: going on without it", file=sys.stderr)
            return ""
    elif not stat.S_ISREG(mode):
        return ""
    return sys.stdin.read()


def _follow(talk: Talk, result: Result, after: int, whole: bool, *, shown: bool) -> None:
    """Fold events into `result` until the answer is there, or with `whole` the run's end.

    After a denial the end is waited for too: only it says whether the task was blocked.
    """
    for stored in filter(None, talk.events(after, FOLDS)):
        result.add(stored)
        if stored["event"]["type"] == "Answered" and shown:
            print(result.answer, flush=True)
            if not whole and not result.denied:
                return
        if result.reason:
            return


class Result:
    """What became of a question, folded from the events of its session."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.answer = ""
        self.reason = ""
        self.error = ""
        self.denied = 0
        self._model = ""
        self._finished: dict[str, Any] = {}
        self._spent = {"prompt": 0, "completion": 0, "cached": 0}
        self._changes: dict[int, dict[str, Any]] = {}
        self._planned: dict[int, dict[str, Any]] = {}

    def add(self, stored: dict[str, Any]) -> None:
        event = stored["event"]
        if fold := FOLDS.get(event["type"]):
            fold(self, stored["seq"], event)

    def started(self, seq: int, event: dict[str, Any]) -> None:
        self._model = event["model"]

    def replied(self, seq: int, event: dict[str, Any]) -> None:
        self._model = event.get("model") or self._model
        for kind in self._spent:
            self._spent[kind] += event.get("usage", {}).get(kind, 0)

    def answered(self, seq: int, event: dict[str, Any]) -> None:
        self.answer = event["text"]

    def tool_finished(self, seq: int, event: dict[str, Any]) -> None:
        if event["status"] == "denied" and not event.get("checkpoint"):
            self.denied += 1
            print(f"{event['name']} was {event['text']}", file=sys.stderr)

    def change_intended(self, seq: int, event: dict[str, Any]) -> None:
        row = {name: event[name] for name in ("kind", "name", "action", "status")}
        self._planned[seq] = {"id": seq, **row}
        if event["status"] == "proposed":
            self._changes[seq] = self._planned[seq]

    def change_made(self, seq: int, event: dict[str, Any]) -> None:
        """Only now it is learned: the disk may have refused it."""
        if event["id"] in self._planned:
            self._changes[event["id"]] = self._planned[event["id"]]

    def noticed(self, seq: int, event: dict[str, Any]) -> None:
        print(event["text"], file=sys.stderr)

    def change_decided(self, seq: int, event: dict[str, Any]) -> None:
        if event["id"] in self._changes:
            self._changes[event["id"]]["status"] = event["status"]

    def parked(self, seq: int, event: dict[str, Any]) -> None:
        self.reason, self.error = "parked", f"{event['reason']}\n  hermes -r {self.session}"

    def finished(self, seq: int, event: dict[str, Any]) -> None:
        self._finished = event
        self.reason = event["reason"]
        self.error = event.get("error", "")

    def usage(self) -> dict[str, int]:
        return {**self._spent, "total": self._spent["prompt"] + self._spent["completion"]}

    def as_json(self) -> dict[str, Any]:
        return {
            "session": self.session,
            "answer": self.answer,
            "outcome": self.reason,
            "tool_calls": self._finished.get("tool_calls", 0),
            "checkpoints": self._finished.get("checkpoints", 0),
            "learned": list(self._changes.values()),
            "usage": self.usage(),
            "model": self._model,
        }

    def exit_code(self) -> int:
        """0 for an answer; what went wrong is told on stderr."""
        if self.reason in ("", "done"):
            return 0
        why = self.error or ENDS.get(self.reason, f"the run ended: {self.reason}")
        print(f"hermes: {why}", file=sys.stderr)
        if self.error.startswith(UNREACHABLE):
            return 4
        return EXIT_CODES.get(self.reason, 1)


FOLDS = {
    "RunStarted": Result.started,
    "RunParked": Result.parked,
    "ModelReplied": Result.replied,
    "Answered": Result.answered,
    "ToolFinished": Result.tool_finished,
    "ChangeIntended": Result.change_intended,
    "ChangeMade": Result.change_made,
    "ChangeDecided": Result.change_decided,
    "Noticed": Result.noticed,
    "RunFinished": Result.finished,
}


def _write_usage(path: str, result: Result) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**result.usage(), "session": result.session}, file)
            file.write("\n")
    except OSError as error:
        raise UsageError(f"--usage-file: {error}") from error
