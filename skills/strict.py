"""The agentskills.io format as we write it: nothing a strict reader could object to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from agent.characters import unseen
from hermes_home.errors import SkillError
from skills import frontmatter
from skills.frontmatter import Value
from skills.skill import (
    COMPATIBILITY_LIMIT,
    DESCRIPTION_LIMIT,
    FIELDS,
    NAME_LIMIT,
    Skill,
    parse,
)

BYTES_LIMIT = 20 * 1024
LINES_LIMIT = 500

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def render(
    name: str,
    description: str,
    body: str,
    *,
    license: str = "",
    compatibility: str = "",
    allowed_tools: str = "",
    metadata: Mapping[str, str] | None = None,
) -> str:
    """The text of a SKILL.md; SkillError lists everything the format forbids in these values.
    Our own keys in `metadata` begin with `hermes-`."""
    fields = {
        "name": name,
        "description": description,
        "license": license,
        "compatibility": compatibility,
        "allowed-tools": allowed_tools,
    }
    lines = [f"{key}: {_quoted(value)}" for key, value in fields.items() if value]
    if metadata:
        lines.append("metadata:")
        lines += [f"  {_quoted(key)}: {_quoted(value)}" for key, value in metadata.items()]
    text = "\n".join(["---", *lines, "---", "", body.strip(), ""])
    if problems := check_strict(text, name):
        raise SkillError("; ".join(problems), "change these and write the skill again")
    return text


def canonical(text: str, folder_name: str) -> str:
    """The same skill with quoted values and plain line ends, where this loses nothing; else the
    text as it is, for `check_strict` to object to."""
    try:
        skill = parse(text, folder_name)
        return render(
            skill.title,
            skill.description,
            skill.body,
            license=skill.license,
            compatibility=skill.compatibility,
            allowed_tools=skill.allowed_tools,
            metadata=_plain(skill),
        )
    except SkillError:
        return text


def _plain(skill: Skill) -> dict[str, str]:
    plain = {key: value for key, value in skill.metadata.items() if isinstance(value, str)}
    comments = any(note.text == frontmatter.COMMENT for note in skill.diagnostics)
    if skill.degraded or skill.extra or comments or len(plain) < len(skill.metadata):
        raise SkillError("this skill holds more than the format has fields for")
    return plain


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def check_name(name: str) -> list[str]:
    """What is wrong with a skill's name; empty if nothing."""
    if len(name) > NAME_LIMIT or not _NAME.fullmatch(name):
        shape = f"lowercase letters and digits joined by single hyphens, at most {NAME_LIMIT}"
        return [f"the name {name[:80]!r} is not {shape}"]
    return []


def check_strict(text: str, name: str) -> list[str]:
    """Everything that keeps this text from being a valid SKILL.md in a folder `name`."""
    problems = check_name(name) + check_text(text)
    if len(text.encode("utf-8", "replace")) > BYTES_LIMIT:
        problems.append(f"SKILL.md is over {BYTES_LIMIT} bytes: move details to references/")
    if text.count("\n") > LINES_LIMIT:
        problems.append(f"SKILL.md is over {LINES_LIMIT} lines: move details to references/")
    if not text.startswith("---\n"):
        return [*problems, "the first line is not '---', with the fields name and description next"]
    try:
        page = frontmatter.split(text)
        fields = frontmatter.load(page.head or "", page.line)
    except SkillError as error:
        return [*problems, error.message]
    if not text.startswith(f"---\n{page.head}---\n"):
        problems.append("the frontmatter does not end with a line of only '---'")
    problems += _check_head(page.head or "", fields)
    problems += _check_fields(fields.values, name)
    if not page.body:
        problems.append("there are no instructions below the frontmatter")
    return problems


def check_text(text: str) -> list[str]:
    """What is wrong with the characters of a text we write."""
    problems = [f"line {line} hides {name}" for line, name in unseen(text)[:5]]
    if "\r" in text:
        problems.append("the line ends are not plain newlines")
    return problems


def _check_head(head: str, fields: frontmatter.Fields) -> list[str]:
    notes = (*fields.diagnostics, *fields.impure)
    problems = [f"line {note.line}: the frontmatter {note.text}" for note in notes]
    # The reference reader cuts at these three characters wherever they stand.
    if "---" in head:
        problems.append("a field holds '---', which ends the frontmatter for some readers")
    if "\t" in head:
        problems.append("the frontmatter holds a tab")
    return problems


def _check_fields(values: dict[str, Value], name: str) -> list[str]:
    problems = []
    if unknown := [key for key in values if key not in FIELDS]:
        problems.append(
            f"the format has no field {', '.join(unknown)}: put it under metadata, as text"
        )
    for key in FIELDS:
        if key != "metadata" and key in values:
            problems += _check_text_field(key, values[key])
    problems += [f"the field {key} is missing" for key in FIELDS[:2] if key not in values]
    written = values.get("name", name)
    if written != name:
        problems.append(f"the frontmatter's name is {written!r}, the skill's is {name!r}")
    metadata = values.get("metadata", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        problems.append("metadata is not one level of `key: text`")
    return problems


_LIMITS = {"description": DESCRIPTION_LIMIT, "compatibility": COMPATIBILITY_LIMIT}


def _check_text_field(key: str, value: Value) -> list[str]:
    if not isinstance(value, str) or not value.strip():
        return [f"the field {key} is empty or not text"]
    limit = _LIMITS.get(key, DESCRIPTION_LIMIT)
    if len(value) > limit:
        return [f"the field {key} has {len(value)} characters of at most {limit}"]
    return []
