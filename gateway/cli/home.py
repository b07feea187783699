"""Which home this command is about. Plain strings: pathlib costs a third of a warm start."""

from __future__ import annotations

import os

from hermes_home.errors import UsageError

BASE = "default"
"""The base home, where a profile is asked for."""


def locate(profile: str = "", *, new: bool = False) -> str:
    """The home's absolute path: $HERMES_HOME, else ~/.hermes; a profile's lies inside it. Where
    neither is named it is the profile that `hermes profile use` chose. UsageError if there is no
    such profile, unless `new`."""
    named = os.environ.get("HERMES_HOME")
    root = named or os.path.join(os.path.expanduser("~"), ".hermes")
    root = os.path.abspath(os.path.expanduser(root))
    if profile == BASE:
        return root
    if profile:
        home = _inside(root, profile)
        if new or os.path.isdir(home):
            return home
        raise UsageError(
            f"there is no profile {profile!r}",
            f"hermes profile list shows them; hermes profile create {profile} makes it",
        )
    chosen = "" if named else _chosen(root)
    if not chosen:
        return root
    home = _inside(root, chosen)
    if not os.path.isdir(home):
        raise UsageError(
            f"the profile {chosen!r} is gone", "choose another: hermes -p default profile use NAME"
        )
    return home


def _inside(root: str, profile: str) -> str:
    rest = profile.replace("-", "").replace("_", "")
    if not (rest.isascii() and rest.isalnum() and profile[0].isalnum() and len(profile) <= 64):
        raise UsageError(f"{profile!r} cannot be a profile's name", "use letters, digits, - and _")
    return os.path.join(root, "profiles", profile)


def _chosen(root: str) -> str:
    try:
        with open(os.path.join(root, "profiles", ".default"), encoding="utf-8") as file:
            return file.read(100).strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
