"""A goal with a check: which ways to try, for which files, and when it is reached.

Turn the exports into clean tables.
For each of: inbox/*
Ways: `way one {file}`, `way two {file}`
Check: `sh check.sh {file}`
Finally: `sh report.sh`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from agent.providers.offline.actions import shell
from agent.providers.offline.instructions import Procedure
from agent.providers.offline.plan import Action, Step
from agent.providers.offline.steps import listed, understood
from agent.providers.offline.text import (
    codes,
    fill,
    fill_command,
    masked,
    paths,
    placeholders,
)
from agent.providers.offline.transcript import Done

_LABEL = re.compile(
    r"(?i)(?<![\w-])(?:(?P<each>for each(?: of| file of| file in)?(?: the files)?)\b[ \t]*:?"
    r"|(?P<name>goal|task|ways?(?: to try)?|check|finally)[ \t]*:)"
)
_KEY = re.compile(
    r"(?m)(?:^|(?<=[\s,;]))([A-Za-z_]\w{0,30})[ \t]*[:=][ \t]*(\"[^\"\n]*\"|[^\s,;]+)"
)
_RESERVED = frozenset(
    {"goal", "task", "way", "ways", "check", "finally", "each", "try", "http", "https"}
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a message asks for. `items`: the files it is for, `globs`: patterns still to be
    listed. `steps`: explicit ones instead of ways. `values`: what `{name}` stands for."""

    title: str
    ways: tuple[str, ...] = ()
    check: str = ""
    finals: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    values: tuple[tuple[str, str], ...] = ()


def goal_of(words: str) -> Goal | None:
    """The goal a message states, None if it has neither a check nor files to do something for."""
    parts = _parts(words)
    check = next(iter(codes(parts.get("check", ""))), "")
    each, body = _each(parts.get("each", ""))
    if not check and not each:
        return None
    title = " ".join((parts.get("goal", "") or parts.get("task", "") or parts[""]).split())
    ways = tuple(codes(parts.get("ways", "")))
    steps = () if ways else _steps(body or parts.get("goal", "") or parts[""])
    if not each and "file" in placeholders(" ".join([*ways, check])):
        each = paths(title)[:1]
    return Goal(
        title=title.strip(" .;,"),
        ways=ways,
        check=check,
        finals=tuple(codes(parts.get("finally", ""))),
        items=tuple(item for item in each if not _is_glob(item)),
        globs=tuple(item for item in each if _is_glob(item)),
        steps=steps,
        values=tuple(values_in(parts[""] + "\n" + parts.get("goal", "")).items()),
    )


def _parts(words: str) -> dict[str, str]:
    """The text under each label; what comes before the first stands under the empty name."""
    marks = list(_LABEL.finditer(masked(words)))
    ends = [mark.start() for mark in marks[1:]] + [len(words)]
    parts = {"": words[: marks[0].start()] if marks else words}
    for mark, end in zip(marks, ends, strict=False):
        name = "each" if mark["each"] else mark["name"].lower()
        name = "ways" if name.startswith("way") else name
        parts.setdefault(name, words[mark.end() : end])
    return parts


def _each(text: str) -> tuple[list[str], str]:
    """`a, b: run …` as the files and the body."""
    hidden = masked(text)
    colon = re.search(r":(?=\s)", hidden)
    if colon is None:
        return _items(text), ""
    return _items(text[: colon.start()]), text[colon.end() :]


def _items(text: str) -> list[str]:
    """The files named: code spans and path-like words; if there are none, the bare words."""
    found = paths(text, whole_spans=True)
    words = [word for word in re.split(r"[\s,;]+|\band\b", text.strip(" .")) if word]
    return found or list(dict.fromkeys(words))


def _is_glob(item: str) -> bool:
    return bool(re.search(r"[*?]|\[[^]]*\]", item))


def _steps(text: str) -> tuple[Step, ...]:
    """The explicit steps of a text, empty unless all are known."""
    items = listed(text)
    if items:
        steps, strange = understood(items)
        return () if strange else tuple(steps)
    found = [piece for piece in re.split(r";\s", text.strip()) if piece.strip()]
    pieces = [listed("1. " + piece)[0] for piece in found if "\0" in masked(piece)]
    steps, strange = understood(pieces)
    return () if strange else tuple(steps)


def values_in(text: str) -> dict[str, str]:
    """The `key: value` and `key=value` pairs of the user's words, outside code."""
    bare = masked(text)
    return {
        found[1].lower(): found[2].strip('"').rstrip(".")
        for found in _KEY.finditer(bare)
        if found[1].lower() not in _RESERVED
    }


def file_values(item: str) -> dict[str, str]:
    """What the placeholders about a file stand for: file, name, stem, suffix, folder."""
    safe = f"./{item}" if item.startswith("-") else item
    folder, _, name = safe.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    return {
        "file": safe,
        "path": safe,
        "name": name,
        "stem": stem if stem else name,
        "suffix": dot + suffix if stem else "",
        "folder": folder or ".",
    }


def kind_of(item: str) -> str:
    """What the ways of a file depend on: its last suffix."""
    return file_values(item)["suffix"] if item else ""


def listing(goal: Goal) -> Action:
    """The call that tells which files the globs stand for."""
    return shell("printf '%s\\n' " + " ".join(_glob_word(glob) for glob in goal.globs))


def _glob_word(glob: str) -> str:
    """A glob as one shell word: everything but the wildcards is escaped."""
    return re.sub(r"[^\w./*?\[\]@%+:,~-]", lambda found: "\\" + found[0], glob.lstrip("-"))


def listed_files(goal: Goal, done: Done) -> tuple[str, ...]:
    """The goal's files after the listing; a glob that matches nothing is printed as itself."""
    lines = [line.strip() for line in done.text.splitlines()]
    fits = [line for line in lines if is_listed(line, goal.globs)]
    return tuple(dict.fromkeys([*goal.items, *fits]))


def is_listed(line: str, globs: Sequence[str]) -> bool:
    """A line of the listing that one of the patterns stands for, and not the pattern itself."""
    return bool(line) and line not in globs and any(fnmatchcase(line, glob) for glob in globs)


def steps_for(goal: Goal, items: Sequence[str], procedure: Procedure | None) -> list[Step]:
    """The goal as steps: for each file the ways in the order known to be best, then the check."""
    check = goal.check or (procedure.check if procedure else "")
    finals = goal.finals or (procedure.finals if procedure else ())
    steps: list[Step] = []
    for item in items or ("",):
        steps += _item_steps(goal, item, check, procedure)
    known = dict(goal.values)
    for final in finals:
        action = shell(fill_command(final, known), final)
        steps.append(Step(_run(final), ((action,),), after_all=True))
    return steps


def _item_steps(goal: Goal, item: str, check: str, procedure: Procedure | None) -> list[Step]:
    values = dict(goal.values) | (file_values(item) if item else {})
    verify = (_call(check, values, check=True),) if check else ()
    known = procedure.ways_for(kind_of(item)) if procedure else ()
    ways = list(dict.fromkeys([*known, *goal.ways]))
    if not ways and procedure:
        ways = list(procedure.all_ways)
    steps = [_filled(step, values, item) for step in goal.steps]
    if ways:
        tries = [(_call(way, values), *verify) for way in ways]
        if steps:
            tries.insert(0, (*(action for step in steps for action in step.tries[0]), *verify))
        return [Step(item or goal.title, tuple(tries), bool(item), item)]
    if not steps:
        return []
    return [*steps, Step(_run(check), (verify,), bool(item), item)] if verify else steps


def _call(command: str, values: dict[str, str], check: bool = False) -> Action:
    return shell(fill_command(command, values), command, check)


def _filled(step: Step, values: dict[str, str], item: str) -> Step:
    """A skill's or message's step for one file. One that may fail says nothing about the file."""
    tries = tuple(tuple(_filled_action(action, values) for action in way) for way in step.tries)
    judged = "" if step.forgiving else item
    return Step(fill_command(step.label, values), tries, step.forgiving, judged)


def _filled_action(action: Action, values: dict[str, str]) -> Action:
    if action.tool == "shell":
        command = fill_command(action.arguments["command"], values)
        return Action("shell", action.arguments | {"command": command}, action.source)
    known = {
        name: fill(value, values) if isinstance(value, str) else value
        for name, value in action.arguments.items()
    }
    return Action(action.tool, known, action.source, action.check)


def _run(command: str) -> str:
    return f"run `{command}`"
