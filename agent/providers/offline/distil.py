"""Work that passed its check as a SKILL.md: written anew, or worked into one that is there."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from agent.providers.offline import instructions
from agent.providers.offline.evidence import (
    Tried,
    kinds_text,
    merged_rules,
    pitfalls,
    rules_of,
)
from agent.providers.offline.goals import Goal, file_values
from agent.providers.offline.plan import Attempt, Progress
from agent.providers.offline.text import (
    as_code,
    codes,
    content_words,
    paths,
    placeholders,
    plain,
)

_MEANING = {
    "file": "the file to work on; each one, if there are several",
    "path": "the same as `{file}`",
    "name": "the file's name without its folder",
    "stem": "the file's name without folder and last suffix",
    "suffix": "the file's last suffix, with the dot",
    "folder": "the folder the file is in",
}


def name_of(goal: Goal) -> str:
    """A skill's name from the goal's first words, empty if there are none to make one of."""
    return "-".join(content_words(goal.title)[:5])[:64].strip("-")


def skill_text(goal: Goal, progress: Progress, found: Sequence[Tried]) -> str:
    """The whole SKILL.md for a goal that was reached at least in part; empty if nothing passed."""
    known = generalisation(goal)
    steps = _steps(goal, progress, found, known)
    if not steps or not name_of(goal):
        return ""
    title = plain(goal.title, 200).replace("---", "-")
    general = _general(title, known)
    check = _general(goal.check, known)
    description = f"{general}. Knows which way works, which does not, and how to check the result."
    body = [
        f"---\nname: {name_of(goal)}\ndescription: {_quoted(description)}\n---",
        f"# {general}",
        f"## When to use\n\n- The request is of this kind: {general}.",
        "## Procedure\n\n" + numbered(steps),
        "## Verification\n\n" + _verification(check),
    ]
    inputs = _inputs("\n".join([*steps, check]))
    if inputs:
        body.insert(3, "## Inputs\n\n" + inputs)
    failures = pitfall_lines(_generalised(found, known), "")
    if failures:
        body.insert(-1, "## Pitfalls\n\n" + "\n".join(failures))
    return "\n\n".join(body) + "\n"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _steps(
    goal: Goal, progress: Progress, found: Sequence[Tried], known: dict[str, str]
) -> list[str]:
    rules = rules_of(found)
    if rules and goal.items:
        return instructions.rules_text(rules, goal.finals)
    if rules:
        ways = ", or ".join(as_code(_general(way, known)) for way in rules[0].ways)
        return [f"Run {ways}", *_finals(goal, known)]
    if not goal.steps or not check_passed(progress):
        return []
    passed = [attempt for attempt in progress.attempts if attempt.passed]
    lines = [_step_line(attempt, known) for attempt in passed if not _is_check(attempt)]
    return list(dict.fromkeys(line for line in lines if line))


def _finals(goal: Goal, known: dict[str, str]) -> list[str]:
    return [f"At the end: run {as_code(_general(final, known))}" for final in goal.finals]


def _step_line(attempt: Attempt, known: dict[str, str]) -> str:
    """The way that worked, without the ones that did not."""
    if attempt.step.after_all:
        return f"At the end: run {as_code(_general(attempt.actions[0].source, known))}"
    if attempt.actions[0].tool == "shell":
        return f"Run {as_code(_general(attempt.actions[0].source, known))}"
    return _general(plain(attempt.step.label, 200), known)


def check_passed(progress: Progress) -> bool:
    """The last thing known about the check is that it passed."""
    checks = [a.done[-1].ok for a in progress.attempts if a.done and a.actions[-1].check]
    return bool(checks) and checks[-1]


def _is_check(attempt: Attempt) -> bool:
    return all(action.check for action in attempt.actions)


def _verification(check: str) -> str:
    each = " for every file" if "file" in placeholders(check) else ""
    return f"{as_code(check)} exits 0{each}."


def _inputs(text: str) -> str:
    return "\n".join(
        f"- `{{{name}}}`: {_MEANING.get(name, 'a value from the request')}"
        for name in placeholders(text)
    )


def generalisation(goal: Goal) -> dict[str, str]:
    """Which words of a goal for one file stand for which input: its path, its stem, its values."""
    known = {value: name for name, value in goal.values if len(value) > 1}
    if goal.items:
        return {}
    for path in paths(goal.title)[:1]:
        values = file_values(path)
        known[values["file"]] = "file"
        if len(values["stem"]) > 2:
            known.setdefault(values["stem"], "stem")
    return known


def _general(text: str, known: dict[str, str]) -> str:
    """The text with what varies replaced by `{name}`, longest first, whole words only."""
    if not known:
        return text
    longest = sorted(known, key=len, reverse=True)
    pattern = "|".join(re.escape(value) for value in longest)
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", lambda found: f"{{{known[found[0]]}}}", text)


def _generalised(found: Sequence[Tried], known: dict[str, str]) -> list[Tried]:
    return [
        Tried(one.kind, _general(one.command, known), one.passed, one.exit, one.numbers, one.times)
        for one in found
    ]


def numbered(steps: Sequence[str]) -> str:
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))


def pitfall_lines(found: Sequence[Tried], existing: str) -> list[str]:
    """The pitfalls of a skill with what was seen now; lines by other hands stay as they are."""
    new = pitfalls(found)
    lines: list[str] = []
    for line in existing.strip().splitlines():
        opening = next((text for text in new if line.startswith(f"- {text}")), None)
        if opening is None:
            lines.append(line)
            continue
        old = codes(line[len(opening) + 2 :])
        kinds = list(dict.fromkeys([*old, *new.pop(opening)]))
        lines.append(f"- {opening}{kinds_text(kinds)}.")
    return lines + [f"- {opening}{kinds_text(kinds)}." for opening, kinds in new.items()]


def revised(body: str, goal: Goal, found: Sequence[Tried]) -> str:
    """A skill's body with what was seen now; the same body if that is nothing new."""
    sections = instructions.sections_of(body)
    procedure = instructions.read(body)
    seen = _generalised(found, generalisation(goal))
    new = body
    if procedure.rules:
        rules = merged_rules(procedure.rules, seen)
        if rules != procedure.rules:
            text = numbered(_with_rules(sections.get("procedure", body), rules))
            new = instructions.replace_section(new, "Procedure", text)
    failures = pitfall_lines(seen, sections.get("pitfalls", ""))
    if failures != sections.get("pitfalls", "").strip().splitlines():
        new = instructions.replace_section(
            new, "Pitfalls", "\n".join(failures + _instead(procedure, seen))
        )
    return new


def _with_rules(text: str, rules: Sequence[instructions.Rule]) -> list[str]:
    """The rules first, then the steps of the old text that are none."""
    lines = [instructions.rule_line(rule, len(rules) == 1) for rule in rules]
    return lines + instructions.other_items(text)


def _instead(procedure: instructions.Procedure, found: Sequence[Tried]) -> list[str]:
    """Where the procedure is by another hand, what worked instead is told among the pitfalls."""
    known = " ".join(item.text for item in procedure.steps)
    if procedure.rules or not any(not one.passed for one in found):
        return []
    passed = [one for one in found if one.passed and one.command not in known]
    return [f"- {as_code(one.command)} worked instead{kinds_text([one.kind])}." for one in passed]
