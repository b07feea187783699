"""An agent of the user's launchd, and what is asked of it."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
from typing import TYPE_CHECKING
from xml.parsers.expat import ExpatError

from gateway.service.place import service_file
from hermes_home.errors import UnavailableError

if TYPE_CHECKING:
    from gateway.service.manager import Service

NAME = "launchd"
THROTTLE_SECONDS = 30
"""launchd has no growing delay between restarts, so each waits this long."""
TIMEOUT = 60.0


def text(service: Service) -> str:
    """The property list. The daemon is started again unless it ended well (exit 0)."""
    agent = {
        "Label": service.label,
        "ProgramArguments": service.command,
        "EnvironmentVariables": service.environment,
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": THROTTLE_SECONDS,
        "ExitTimeOut": 30,
        "ProcessType": "Background",
        "Umask": 0o077,
        "StandardOutPath": "/dev/null",
        "StandardErrorPath": "/dev/null",  # the daemon writes logs/daemon.log itself
    }
    return plistlib.dumps(agent).decode()


def home_of(data: bytes) -> str:
    """The home that an agent of ours is for; empty if somebody else wrote this file."""
    try:
        agent = plistlib.loads(data)
    except (ValueError, ExpatError):
        return ""
    environment = agent.get("EnvironmentVariables", {}) if isinstance(agent, dict) else {}
    return str(environment.get("HERMES_HOME", ""))


def missing() -> str:
    """Why services cannot be run by it here; empty if they can."""
    return "" if shutil.which("launchctl") else "there is no launchctl here"


def enable(label: str) -> None:
    """Start it now and at every login."""
    _must("bootstrap", _domain(), str(service_file("").with_name(f"{label}.plist")))


def disable(label: str) -> None:
    _must("bootout", f"{_domain()}/{label}")


def forget(label: str) -> None:
    """After its file is gone: nothing is kept."""


def start(label: str) -> None:
    _must("kickstart", f"{_domain()}/{label}")


def stop(label: str) -> None:
    _must("kill", "SIGTERM", f"{_domain()}/{label}")


def state(label: str) -> str:
    """active or inactive; unknown if it is not loaded."""
    asked = _launchctl("print", f"{_domain()}/{label}")
    if asked.returncode:
        return "unknown"
    return "active" if "state = running" in asked.stdout else "inactive"


def advice() -> list[str]:
    """What the owner may want to do besides."""
    return ["it runs while you are logged in"]


def _domain() -> str:
    return f"gui/{os.getuid()}"


def _must(*words: str) -> None:
    asked = _launchctl(*words)
    if asked.returncode:
        said = asked.stderr.strip().partition("\n")[0] or f"exit {asked.returncode}"
        raise UnavailableError(
            f"launchctl {' '.join(words)} failed: {said}", "hermes logs says more"
        )


def _launchctl(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["launchctl", *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
