"""Learned changes as text for people, in a terminal and in chats, from the rows of
gateway/learning/learned.py.

Every line of a text that is or would be written stands there whole, behind a `+`.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import unified_diff
from typing import Any

from gateway.learning.announcing import NOTE_CHARS, VERBS, one_line

Row = dict[str, Any]
At = Callable[[str], str]


WRITING = frozenset({"approve", "redo"})
"""Decisions by which a text is written, which is shown whole."""


REMOVING = frozenset({"remove", "forget"})
"""Actions after which a note is not there."""


HELD = {"lock": "locked", "pin": "pinned"}
"""By the owner's rights."""


MOST = 6
"""Lessons and calls that are told of a change."""
LINE_CHARS = 160


def utc(at: str) -> str:
    return f"{at[:16].replace('T', ' ')} UTC"


def status(row: Row) -> str:
    return "forgotten" if row["forgotten"] else str(row["status"])


def timeline(rows: list[Row]) -> str:
    """For chats: a line each."""
    lines = [
        f"{row['id']}  {utc(row['at'])[:10]}  {status(row)}  {row['action']} {row['kind']}"
        f"  {_cut(row['name'], NOTE_CHARS)}"
        for row in rows
    ]
    if not lines:
        return "Nothing was learned yet."
    return "\n".join([*lines, "/learned ID shows one, /learned undo ID takes it back."])


def thing(row: Row) -> str:
    """A skill by its name, a note by its words; of a change, or of a right."""
    return f"skill {row['name']}" if row["kind"] == "skill" else f"the note “{_cut(row['name'])}”"


def about(row: Row, at: At = utc) -> list[str]:
    """Everything about one change but its texts."""
    return [*_heading(row, at), *_origin(row), *related(row), *_today(row)]


def decided(row: Row, verb: str, asked: int) -> list[str]:
    """What came of the owner's word on the change `asked`; `row` is the one it carries out, else
    itself."""
    words = {"forget": "nothing shows it any more", "purge": "its words are overwritten"}
    verbs = "" if status(row) == "rejected" else f"{VERBS.get(row['action'], row['action'])} "
    done = verbs + thing(row)
    stands = "" if asked == row["id"] else f" carries out {row['id']}"
    lines = [f"{asked}{stands}: {words.get(verb) or f'{done}: {status(row)}'}"]
    if verb == "forget":
        lines.append(f"Until it is purged, `learning undo {row['id']}` brings it back.")
    return lines


def said(lines: list[str], texts: list[str], *, chat: bool) -> str:
    """As the answer to a command: in a chat the texts are in a block that is shown as it is."""
    if not texts:
        return "\n".join(lines)
    return "\n".join([*lines, "```", *texts, "```"] if chat else [*lines, "", *texts])


def written(row: Row) -> list[str]:
    """The texts a change brings, or that come into use with it, behind `+`, and those it takes
    away, behind `-`."""
    if row["kind"] == "skill":
        files = row.get("activated") or row["files"]
        return [line for file in files for line in _diff(file)]
    before, after = row["entry_before"], row["entry_after"]
    gone = [f"-{line}" for line in before.split("\n")] if before else []
    return [*gone, *(f"+{line}" for line in after.split("\n"))] if after else gone


def _heading(row: Row, at: At) -> list[str]:
    verb = VERBS.get(row["action"], row["action"])
    what = f"skill {row['name']}" if row["kind"] == "skill" else f"a note ({row['kind']})"
    lines = [f"change {row['id']}: {verb} {what} · {status(row)}"]
    where = f", session {row['session']}" if row["session"] else ""
    return [*lines, f"{at(row['at'])}, by the {row['actor']}{where}"]


def _origin(row: Row) -> list[str]:
    """What was said and done before it."""
    lines = [f"why: {row['reason']}"] if row["reason"] else []
    if row.get("said"):
        lines.append(f"you had said: {one_line(row['said'])}")
    if row.get("outcome"):
        lines.append(f"that run: {row['outcome']}")
    lines += [f"lesson: {_cut(text)}" for text in row.get("lessons", ())[:MOST]]
    calls = row["evidence"][:MOST]
    lines += [f"rests on #{call['number']} {_cut(call['what'])}: {call['end']}" for call in calls]
    if more := len(row["evidence"]) - len(calls):
        lines.append(f"and on {more} more calls")
    return lines


def related(row: Row) -> list[str]:
    """Which other changes it has to do with."""
    links = {
        "undoes": "it took back change",
        "approves": "it carries out change",
        "replaces": f"it {'removes' if row['action'] in REMOVING else 'replaces'} change",
        "replaced_by": "it was replaced or removed by change",
    }
    return [f"{words} {row[key]}" for key, words in links.items() if row.get(key)]


def _today(row: Row) -> list[str]:
    lines = []
    if row.get("state"):
        why = f": {row['state_reason']}" if row["state_reason"] else ""
        lines.append(f"the skill today: {row['state']}{why}")
    if row.get("figures"):
        lines.append(row["figures"])
    lines += [f"it is {HELD[right]}" for right in row.get("rights", ())]
    return lines


def _cut(text: str, most: int = LINE_CHARS) -> str:
    line = one_line(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def _diff(file: Row) -> list[str]:
    before, after = file["before"], file["after"]
    return list(
        unified_diff(
            (before or "").splitlines(),
            (after or "").splitlines(),
            file["path"] if before is not None else "/dev/null",
            file["path"] if after is not None else "/dev/null",
            lineterm="",
        )
    )
