"""Checks a JSON, YAML, TOML, INI or .env file: syntax, doubled keys, values that are read wrongly.

One finding a line: file:line: kind: what. Exit 0 without findings, 1 with, 2 if it cannot be read.
"""

from __future__ import annotations

import argparse
import configparser
import json
import re
import sys
import tomllib
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

Finding = tuple[int, str, str]

_TRAPS = {
    "is read as true or false": re.compile(r"(?i:yes|no|on|off|y|n)"),
    "is read as a number in base 8": re.compile(r"[-+]?0[0-7]+"),
    "is read as minutes and seconds": re.compile(r"[-+]?[1-9]\d*(?::[0-5]?\d)+"),
    "is a number and loses its last zero": re.compile(r"\d+\.\d*0"),
}
_PAIR = re.compile(
    r"(\s*)((?:- +)*)"
    r"""("[^"]*"|'[^']*'|[^\s#:'"&*!\[\]{}-][^#:]*?|-[^\s#:][^#:]*?)\s*:(?:\s+(.*))?$"""
)


def kind_of(path: Path) -> str:
    if path.name.startswith(".env") or path.suffix == ".env":
        return "env"
    kinds = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}
    return kinds.get(path.suffix.lower(), "ini")


def read_json(text: str) -> tuple[Any, list[Finding]]:
    twice: list[Finding] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        for key in sorted({key for key, _ in items}):
            if sum(key == other for other, _ in items) > 1:
                at = [m.start() for m in re.finditer(rf'"{re.escape(key)}"\s*:', text)]
                line = text.count("\n", 0, at[-1]) + 1 if at else 0
                twice.append((line, "twice", f"{key!r} is given more than once; the last counts"))
        return found

    try:
        return json.loads(text, object_pairs_hook=pairs), twice
    except json.JSONDecodeError as error:
        before = text[: error.pos].rstrip()
        comma = before.endswith(",") and text[error.pos : error.pos + 1] in "}]"
        hint = "; take out the comma before it" if comma or "trailing comma" in error.msg else ""
        if re.search(r"(?m)^\s*(//|/\*|#)", text):
            hint += "; JSON has no comments"
        return None, [(error.lineno, "syntax", f"{error.msg} (column {error.colno}){hint}")]


def read_toml(text: str) -> tuple[Any, list[Finding]]:
    try:
        return tomllib.loads(text), []
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        return None, [(int(found[1]) if found else 0, "syntax", str(error))]


def read_ini(text: str) -> tuple[Any, list[Finding]]:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    try:
        parser.read_string(text)
    except (configparser.DuplicateOptionError, configparser.DuplicateSectionError) as error:
        return None, [(error.lineno or 0, "twice", " ".join(str(error).split())[:200])]
    except configparser.Error as error:
        found = re.search(r"line:?\s*(\d+)", str(error))
        return None, [(int(found[1]) if found else 0, "syntax", " ".join(str(error).split())[:200])]
    return {name: dict(parser.items(name)) for name in parser.sections()}, []


def read_env(text: str) -> tuple[Any, list[Finding]]:
    values: dict[str, str] = {}
    findings: list[Finding] = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        found = re.fullmatch(r"(?:export\s+)?([A-Za-z_]\w*)(\s*)=(\s*)(.*)", bare)
        if not found:
            findings.append((number, "syntax", "is no KEY=value"))
            continue
        key, before, after, value = found.groups()
        if before or (after and value):
            findings.append((number, "syntax", f"{key} has a space beside its ="))
        if value[:1] in ("'", '"') and not re.fullmatch(
            r"(['\"])(?:(?!\1).|\\.)*\1(\s+#.*)?", value
        ):
            findings.append((number, "syntax", f"the quotes of {key} are not closed"))
        elif value[:1] not in ("'", '"') and " " in value.split(" #")[0].strip():
            findings.append((number, "value", f"{key} has a space and no quotes"))
        if key in values:
            findings.append((number, "twice", f"{key!r} is given more than once; the last counts"))
        values[key] = value
    return values, findings


def read_yaml(text: str) -> tuple[Any, list[Finding]]:
    """By its lines for the traps; whole if PyYAML is there."""
    findings = _yaml_lines(text)
    try:
        yaml = import_module("yaml")
    except ImportError:
        return None, findings
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        return None, [*findings, (mark.line + 1 if mark else 0, "syntax", problem)]
    return documents[0] if documents else None, findings


def _yaml_lines(text: str) -> list[Finding]:
    findings: list[Finding] = []
    open_maps: list[tuple[int, set[str]]] = []
    block = -1
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip(" \t"))
        bare = line.strip()
        if block >= 0 and (not bare or indent > block):
            continue
        block = -1
        if "\t" in line[:indent]:
            findings.append((number, "syntax", "is indented with a tab"))
        if bare.startswith(("---", "...")):
            open_maps.clear()
        if not bare or bare.startswith("#"):
            continue
        if found := _PAIR.match(line):
            findings += [(number, kind, told) for kind, told in _yaml_pair(found, open_maps)]
            if re.match(r"[|>][-+\d]*\s*(#.*)?$", found[4] or ""):
                block = len(found[1])
        elif found := re.match(r"\s*- +([^#]+?)(?:\s+#.*)?$", line):
            findings += [(number, "value", told) for told in _trap("an entry", found[1])]
    return findings


def _yaml_pair(
    found: re.Match[str], open_maps: list[tuple[int, set[str]]]
) -> list[tuple[str, str]]:
    column = len(found[1]) + len(found[2])
    while open_maps and (open_maps[-1][0] > column or (found[2] and open_maps[-1][0] >= column)):
        open_maps.pop()
    if not open_maps or open_maps[-1][0] < column:
        open_maps.append((column, set()))
    key = found[3].strip("'\"")
    keys = open_maps[-1][1]
    told = [("twice", f"{key!r} is given more than once; the last counts")] if key in keys else []
    keys.add(key)
    value = re.sub(r"\s+#.*$", "", found[4] or "").strip()
    if re.match(r"[^'\"|>&*!\[{].*: ", value):
        told.append(("syntax", f"the value of {key!r} holds ': ' and no quotes"))
    if _trap_key(found[3]):
        told.append(("value", f"the key {key} is read as true or false: quote it"))
    return told + [("value", trap) for trap in _trap(repr(key), value)]


def _trap_key(written: str) -> bool:
    return (
        bool(_TRAPS["is read as true or false"].fullmatch(written)) and written.lower() not in "yn"
    )


def _trap(name: str, value: str) -> list[str]:
    value = value.strip()
    return [
        f"{name}: {value} {what}: quote it if it is a text"
        for what, pattern in _TRAPS.items()
        if pattern.fullmatch(value) and not (value.lower() in ("y", "n") and "true" not in what)
    ][:1]


READERS = {
    "json": read_json,
    "toml": read_toml,
    "ini": read_ini,
    "env": read_env,
    "yaml": read_yaml,
}


def compared(value: Any, example: Any, path: str = "") -> list[str]:
    """What one tree of values has more, less or otherwise than an example."""
    if not isinstance(example, dict) or not isinstance(value, dict):
        kinds = [_kind(one) for one in (value, example)]
        same = kinds[0] == kinds[1] or "nothing" in kinds
        return [] if same else [f"type: {path} is {kinds[0]}, the example has {kinds[1]}"]
    told = []
    for key in [key for key in example if key not in value]:
        told.append(f"missing: {path}{key}")
    for key in [key for key in value if key not in example]:
        near = get_close_matches(str(key), map(str, example), 1)
        told.append(f"unknown: {path}{key}" + (f"; did you mean {near[0]}?" if near else ""))
    for key in value.keys() & example.keys():
        told += compared(value[key], example[key], f"{path}{key}.")
    return [line.replace(".: ", ": ").replace(". is ", " is ") for line in told]


def _kind(value: Any) -> str:
    names = {bool: "true/false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return "nothing" if value is None else names.get(type(value), "a group of keys")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--like", type=Path, help="an example that has all the keys there are")
    parser.add_argument("--kind", choices=sorted(READERS), help="else by the name of the file")
    arguments = parser.parse_args()
    total = 0
    try:
        example = None
        if arguments.like:
            kind = arguments.kind or kind_of(arguments.like)
            example, wrong = READERS[kind](arguments.like.read_text(encoding="utf-8-sig"))
            if example is None:
                print(f"{arguments.like} cannot be compared with: {wrong}", file=sys.stderr)
                return 2
        for path in arguments.files:
            text = path.read_text(encoding="utf-8-sig")
            value, findings = READERS[arguments.kind or kind_of(path)](text)
            lines = [f"{path}:{line}: {kind}: {told}" for line, kind, told in sorted(findings)]
            if example is not None and value is not None:
                lines += [f"{path}: {told}" for told in sorted(compared(value, example))]
            total += len(lines)
            print("\n".join(lines), end="\n" if lines else "")
    except (OSError, UnicodeDecodeError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    print(f"{total} findings", file=sys.stderr)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
