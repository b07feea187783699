"""The folders that the prompts of one worker are carried out in."""

from __future__ import annotations

from pathlib import Path

from gateway.learning.copies import check_workspace, copy_workspace, remove
from hermes_home.files import scratch_path
from hermes_home.paths import Home


class Workspaces:
    """One at a time: the one before goes when the next is made, for only then is it known that
    its result was stored."""

    def __init__(self) -> None:
        self._last: Path | None = None

    def make(self, home: Home, workspace: Path, template: str) -> None:
        """Make a workspace, unless it is there: then a run goes on in it. template: what it is a
        copy of, empty = nothing. NotCopied says why it cannot be made."""
        if self._last not in (None, workspace) and self._last.is_dir():
            remove(self._last)
        self._last = workspace
        if workspace.is_dir():
            return
        workspace.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = scratch_path(workspace)
        if template:
            check_workspace(home, Path(template))
            copy_workspace(Path(template), part)
        else:
            part.mkdir(mode=0o700)
        part.rename(workspace)
