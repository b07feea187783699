"""Commands under the kernel's own access rules, where bubblewrap cannot be had."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from agent.policy import is_inside
from agent.sandbox.confine import CREATE_RULESET
from agent.sandbox.places import CONFINE, INSIDE, PYTHON, Places
from agent.sandbox.seccomp import INET, INET6, NETLINK, socket_filter
from agent.sandbox.served import Launch, ServedSandbox
from hermes_home.errors import SandboxError

_LEAST_ABI = 3  # before, any file that can be seen could be truncated
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")


class Landlock(ServedSandbox):
    """Only granted paths can be opened; no socket by path, no capability, and no network unless
    it is shared: one of their own where namespaces are allowed, else none at all. Rules only ever
    grant, so folders above a hidden place cannot be listed. Before ABI 6 (Linux 6.12) commands
    may still signal the user's other processes.
    """

    name = "landlock"
    confined = True

    def __init__(self, places: Callable[[], Places], *, network: bool) -> None:
        super().__init__({})
        self._places = places
        self._network = network
        self._private: Path | None = None

    def launch(self, control: int) -> Launch:
        abi = landlock_abi()
        filters = {"isolated": (INET, INET6, NETLINK), "shared": (NETLINK,)}
        codes = {name: socket_filter(families).hex() for name, families in filters.items()}
        if abi < _LEAST_ABI or not all(codes.values()):
            raise SandboxError(
                f"Landlock cannot confine commands here (ABI {abi}, {platform.machine()})",
                "Install bubblewrap, or use Linux 6.2 or newer.",
            )
        plan = {
            "abi": abi,
            "isolate": not self._network,
            "filters": codes,
            "program": [str(PYTHON), "-I", "-S", str(INSIDE), str(control)],
            **self._grants(self._make_private()),
        }
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(plan).encode())
            file.seek(0)
            stdin = os.dup(file.fileno())
        return Launch([str(PYTHON), "-I", "-S", str(CONFINE)], stdin=stdin)

    def _make_private(self) -> Path:
        self._private = Path(tempfile.mkdtemp(prefix="hermes-")).resolve()
        self.environment = {
            "TMPDIR": str(self._private),
            "XDG_CACHE_HOME": str(self._private / ".cache"),
        }
        return self._private

    def _grants(self, private: Path) -> dict[str, list[str]]:
        places = self._places()
        closed = places.hidden | {Path("/dev")}
        read = [Path("/"), *places.readable]
        return {
            "read": [str(path) for root in read for path in uncovered(root, closed)],
            "write": [str(private)]
            + [str(path) for root in places.writable for path in uncovered(root, closed)],
            "devices": [f"/dev/{name}" for name in _DEVICES],
        }

    def ended(self) -> None:
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)


def uncovered(root: Path, hidden: Collection[Path]) -> Iterator[Path]:
    """The largest files and folders from `root` down that neither are nor hold a hidden one."""
    if root in hidden:
        return
    if not any(is_inside(place, root) for place in hidden):
        yield root
        return
    try:
        children = list(root.iterdir())
    except OSError:
        return
    for child in children:
        if not child.is_symlink():
            yield from uncovered(child, hidden)


def landlock_abi() -> int:
    """0 if this kernel has no Landlock."""
    if sys.platform != "linux":
        return 0
    asks_for_version = 1
    return max(0, int(ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, asks_for_version)))
