"""Can a skill work on this machine? Its metadata names platforms and the commands it needs:
`hermes-platforms: "linux, macos"` (none named = all) and `hermes-needs: "git python3"`."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import cache

from skills.frontmatter import Value
from skills.skill import Skill

PLATFORMS = "hermes-platforms"
NEEDS = "hermes-needs"

_HERE = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)

Which = Callable[[str], str | None]
"""The path of a command, None if there is none: `shutil.which`."""


def unmet(
    skills: Mapping[str, Skill], here: str = _HERE, which: Which = shutil.which
) -> dict[str, str]:
    """Of these skills those that cannot work here, each with the reason. Every command is looked
    for once."""
    found = cache(which)
    reasons = {name: lacking(skill, here, found) for name, skill in skills.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def lacking(skill: Skill, here: str = _HERE, which: Which = shutil.which) -> str:
    """What this machine lacks for the skill, as words; '' if it can work."""
    platforms = [word.lower() for word in _words(skill.metadata.get(PLATFORMS, ""))]
    if platforms and here not in platforms:
        return f"works only on {', '.join(platforms)}; this is {here}"
    missing = [command for command in _words(skill.metadata.get(NEEDS, "")) if not which(command)]
    return f"needs {', '.join(missing)}, not installed here" if missing else ""


def _words(value: Value) -> list[str]:
    """The words of a text, whether spaces or commas part them, or of a list."""
    text = value if isinstance(value, str) else " ".join(map(str, value))
    return re.findall(r"[^\s,;]+", text)
