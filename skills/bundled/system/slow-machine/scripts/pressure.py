"""Measures a Linux machine for some seconds and names what is short, and by whom."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
FEW = 12
"""With fewer processes than this it is a sandbox or a container, not the machine."""


@dataclass
class Sample:
    """What /proc says at one moment. `stalls`: kind and "some" or "full" to the percent of the last
    ten seconds in which work waited for it. `processes`: pid to (name, state, ticks, rss, read,
    wrote)."""

    at: float
    cpu: list[int]
    vm: dict[str, int]
    memory: dict[str, int]
    forks: int
    load: str
    stalls: dict[str, float]
    processes: dict[int, tuple[str, str, int, int, int, int]] = field(default_factory=dict)


def text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def table(path: Path) -> dict[str, int]:
    """Lines `name value` or `name: value kB` as numbers."""
    found = {}
    for line in text(path).splitlines():
        words = line.replace(":", " ").split()
        if len(words) > 1 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found


def sample(proc: Path) -> Sample:
    stat = text(proc / "stat").splitlines()
    cpu = next(([int(n) for n in line.split()[1:]] for line in stat if line.startswith("cpu ")), [])
    forks = next((int(line.split()[1]) for line in stat if line.startswith("processes ")), 0)
    figures = table(proc / "vmstat"), table(proc / "meminfo"), forks
    load = " ".join(text(proc / "loadavg").split()[:3])
    taken = Sample(time.monotonic(), cpu, *figures, load, stalled(proc))
    for folder in proc.iterdir():
        if folder.name.isdigit() and (line := text(folder / "stat")):
            name, _, rest = line.partition("(")[2].rpartition(")")
            words = rest.split()
            io = table(folder / "io")
            ticks, rss = int(words[11]) + int(words[12]), int(words[21]) * PAGE
            moved = (io.get("read_bytes", 0), io.get("write_bytes", 0))
            taken.processes[int(folder.name)] = (name, words[0], ticks, rss, *moved)
    return taken


def stalled(proc: Path) -> dict[str, float]:
    """The pressure of cpu, memory and io as "io full"; empty where the kernel does not tell."""
    found = {}
    for kind in ("cpu", "memory", "io"):
        for line in text(proc / "pressure" / kind).splitlines():
            which, _, rest = line.partition(" avg10=")
            found[f"{kind} {which}"] = float(rest.split()[0])
    return found


def throttled() -> int:
    """How often this control group was held back by its quota so far."""
    for path in ("cpu.stat", "cpu/cpu.stat"):
        if found := table(Path("/sys/fs/cgroup") / path).get("nr_throttled"):
            return found
    return 0


def verdicts(one: Sample, two: Sample, held_back: int) -> list[tuple[str, str]]:
    """What is short, the worst first, with the figures."""
    found: list[tuple[str, str]] = []
    spent = [b - a for a, b in zip(one.cpu, two.cpu, strict=True)]
    whole = sum(spent[:8])
    idle, waiting, stolen = (100 * spent[at] / whole for at in (3, 4, 7)) if whole else (100, 0, 0)
    stalls = Counter(two.stalls)
    available = 100 * two.memory.get("MemAvailable", 1) / (two.memory.get("MemTotal") or 1)
    seconds = two.at - one.at
    swapped = sum(two.vm.get(k, 0) - one.vm.get(k, 0) for k in ("pswpin", "pswpout")) / seconds
    stuck = [p[0] for p in two.processes.values() if p[1] == "D"]
    if available < 5 or (available < 15 and swapped > 50) or stalls["memory full"] > 5:
        told = f"{available:.0f} % available, {swapped:.0f} pages/s swapped"
        found.append(("memory", f"{told}, stalled {stalls['memory full']:.0f} %"))
    if stalls["io full"] > 10 or waiting > 20 or len(stuck) > 2:
        told = f"processor idle for the disk {waiting:.0f} %, stalled {stalls['io full']:.0f} %"
        found.append(("disk", f"{told}, in state D: {', '.join(sorted(set(stuck))) or 'none'}"))
    if stolen > 10:
        found.append(("steal", f"the host took {stolen:.0f} % of the time"))
    if idle < 10 or stalls["cpu some"] > 40:
        told = f"idle {idle:.0f} %, work waited {stalls['cpu some']:.0f} % of the time"
        found.append(("processor", f"{told}, load {two.load}"))
    if held_back:
        found.append(("limit", f"the group was held back {held_back} times by its quota"))
    return found


def processes(one: Sample, two: Sample, top: int) -> list[str]:
    """The processes that do most, by any measure."""
    seconds = two.at - one.at
    rows: list[tuple[float, float, float, float, float, int, str, str]] = []
    for pid, (name, state, ticks, rss, read, wrote) in two.processes.items():
        before = one.processes.get(pid, (name, state, ticks, rss, read, wrote))
        cpu = 100 * (ticks - before[2]) / TICK / seconds
        grew = (rss - before[3]) / 2**20
        reads, writes = (
            (n - b) / 2**20 / seconds for n, b in ((read, before[4]), (wrote, before[5]))
        )
        rows.append((cpu, rss / 2**20, grew, reads, writes, pid, state, name))
    orders = (lambda r: -r[0], lambda r: -r[1], lambda r: -r[3], lambda r: -r[4])
    chosen = {row for order in orders for row in sorted(rows, key=order)[:top]}
    head = f"{'pid':>8} s {'cpu %':>6} {'rss MB':>8} {'grew':>7} {'read/s':>7} {'wrote/s':>7}  name"
    lines = [
        f"{pid:8} {state} {cpu:6.0f} {rss:8.0f} {grew:7.1f} {read:7.1f} {wrote:7.1f}  {name}"
        for cpu, rss, grew, read, wrote, pid, state, name in sorted(chosen, reverse=True)
    ]
    return [head, *lines]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--top", type=int, default=5, help="processes by each measure")
    parser.add_argument("--calm", action="store_true", help="exit 1 if anything is short")
    parser.add_argument("--proc", type=Path, default=Path("/proc"), help="of the host, if mounted")
    arguments = parser.parse_args()
    if not (arguments.proc / "stat").is_file():
        print(f"there is no {arguments.proc}/stat: this is not Linux", file=sys.stderr)
        return 2
    one, held_back = sample(arguments.proc), throttled()
    time.sleep(max(0.2, arguments.seconds))
    two = sample(arguments.proc)
    found = verdicts(one, two, throttled() - held_back)
    for kind, told in found:
        print(f"short: {kind}: {told}")
    if not found:
        print("short: nothing")
    forks = (two.forks - one.forks) / (two.at - one.at)
    print(f"cores {os.cpu_count()}, forks {forks:.0f}/s, processes {len(two.processes)}")
    if len(two.processes) < FEW:
        print("few processes are seen: this is a sandbox or a container, not the whole machine")
    print("\n".join(processes(one, two, arguments.top)))
    return 1 if found and arguments.calm else 0


if __name__ == "__main__":
    sys.exit(main())
