"""Which service is a home's, and where its file lies. All that a client asks before it starts a
daemon, so it imports little."""

from __future__ import annotations

import os
import sys
from pathlib import Path

MARK = "# hermes home: "
"""What stands before the home in a unit of ours."""


def profile_of(home: str) -> str:
    """The profile whose home this is; empty for a home that is none's."""
    path = Path(home)
    return path.name if path.parent.name == "profiles" else ""


def label(home: str) -> str:
    """The service's name without the manager's ending."""
    profile = profile_of(home)
    return f"hermes-{profile}" if profile else "hermes"


def service_file(home: str) -> Path:
    """Where this system's manager looks for the service of `home`."""
    owner = Path("~").expanduser()
    if sys.platform == "darwin":
        return owner / "Library" / "LaunchAgents" / f"{label(home)}.plist"
    config = Path(os.environ.get("XDG_CONFIG_HOME") or owner / ".config")
    return config / "systemd" / "user" / f"{label(home)}.service"


def served_home(path: Path) -> str | None:
    """The home that a service file of ours is for; empty if somebody else wrote it, None if there
    is no such file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if path.suffix == ".plist":
        from gateway.service import launchd  # noqa: PLC0415 - its parser is for macOS only

        return launchd.home_of(data)
    lines = data.decode("utf-8", "surrogateescape").splitlines()
    return next((line.removeprefix(MARK) for line in lines if line.startswith(MARK)), "")


def installed(home: str) -> bool:
    """Whether a service of ours is there for this very home."""
    return served_home(service_file(home)) == home
