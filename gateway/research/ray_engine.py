"""Workers on a Ray cluster: an actor for each slot, wherever there is room. This process stays the
one writer.

Nothing is shared but Ray itself: the frozen home, the keys and the templates of workspaces travel
with the work. A lost node takes the homes of its workers along, so its prompts begin anew.

RAY_ADDRESS names the cluster; without it one is started on this machine, for so long.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from gateway.research.engine import Died
from gateway.research.frames import Beat, Frames, Ready, Report, Result, Task, framed
from gateway.research.ray_worker import RayWorker, packed
from hermes_home.errors import UnavailableError, UsageError
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets

EXTRA = "pip install 'hermes-daemon[ray]' here and on every node brings it."
LEAVE_SECONDS = 10.0
"""For the workers to clean up when the batch ends."""


class RayEngine:
    """Connects when it is made. folder: the batch's, with the frozen home in it."""

    durable = False

    def __init__(self, folder: Path, lock: int, origin: Home | None) -> None:
        if origin is not None:
            raise UsageError(
                "--learn goes with --engine local only", "The home's daemon is on this machine."
            )
        self._ray = _ray()
        _connect(self._ray)
        frozen = Home(folder / "frozen")
        secrets = load_secrets(frozen, os.environ)
        self._secrets = {name: secrets.get(name) for name in secrets.names()}
        self._frozen = self._ray.put(packed(frozen.root))
        self._maker = self._ray.remote(RayWorker)
        self._actors: dict[str, Any] = {}
        self._awaited: dict[Any, str] = {}
        self._templates: dict[str, Any] = {"": None}

    def start(self, slot: str, task: Task | None) -> None:
        actor = self._maker.options(num_cpus=1, max_restarts=0).remote(
            slot, self._frozen, self._secrets
        )
        self._actors[slot] = actor
        self._awaited[actor.ready.remote()] = slot

    def give(self, slot: str, task: Task) -> None:
        if task.template not in self._templates:
            self._templates[task.template] = self._ray.put(packed(Path(task.template)))
        template = self._templates[task.template]
        self._awaited[self._actors[slot].carry_out.remote(framed(task), template)] = slot

    def wait(self, seconds: float) -> list[tuple[str, Report | Died]]:
        """Ray itself watches over nodes and actors, and each actor over its process: so whoever
        is waited for counts as alive."""
        found, awaited = self._ray.wait(
            list(self._awaited), num_returns=len(self._awaited) or 1, timeout=seconds
        )
        heard: list[tuple[str, Report | Died]] = [(self._awaited[one], Beat()) for one in awaited]
        for one in found:
            slot = self._awaited.pop(one)
            report = self._told(one)
            heard.append((slot, report))
            if isinstance(report, Died):
                self.kill(slot)
        return heard

    def kill(self, slot: str) -> None:
        self._ray.kill(self._actors.pop(slot))
        self._awaited = {one: other for one, other in self._awaited.items() if other != slot}

    def leave(self, slot: str) -> None:
        self._ray.wait([self._actors[slot].leave.remote()], timeout=LEAVE_SECONDS)
        self.kill(slot)

    def close(self) -> None:
        leaving = [actor.leave.remote() for actor in self._actors.values()]
        if leaving:
            self._ray.wait(leaving, num_returns=len(leaving), timeout=LEAVE_SECONDS)
        for slot in list(self._actors):
            self.kill(slot)
        self._ray.shutdown()

    def _told(self, one: Any) -> Ready | Result | Died:
        """What an actor answered; how it was lost if it did not."""
        try:
            answer = self._ray.get(one)
        except self._ray.exceptions.RayError as error:
            return Died(f"its worker was lost: {str(error).strip().splitlines()[-1]}")
        if answer is None:
            return Ready()
        frames: Frames[Result] = Frames(Result)
        return next(frames.feed(answer))


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return import_module("ray")
    except ImportError as error:
        raise UsageError("--engine ray needs Ray, which is not installed", EXTRA) from error


def _connect(ray: Any) -> None:
    address = os.environ.get("RAY_ADDRESS", "")
    # One of our own is nobody else's business: no dashboard, this machine only.
    ours = {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(log_to_driver=False, **({"address": address} if address else ours))
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UnavailableError(
            f"the Ray cluster cannot be reached: {error}", "RAY_ADDRESS names it."
        ) from error
