"""A settings file as a tree that knows its lines. Stricter and plainer than YAML allows:

on, off, yes, no, times and dates stay text; true, false, whole numbers and decimals are typed;
a key twice, anchors, tags and a second document are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from hermes_home.errors import SettingsError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 6
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands: 0-based lines and columns, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Leaf:
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Items:
    nodes: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Section:
    entries: dict[str, Entry]
    span: Span
    flow: bool = False
    """Whether it is written {like: this}."""


@dataclass(frozen=True, slots=True)
class Entry:
    key: Span
    node: Node


Node = Leaf | Items | Section


def parse(text: str, name: str) -> Section:
    """The top section of a settings file; SettingsError names `name` and the line."""
    events = yaml.parse(text, Loader=_Loader)
    try:
        return _document(events, name)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, name) from error
    except yaml.YAMLError as error:
        at = getattr(error, "position", 0)
        raise SettingsError(
            f"{name} line {text.count(chr(10), 0, at) + 1}: a character that YAML does not allow",
            "delete it; a text editor shows it as an odd sign",
        ) from error


def typed(plain: str) -> Value:
    """What an unquoted word means."""
    if plain in _CONSTANTS:
        return _CONSTANTS[plain]
    if len(plain) < 100 and _INTEGER.fullmatch(plain):
        return int(plain)
    return float(plain) if _DECIMAL.fullmatch(plain) else plain


def _document(events: Iterator[Any], name: str) -> Section:
    next(events)  # the stream begins
    if not isinstance(next(events), yaml.DocumentStartEvent):
        return Section({}, Span(0, 0, 0, 0))
    event = next(events)
    node = _node(event, events, name, 0)
    next(events)  # the document ends
    if not isinstance(after := next(events), yaml.StreamEndEvent):
        raise _error(name, after, "a second document begins", "remove the line ---")
    if isinstance(node, Leaf) and node.value is None:
        return Section({}, node.span)
    if not isinstance(node, Section):
        raise _error(
            name, event, "settings are expected here as `section:` and below it `key: value`"
        )
    return node


def _node(event: Any, events: Iterator[Any], name: str, depth: int) -> Node:
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise _error(
            name, event, "& and * (anchors) are not used in settings", "write the value out"
        )
    if event.tag:
        raise _error(name, event, "! (a tag) is not used in settings", "put the value in quotes")
    if depth > _DEEPEST:
        raise _error(name, event, "nested too deeply", "settings have sections and keys, no more")
    if isinstance(event, yaml.ScalarEvent):
        return Leaf(typed(event.value) if event.implicit[0] else event.value, _span(event))
    if isinstance(event, yaml.SequenceStartEvent):
        return _items(event, events, name, depth)
    return _section(event, events, name, depth)


def _items(start: Any, events: Iterator[Any], name: str, depth: int) -> Items:
    nodes = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        nodes.append(_node(event, events, name, depth + 1))
    return Items(tuple(nodes), _span(start, event))


def _section(start: Any, events: Iterator[Any], name: str, depth: int) -> Section:
    entries: dict[str, Entry] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            raise _error(name, event, "a key must be a plain word", "for example: model:")
        if event.value in entries:
            first = entries[event.value].key.line + 1
            raise _error(
                name,
                event,
                f"{event.value!r} is set twice (first on line {first})",
                "keep one of them",
            )
        node = _node(next(events), events, name, depth + 1)
        entries[event.value] = Entry(_span(event), node)
    return Section(entries, _span(start, event), bool(start.flow_style))


def _span(start: Any, end: Any = None) -> Span:
    first, last = start.start_mark, (end or start).end_mark
    return Span(first.line, first.column, last.line, last.column)


def _error(name: str, event: Any, what: str, hint: str = "") -> SettingsError:
    return SettingsError(f"{name} line {event.start_mark.line + 1}: {what}", hint)


def _syntax_error(error: yaml.MarkedYAMLError, text: str, name: str) -> SettingsError:
    mark = error.problem_mark or error.context_mark
    number = mark.line + 1 if mark else 1
    lines = text.splitlines()
    line = lines[number - 1] if number <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return SettingsError(
            f"{name} line {number}: begins with a tab", "indent with two spaces instead"
        )
    return SettingsError(
        f"{name} line {number}: not valid YAML: {error.problem or error.context}",
        "write `key: value`, two spaces deeper than its section; quote a value with : # or quotes",
    )
