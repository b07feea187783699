"""The agents that are measured, behind one shape: how to set each up and what to start.

The floor has the same shape: the least that could do the same work.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.processes import Address, BenchmarkFailed, Place, free_port
from tests.benchmarks.table import FLOOR

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
TOKEN = "0123456789abcdef" * 2
PAGES = 200
"""Files `page-1.txt` and so on in each workspace, for scripts that read."""


@dataclass(frozen=True)
class ApiServer:
    """How an agent serves chat completions, and what a request to it holds. `session_field`:
    where it wants a conversation named, so that each chat is a new one."""

    command: list[str]
    address: Address
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, str] = field(default_factory=dict)
    session_field: str = ""


class Agent(ABC):
    """Commands and files of one agent. Every task runs with tools on and nobody to ask."""

    name: str
    needs_daemon = False
    """Whether a task is a request to a daemon that has to run."""

    @property
    @abstractmethod
    def python(self) -> Path:
        """The interpreter the agent is installed in."""

    @abstractmethod
    def set_up(self, root: Path, model_url: str) -> Place:
        """Write a configuration below `root` whose only model is at `model_url`."""

    @abstractmethod
    def skills_folder(self, place: Place) -> Path: ...

    @abstractmethod
    def version(self) -> list[str]: ...

    @abstractmethod
    def task(self, text: str, session: str) -> list[str]:
        """Carry out `text` in a new session and end when everything is done."""

    @abstractmethod
    def hello(self, text: str, session: str) -> list[str]:
        """The quickest way to one answer on a terminal."""

    @abstractmethod
    def resume(self, text: str, session: str, printed: str) -> list[str]:
        """One more message in the session of a task, which `printed` something when it ran."""

    def batch(self, place: Place, prompts: str, workers: int) -> list[str]:
        """Work through a file of prompts in the workspace."""
        raise BenchmarkFailed("it has no batch runner")

    def batched(self, place: Place) -> int:
        """How many of them have a result."""
        raise NotImplementedError

    @abstractmethod
    def daemon(self, place: Place) -> tuple[list[str], Address]:
        """The daemon in the foreground with no chat platform, and where it answers HTTP."""

    @abstractmethod
    def api(self, place: Place) -> ApiServer:
        """Its server of chat completions."""


class Bare(Agent):
    """The floor: a bare interpreter, a loop of fifty lines, a daemon that only answers."""

    name = FLOOR
    isolated = (sys.executable, "-I", "-S")

    @property
    def python(self) -> Path:
        return Path(sys.executable)

    def set_up(self, root: Path, model_url: str) -> Place:
        return new_place(root, MODEL_URL=model_url)

    def skills_folder(self, place: Place) -> Path:
        return place.root / "skills"

    def version(self) -> list[str]:
        return [*self.isolated, "-c", "pass"]

    def task(self, text: str, session: str) -> list[str]:
        return [*self.isolated, str(HERE / "bare.py"), text]

    def hello(self, text: str, session: str) -> list[str]:
        return self.task(text, session)

    def resume(self, text: str, session: str, printed: str) -> list[str]:
        return self.task(text, session)

    def daemon(self, place: Place) -> tuple[list[str], Address]:
        address = str(place.root / "socket")
        return [*self.isolated, str(HERE / "bare_daemon.py"), address], address

    def api(self, place: Place) -> ApiServer:
        port = free_port()
        command = [*self.isolated, str(HERE / "bare_api.py"), str(port)]
        return ApiServer(command, ("127.0.0.1", port))


class Hermes(Agent):
    """This repository."""

    name = "hermes"
    needs_daemon = True
    entry = (sys.executable, "-m", "gateway.cli.entry")

    @property
    def python(self) -> Path:
        return Path(sys.executable)

    def set_up(self, root: Path, model_url: str) -> Place:
        place = new_place(root, HERMES_HOME=str(root / "h"), PYTHONPATH=str(REPOSITORY))
        home = root / "h"
        home.mkdir()
        config = {
            "model": {"provider": "openai_chat", "default": "bench-model", "base_url": model_url},
            "agent": {"max_turns": 500},
        }
        (home / "config.yaml").write_text(json.dumps(config))
        (home / ".env").write_text("OPENAI_API_KEY=none\n")
        return place

    def skills_folder(self, place: Place) -> Path:
        return place.root / "h" / "skills"

    def version(self) -> list[str]:
        return [*self.entry, "--version"]

    def task(self, text: str, session: str) -> list[str]:
        return [*self.entry, "-z", text, "--json"]

    def hello(self, text: str, session: str) -> list[str]:
        return [*self.entry, "-z", text]

    def resume(self, text: str, session: str, printed: str) -> list[str]:
        told = json.loads(printed.splitlines()[-1])
        return [*self.entry, "chat", "-r", told["session"], "-q", text]

    def batch(self, place: Place, prompts: str, workers: int) -> list[str]:
        where = ["--input", prompts, "--checkpoint", "out"]
        return [*self.entry, "batch", *where, "--workers", str(workers)]

    def batched(self, place: Place) -> int:
        return len(list((place.workspace / "out").glob("session_*.json")))

    def daemon(self, place: Place) -> tuple[list[str], Address]:
        return [*self.entry, "daemon", "run"], str(place.root / "h" / "run" / "daemon.sock")

    def api(self, place: Place) -> ApiServer:
        port = free_port()
        config = json.loads((place.root / "h" / "config.yaml").read_text())
        config["api"] = {"listen": f"127.0.0.1:{port}", "per_minute": 0}
        (place.root / "h" / "config.yaml").write_text(json.dumps(config))
        place.env["HERMES_API_TOKEN"] = TOKEN
        return ApiServer(
            [*self.entry, "daemon", "run"],
            ("127.0.0.1", port),
            headers={"Authorization": f"Bearer {TOKEN}"},
            body={"model": "hermes"},
        )


def write_skills(folder: Path, count: int) -> None:
    """Skills of an everyday length, so that a catalog of them has something to list."""
    for number in range(1, count + 1):
        name = f"weekly-report-{number}"
        (folder / name).mkdir(parents=True)
        (folder / name / "SKILL.md").write_text(
            f"---\nname: {name}\n"
            f"description: Writes report {number} of the week from the team's notes and mails it.\n"
            f"---\n\n# Report {number}\n\n" + "- Read the notes, then write a paragraph.\n" * 20
        )


def new_place(root: Path, **environment: str) -> Place:
    """An empty folder with a workspace, and an environment without the caller's keys."""
    shutil.rmtree(root, ignore_errors=True)
    workspace = root / "workspace"
    workspace.mkdir(parents=True)
    for page in range(1, PAGES + 1):
        (workspace / f"page-{page}.txt").write_text(f"step-{page}\n")
    env = {"PATH": os.environ["PATH"], "HOME": str(root), "LANG": "C.UTF-8", "TERM": "dumb"}
    return Place(root, workspace, env | environment)
