"""Imports point down: gateway > memory, skills > agent > hermes_home."""

from __future__ import annotations

import ast
import re
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


def listed(name: str, listing: str) -> bool:
    """Whether a listing names a file: whole, or `_rest` beside its sibling."""
    rest = name.partition("_")[2]
    return bool(re.search(rf"\b{name}\b" + (rf"|(?<!\w)_{rest}\b" if rest else ""), listing))


def test_each_folder_lists_its_files():
    """So that a newcomer finds the room for a line; the command's groups are named by its table."""
    missing = []
    for folder in (path for layer in MAY_IMPORT for path in (ROOT / layer).rglob("__init__.py")):
        listing = folder.read_text(encoding="utf-8")
        if folder.parent.name != "cli" and listing.count("\n") > 3:
            names = {path.stem for path in folder.parent.glob("*.py")} - {"__init__", "__main__"}
            missing += [f"{folder}: {name}" for name in sorted(names) if not listed(name, listing)]
    assert not missing, "\n".join(missing)
