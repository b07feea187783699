"""Whether a process was started by a tool: such a peer may not decide or change anything."""

from __future__ import annotations

from collections.abc import Collection

from agent.sandbox.inside import parent_of, parents


def descends_from(pid: int, ancestors: Collection[int]) -> bool:
    """Whether `pid` is one of `ancestors` or below one. A process that cannot be found is taken
    for one that is: it hides, or has just gone."""
    wanted = set(ancestors) - {0}
    if not wanted:
        return False
    table = None if parent_of(1) is not None else parents()
    while pid not in wanted:
        if pid <= 1:
            return False
        parent = parent_of(pid) if table is None else table.get(pid)
        if parent is None:
            return True
        pid = parent
    return True
