"""A daemon that answers: found, or started on demand, and of this version."""

from __future__ import annotations

import fcntl
import os
import sys
import time

from gateway.cli.wire import Lost, NotListening, Wire
from hermes_home.errors import HermesError, HomeError, UnavailableError
from hermes_home.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 15.0
"""Seconds a daemon may take until it answers."""
POLL = 0.01
ALREADY_RUNNING = 75
"""The daemon's exit code when another one owns the home."""
LAST_STEPS = 0.5
"""Seconds a process that has given up its home may take to end."""
LOG_LINES = 10


def connect(home: str, *, spawn: bool = True) -> Wire:
    """A connection to the daemon of `home`, which is started if none answers and `spawn`.

    A daemon of another version is asked once to go on as the installed one.
    """
    try:
        wire, about = _greeted(home)
    except (NotListening, Lost):
        if not spawn:
            raise
        return start(home)
    return wire if not spawn or about["version"] == VERSION else _renewed(wire, home, about)


def _greeted(home: str) -> tuple[Wire, dict[str, Any]]:
    """A connection, and what the daemon says about itself on it."""
    wire = Wire(socket_path(home))
    try:
        return wire, wire.get("/health")
    except HermesError:
        wire.close()
        raise


def socket_path(home: str) -> str:
    return os.path.join(home, "run", "daemon.sock")


def log_path(home: str) -> str:
    return os.path.join(home, "logs", "daemon.log")


def start(home: str, *, stay: bool = False) -> Wire:
    """Start a daemon and wait until it answers: one client of many starts it, the others wait.

    stay: it does not leave when idle. UnavailableError with the log's last lines if it does not
    come up.
    """
    _make_folders(home)
    if _started_as_service(home):
        return await_answer(home)
    child: Child | None = None
    with open(os.path.join(home, "run", "start.lock"), "ab") as lock:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if (wire := answering(home)) is not None:
                return wire
            if (child is None or child.lost()) and taken(lock.fileno()):
                child = Child(home, stay)
            time.sleep(POLL)
    raise UnavailableError(
        f"the daemon did not answer within {PATIENCE:.0f} s", child.story() if child else ""
    )


def _started_as_service(home: str) -> bool:
    """Where a service manager has the daemon of `home`, it starts it; two would only fight."""
    from gateway.service import place

    if not place.installed(home):
        return False
    from gateway.service import manager

    return manager.start(home)


def await_answer(home: str) -> Wire:
    """A connection to a daemon that somebody else starts."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (wire := answering(home)) is not None:
            return wire
        time.sleep(POLL)
    raise UnavailableError(
        f"the daemon did not answer within {PATIENCE:.0f} s", f"the log: {log_path(home)}"
    )


def answering(home: str) -> Wire | None:
    """A connection on which the daemon has said that it is well."""
    try:
        return _greeted(home)[0]
    except (NotListening, Lost):
        return None


def _make_folders(home: str) -> None:
    """The folders a start needs; HomeError if this is not, or cannot be, a home of ours."""
    from pathlib import Path

    from hermes_home.guard import check_home
    from hermes_home.paths import Home

    check_home(Home(Path(home)))
    try:
        for folder in (home, os.path.join(home, "run"), os.path.join(home, "logs")):
            os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeError(f"{home} cannot be the home: {error}", "set HERMES_HOME") from error


def taken(lock: int) -> bool:
    """Whether the lock is this process's now; it is free again when its file is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


class Child:
    """The daemon this process started, until it answers."""

    def __init__(self, home: str, stay: bool) -> None:
        self._log = log_path(home)
        self._log_start = os.path.getsize(self._log) if os.path.exists(self._log) else 0
        self._pid = spawn(home, self._log, stay)

    def lost(self) -> bool:
        """Whether it left because another daemon owns the home, which may itself be leaving.
        UnavailableError if it ended for another reason."""
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if ended else ALREADY_RUNNING
        if code == ALREADY_RUNNING:
            return bool(ended)
        error = UnavailableError(f"the daemon ended at its start (exit {code})", self.story())
        error.exit_code = 2 if code == 2 else 4
        raise error

    def story(self) -> str:
        """The last lines it wrote to the log."""
        with open(self._log, "rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()[-LOG_LINES:]
        return "\n  ".join([*lines, f"the log: {self._log}"])


def spawn(home: str, log: str, stay: bool) -> int:
    """Start `python -m gateway.daemon` in its own process session; returns its process id.

    It inherits no descriptor but the log, and -P keeps the folder the user is in off its path.
    """
    arguments = [sys.executable, "-P", "-m", "gateway.daemon", *([] if stay else ["--on-demand"])]
    write = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    actions: list[tuple[int, int] | tuple[int, int, int] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, write, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inherited()),
    ]
    return os.posix_spawn(
        sys.executable, arguments, daemon_environment(home), file_actions=actions, setsid=True
    )


def daemon_environment(home: str) -> dict[str, str]:
    """This environment, with the home, and with the source folder when nothing is installed."""
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = {**os.environ, "HERMES_HOME": home}
    if os.path.basename(source) != "site-packages":
        paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment


def _inherited() -> list[int]:
    """Descriptors above 2 that a child would get."""
    found = []
    for name in os.listdir("/dev/fd"):
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:
            continue  # the descriptor that listed the folder
    return found


def _renewed(wire: Wire, home: str, about: dict[str, Any]) -> Wire:
    """The daemon of `home` after it has parked its work and started again, once."""
    old = about["version"]
    print(f"the daemon is {old}, this is {VERSION}: restarting it", file=sys.stderr)
    try:
        with wire:
            wire.post("/api/daemon/stop", {"restart": True})
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            again, about = _greeted(home)
            if about["version"] != old:
                return again
            again.close()
            time.sleep(POLL)
    except (NotListening, Lost):
        pass  # it has left; another client may have asked before
    return start(home)


def stop(home: str) -> bool:
    """Stop the daemon and wait until it has given up the home; whether there was one."""
    pid = 0
    try:
        wire, about = _greeted(home)
        with wire:
            pid = about["pid"]
            wire.post("/api/daemon/stop", {"restart": False})
    except NotListening:
        return False
    except Lost:
        pass  # it is leaving; another client may have asked before
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not owned(home):
            return not pid or _ended(pid)
        time.sleep(POLL)
    raise UnavailableError(
        f"the daemon (pid {pid or 'unknown'}) did not end within {PATIENCE:.0f} s",
        "hermes logs shows why",
    )


def _ended(pid: int) -> bool:
    """True, as soon as the process is gone; what little it still does need not be awaited long."""
    deadline = time.monotonic() + LAST_STEPS
    while time.monotonic() < deadline and _lives(pid):
        time.sleep(POLL)
    return True


def _lives(pid: int) -> bool:
    """A process that only waits to be buried has ended, however late its parent is about it."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b") ")[2][:1] != b"Z"
    except FileNotFoundError:
        return not os.path.exists("/proc/self")  # where there is no /proc, the signal's word counts
    except OSError:
        return False


def owned(home: str) -> bool:
    """Whether a living process holds the home's lock."""
    try:
        with open(os.path.join(home, "run", "daemon.lock"), "rb") as lock:
            return not taken(lock.fileno())
    except FileNotFoundError:
        return False
