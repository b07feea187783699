"""What a hermes-agent home holds: which of it is taken over, and why the rest is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one thing. status: imported, skipped, or found (nothing was to be changed)."""

    kind: str
    name: str
    status: str
    reason: str = ""


TAKEN = ("skills", "notes", "soul", "jobs", "settings", "keys", "sessions")
"""Classes with a row for each thing; the rest have one for all."""

LEFT: tuple[tuple[str, str, str], ...] = (
    ("skill archive", "skills/.archive", "archived there; restore what you want there first"),
    ("skill sources", "skills/.hub", "installed skills are taken over as they are, without source"),
    ("skill figures", "skills/.usage.json", "counts of use mean another thing there"),
    ("curator", "skills/.curator*", "its own upkeep"),
    ("skill bundles", "skill-bundles", "there are no bundles here: name skills with --skills"),
    ("held changes", "pending", "approve or reject them there first"),
    ("notes' side files", "memories/*.lock", "its own locks"),
    ("notes' copies", "memories/*.bak*", "older texts of the notes"),
    ("job history", "cron/executions.db*", "what ran there has run"),
    ("job results", "cron/output", "what ran there has run"),
    ("cron's side files", "cron/.*", "its own locks"),
    ("scripts", "scripts", "jobs here name a command; see the jobs that were skipped"),
    ("hooks", "hooks", "code of that program's gateway"),
    ("plugins", "plugins", "code of that program"),
    ("checkpoints", "checkpoints", "copies of workspaces, not of the home"),
    ("sign-ins", "auth*", "keys are taken from .env only, with --secrets"),
    ("credentials", "credentials*", "keys are taken from .env only, with --secrets"),
    ("pairing", "pairing*", "who may speak is said anew: hermes pairing"),
    ("profiles", "profiles", "import each: hermes -p NAME import FOLDER/profiles/NAME"),
    ("logs", "logs", "its own"),
    ("processes", "processes.json", "they ended with that program"),
    ("caches", "*cache*", "made again when needed"),
    ("derived", ".skills_prompt_snapshot.json", "made again when needed"),
    ("trajectories", "*trajector*", "files of their own; keep them where they are"),
    ("database files", "state.db-*", "read together with state.db"),
)
"""(class, what it is called below the home, why it stays)."""

_NO_SKILL = "no skill: a skill is a folder with a SKILL.md"
OURS = ("skills", "memories", "cron", "config.yaml", ".env", "SOUL.md", "state.db")


def left(source: Path) -> Iterator[Outcome]:
    """A row for everything in that home which is not taken over, nothing left out."""
    known: set[Path] = set()
    for kind, pattern, reason in LEFT:
        found = [path for path in sorted(source.glob(pattern)) if path not in known]
        known |= set(found)
        if found:
            yield Outcome(kind, ", ".join(path.name for path in found[:5]), "skipped", reason)
    yield from _loose(source, known)
    folders = [source, *(source / name for name in ("memories", "cron"))]
    for path in (
        path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())
    ):
        name = path.relative_to(source).as_posix()
        if path not in known and name not in OURS and not _taken(name):
            yield Outcome("other", name, "skipped", "nothing here knows what it is")


def _loose(source: Path, known: set[Path]) -> Iterator[Outcome]:
    """What lies in skills/ and is no skill: links, single files, hidden folders."""
    for parent, folders, files in os.walk(source / "skills"):
        here = Path(parent)
        if "SKILL.md" in (name.replace("skill.md", "SKILL.md") for name in files):
            folders.clear()
            continue
        links = [name for name in folders if (here / name).is_symlink()]
        hidden = [name for name in folders if name.startswith(".") and name not in links]
        folders[:] = sorted({*folders} - {*links, *hidden})
        for name in sorted([*links, *hidden, *files]):
            path = here / name
            if path not in known:
                what = "a link; what it leads to stays there" if path.is_symlink() else _NO_SKILL
                yield Outcome("skills", path.relative_to(source).as_posix(), "skipped", what)


def _taken(name: str) -> bool:
    return any(
        fnmatch(name, known)
        for known in ("memories/MEMORY.md", "memories/USER.md", "cron/jobs.json")
    )
