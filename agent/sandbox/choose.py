"""Which sandbox works on this machine, found by running a command in it, and opening one."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from agent.sandbox.base import Sandbox
from agent.sandbox.bubblewrap import Bubblewrap
from agent.sandbox.landlock import Landlock
from agent.sandbox.places import session_places
from agent.sandbox.unconfined import Unconfined
from hermes_home.errors import SandboxError
from hermes_home.paths import Home

SandboxKind = Literal["bubblewrap", "landlock"]

_log = logging.getLogger(__name__)
_TRIALS: dict[str, tuple[SandboxKind, ...]] = {
    "auto": ("bubblewrap", "landlock"),
    "bubblewrap": ("bubblewrap",),
    "landlock": ("landlock",),
    "off": (),
}
_TRIAL_SECONDS = 30.0
_TRIAL = 'cat "$1" > seen; echo x >> "$1"; echo x > "$2"; echo done > done'


async def probe(mode: Literal["auto", "bubblewrap", "landlock", "off"]) -> SandboxKind | None:
    """The first sandbox of `mode` that really confines a command here; None if none does. It
    runs one command for each it tries: ask once."""
    for kind in _TRIALS[mode]:
        try:
            if await asyncio.wait_for(_confines(kind), _TRIAL_SECONDS):
                return kind
            _log.warning("the sandbox %s does not confine commands here", kind)
        except (SandboxError, OSError, TimeoutError) as error:
            _log.info("the sandbox %s does not work here: %s", kind, error)
    return None


def open_sandbox(
    kind: SandboxKind | None,
    *,
    home: Home,
    workspace: Path,
    writable: Sequence[Path] = (),
    readable: Sequence[Path] = (),
    hidden: Sequence[Path] = (),
    network: bool = False,
) -> Sandbox:
    """A sandbox for one session, not yet started. `kind` None: commands run as they are.
    `writable`: folders besides the workspace. `readable`: folders in the home or another hidden
    place that commands may see; the home's skills and files always are, but for `hidden`."""
    if kind is None:
        return Unconfined()
    places = partial(session_places, home, workspace, writable, readable, hidden_too=hidden)
    opened = {"bubblewrap": Bubblewrap, "landlock": Landlock}[kind]
    return opened(places, network=network)


async def _confines(kind: SandboxKind) -> bool:
    """Whether a command writes its workspace and neither sees nor changes what is beside it."""
    with tempfile.TemporaryDirectory(prefix="hermes-probe-") as name:
        home, workspace = Home(Path(name).resolve() / "home"), Path(name).resolve() / "workspace"
        home.root.mkdir()
        workspace.mkdir()
        home.env.write_text("secret")
        beside = home.root.parent / "beside"
        sandbox = open_sandbox(kind, home=home, workspace=workspace)
        try:
            command = f"set -- {home.env} {beside}; {_TRIAL}"
            process = await sandbox.start(command, cwd=workspace, env={"PATH": "/usr/bin:/bin"})
            await process.wait()
        finally:
            await sandbox.close()
        done, seen = workspace / "done", workspace / "seen"
        secret = seen.read_text() if seen.exists() else ""
        kept = home.env.read_text() == "secret" and not beside.exists()
        return done.exists() and not secret and kept
