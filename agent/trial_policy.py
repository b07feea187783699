"""The gate of a trial: what it lets pass has no effect outside the copy the trial works in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.policy import Effect, Policy, Verdict, is_inside
from hermes_home.paths import Home

if TYPE_CHECKING:
    from agent.tools.base import ToolContext

INSIDE = frozenset({"run", "read", "write"})
"""The kinds of effects a trial may have, where the gate would not even ask."""


class TrialPolicy(Policy):
    """Denies what the gate would ask about, whatever was granted, and what is no command and no
    file: the web, what is remembered, what is learned, jobs. `hidden`: folders that are not to be
    read."""

    def __init__(
        self,
        home: Home,
        *,
        sandbox: str | None,
        readable: Callable[[], Sequence[Path]],
        hidden: Sequence[Path] = (),
    ) -> None:
        super().__init__(home, approvals="auto-in-sandbox", sandbox=sandbox, readable=readable)
        self._hidden = [folder.resolve() for folder in hidden]

    def judge(
        self,
        effects: Sequence[Effect],
        context: ToolContext,
        *,
        action: str = "",
        yolo: bool = False,
        granted: Collection[str] = (),
    ) -> Verdict:
        for effect in effects:
            if effect.kind not in INSIDE:
                return Verdict("deny", f"a trial has no effect of the kind {effect.kind}")
            if effect.kind != "run" and self._is_hidden(effect.target):
                return Verdict("deny", f"{effect.target} is not here")
        verdict = super().judge(effects, context)
        if verdict.kind == "ask":
            return Verdict("deny", f"{verdict.reason}; a trial may not")
        return verdict

    def _is_hidden(self, target: str) -> bool:
        try:
            path = Path(target).resolve()
        except (OSError, RuntimeError, ValueError):
            return True
        return any(is_inside(path, folder) for folder in self._hidden)
