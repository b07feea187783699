"""What the tests of commands share: running one to its end, and the sandboxes of this machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.sandbox.base import Sandbox
from agent.sandbox.choose import SandboxKind, probe
from agent.sandbox.environment import command_environment
from agent.sandbox.inside import descendants, parent_of

_working: dict[SandboxKind, bool] = {}


async def require(kind: SandboxKind) -> None:
    """Skip where this kind cannot work; in continuous integration that is a failure."""
    if kind not in _working:
        _working[kind] = await probe(kind) == kind
    if not _working[kind]:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{kind} does not confine commands here")
        pytest.skip(f"{kind} does not work here")


async def run(sandbox: Sandbox, command: str, cwd: Path) -> tuple[int, str]:
    """The exit status and all output."""
    process = await sandbox.start(command, cwd=cwd, env=command_environment(os.environ))
    output = b""
    while data := await process.read():
        output += data
    return await process.wait(), output.decode(errors="replace")


async def eventually(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until it holds; fail if it never does."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come true"
        await asyncio.sleep(0.02)


def processes_of(marker: str) -> list[int]:
    """Living processes with the marker in their command line, but for this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in line and parent_of(int(entry.name)) is not None:
                found.append(int(entry.name))
    return found


def children() -> set[int]:
    return descendants(os.getpid())


@contextmanager
def another_process(*command: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A child of ours that no tool started; ended at the end."""
    with subprocess.Popen(command or ("sleep", "600"), cwd=cwd) as other:
        try:
            yield other
        finally:
            other.kill()


def has_namespaces() -> bool:
    """Whether a process may have a network of its own here."""
    return subprocess.run(["unshare", "-Un", "true"], stderr=subprocess.DEVNULL).returncode == 0
