"""A skill in the agentskills.io format, read leniently: what is odd becomes a diagnostic."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from agent.characters import unseen
from hermes_home.errors import SkillError
from skills import frontmatter
from skills.diagnostic import Diagnostic
from skills.frontmatter import Value

SKILL_FILE = "SKILL.md"
FIELDS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
NAME_LIMIT = 64
DESCRIPTION_LIMIT = 1024
COMPATIBILITY_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill. `name` is for lookup (lowercase words joined by hyphens), `title` the name as
    written. `metadata` may be nested; `extra` holds fields the format does not know, verbatim.
    `degraded`: name or description were guessed. `digest` is the sha256 of the file's text.

    Where it lies (`folder`, `file`, `layer`, `category`) is filled in by the library.
    """

    name: str
    title: str
    description: str
    body: str
    digest: str
    license: str = ""
    compatibility: str = ""
    allowed_tools: str = ""
    metadata: Mapping[str, Value] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Value] = field(default_factory=dict, hash=False)
    diagnostics: tuple[Diagnostic, ...] = ()
    degraded: bool = False
    folder: Path = Path()
    file: str = SKILL_FILE
    layer: str = ""
    category: str = ""


def slug(name: str) -> str:
    """Lowercase letters and digits of any script, joined by single hyphens; may be empty."""
    folded = unicodedata.normalize("NFKC", name).lower()
    return re.sub(r"[\W_]+", "-", folded).strip("-")


def slash_name(skill: Skill) -> str:
    """The word after the slash that loads this skill, the same on every channel that takes it."""
    return skill.name


def load_block(skill: Skill, lacking: str = "") -> str:
    """A skill's instructions as they enter a conversation, below what this machine lacks."""
    opening = f'<skill name="{escape(skill.name)}" dir="{escape(str(skill.folder))}">'
    warning = [f"This skill cannot work here as it is: it {lacking}.", ""] if lacking else []
    body = skill.body.replace("</skill>", "<\\/skill>")
    return "\n".join([opening, *warning, body, "</skill>"])


def parse(text: str, folder_name: str, notes: Sequence[Diagnostic] = ()) -> Skill:
    """The skill a SKILL.md in a folder of this name describes. notes: what is odd about it so far.

    SkillError, with the line, only if the frontmatter cannot be read or nothing is described.
    """
    page = frontmatter.split(text)
    found = [*notes, *page.diagnostics, *_hidden(text)]
    values: dict[str, Value] = {}
    if page.head is not None:
        fields = frontmatter.load(page.head, page.line)
        values = fields.values
        found += fields.diagnostics
        flows = [note for note in fields.impure if note.text == frontmatter.FLOW]
        found += [Diagnostic("info", note.text, note.line) for note in flows[:1]]
    else:
        found.append(Diagnostic("warning", "has no frontmatter; name and description are guessed"))
    name, title = _name(values, folder_name, found)
    description, guessed = _description(values, page.body, found)
    metadata = _metadata(values, found)
    extra = {key: value for key, value in values.items() if key not in FIELDS}
    if extra:
        found.append(Diagnostic("info", f"has fields outside the format: {', '.join(extra)}"))
    return Skill(
        name=name,
        title=title,
        description=description,
        body=page.body,
        digest=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        license=_text(values.get("license", "")),
        compatibility=_compatibility(values, found),
        allowed_tools=_tools(values, found),
        metadata=metadata,
        extra=extra,
        diagnostics=tuple(found),
        degraded=guessed or page.head is None,
    )


def _hidden(text: str) -> list[Diagnostic]:
    visible = text.replace("\r", "").removeprefix("\ufeff")
    return [Diagnostic("warning", f"hides {name}", line) for line, name in unseen(visible)]


def _name(values: dict[str, Value], folder: str, found: list[Diagnostic]) -> tuple[str, str]:
    written = _text(values.get("name", ""))
    name = slug(written) or slug(folder)
    if not name:
        raise SkillError(
            f"neither the name {written!r} nor the folder {folder!r} has a letter or digit",
            "give the folder a name such as `weekly-report` and write it in `name:`",
        )
    if values and not written:
        found.append(Diagnostic("warning", f"has no name; the folder's is used: {name}"))
    elif written and written != folder:
        found.append(Diagnostic("warning", f"is named {written!r} in the folder {folder!r}"))
    if written and written != name:
        found.append(Diagnostic("warning", f"the name {written!r} is looked up as {name!r}"))
    if len(name) > NAME_LIMIT:
        found.append(Diagnostic("warning", f"the name has {len(name)} of {NAME_LIMIT} characters"))
    return name, written or folder


def _description(values: dict[str, Value], body: str, found: list[Diagnostic]) -> tuple[str, bool]:
    """The description, and whether it had to be guessed from the body."""
    written = _text(values.get("description", ""))
    if isinstance(values.get("description"), list | dict):
        found.append(Diagnostic("warning", "the description is not text; its values are joined"))
    if len(written) > DESCRIPTION_LIMIT:
        size = f"{len(written)} of {DESCRIPTION_LIMIT} characters"
        found.append(Diagnostic("warning", f"the description has {size}; the catalog cuts it"))
    if written:
        return written, False
    guess = first_paragraph(body)
    if not guess:
        raise SkillError(
            "line 1: there is no description and no text to take one from",
            "say in `description:` what the skill does and when to use it",
        )
    if values:
        found.append(Diagnostic("warning", "has no description; its first words are used"))
    return guess[:DESCRIPTION_LIMIT], True


def first_paragraph(body: str) -> str:
    """The first paragraph of a Markdown text on one line, else its first heading, else ''."""
    tokens = MarkdownIt("commonmark").parse(body[:8192])
    kinds = {token.type: None for token in tokens}
    opening = next((kind for kind in ("paragraph_open", "heading_open") if kind in kinds), "")
    if not opening:
        return " ".join(body.split())
    at = next(at for at, token in enumerate(tokens) if token.type == opening)
    return " ".join(tokens[at + 1].content.split())


def _metadata(values: dict[str, Value], found: list[Diagnostic]) -> dict[str, Value]:
    value = values.get("metadata", "")
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _json_object(value)
    if isinstance(value, dict):
        if not all(isinstance(inner, str) for inner in value.values()):
            found.append(Diagnostic("info", "metadata holds more than text; kept as it is"))
        return value
    if value:
        found.append(Diagnostic("warning", "metadata is not a list of fields; kept under ''"))
        return {"": value}
    return {}


def _json_object(text: str) -> Value:
    """Metadata given as JSON in a text; JSON on one line is YAML."""
    try:
        return frontmatter.load(f"metadata: {' '.join(text.split())}\n", 1).values["metadata"]
    except SkillError:
        return text


def _compatibility(values: dict[str, Value], found: list[Diagnostic]) -> str:
    text = _text(values.get("compatibility", ""))
    if len(text) > COMPATIBILITY_LIMIT:
        size = f"{len(text)} of {COMPATIBILITY_LIMIT} characters"
        found.append(Diagnostic("warning", f"compatibility has {size}"))
    return text


def _tools(values: dict[str, Value], found: list[Diagnostic]) -> str:
    """allowed-tools as the one space-separated text the format asks for."""
    value = values.get("allowed-tools", "")
    if isinstance(value, str) and "," not in value:
        return value.strip()
    found.append(Diagnostic("info", "allowed-tools is a list; read as one text"))
    tools = value.split(",") if isinstance(value, str) else [_text(value)]
    return " ".join(tool.strip() for tool in tools if tool.strip())


def _text(value: Value) -> str:
    """A value as text: lists and maps become their parts, in order."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(inner)}" for key, inner in value.items())
    return " ".join(_text(inner) for inner in value)
