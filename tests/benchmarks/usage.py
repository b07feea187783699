"""What live processes hold and have used, read from /proc (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """`root` and everything below it that lives."""
    above = parents()
    found = [root]
    for pid in found:
        found += [child for child, parent in above.items() if parent == pid]
    return found


def cpu_of(pids: Iterable[int]) -> float:
    """CPU seconds of these processes and of the children they have waited for."""
    return sum(_own_cpu(pid) + _children_cpu(pid) for pid in pids)


def _own_cpu(pid: int) -> float:
    """The process's CPU clock (see clock_getcpuclockid(3)): nanoseconds, all threads, also ended
    ones; /proc counts in hundredths of a second, too coarse for an idle daemon."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _children_cpu(pid: int) -> float:
    stat = _stat(pid)
    return (int(stat[13]) + int(stat[14])) / TICKS if stat else 0.0


def parents() -> dict[int, int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    stats = {pid: _stat(pid) for pid in pids}
    return {pid: int(stat[1]) for pid, stat in stats.items() if stat}


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from `state` on; empty if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def memory_of(pid: int) -> dict[str, int]:
    """Rss and Pss in bytes."""
    sizes = {"Rss": 0, "Pss": 0}
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return sizes
    for line in lines:
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0]) * 1024
    return sizes
