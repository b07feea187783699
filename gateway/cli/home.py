"""Which home this command is about. Plain strings: pathlib costs a third of a warm start."""

from __future__ import annotations

import os

from hermes_home.errors import UsageError


def locate(profile: str = "") -> str:
    """The home's absolute path: $HERMES_HOME, else ~/.hermes; a profile's lies inside it."""
    root = os.environ.get("HERMES_HOME") or os.path.join(os.path.expanduser("~"), ".hermes")
    root = os.path.abspath(os.path.expanduser(root))
    if not profile:
        return root
    rest = profile.replace("-", "").replace("_", "")
    if not (rest.isascii() and rest.isalnum() and profile[0].isalnum() and len(profile) <= 64):
        raise UsageError(f"{profile!r} cannot be a profile's name", "use letters, digits, - and _")
    return os.path.join(root, "profiles", profile)
