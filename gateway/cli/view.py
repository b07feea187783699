"""A session's events as lines for a person. Knows no terminal: chat, -q and pipes all use it."""

from __future__ import annotations

import json
from typing import Any

from gateway.cli.output import Paint, clean, clean_answer, cut, one_line
from gateway.learning.announcing import announced

CALL_COLUMNS = 120
"""What is shown of a call, also in a pipe."""
OUTPUT_LINES = 12
"""Lines of a tool's output that /verbose shows."""
MARKS = {"ok": "✓", "failed": "✗", "denied": "✗ denied", "invalid": "✗ wrong arguments",
         "skipped": "– skipped", "interrupted": "✗ interrupted"}  # fmt: skip
ENDS = {
    "stopped": "stopped",
    "limit": "stopped by a limit",
    "blocked": "blocked: what the task needed was denied",
    "failed": "the run failed",
}


def subject(arguments: str) -> str:
    """What a call is about: its command, path or first text."""
    try:
        values = json.loads(arguments or "{}")
    except ValueError:
        return arguments
    if not isinstance(values, dict):
        return arguments
    for name in ("command", "path", "pattern", "query", "name"):
        if isinstance(values.get(name), str):
            return str(values[name])
    return next((value for value in values.values() if isinstance(value, str)), "")


class View:
    """Takes events, gives lines. `partial` is the unfinished line of a reply that streams.

    own: ids of inputs that were already echoed where they were typed.
    """

    def __init__(self, paint: Paint, own: set[str] | None = None) -> None:
        self.paint = paint
        self.own = set() if own is None else own
        self.verbose = False
        self.partial = ""
        self._streamed = ""
        self._silent = False
        self._model = ""
        self._calls: dict[str, str] = {}
        self._changes: dict[int, dict[str, Any]] = {}

    def add(self, stored: dict[str, Any]) -> list[str]:
        """The lines this event completes."""
        event = stored["event"]
        show = SHOWN.get(event["type"])
        return show(self, event, stored["seq"]) if show else []

    # -- words ----------------------------------------------------------------------------------

    def _spoke(self, event: dict[str, Any], seq: int) -> list[str]:
        if event["input"] in self.own:
            return []
        return ["", *spoken(self.paint, event["text"])]

    def _asked(self, event: dict[str, Any], seq: int) -> list[str]:
        self._silent = event.get("purpose", "run") != "run"
        self._streamed = self.partial = ""
        return []

    def _text(self, event: dict[str, Any], seq: int) -> list[str]:
        if self._silent or event.get("reasoning"):
            return []
        text = clean_answer(event["text"])
        if not self._streamed:
            text = text.lstrip("\n")
        self._streamed += text
        *whole, self.partial = (self.partial + text).split("\n")
        return whole

    def _replied(self, event: dict[str, Any], seq: int) -> list[str]:
        if event.get("purpose", "run") != "run":
            return []
        return [*self._rest_of(clean_answer(event["text"]).lstrip("\n")), *self._other_model(event)]

    def _rest_of(self, text: str) -> list[str]:
        """What of the whole reply is not shown yet. A reply that was not seen streaming, or only
        from its middle on, is shown as a whole."""
        shown = self._streamed[: len(self._streamed) - len(self.partial)]
        self._streamed = self.partial = ""
        rest = (text[len(shown) :] if text.startswith(shown) else text).rstrip("\n")
        return rest.split("\n") if rest else []

    def _other_model(self, event: dict[str, Any]) -> list[str]:
        answered, self._model = event.get("model") or self._model, self._model
        asked, self._model = self._model, answered
        if not asked or answered == asked:
            return []
        return [self.paint("yellow", f"· answered by {one_line(answered)}, not {one_line(asked)}")]

    def _void(self, event: dict[str, Any], seq: int) -> list[str]:
        return self.cut()

    def cut(self) -> list[str]:
        """The text so far is not the beginning of what comes."""
        had, self._streamed, self.partial = self._streamed, "", ""
        return [self.paint("dim", "· the reply begins again")] if had else []

    def _answered(self, event: dict[str, Any], seq: int) -> list[str]:
        return [""]

    # -- tools ----------------------------------------------------------------------------------

    def _tool_started(self, event: dict[str, Any], seq: int) -> list[str]:
        self._calls[event["call_id"]] = cut(one_line(subject(event["arguments"])), CALL_COLUMNS)
        return []

    def _tool_finished(self, event: dict[str, Any], seq: int) -> list[str]:
        what = self._calls.pop(event["call_id"], "")
        if event.get("checkpoint"):
            return []
        failed = event["status"] not in ("ok", "skipped")
        call = f"› {event['name']} {what}".rstrip()
        end = self.paint("red" if failed else "green", MARKS[event["status"]])
        lines = [f"{self.paint('dim', call)}  {end}{self.paint('dim', _measure(event))}"]
        if self.verbose:
            text = clean(event["text"]).split("\n")[:OUTPUT_LINES]
            lines += [self.paint("dim", f"  {line}") for line in text]
        return lines

    def _approval(self, event: dict[str, Any], seq: int) -> list[str]:
        action = clean(event["action"]).split("\n")
        return [
            self.paint("yellow", f"? {event['name']} asks to go on: {one_line(event['reason'])}"),
            *(f"    {line}" for line in action),
            self.paint("dim", "  y yes · n no · a always in this session"),
        ]

    def _decided(self, event: dict[str, Any], seq: int) -> list[str]:
        word = "allowed" if event["allow"] else "denied"
        scope = " for this session" if event.get("session") else ""
        return [self.paint("dim", f"· {word}{scope}")]

    def _question(self, event: dict[str, Any], seq: int) -> list[str]:
        lines = [self.paint("yellow", f"? {clean(event['question'])}")]
        choices = enumerate(event.get("choices", ()), 1)
        return lines + [f"  {number} {one_line(choice)}" for number, choice in choices]

    # -- learning, ends and notices -------------------------------------------------------------

    def _evaluated(self, event: dict[str, Any], seq: int) -> list[str]:
        if event["status"] != "done":
            reason = one_line(event.get("reason", ""))
            return [self.paint("dim", f"· the evaluation ended early: {reason}")]
        outcome = (event.get("evaluation") or {}).get("outcome", "nothing to keep")
        return [self.paint("dim", f"· evaluated: {outcome}")]

    def _intended(self, event: dict[str, Any], seq: int) -> list[str]:
        self._changes[seq] = event
        return self._learned(event) if event["status"] == "proposed" else []

    def _made(self, event: dict[str, Any], seq: int) -> list[str]:
        change = self._changes.pop(event["id"], None)
        return self._learned(change) if change else []

    def _learned(self, change: dict[str, Any]) -> list[str]:
        return [self.paint("cyan", clean(announced(change)))]

    def _started(self, event: dict[str, Any], seq: int) -> list[str]:
        self._model = event["model"]
        return []

    def _finished(self, event: dict[str, Any], seq: int) -> list[str]:
        rest = [self.partial] if self.partial else []
        self._streamed = self.partial = ""
        self._calls.clear()
        if event["reason"] == "done":
            return rest
        text = event.get("error") or ENDS.get(event["reason"], event["reason"])
        style = "dim" if event["reason"] == "stopped" else "red"
        return [*rest, *(self.paint(style, f"· {line}") for line in clean(text).split("\n"))]

    def _parked(self, event: dict[str, Any], seq: int) -> list[str]:
        return [self.paint("yellow", f"· {clean(event['reason'])}")]

    def _compacted(self, event: dict[str, Any], seq: int) -> list[str]:
        return [self.paint("dim", "· the conversation so far was shortened for the model")]

    def _noticed(self, event: dict[str, Any], seq: int) -> list[str]:
        style = "yellow" if event.get("level") == "warning" else "dim"
        return [self.paint(style, f"· {clean(event['text'])}")]


def spoken(paint: Paint, text: str) -> list[str]:
    """A person's words as they stand in the conversation."""
    first, *more = clean(text).split("\n")
    return [paint("bold", f"› {first}"), *(paint("bold", f"  {line}") for line in more)]


def _measure(event: dict[str, Any]) -> str:
    exit_status = f" exit {event['exit']}" if event.get("exit") else ""
    seconds = event.get("seconds", 0.0)
    return f"{exit_status} {seconds:.1f} s" if seconds >= 0.05 else exit_status


SHOWN = {
    "UserSpoke": View._spoke,
    "RunStarted": View._started,
    "RunResumed": View._void,
    "RunParked": View._parked,
    "Answered": View._answered,
    "RunFinished": View._finished,
    "ModelAsked": View._asked,
    "TextStreamed": View._text,
    "ModelRetried": View._void,
    "ModelReplied": View._replied,
    "ApprovalRequested": View._approval,
    "ApprovalDecided": View._decided,
    "QuestionAsked": View._question,
    "ToolStarted": View._tool_started,
    "ToolFinished": View._tool_finished,
    "CheckpointFinished": View._evaluated,
    "ChangeIntended": View._intended,
    "ChangeMade": View._made,
    "ConversationCompacted": View._compacted,
    "Noticed": View._noticed,
}
