"""The version of a skill: another one as soon as any of its files is another.

Files are read again only when size or date of one of them changed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from agent.events import SkillRef
from skills.scan import MOST_FILES, SKIPPED
from skills.skill import Skill
from skills.snapshot import FILE_LIMIT

Stamps = tuple[tuple[str, int, int, int], ...]
"""Path below the skill's folder, size, date and inode of each of its files but its SKILL.md."""


def ref_of(skill: Skill) -> SkillRef:
    """A skill as it is now, as events name it: by twelve digits of its text's digest, and of its
    other files' if it has any."""
    stamps = _stamps(skill.folder, skill.file)
    digest = _digest(skill.folder, skill.digest, stamps) if stamps else skill.digest
    return SkillRef(skill.name, digest[:12])


def _stamps(folder: Path, own: str) -> Stamps:
    found: list[tuple[str, int, int, int]] = []
    open = [str(folder)] if folder.name else []
    while open and len(found) <= MOST_FILES:
        at = open.pop()
        try:
            with os.scandir(at) as entries:
                listed = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:
            continue
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                open += [] if entry.name in SKIPPED else [entry.path]
            elif entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):  # an editor's, gone again
                    status = entry.stat(follow_symlinks=False)
                    stamp = (status.st_size, status.st_mtime_ns, status.st_ino)
                    found.append((os.path.relpath(entry.path, folder), *stamp))
    return tuple(sorted(one for one in found if one[0] != own)[:MOST_FILES])


@lru_cache(maxsize=256)
def _digest(folder: Path, text: str, stamps: Stamps) -> str:
    """Of the SKILL.md's digest and all other files. A very large one counts by size and date."""
    whole = sha256(text.encode())
    for path, size, date, _ in stamps:
        whole.update(f"\0{path}\0{size}\0".encode("utf-8", "surrogateescape"))
        whole.update(str(date).encode() if size > FILE_LIMIT else _content(folder / path))
    return whole.hexdigest()


def _content(file: Path) -> bytes:
    try:
        return sha256(file.read_bytes()).digest()
    except OSError:
        return b""
