"""A skill's instructions as this model reads and writes them.

## Procedure
1. For `.dat` files: run `way one {file}`, or `way two {file}`
2. For other files: run `way two {file}`
3. After every file: run the check under Verification; if it fails, try the next way.
4. At the end: run `sh report.sh`

## Verification
`sh check.sh {file}` exits 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.providers.offline.steps import Words, listed
from agent.providers.offline.text import as_code, codes, masked, placeholders

_HEADING = re.compile(r"(?m)^#{2,4}[ \t]+(.+?)[ \t]*#*$")
_KINDS = re.compile(r"(?i)for ((?:`\.[^`\s]+`|,|\s|and|or)+|other|every|each|all)\s*files?:")
_AT_THE_END = re.compile(r"(?i)(?:at the end|after all files|finally):")
_CHECK_STEP = re.compile(r"(?i)(?:after every file:\s*)?run the check under verification\b")
_PROCEDURE = ("procedure", "steps", "instructions", "workflow", "how to")
_VERIFICATION = ("verification", "verify", "check")


@dataclass(frozen=True, slots=True)
class Rule:
    """The ways that work for files of one suffix, best first; kind "" = any other file."""

    kind: str
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Procedure:
    """What a skill says to do. `steps` are those that are no rules; `inputs` in their order."""

    rules: tuple[Rule, ...] = ()
    steps: tuple[Words, ...] = ()
    finals: tuple[str, ...] = ()
    check: str = ""
    inputs: tuple[str, ...] = ()

    def ways_for(self, kind: str) -> tuple[str, ...]:
        ways = [way for rule in self.rules if rule.kind == kind for way in rule.ways]
        others = [way for rule in self.rules if not rule.kind for way in rule.ways]
        return tuple(dict.fromkeys([*ways, *others]))

    @property
    def all_ways(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(way for rule in self.rules for way in rule.ways))


def read(body: str) -> Procedure:
    """The procedure of a SKILL.md body; without known headings its whole list."""
    sections = sections_of(body)
    text = _section(sections, _PROCEDURE)
    rules: list[Rule] = []
    steps: list[Words] = []
    finals: list[str] = []
    for item in listed(body if text is None else text):
        found = _KINDS.match(item.text)
        ways = tuple(codes(item.text[found.end() :])) if found else ()
        if found and ways:
            rules += [Rule(kind, ways) for kind in codes(found[1]) or [""]]
        elif _AT_THE_END.match(item.text):
            finals += codes(item.text)
        elif not _CHECK_STEP.match(item.text):
            steps.append(item)
    check = next(iter(codes(_section(sections, _VERIFICATION) or "")), "")
    return Procedure(tuple(rules), tuple(steps), tuple(finals), check, _inputs(body, sections))


def other_items(text: str) -> list[str]:
    """The items of a procedure that are no rules for kinds of files, in their words."""
    items = listed(text)
    return [item.text for item in items if not (_KINDS.match(item.text) and codes(item.text))]


def _inputs(body: str, sections: dict[str, str]) -> tuple[str, ...]:
    """The inputs a skill names, else its placeholders outside braces of programs."""
    named = _section(sections, ("inputs", "input", "parameters"))
    return tuple(placeholders(body if named is None else named))


def sections_of(body: str) -> dict[str, str]:
    """The text under each heading, by its lower-case title."""
    marks = list(_HEADING.finditer(masked(body)))
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    return {
        body[mark.start(1) : mark.end(1)].strip().lower(): body[mark.end() : end]
        for mark, end in zip(marks, ends, strict=False)
    }


def _section(sections: dict[str, str], names: tuple[str, ...]) -> str | None:
    for title, text in sections.items():
        if title.startswith(names):
            return text
    return None


def rule_line(rule: Rule, single: bool) -> str:
    """A rule as a numbered step's words. `single`: the skill has no other rule."""
    subject = f"For {as_code(rule.kind)} files" if rule.kind else "For other files"
    if single and not rule.kind:
        subject = "For every file"
    return f"{subject}: run " + ", or ".join(as_code(way) for way in rule.ways)


def rules_text(rules: tuple[Rule, ...], finals: tuple[str, ...]) -> list[str]:
    """The steps of a procedure that goes file by file."""
    lines = [rule_line(rule, len(rules) == 1) for rule in rules]
    lines.append(
        "After every file: run the check under Verification; if it fails, try the next way."
    )
    return lines + [f"At the end: run {as_code(final)}" for final in finals]


def replace_section(body: str, title: str, text: str) -> str:
    """The body with other words under a heading, which is added at the end if there is none."""
    for mark in _HEADING.finditer(masked(body)):
        if body[mark.start(1) : mark.end(1)].strip().lower() == title.lower():
            following = _HEADING.search(masked(body), mark.end())
            rest = body[following.start() :] if following else ""
            gap = "\n\n" if rest else ("\n" if body.endswith("\n") else "")
            return f"{body[: mark.end()]}\n\n{text}{gap}{rest}"
    return f"{body.rstrip()}\n\n## {title}\n\n{text}\n"


def difference(before: str, after: str) -> tuple[str, str]:
    """The smallest run of lines that differs, as texts of which the first is unique in `before`."""
    old, new = before.split("\n"), after.split("\n")
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    while True:
        old_text, lines = "\n".join(old[start : len(old) - end]), new[start : len(new) - end]
        fits = lines and old_text.strip() and _once(before, old_text)
        if fits or (start == 0 and end == 0):
            return old_text, "\n".join(lines)
        start, end = max(0, start - 1), max(0, end - 1)


def _once(text: str, part: str) -> bool:
    """Found from both ends at the same place."""
    return text.find(part) == text.rfind(part)
