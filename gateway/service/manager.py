"""The service manager of this system, and the service that a home is to it."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from gateway.service import launchd, place, systemd
from hermes_home.errors import UnavailableError, UsageError
from hermes_home.files import make_folders, put

WITHOUT = """\
here it can be run
  - in a container: the Containerfile of this project
  - from cron (crontab -e), with this line:
    @reboot {line}
  - by any supervisor that starts: hermes daemon run"""


@dataclass(frozen=True)
class Service:
    """What a manager must know to run the daemon of a home. Everything is absolute."""

    label: str
    home: str
    command: list[str]
    environment: dict[str, str]


def service_for(home: str, environment: dict[str, str]) -> Service:
    """The daemon as it would be started from here: this interpreter, this search path.
    UsageError for a home that no service file can name."""
    if any(ord(sign) < 32 for sign in home):
        raise UsageError("this home's name has a control character", "set HERMES_HOME to another")
    wanted = {"HERMES_HOME": home, "PATH": _absolute(environment.get("PATH", os.defpath))}
    if source := environment.get("PYTHONPATH"):
        wanted["PYTHONPATH"] = _absolute(source)
    command = [sys.executable, "-P", "-m", "gateway.daemon"]
    return Service(place.label(home), home, command, wanted)


def _absolute(path: str) -> str:
    """Without what depends on the folder one is in, and each folder once."""
    folders = path.split(os.pathsep)
    return os.pathsep.join(dict.fromkeys(folder for folder in folders if folder[:1] == "/"))


def native() -> ModuleType:
    """launchd on macOS, else systemd."""
    return launchd if sys.platform == "darwin" else systemd


def require(service: Service) -> ModuleType:
    """The manager that runs services here; UnavailableError with what else to do."""
    manager = native()
    if reason := manager.missing():
        raise UnavailableError(
            f"no service was installed: {reason}",
            WITHOUT.format(line=crontab_line(service)),
        )
    return manager


def crontab_line(service: Service) -> str:
    """What cron is to run; a % would end the line there."""
    variables = [f"{name}={value}" for name, value in service.environment.items()]
    return shlex.join(["env", *variables, *service.command]).replace("%", r"\%")


def write(service: Service) -> Path:
    """Put the service's file in its place. UsageError if another one lies there."""
    path = place.service_file(service.home)
    served = place.served_home(path)
    if served == "":
        raise UsageError(f"{path} was not written by hermes", "move it away, or leave it as it is")
    if served not in (None, service.home):
        raise UsageError(
            f"{path} serves another home, {served}",
            f"remove that first: HERMES_HOME={served} hermes daemon uninstall",
        )
    make_folders(path.parent)
    put(path, native().text(service).encode("utf-8", "surrogateescape"), 0o644)
    return path


def start(home: str) -> bool:
    """Start the service of `home`; False if its manager cannot be reached from here.
    UnavailableError if it was asked and the daemon did not come up."""
    manager = native()
    if manager.missing():
        return False
    manager.start(place.label(home))
    return True


def stop(home: str) -> None:
    """Have the manager leave the service stopped, also one it was about to start again."""
    manager = native()
    if not manager.missing():
        manager.stop(place.label(home))


def remove(home: str) -> None:
    """Stop the service of `home` and remove its file, also where its manager cannot be reached."""
    manager, label = native(), place.label(home)
    reachable = not manager.missing()
    if reachable:
        manager.disable(label)
    place.service_file(home).unlink()
    if reachable:
        manager.forget(label)


def about(home: str) -> dict[str, str] | None:
    """The service of `home` for a status: its manager, name and state; None if there is none."""
    if not place.installed(home):
        return None
    manager, label = native(), place.label(home)
    return {"manager": manager.NAME, "name": label, "state": manager.state(label)}
