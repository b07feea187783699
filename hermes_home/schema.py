"""Turns a tree of settings into dataclasses, strictly: every mistake is named with its place,
what is accepted, and the nearest key that exists.

Sections are dataclasses whose fields are dataclasses (sections) or options.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, partial
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from hermes_home.errors import SettingsError
from hermes_home.rules import Rule
from hermes_home.yaml_text import Items, Leaf, Node, Section

_KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_EXAMPLES: dict[Any, str] = {str: "text", int: "1", float: "0.5", bool: "true"}
_SECRET_ENDINGS = ("api_key", "apikey", "bot_token", ".token", "secret", "password")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. `type` is str, int, float, bool or tuple (of texts)."""

    key: str
    type: type
    default: Any
    choices: tuple[str, ...] = ()
    rule: Rule | None = None

    @property
    def accepts(self) -> str:
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.rule:
            return self.rule.accepts
        return "a list of texts" if self.type is tuple else _KINDS[self.type]

    @property
    def example(self) -> str:
        """How it looks in the file."""
        if self.choices:
            value = self.choices[0]
        elif self.rule:
            value = self.rule.example
        else:
            value = _EXAMPLES.get(self.type, "[text]")
        *sections, name = self.key.split(".")
        lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(sections)]
        lines.append(f"{'  ' * len(sections)}{name}: {value}")
        return "\n  ".join(lines)


def options(root: type) -> Mapping[str, Option]:
    """Every option of a settings dataclass by its dotted key."""
    found = {}
    hints = _hints(root)
    for field in dataclasses.fields(root):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            for option in options(hint).values():
                key = f"{field.name}.{option.key}"
                found[key] = dataclasses.replace(option, key=key)
        else:
            found[field.name] = _option(field.name, hint, field.default)
    return found


def _hints(kind: type) -> Mapping[str, Any]:
    return _evaluated(kind)


_evaluated = cache(partial(get_type_hints, include_extras=True))  # anew, it takes milliseconds


def _option(name: str, hint: Any, default: Any) -> Option:
    rule = None
    if get_origin(hint) is Annotated:
        hint, rule = get_args(hint)
    if get_origin(hint) is Literal:
        return Option(name, str, default, get_args(hint), rule)
    return Option(name, get_origin(hint) or hint, default, (), rule)


def build(root: type[T], tree: Section, name: str, environment: Mapping[str, str]) -> T:
    """A settings dataclass filled from `tree`; what the tree does not name keeps its default.

    name: what messages call the file. environment: for rules that expand `~`. SettingsError.
    """
    return _fill(root, tree, _Source(name, options(root), environment), "")


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    options: Mapping[str, Option]
    environment: Mapping[str, str]


def _fill(kind: type[T], section: Section, source: _Source, prefix: str) -> T:
    hints = _hints(kind)
    values: dict[str, Any] = {}
    for name, entry in section.entries.items():
        key, node = prefix + name, entry.node
        place = f"{source.name} line {entry.key.line + 1}"
        if name not in hints:
            what, hint = _unknown(key, source.options)
            raise SettingsError(f"{place}: {what}", hint)
        if key in source.options:
            values[name] = convert(source.options[key], node, place, source.environment)
        elif isinstance(node, Section):
            values[name] = _fill(hints[name], node, source, key + ".")
        elif not (isinstance(node, Leaf) and node.value is None):
            first = next(
                known for known in source.options.values() if known.key.startswith(key + ".")
            )
            raise SettingsError(
                f"{place}: {key} is a section, not a value", f"for example:\n  {first.example}"
            )
    return kind(**values)


def convert(option: Option, node: Node, place: str, environment: Mapping[str, str]) -> Any:
    """The value of an option as its dataclass holds it. SettingsError begins with `place`."""
    try:
        value = _of_type(option, node)
        if value != option.default and option.rule:
            value = option.rule.apply(value, environment)
    except ValueError as error:
        raise SettingsError(
            f"{place}: {option.key} must be {option.accepts}, not {error}",
            f"for example:\n  {option.example}",
        ) from error
    return value


def _of_type(option: Option, node: Node) -> Any:
    """ValueError says what was found instead."""
    if option.type is tuple and isinstance(node, Items):
        return tuple(_text(item) for item in node.nodes)
    if option.type is str:
        value = _text(node)
        if option.choices and value not in option.choices:
            raise ValueError(_shown(value))
        return value
    if not isinstance(node, Leaf):
        raise ValueError("a list" if isinstance(node, Items) else "a section")
    exact = type(node.value) is option.type
    if not exact and not (option.type is float and type(node.value) is int):
        raise ValueError(_shown(node.value))
    return option.type(node.value)


def _text(node: Node) -> str:
    if not isinstance(node, Leaf):
        raise ValueError("a list" if isinstance(node, Items) else "a section")
    if not isinstance(node.value, str):
        raise ValueError(_shown(node.value) + " (quotes make it a text)")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in node.value):
        raise ValueError("several lines or a control character")
    return node.value


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return repr(text if len(text) <= 40 else text[:40] + "…") if isinstance(value, str) else text


def nearest(key: str, known: Mapping[str, Option]) -> list[str]:
    """The known keys an unknown one may have meant, best first, at most three. The same last
    word in another section counts as near."""
    wanted = key.lower().replace("-", "_")
    names = {*known, *(option.split(".")[0] for option in known if "." in option)}
    scored = sorted(((_likeness(wanted, name), name) for name in names), reverse=True)
    best = scored[0][0]
    return [name for score, name in scored[:3] if score >= 0.65 and score > best - 0.05]


def _likeness(wanted: str, name: str) -> float:
    if wanted.count(".") != name.count(".") or "." not in name:
        section = 0.0
    else:
        section = _ratio(wanted.rpartition(".")[0], name.rpartition(".")[0])
    last = _ratio(wanted.rpartition(".")[2], name.rpartition(".")[2])
    return max(_ratio(wanted, name), 0.9 * last + 0.1 * section)


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def unknown_key(key: str, known: Mapping[str, Option]) -> SettingsError:
    """For a key named outside the file."""
    return SettingsError(*_unknown(key, known))


def _unknown(key: str, known: Mapping[str, Option]) -> tuple[str, str]:
    what = f"there is no setting {key!r}"
    if key in known:  # written with the dot, at the top
        return what, f"write it so:\n  {known[key].example}"
    if key.lower().endswith(_SECRET_ENDINGS):
        return what, "secrets belong in .env, one line each: NAME=value"
    if names := nearest(key, known):
        return what, "did you mean " + " or ".join(names) + "?"
    section = key.split(".")[0] + "."
    inside = [name for name in known if name.startswith(section)]
    sections = sorted({name.split(".")[0] for name in known})
    return what, "known here: " + ", ".join(inside or sections)
