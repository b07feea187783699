"""What the messages of a request say: the user's words, notes, catalog, skills, finished calls."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any, Literal

from agent.messages import Message, ToolCall

TIMED_OUT = 124
Outcome = Literal["ok", "failed", "denied", "skipped", "interrupted"]

_SKILL = re.compile(
    r'<skill name="([^"\n]{1,200})"(?: dir="([^"\n]*)")?[^>\n]*>\n(.*?)\n?</skill>', re.DOTALL
)
_SCHEDULED = re.compile(r"\A\[scheduled job [^\]\n]*\[SILENT\]\.\]\n\n(?!The job's script)")
_ENTRY = re.compile(r"; (?=[^\s;]{1,64} — )")
_LEARNED = re.compile(r"\bskill ([a-z0-9][a-z0-9-]{0,63}) \((?:create|patch|edit)\)")
_EXIT = re.compile(r"exit (\d{1,9})(?: \([\w ]+\))?")
_TIMED_OUT = re.compile(r"timed out after \d+ s\b")
_SUCCESS = {
    "read_file": re.compile(r"\["),
    "write_file": re.compile(r"created |overwritten "),
    "patch": re.compile(r"patched "),
    "skill_view": re.compile(r"<skill "),
    "web_fetch": re.compile(r"\[https?:"),
    "web_search": re.compile(r"\["),
}
_NOTES: dict[str, Literal["memory", "user"]] = {"notes:": "memory", "about the user:": "user"}
_COUNT = re.compile(r" \(\d+ of \d+;[^()]*\):$")
"""How many of all entries follow, where they are not all."""
_TROUBLE: tuple[tuple[Outcome, re.Pattern[str]], ...] = (
    ("interrupted", re.compile(r"interrupted: ")),
    ("skipped", re.compile(r"not run: |skipped: ")),
    ("denied", re.compile(r"(?:denied|refused)(?:: | by the owner)")),
    ("failed", re.compile(r"(?:error: |argument `|there is no tool |the arguments of )")),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One skill of the catalog."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of the notes, and whose they are."""

    text: str
    target: Literal["memory", "user"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A skill's instructions as they stand in the conversation, and its folder."""

    name: str
    body: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One user message, taken apart."""

    words: str
    skills: tuple[Loaded, ...] = ()
    notes: tuple[Note, ...] = ()
    catalog: tuple[Entry, ...] = ()
    date: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """One call that has its result. `number` is the checkpoint's number for it, 0 = not listed."""

    tool: str
    arguments: dict[str, Any]
    text: str
    outcome: Outcome
    number: int = 0

    @property
    def ok(self) -> bool:
        return self.outcome == "ok"

    @property
    def exit(self) -> int | None:
        """A command's exit status, if the result tells it."""
        return _exit_status(self.text) if self.tool == "shell" else None


def spoken(text: str) -> Spoken:
    """Take a user message apart into skills before the words, the words and the tail block."""
    head, tail = _cut_tail(text)
    skills: list[Loaded] = []
    while found := _SKILL.match(head):
        skills.append(_loaded(found))
        head = head[found.end() :].lstrip("\n")
    head = _SCHEDULED.sub("", head, count=1)
    return Spoken(head.strip(), tuple(skills), *_read_tail(tail))


def _cut_tail(text: str) -> tuple[str, str]:
    start = text.rfind("<context>\n")
    if start < 0 or not text.rstrip().endswith("</context>"):
        return text, ""
    return text[:start].rstrip(), text[start + 10 :].rstrip().removesuffix("</context>")


def _read_tail(tail: str) -> tuple[tuple[Note, ...], tuple[Entry, ...], str]:
    notes: list[Note] = []
    entries = [Entry(name, "") for name in _LEARNED.findall(tail)]
    date, target = "", None
    for line in tail.splitlines():
        if target and line.startswith("- "):
            notes.append(Note(line[2:], target))
        elif target and line.startswith("  ") and notes:
            notes[-1] = Note(f"{notes[-1].text}\n{line[2:]}", notes[-1].target)
        else:
            target = _NOTES.get(_COUNT.sub(":", line))
        if line.startswith("skills that match"):
            entries = catalog(line) + entries
        elif line.startswith("date: "):
            date = line[6:]
    return tuple(notes), tuple(entries), date


def catalog(line: str) -> list[Entry]:
    """The entries of `name — description; name — description (skill_view loads one)`."""
    line = re.sub(r"^(?:\s*skills that match[^:;]*:)*", "", line, flags=re.IGNORECASE)
    line = re.sub(r"\(skill_view[^()]*\)$", "", line.strip()).strip()
    pairs = (part.partition(" — ") for part in _ENTRY.split(line))
    return [Entry(name.strip(), text.strip()) for name, dash, text in pairs if dash]


def skills_in(text: str) -> list[Loaded]:
    """The skills a tool result or message holds."""
    return [_loaded(found) for found in _SKILL.finditer(text)]


def _loaded(found: re.Match[str]) -> Loaded:
    return Loaded(found[1], _unescaped(found[3]), unescape(found[2] or ""))


def _unescaped(body: str) -> str:
    return body.replace("<\\/skill>", "</skill>")


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """A call's arguments, empty if they are no object."""
    try:
        return call.parsed()
    except (ValueError, RecursionError):
        return {}


def finished(messages: Sequence[Message]) -> list[Done]:
    """The calls of these messages that have results, in the order they were asked for."""
    results = {message.call_id: message.text for message in messages if message.role == "tool"}
    calls = [call for message in messages for call in message.tool_calls if call.id in results]
    return [
        Done(call.name, arguments_of(call), results[call.id], outcome(call.name, results[call.id]))
        for call in calls
    ]


def outcome(tool: str, text: str) -> Outcome:
    """How a call ended, as far as the text of its result tells."""
    if tool in ("shell", "process") and _exit_status(text) is not None:
        return "failed"
    first = text.lstrip()[:200]
    if first.startswith("[this output of "):
        return "skipped" if tool == "skill_view" else "ok"
    for name, pattern in _TROUBLE:
        if pattern.match(first):
            return name
    success = _SUCCESS.get(tool)
    return "ok" if success is None or success.match(first) else "failed"


def _exit_status(text: str) -> int | None:
    """A status other than 0 is told in the last line."""
    last = text.rstrip().rpartition("\n")[2][:200]
    if found := _EXIT.fullmatch(last):
        return int(found[1])
    return TIMED_OUT if _TIMED_OUT.match(last) else None


def last_line(text: str) -> str:
    """The last line of an output that says something, without the exit line."""
    lines = [line.strip() for line in text.strip().splitlines()]
    kept = [line for line in lines if line and not _EXIT.fullmatch(line)]
    return kept[-1] if kept else ""


def dumped(arguments: dict[str, Any]) -> str:
    """Arguments as JSON text, the same for the same arguments."""
    return json.dumps(arguments, ensure_ascii=False)
