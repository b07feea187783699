"""A change as it is planned, before the door has judged it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.events import ChangeIntended, ChangeKind, FileChange


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change as a writer plans it. `text`: the new words it brings. `files` hold whole texts;
    paths are relative to the home. `undoes` and `approves` name the change it takes back or carries
    out; the door fills them in. `forgets`: the one whose words it takes out of the files.
    `overlays`: as in ChangeIntended."""

    kind: ChangeKind
    name: str
    action: str
    files: tuple[FileChange, ...]
    text: str = ""
    entry_before: str = ""
    entry_after: str = ""
    undoes: int = 0
    approves: int = 0
    forgets: int = 0
    overlays: str = ""


Plan = Callable[[ChangeIntended], Proposal]
"""Plans a journalled change again, or its reverse, from what is on disk now; raises ChangeRefused
if that no longer fits."""
