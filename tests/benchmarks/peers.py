"""The peers, agents from PyPI. `python -m tests.benchmarks.peers` installs them."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path

from tests.benchmarks.agents import REPOSITORY, TOKEN, Agent, ApiServer, new_place
from tests.benchmarks.processes import Address, Place, free_port

PEERS = REPOSITORY / "build" / "peers"
"""Where they are installed, each in a virtual environment of its own."""


class Peer(Agent):
    """An agent from PyPI in a virtual environment of its own: the one that the environment
    names in `variable`, or the one below `PEERS`."""

    variable: str
    package: str
    release: str
    script: str
    more: tuple[str, ...] = ()
    """What it needs for something measured and does not bring along."""

    @property
    def venv(self) -> Path:
        return Path(os.environ.get(self.variable) or PEERS / self.name)

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def command(self) -> str:
        return str(self.venv / "bin" / self.script)

    def missing(self) -> str:
        """Why it cannot be measured here; empty if it can."""
        if os.access(self.command, os.X_OK):
            return ""
        return f"no {self.command} (`make bench-peers` installs it, or set {self.variable})"

    def installed(self) -> str:
        """The release that is measured."""
        ask = f"import importlib.metadata as m; print(m.version({self.package!r}))"
        return subprocess.check_output([self.python, "-c", ask], text=True).strip()

    def version(self) -> list[str]:
        return [self.command, "--version"]

    def hello(self, text: str, session: str) -> list[str]:
        return self.task(text, session)


class HermesAgent(Peer):
    name = package = "hermes-agent"
    variable = "HERMES_AGENT_VENV"
    release = "0.19.0"
    script = "hermes"

    def set_up(self, root: Path, model_url: str) -> Place:
        place = new_place(root, HERMES_HOME=str(root / "h"))
        home = root / "h"
        home.mkdir()
        model = {
            "provider": "custom",
            "default": "bench-model",
            "base_url": model_url,
            "api_key": "none",
        }
        config = {"model": model, "agent": {"max_turns": 500}}
        (home / "config.yaml").write_text(json.dumps(config))
        return place

    def skills_folder(self, place: Place) -> Path:
        return place.root / "h" / "skills"

    def task(self, text: str, session: str) -> list[str]:
        # its `-z` ends after 90 replies whatever max_turns says
        return [self.command, "chat", "-Q", "--yolo", "--max-turns", "500", "-q", text]

    def hello(self, text: str, session: str) -> list[str]:
        return [self.command, "-z", text]

    def resume(self, text: str, session: str, printed: str) -> list[str]:
        return [self.command, "chat", "-Q", "--yolo", "-c", "-q", text]

    def batch(self, place: Place, prompts: str, workers: int) -> list[str]:
        model = json.loads((place.root / "h" / "config.yaml").read_text())["model"]
        flags = {
            "dataset_file": prompts,
            "batch_size": 5,
            "run_name": "bench",
            "model": model["default"],
            "base_url": model["base_url"],
            "api_key": model["api_key"],
            "max_turns": 20,
            "num_workers": workers,
        }
        named = [f"--{name}={value}" for name, value in flags.items()]
        return [str(self.python), "-m", "batch_runner", *named]

    def batched(self, place: Place) -> int:
        results = place.workspace / "data" / "bench" / "trajectories.jsonl"
        return len(results.read_text().splitlines())

    def daemon(self, place: Place) -> tuple[list[str], Address]:
        port = free_port()
        place.env.update(
            API_SERVER_ENABLED="true",
            API_SERVER_PORT=str(port),
            API_SERVER_KEY=TOKEN,
        )
        return [self.command, "gateway", "run"], ("127.0.0.1", port)

    def api(self, place: Place) -> ApiServer:
        config = json.loads((place.root / "h" / "config.yaml").read_text())
        # Without it at most 10 chats run at a time and the others are refused.
        config["gateway"] = {"api_server": {"max_concurrent_runs": 0}}
        (place.root / "h" / "config.yaml").write_text(json.dumps(config))
        command, address = self.daemon(place)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return ApiServer(command, address, headers=headers, body={"model": "hermes-agent"})


class Nanobot(Peer):
    name, package = "nanobot", "nanobot-ai"
    variable = "NANOBOT_VENV"
    release = "0.3.5"
    script = "nanobot"
    more = ("aiohttp",)

    def set_up(self, root: Path, model_url: str) -> Place:
        place = new_place(root)
        defaults = {"model": "bench-model", "provider": "custom", "maxToolIterations": 500}
        self._write(
            place,
            {
                "agents": {"defaults": defaults},
                "providers": {"custom": {"apiBase": model_url, "apiKey": "none"}},
                "channels": {"websocket": {"enabled": True, "port": free_port()}},
            },
        )
        return place

    def _write(self, place: Place, config: dict[str, object]) -> None:
        path = place.root / ".nanobot" / "config.json"
        path.parent.mkdir()
        path.write_text(json.dumps(config))

    def skills_folder(self, place: Place) -> Path:
        return place.root / ".nanobot" / "workspace" / "skills"

    def task(self, text: str, session: str) -> list[str]:
        return [self.command, "agent", "--no-markdown", "-s", f"cli:{session}", "-m", text]

    def resume(self, text: str, session: str, printed: str) -> list[str]:
        return self.task(text, session)

    def daemon(self, place: Place) -> tuple[list[str], Address]:
        port = free_port()
        return [self.command, "gateway", "--foreground", "--port", str(port)], ("127.0.0.1", port)

    def api(self, place: Place) -> ApiServer:
        port = free_port()
        command = [self.command, "serve", "--port", str(port)]
        return ApiServer(command, ("127.0.0.1", port), session_field="session_id")


ALL_PEERS: tuple[Peer, ...] = (HermesAgent(), Nanobot())


def main() -> None:
    for peer in ALL_PEERS:
        folder = PEERS / peer.name
        venv.create(folder, with_pip=True, clear=True)
        wanted = f"{peer.package}=={peer.release}"
        subprocess.run(
            [folder / "bin" / "pip", "install", "--quiet", wanted, *peer.more], check=True
        )
        print(f"{wanted} is in {folder}")


if __name__ == "__main__":
    main()
