"""Plays the user's service manager: reads the unit files, starts what they say, listens on a real
notify socket, kills what stops pinging, starts again what failed. `systemctl` is a command that
asks it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

SYSTEMCTL = """#!{python}
import json, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    asked.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    code, out, err = json.loads(asked.makefile("rb").readline())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""
PATIENCE = 60.0
WATCHDOG_SECONDS = 4.0
"""In the place of the unit's, so that a test need not wait a minute."""


def words(text: str) -> list[str]:
    """What systemd.syntax(7) makes of quoted words."""
    found, word, quoted, escaped = [], "", False, False
    for sign in text:
        if escaped:
            word, escaped = word + sign, False
        elif sign == "\\":
            escaped = True
        elif sign == '"':
            quoted = not quoted
        elif sign == " " and not quoted:
            found.append(word)
            word = ""
        else:
            word += sign
    assert not quoted, text
    return [w.replace("%%", "%") for w in [*found, word] if w]


def parse(text: str) -> dict[str, dict[str, list[str]]]:
    """A unit file: section, key, values in order."""
    unit: dict[str, dict[str, list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            section = unit.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            section.setdefault(key, []).append(value)
    return unit


class Heard:
    """A datagram socket that services notify, as systemd's: abstract, or at `path`."""

    def __init__(self, path: Path | None = None) -> None:
        self.messages: list[tuple[float, str]] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if path is None:
            self.name = f"@hermes-test-{os.getpid()}-{id(self):x}"
            self.socket.bind("\0" + self.name[1:])
        else:
            self.name = str(path)
            self.socket.bind(self.name)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while data := self.socket.recv(4096):
            if data == b"bye":
                return
            self.messages += [(time.monotonic(), line) for line in data.decode().split("\n")]

    def lines(self) -> list[str]:
        return [line for _, line in self.messages]

    def count(self, line: str) -> int:
        return self.lines().count(line)

    def last(self, line: str) -> float:
        return max((at for at, said in self.messages if said == line), default=0.0)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as goodbye:
            goodbye.sendto(b"bye", "\0" + self.name[1:] if self.name[0] == "@" else self.name)
        self._thread.join(PATIENCE)
        self.socket.close()


@dataclass
class Job:
    """One started unit."""

    process: subprocess.Popen[bytes]
    heard: Heard
    began: float
    killed: bool = False

    @property
    def ready(self) -> bool:
        return self.heard.count("READY=1") > 0

    def alive_at(self) -> float:
        return max(self.began, self.heard.last("WATCHDOG=1"), self.heard.last("READY=1"))


@dataclass
class Manager:
    """Serves `systemctl --user` for the units in `folder`; its own rules are the units'."""

    folder: Path
    bin: Path
    environment: dict[str, str]
    jobs: dict[str, Job] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    watchdog_kills: int = 0
    calls: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bin.mkdir(parents=True)
        address = str(self.bin / "manager.sock")
        command = self.bin / "systemctl"
        command.write_text(SYSTEMCTL.format(python=sys.executable, address=address))
        command.chmod(0o755)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen()
        self._lock = threading.RLock()
        self._ends = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._serve, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    # -- systemctl ------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            asked, _ = self._listener.accept()
            with asked, asked.makefile("rb") as lines:
                line = lines.readline()
                if self._ends.is_set():
                    return
                argv = json.loads(line)
                self.calls.append(argv)
                asked.sendall(json.dumps(self._answer(argv)).encode() + b"\n")

    def _answer(self, argv: list[str]) -> tuple[int, str, str]:
        if argv == ["--version"]:
            return 0, "systemd 255 (255.4-1)\n", ""
        assert argv[0] == "--user"
        verb, rest = argv[1], [word for word in argv[2:] if not word.startswith("-")]
        name = rest[0] if rest else ""
        if verb == "is-active":
            state = self.states.get(name, "inactive")
            return 0 if state == "active" else 3, state + "\n", ""
        if verb == "start":
            return (0, "", "") if self.start(name) else (1, "", f"Job for {name} failed.")
        if verb == "stop" or (verb == "disable" and "--now" in argv):
            self.stop(name)
        return 0, "Version=255\n" if verb == "show" else "", ""

    # -- units ----------------------------------------------------------------------------------

    def start(self, name: str) -> bool:
        """As `systemctl start`: returns when the unit is ready or has ended."""
        with self._lock:
            job = self.jobs.get(name)
            if job is None or job.process.poll() is not None:
                self._spawn(name)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            job = self.jobs[name]
            if job.ready:
                self.states[name] = "active"
                return True
            if job.process.poll() is not None:
                return False
            time.sleep(0.02)
        raise AssertionError(f"{name} never said READY=1")

    def _spawn(self, name: str) -> None:
        unit = parse((self.folder / name).read_text())["Service"]
        environment = {**self.environment}
        for line in unit["Environment"]:
            key, _, value = words(line)[0].partition("=")
            environment[key] = value
        heard = Heard()
        environment |= {"NOTIFY_SOCKET": heard.name}
        environment |= {"WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6))}
        command = [word.replace("$$", "$") for word in words(unit["ExecStart"][0])]
        process = subprocess.Popen(
            command,
            cwd=environment["HOME"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._drop(name)
        self.jobs[name] = Job(process, heard, time.monotonic())
        self.states[name] = "activating"
        self.starts[name] = self.starts.get(name, 0) + 1

    def stop(self, name: str) -> None:
        with self._lock:
            self.states[name] = "inactive"
            if (job := self.jobs.get(name)) and job.process.poll() is None:
                job.process.terminate()
                job.process.wait(PATIENCE)

    def _watch(self) -> None:
        while not self._ends.wait(0.05):
            with self._lock:
                for name in list(self.jobs):
                    self._look_at(name, self.jobs[name])

    def _look_at(self, name: str, job: Job) -> None:
        """Watchdog and restart, by the unit's own words."""
        code = job.process.poll()
        if code is None:
            if job.ready and time.monotonic() - job.alive_at() > WATCHDOG_SECONDS:
                self.watchdog_kills += 1
                job.process.send_signal(signal.SIGABRT)
        elif self.states[name] in ("active", "activating"):
            unit = parse((self.folder / name).read_text())["Service"]
            assert unit["Restart"] == ["on-failure"]
            never = [int(word) for word in unit["RestartPreventExitStatus"][0].split()]
            if code == 0:
                self.states[name] = "inactive"
            elif code in never:
                self.states[name] = "failed"
            else:
                self._spawn(name)

    def _drop(self, name: str) -> None:
        if job := self.jobs.pop(name, None):
            job.heard.close()

    def close(self) -> None:
        for name in list(self.jobs):
            self.stop(name)
        self._ends.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(self.bin / "manager.sock"))
        for thread in self._threads:
            thread.join(PATIENCE)
        for name in list(self.jobs):
            self._drop(name)
        self._listener.close()
