"""Imports point down: gateway > memory, skills > agent > hermes_home."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "hermes_home": {"hermes_home"},
    "agent": {"agent", "hermes_home"},
    "skills": {"skills", "agent", "hermes_home"},
    "memory": {"memory", "agent", "hermes_home"},
    "gateway": {"gateway", "memory", "skills", "agent", "hermes_home"},
}


def imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names} & {*MAY_IMPORT, "tests"}


def test_imports_point_down():
    wrong = [
        f"{file.relative_to(ROOT)} imports {', '.join(sorted(extra))}"
        for layer, allowed in MAY_IMPORT.items()
        for file in (ROOT / layer).rglob("*.py")
        if (extra := imported(file) - allowed)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_top_level_holds_only_the_five_rooms_and_tests():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == {*MAY_IMPORT, "tests"}
