"""A unit of the user's systemd, and what is asked of it."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.service.place import MARK
from hermes_home.errors import UnavailableError

if TYPE_CHECKING:
    from gateway.service.manager import Service

NAME = "systemd"
WATCHDOG_SECONDS = 60
TIMEOUT = 150.0
"""Seconds systemctl may take; a start waits until the daemon is ready."""
LINGERING = Path("/var/lib/systemd/linger")

GROWING = "RestartSec=1\nRestartSteps=8\nRestartMaxDelaySec=300"
STEADY = "RestartSec=15"
GROWS_FROM = 254
"""The version of systemd from which on a delay can grow."""

UNIT = """\
# Written by `hermes daemon install`; `hermes daemon uninstall` removes it.
{mark}{home}
[Unit]
Description=Hermes, the daemon of {described}
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
WorkingDirectory=~
{environment}
UMask=0077
TimeoutStartSec=120
TimeoutStopSec=30
# A daemon whose event loop hangs stops pinging and is started again.
WatchdogSec={watchdog}
# 2: the settings are wrong; 75: another daemon owns the home. Neither mends itself by a restart.
Restart=on-failure
RestartPreventExitStatus=2 75
{delay}
# The daemon parks its work and ends its tools itself; what is left is killed.
KillMode=mixed

[Install]
WantedBy=default.target
"""


def text(service: Service) -> str:
    """The unit file."""
    variables = (f"{name}={value}" for name, value in service.environment.items())
    return UNIT.format(
        mark=MARK,
        home=service.home,
        described=service.home.replace("%", "%%"),
        command=" ".join(_quoted(word).replace("$", "$$") for word in service.command),
        environment="\n".join(f"Environment={_quoted(variable)}" for variable in variables),
        watchdog=WATCHDOG_SECONDS,
        delay=GROWING if _version() >= GROWS_FROM else STEADY,
    )


def _version() -> int:
    """systemd's; 0 if there is none here."""
    words = _run(["systemctl", "--version"]).stdout.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _quoted(text: str) -> str:
    """As systemd.syntax(7) reads it back."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def missing() -> str:
    """Why services cannot be run by it here; empty if they can."""
    if shutil.which("systemctl") is None:
        return "there is no systemd here"
    asked = _systemctl("show", "--property=Version")
    if asked.returncode:
        return f"the user's systemd does not answer: {_said(asked)}"
    return ""


def enable(label: str) -> None:
    """Start it now and at every boot (or login, without lingering)."""
    _must("daemon-reload")
    _must("enable", f"{label}.service")
    start(label)


def disable(label: str) -> None:
    _must("disable", "--now", f"{label}.service")


def forget(label: str) -> None:
    """After its file is gone."""
    _must("daemon-reload")
    _systemctl("reset-failed", f"{label}.service")


def start(label: str) -> None:
    """Returns when the daemon has said that it is ready. UnavailableError if it has not."""
    _must("start", f"{label}.service")


def stop(label: str) -> None:
    _must("stop", f"{label}.service")


def state(label: str) -> str:
    """active, activating, failed, inactive...; unknown if nobody answers."""
    return _systemctl("is-active", f"{label}.service").stdout.strip() or "unknown"


def advice() -> list[str]:
    """What the owner may want to do besides."""
    user = getpass.getuser()
    if (LINGERING / user).exists():
        return []
    return [
        f"it runs while you are logged in; to have it from boot on: loginctl enable-linger {user}"
    ]


def _must(*words: str) -> None:
    asked = _systemctl(*words)
    if asked.returncode:
        raise UnavailableError(
            f"systemctl --user {' '.join(words)} failed: {_said(asked)}",
            f"systemctl --user status {words[-1]} says more, and so does hermes logs",
        )


def _said(asked: subprocess.CompletedProcess[str]) -> str:
    return asked.stderr.strip().partition("\n")[0] or f"exit {asked.returncode}"


def _systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    return _run(["systemctl", "--user", *words])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=_environment(),
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _environment() -> dict[str, str]:
    """With the folder of the user's bus, which a shell by su or cron does not name."""
    folder = f"/run/user/{os.getuid()}"
    return {"XDG_RUNTIME_DIR": folder, **os.environ}
