"""Sets one key in config.yaml and leaves every other line as its owner wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.schema import Option, convert, options, unknown_key
from hermes_home.settings import Settings, check_settings, parse_config, read_config
from hermes_home.yaml_text import Entry, Items, Leaf, Node, Section, Span, parse, typed

_LINE_END = re.compile("(?<=\n)|(?<=\r)(?!\n)|(?<=[\x85\u2028\u2029])")  # as YAML counts lines
_PLAIN = re.compile(r"[A-Za-z0-9_./~][A-Za-z0-9_./~:+-]*")


def set_value(home: Home, key: str, text: str) -> str:
    """config.yaml's new text with `key` set to what `text` says, comments and order kept.

    Nothing is written. A list is `a, b` or `[a, b]`. SettingsError: an unknown key, a value it
    does not take, a file that is wrong already, or one in which only a person can set the key.
    """
    known = options(Settings)
    if key not in known:
        raise unknown_key(key, known)
    node = _node(known[key], text)
    convert(known[key], node, "the value", {})
    old = read_config(home)
    check_settings(old, home, {})
    new = _edit(old, parse_config(old, home), key, _written(node))
    try:
        check_settings(new, home, {})
        changed = _values(parse_config(new, home)) == _values(parse_config(old, home)) | {
            key: _plain(node)
        }
    except SettingsError:
        changed = False
    if not changed:
        raise SettingsError(
            f"{home.config} is written in a way that {key} cannot be set in",
            f"edit the file: {known[key].example}",
        )
    return new


def put_value(text: str, name: str, key: str, value: str | bool | tuple[str, ...]) -> str:
    """`text`, a file of settings that messages call `name`, with `key` (dotted where it is in a
    section) set to `value`; comments and order kept. The caller reads the result again: a file
    may be written in a way that is not understood here."""
    nowhere = Span(0, 0, 0, 0)
    if isinstance(value, tuple):
        node: Node = Items(tuple(Leaf(item, nowhere) for item in value), nowhere)
    else:
        node = Leaf(value, nowhere)
    tree = parse(text, name)
    if "." in key or key in tree.entries or tree.flow:
        return _edit(text, tree, key, _written(node))
    begun = text if not text or text.endswith("\n") else text + "\n"
    return f"{begun}{key}: {_written(node)}\n"


def keys_set(home: Home) -> set[str]:
    """The dotted keys that config.yaml sets."""
    return set(_values(parse_config(read_config(home), home)))


def rewritten(home: Home) -> str:
    """What config.yaml sets, a line each and without comments: whichever way its owner wrote it,
    each key can be set in this text."""
    return "".join(_lines(parse_config(read_config(home), home), ""))


def _lines(tree: Section, indent: str) -> Iterator[str]:
    for name, entry in tree.entries.items():
        key = name if _PLAIN.fullmatch(name) and name[-1] != ":" else json.dumps(name)
        if isinstance(entry.node, Section) and entry.node.entries:
            yield f"{indent}{key}:\n"
            yield from _lines(entry.node, indent + "  ")
        elif not isinstance(entry.node, Section):
            yield f"{indent}{key}: {json.dumps(_nested(entry.node), ensure_ascii=False)}\n"


def _nested(node: Node) -> object:
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Items):
        return [_nested(item) for item in node.nodes]
    return {name: _nested(entry.node) for name, entry in node.entries.items()}


def _node(option: Option, text: str) -> Node:
    """The value as if it stood in the file. A text needs no quotes here, whatever is in it."""
    nowhere = Span(0, 0, 0, 0)
    if option.type is not tuple:
        return Leaf(text if option.type is str else typed(text.strip()), nowhere)
    if text.lstrip().startswith("["):
        return parse(f"value: {text}", f"the value of {option.key}:").entries["value"].node
    words = [word.strip() for word in text.split(",")]
    return Items(tuple(Leaf(word, nowhere) for word in words if word), nowhere)


def _plain(node: Node) -> object:
    if isinstance(node, Leaf):
        return node.value
    return [_plain(item) for item in node.nodes] if isinstance(node, Items) else _values(node)


def _values(tree: Section, prefix: str = "") -> dict[str, object]:
    """What the file sets, by dotted key; a section without a key does not count."""
    found: dict[str, object] = {}
    for name, entry in tree.entries.items():
        if isinstance(entry.node, Section):
            found |= _values(entry.node, f"{prefix}{name}.")
        elif prefix + name not in _section_names():
            found[prefix + name] = _plain(entry.node)
    return found


def _section_names() -> set[str]:
    return {key[:dot] for key in options(Settings) for dot in range(len(key)) if key[dot] == "."}


def _written(node: Node) -> str:
    """The value as it is written in the file, on one line."""
    if isinstance(node, Items):
        return "[" + ", ".join(_written(item) for item in node.nodes) + "]"
    value = node.value if isinstance(node, Leaf) else None
    if isinstance(value, str):
        safe = _PLAIN.fullmatch(value) and value[-1] != ":" and typed(value) == value
        return value if safe else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _edit(text: str, tree: Section, key: str, value: str) -> str:
    lines = _LINE_END.split(text)
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    above, inside, path = _reach(tree, key)
    if isinstance(inside, Section) and path[0] in inside.entries:
        return _replace(lines, inside.entries[path[0]], value)
    if above is None:
        return _append(text, "".join(_block(path, value, "", end)), end)
    if isinstance(inside, Section) and inside.flow:
        new = f"{path[-1]}: {value}"
        for name in reversed(path[:-1]):
            new = f"{name}: {{{new}}}"
        return _insert_flow(lines, inside, new)
    return _insert_lines(lines, above, path, value, end)


def _reach(tree: Section, key: str) -> tuple[Entry | None, Node, list[str]]:
    """The deepest entry on the way to a key that is there already, what it holds, and the names
    still missing below it."""
    above: Entry | None = None
    inside: Node = tree
    path = key.split(".")
    while len(path) > 1 and isinstance(inside, Section) and path[0] in inside.entries:
        above = inside.entries[path.pop(0)]
        inside = above.node
    return above, inside, path


def _block(path: list[str], value: str, indent: str, end: str) -> list[str]:
    """The lines of a value in sections of its own."""
    heads = [f"{indent}{'  ' * depth}{name}:" for depth, name in enumerate(path)]
    return [*(head + end for head in heads[:-1]), f"{heads[-1]} {value}{end}"]


def _replace(lines: list[str], entry: Entry, value: str) -> str:
    """Put `value` where the entry's value stands; what follows it on its line stays."""
    span, first = _own_span(entry), entry.key.end_line
    after = lines[span.end_line][span.end_column :]
    head = lines[first][: entry.key.end_column] + ":"
    return "".join([*lines[:first], f"{head} {value}{after}", *lines[span.end_line + 1 :]])


def _own_span(entry: Entry) -> Span:
    """YAML says that a list ends where the next thing begins; this one ends with its last item."""
    node = entry.node
    while isinstance(node, Items) and node.nodes and node.span.end_column == 0:
        node = node.nodes[-1]
    return node.span


def _append(text: str, new: str, end: str) -> str:
    if text and not text.endswith(("\n", "\r")):
        text += end
    return f"{text}{end}{new}" if text.strip() else text + new


def _insert_flow(lines: list[str], section: Section, new: str) -> str:
    number, column = section.span.end_line, section.span.end_column - 1
    line = lines[number]
    separator = ", " if section.entries else ""
    lines[number] = line[:column].rstrip() + separator + new + line[column:]
    return "".join(lines)


def _insert_lines(lines: list[str], above: Entry, path: list[str], value: str, end: str) -> str:
    """Below the section's last key, or first in it if it has none."""
    node, number, indent = above.node, above.key.line + 1, " " * (above.key.column + 2)
    if isinstance(node, Section):
        last = list(node.entries.values())[-1]
        number, indent = _last_line(last) + 1, " " * last.key.column
    if lines[number - 1] and not lines[number - 1].endswith(("\n", "\r")):
        lines[number - 1] += "\n"
    return "".join([*lines[:number], *_block(path, value, indent, end), *lines[number:]])


def _last_line(entry: Entry) -> int:
    """YAML says that a section ends where the next thing begins; it ends with its last key."""
    node = entry.node
    if isinstance(node, Section) and not node.flow and node.entries:
        return _last_line(list(node.entries.values())[-1])
    return _own_span(entry).end_line
