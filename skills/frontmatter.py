"""The YAML block on top of a SKILL.md, read as text only.

Scalars stay as they are written (`1.0`, `yes`, `2026-01-01`): the format knows strings alone.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from hermes_home.errors import SkillError
from skills.diagnostic import Diagnostic

Value: TypeAlias = "str | list[Value] | dict[str, Value]"

DEEPEST = 12
"""Levels of nesting; more is a mistake or an attack."""
FLOW = "uses {} or [] of YAML, which strict readers refuse"
COMMENT = "has words after ' #', which YAML takes for a comment"

_LOADER: Any = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
_TEXT = "tag:yaml.org,2002:str"
_KEY_LINE = re.compile(r"(?P<indent> *)(?P<key>[\w.-]+):[ \t]+(?P<value>\S.*)")


@dataclass(frozen=True, slots=True)
class Page:
    """A SKILL.md taken apart. `head` is None without frontmatter; it starts at `line`."""

    head: str | None
    body: str
    line: int
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """What the head holds. `diagnostics` matter to every reader, `impure` (flow style,
    values that other readers take for numbers) only where we write."""

    values: dict[str, Value]
    diagnostics: tuple[Diagnostic, ...] = ()
    impure: tuple[Diagnostic, ...] = ()


def split(text: str) -> Page:
    """Head and body with `\\n` line ends; SkillError if the head is never closed."""
    found = []
    if text.startswith("\ufeff"):
        found.append(Diagnostic("warning", "begins with a byte order mark", 1))
        text = text.removeprefix("\ufeff")
    if "\r" in text:
        found.append(Diagnostic("info", "has Windows line ends"))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    if lines[first].rstrip() != "---":
        return Page(None, text.strip(), 1, tuple(found))
    if first:
        found.append(Diagnostic("warning", "has blank lines before the frontmatter", 1))
    ends = (at for at in range(first + 1, len(lines)) if lines[at].rstrip() in ("---", "..."))
    last = next(ends, 0)
    if not last:
        raise SkillError(
            f"line {first + 1}: the frontmatter is opened by '---' and never closed",
            "put a line of only '---' between the fields and the instructions",
        )
    head = "\n".join(lines[first + 1 : last]) + "\n"
    return Page(head, "\n".join(lines[last + 1 :]).strip(), first + 2, tuple(found))


def load(head: str, line: int) -> Fields:
    """The fields of a head that starts at `line`; values with colons are quoted and tried once
    more. SkillError names the line that cannot be read."""
    _refuse_surrogates(head, line)
    try:
        return _Builder(line).fields(head)
    except yaml.YAMLError as error:
        place, problem = _complaint(error, head, line)
    try:
        fields = _Builder(line).fields(quote_values(head))
    except yaml.YAMLError:
        raise SkillError(
            f"line {place}: the frontmatter is not YAML: {problem}",
            'write each field as `key: "text"`, one to a line, with no tabs',
        ) from None
    note = Diagnostic("warning", f"needs quotes to be YAML ({problem}); read as quoted", place)
    return Fields(fields.values, (note, *fields.diagnostics), fields.impure)


def _refuse_surrogates(head: str, line: int) -> None:
    try:
        head.encode("utf-8")
    except UnicodeEncodeError as error:
        place = line + head.count("\n", 0, error.start)
        hint = "write the character itself, or leave it out"
        raise SkillError(f"line {place}: half of a character pair stands alone", hint) from None


def quote_values(head: str) -> str:
    """The same fields, with each value that is not YAML by itself put in quotes, its indented
    continuation lines joined to it."""
    lines, quoted, at = head.split("\n"), [], 0
    while at < len(lines):
        match = _KEY_LINE.fullmatch(lines[at].rstrip())
        end = _end_of_value(lines, at, match["indent"]) if match else at + 1
        if match and _trips(lines[at:end], match["value"]):
            value = " ".join([match["value"], *(line.strip() for line in lines[at + 1 : end])])
            quoted.append(f"{match['indent']}{match['key']}: {_single(value)}")
        else:
            quoted += lines[at:end]
        at = end
    return "\n".join(quoted)


def _end_of_value(lines: list[str], at: int, indent: str) -> int:
    after = range(at + 1, len(lines))
    return next((end for end in after if not lines[end].startswith(indent + " ")), len(lines))


def _trips(lines: list[str], value: str) -> bool:
    if value[0] in "|>":
        return False
    if value[0] in "*&!":
        return True
    try:
        list(yaml.parse(textwrap.dedent("\n".join(lines)), Loader=_LOADER))
    except yaml.YAMLError:
        return True
    return False


def _single(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _complaint(error: yaml.YAMLError, head: str, line: int) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    if mark is not None:
        return line + int(mark.line), str(problem)
    position = int(getattr(error, "position", 0) or 0)
    return line + head.count("\n", 0, position), str(problem)


@dataclass
class _Builder:
    """Builds values from YAML's events, so that depth, tags and repeats are seen with a line."""

    line: int
    diagnostics: list[Diagnostic] = field(default_factory=list)
    impure: list[Diagnostic] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def fields(self, head: str) -> Fields:
        self.lines = head.split("\n")
        events: Iterator[Any] = yaml.parse(head, Loader=_LOADER)
        next(events)
        if isinstance(next(events), yaml.StreamEndEvent):
            return Fields({})
        top = next(events)
        if not isinstance(top, yaml.MappingStartEvent):
            raise self._error(top, "the frontmatter is not a list of fields")
        values = self._mapping(events, top, 1)
        next(events)
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "the frontmatter holds more than one YAML document")
        return Fields(values, tuple(self.diagnostics), tuple(self.impure))

    def _value(self, events: Iterator[Any], event: Any, depth: int) -> Value:
        if depth > DEEPEST:
            raise self._error(event, f"nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent) or event.anchor or event.tag:
            # In text these are words such as `*bold*` or `&amp`, which YAML would swallow.
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem="found an anchor, alias or tag", problem_mark=mark)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if event.flow_style:
            self._impure(event, FLOW)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, event, depth)
        return self._sequence(events, depth)

    def _scalar(self, event: yaml.ScalarEvent) -> str:
        if not event.style:
            if _plain_tag(event.value) != _TEXT:
                self._impure(event, f"has the value {event.value!r} without quotes")
            if self._rest(event).lstrip().startswith("#"):
                self.diagnostics.append(Diagnostic("info", COMMENT, self._at(event)))
        return str(event.value)

    def _sequence(self, events: Iterator[Any], depth: int) -> list[Value]:
        values = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            values.append(self._value(events, event, depth + 1))
        return values

    def _mapping(self, events: Iterator[Any], start: Any, depth: int) -> dict[str, Value]:
        if start.flow_style and depth == 1:
            self._impure(start, FLOW)
        values: dict[str, Value] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, "has a field name that is not text")
            key = str(event.value)
            if key in values:
                text = f"has the field {key!r} twice; the last one counts"
                self.diagnostics.append(Diagnostic("warning", text, self._at(event)))
            values[key] = self._value(events, next(events), depth + 1)
        return values

    def _rest(self, event: Any) -> str:
        """What stands behind a value on its line."""
        mark = event.end_mark
        return self.lines[mark.line][mark.column :] if mark.line < len(self.lines) else ""

    def _at(self, event: Any) -> int:
        return self.line + int(event.start_mark.line)

    def _impure(self, event: Any, text: str) -> None:
        self.impure.append(Diagnostic("warning", text, self._at(event)))

    def _error(self, event: Any, text: str) -> SkillError:
        hint = 'write each field as `key: "text"`, one to a line'
        return SkillError(f"line {self._at(event)}: {text}", hint)


_resolver: Any = yaml.SafeLoader("")


def _plain_tag(value: str) -> str:
    """The type other YAML readers would give to this unquoted value."""
    return str(_resolver.resolve(yaml.ScalarNode, value, (True, False)))
