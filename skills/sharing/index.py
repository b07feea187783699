"""The well-known index of skills: read in its versions 0.2 and 0.1, written in 0.2."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hermes_home.errors import SkillError
from skills.sharing.layout import MOST_OFFERS
from skills.sharing.package import bad_path
from skills.skill import DESCRIPTION_LIMIT, NAME_LIMIT

SCHEMA = "https://schemas.agentskills.io/discovery/0.2.0/schema.json"
PLACE = ".well-known/agent-skills/index.json"
OLD_PLACE = ".well-known/skills/index.json"
TYPES = ("skill-md", "archive")

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A skill of an index. Of version 0.2: `type`, `url` (relative to the index) and `digest` of
    what lies there. Of version 0.1: `files`, each below the skill's folder beside the index."""

    name: str
    description: str
    type: str = ""
    url: str = ""
    digest: str = ""
    files: tuple[str, ...] = ()


def read_index(data: bytes) -> tuple[list[Listed], list[str]]:
    """The skills of an index, and what is wrong with those that are left out. SkillError if it is
    no index, or of a version nobody here knows."""
    try:
        index = json.loads(data)
    except (ValueError, RecursionError):
        raise SkillError("the index is not JSON") from None
    if not isinstance(index, dict) or not isinstance(index.get("skills"), list):
        raise SkillError("the index lists no skills")
    schema = index.get("$schema")
    if schema is not None and schema != SCHEMA:
        raise SkillError(
            f"the index is of a version that is not known: {str(schema)[:120]}",
            f"known are {SCHEMA} and the one before it, which names none",
        )
    read = _entry if schema else _old_entry
    found: dict[str, Listed] = {}
    wrong = []
    for entry in index["skills"][:MOST_OFFERS]:
        try:
            listed = read(entry)
        except SkillError as error:
            wrong.append(error.message)
            continue
        if listed.name in found:
            wrong.append(f"{listed.name}: it is listed twice; the first counts")
        found.setdefault(listed.name, listed)
    return list(found.values()), wrong


def _named(entry: Any) -> tuple[str, str]:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or len(name) > NAME_LIMIT or not _NAME.fullmatch(name):
        raise SkillError(f"an entry has no name that can be used: {str(name)[:80]!r}")
    description = entry.get("description")
    if not isinstance(description, str):
        raise SkillError(f"{name}: its description is no text")
    return name, description[:DESCRIPTION_LIMIT]


def _entry(entry: Any) -> Listed:
    name, description = _named(entry)
    kind, url, digest = entry.get("type"), entry.get("url"), entry.get("digest")
    if kind not in TYPES:
        raise SkillError(f"{name}: its type {str(kind)[:40]!r} is not known")
    if not isinstance(url, str) or not url:
        raise SkillError(f"{name}: it has no url")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise SkillError(f"{name}: its digest is no sha256")
    return Listed(name, description, kind, url, digest)


def _old_entry(entry: Any) -> Listed:
    name, description = _named(entry)
    files = entry.get("files")
    if not isinstance(files, list) or not all(isinstance(one, str) for one in files) or not files:
        raise SkillError(f"{name}: it lists no files")
    for path in files:
        if problem := bad_path(path):
            raise SkillError(f"{name}: it lists the file {path[:120]!r}: {problem}")
    return Listed(name, description, files=tuple(dict.fromkeys(files)))


def with_entry(index: bytes | None, listed: Listed) -> bytes:
    """An index (None = there is none yet) with this entry in the place of one of its name; what
    else is in it stays as it is. SkillError if it is no index of version 0.2."""
    known: dict[str, Any] = {"$schema": SCHEMA, "skills": []}
    if index is not None:
        read_index(index)
        known = json.loads(index)
        if known.get("$schema") != SCHEMA:
            raise SkillError("the index there is of version 0.1", "publish into another folder")
    row = {key: value for key, value in asdict(listed).items() if value}
    others = [one for one in known["skills"] if not _is(one, listed.name)]
    known["skills"] = sorted([*others, row], key=_sorting)
    return json.dumps(known, ensure_ascii=False, indent=2).encode("utf-8") + b"\n"


def _is(entry: Any, name: str) -> bool:
    return isinstance(entry, dict) and entry.get("name") == name


def _sorting(entry: Any) -> str:
    return str(entry.get("name")) if isinstance(entry, dict) else ""


def named(listed: Sequence[Listed], name: str) -> Listed | None:
    return next((one for one in listed if one.name == name), None)
