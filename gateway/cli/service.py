"""`hermes daemon install` and `uninstall`: the daemon as a service of this user."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.cli import start as starting
from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_json
from gateway.service import manager, place
from hermes_home.errors import UsageError
from hermes_home.guard import check_home, seed
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets


def install(arguments: Arguments) -> int:
    """Returns when the daemon runs as a service and answers. Idempotent."""
    home = arguments.home
    service = manager.service_for(home, starting.daemon_environment(home))
    if arguments.on("dry-run"):
        print(manager.native().text(service), end="")
        return 0
    check_home(Home(Path(home)))
    chosen = manager.require(service)
    seed(Home(Path(home)))
    path = manager.write(service)
    if chosen.state(service.label) != "active":
        starting.stop(home)
    chosen.enable(service.label)
    starting.await_answer(home).close()
    for line in (*_left_behind(home), *chosen.advice()):
        note(line)
    return _tell(arguments, {"installed": True, **_about(service.label, path)}, f"runs as {path}")


def uninstall(arguments: Arguments) -> int:
    """Stops the service and removes its file. The home stays as it is."""
    path = place.service_file(arguments.home)
    label = place.label(arguments.home)
    if not place.installed(arguments.home):
        served = place.served_home(path)
        if served is None:
            return _tell(arguments, {"installed": False, **_about(label, path)}, "no service")
        raise UsageError(f"{path} is not the service of {arguments.home}", "it was left as it is")
    manager.remove(arguments.home)
    return _tell(arguments, {"installed": False, **_about(label, path)}, f"{path} is removed")


def _about(label: str, path: Path) -> dict[str, object]:
    return {"manager": manager.native().NAME, "name": label, "file": str(path)}


def _tell(arguments: Arguments, about: dict[str, object], text: str) -> int:
    if arguments.on("json"):
        show_json({"home": arguments.home, **about})
    else:
        print(f"the daemon of {arguments.home}: {text}")
    return 0


def _left_behind(home: str) -> list[str]:
    """Keys that only this shell knows: a service does not get its environment."""
    secrets = load_secrets(Home(Path(home)), os.environ)
    only_here = [
        name
        for name in sorted(os.environ)
        if name.endswith(("_API_KEY", "_TOKEN")) and secrets.source(name) == "environment"
    ]
    known = [name for name in only_here if not load_secrets(Home(Path(home)), {}).get(name)]
    return [f"{name} is set in this shell only; put it into {home}/.env" for name in known]
