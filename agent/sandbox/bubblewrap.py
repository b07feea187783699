"""Commands in namespaces and mounts of their own, made by `bwrap`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.policy import is_inside
from agent.sandbox.places import INSIDE, PYTHON, Places
from agent.sandbox.seccomp import INET, INET6, NETLINK, UNIX, socket_filter
from agent.sandbox.served import Launch, ServedSandbox
from hermes_home.errors import SandboxError

_INSIDE = "/run/hermes-inside.py"
_SCRATCH = ("/tmp", "/var/tmp")


class Bubblewrap(ServedSandbox):
    """All is read-only but the writable places and a private /tmp, hidden places are empty,
    processes outside do not exist, and no network unless it is shared. Being root inside gives
    no capability; since root still reads what only root may, secrets are covered, not guarded.
    """

    name = "bubblewrap"
    confined = True

    def __init__(self, places: Callable[[], Places], *, network: bool) -> None:
        super().__init__({"TMPDIR": "/tmp", "XDG_CACHE_HOME": "/tmp/.cache"})
        self._places = places
        self._network = network

    def launch(self, control: int) -> Launch:
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxError("bubblewrap is not installed", "Install the package bubblewrap.")
        arguments = [program, "--unshare-all", "--die-with-parent", "--new-session"]
        arguments += ["--cap-drop", "ALL", *(["--share-net"] if self._network else [])]
        arguments += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
        arguments += _mounts(self._places())
        filters = _filter_descriptor()
        if filters >= 0:
            arguments += ["--seccomp", str(filters)]
        arguments += ["--", str(PYTHON), "-I", "-S", _INSIDE, str(control)]
        return Launch(arguments, given=(filters,) if filters >= 0 else ())


def _mounts(places: Places) -> list[str]:
    arguments: list[str] = []
    closed: list[str] = []
    for path, kind in places.by_depth():
        if kind == "writable":
            for place in (path, *places.between(path)):
                arguments += ["--bind", str(place), str(place)]
        elif kind == "readable":
            arguments += ["--ro-bind", str(path), str(path)]
        elif path.is_dir():
            arguments += ["--tmpfs", str(path)]
            closed += ["--remount-ro", str(path)] if str(path) not in _SCRATCH else []
        else:
            arguments += ["--ro-bind", "/dev/null", str(path)]
    for path in _visible_sockets(places):
        arguments += ["--ro-bind", "/dev/null", str(path)]
    return [*arguments, "--ro-bind", str(INSIDE), _INSIDE, *closed]


def _visible_sockets(places: Places) -> Iterator[Path]:
    """Servers listening at a path that is shown: who could talk to one has left."""
    for path in listening_sockets():
        inner = [kind for place, kind in places.by_depth() if is_inside(path, place)]
        reachable = os.access(path, os.W_OK) and path.is_socket()
        if reachable and inner[-1:] != ["hidden"]:
            yield path


def listening_sockets() -> Iterator[Path]:
    accepts_connections = "00010000"
    for line in Path("/proc/net/unix").read_text("utf-8", "surrogateescape").splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[3] == accepts_connections and fields[7].startswith("/"):
            yield Path(fields[7])


def _filter_descriptor() -> int:
    """An open file with the socket filter; -1 if there is none for this machine."""
    code = socket_filter((UNIX, INET, INET6, NETLINK))
    if not code:
        return -1
    with tempfile.TemporaryFile() as file:
        file.write(code)
        file.flush()
        descriptor = os.dup(file.fileno())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
