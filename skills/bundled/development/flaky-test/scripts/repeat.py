"""Runs a command many times and says how often it fails, and in which ways. Exit 0 if never.

repeat.py --runs 40 [--vary hash|zone|locale] [--load 4] [--together 4] -- COMMAND ARGUMENTS
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

TAIL = 30
VARIED = {
    "hash": [{"PYTHONHASHSEED": str(seed)} for seed in range(1, 1000)],
    "zone": [{"TZ": zone} for zone in ("UTC", "XXX11", "XXX-14", "XXX-5:30", "XXX8PDT", "XXX3")],
    "locale": [
        {"LC_ALL": name, "LANG": name} for name in ("C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8")
    ],
}


@dataclass(frozen=True)
class Run:
    """One run. `code`: exit status, 124 = it took too long."""

    code: int
    seconds: float
    output: str
    varied: str


def as_words(command: list[str]) -> list[str]:
    """A whole command line given as one word is for the shell."""
    alone = len(command) == 1 and " " in command[0]
    return ["sh", "-c", command[0]] if alone else command


def once(command: list[str], setting: dict[str, str], timeout: float) -> Run:
    begun = time.monotonic()
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **setting},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        code, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        code, output = 124, late.stdout or b""
    shown = " ".join(f"{key}={value}" for key, value in setting.items())
    return Run(code, time.monotonic() - begun, output.decode("utf-8", "replace"), shown)


def signature(run: Run) -> str:
    """What makes two failures the same: their last words without numbers and addresses."""
    lines = [line.strip() for line in run.output.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"error|fail|assert|panic|exception", line, re.I)
    ]
    last = (telling or lines or ["no output"])[-1]
    return f"exit {run.code}: " + re.sub(r"0x[0-9a-f]+|\d+", "N", last)[:160]


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Processes beside it that use all the time they get."""
    spin = "import os,time\nwhile os.getppid()==PARENT: sum(range(20000))".replace(
        "PARENT", str(os.getpid())
    )
    others = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def told(runs: list[Run], samples: int) -> str:
    failed = [run for run in runs if run.code]
    times = sorted(run.seconds for run in runs)
    middle = times[len(times) // 2]
    lines = [
        f"{len(failed)} of {len(runs)} runs failed ({len(failed) / len(runs):.0%})",
        f"seconds: shortest {times[0]:.2f}, median {middle:.2f}, longest {times[-1]:.2f}",
    ]
    if not failed:
        lines.append(f"with 95 % confidence it fails in less than {3 / len(runs):.1%} of runs")
    kinds = Counter(map(signature, failed))
    for kind, count in kinds.most_common(samples):
        first = next(run for run in failed if signature(run) == kind)
        which = sorted({run.varied for run in failed if signature(run) == kind and run.varied})
        lines += [
            f"\n== {count} times: {kind}",
            *(f"   with {' / '.join(which[:6])}" for _ in which[:1]),
        ]
        lines += [f"   | {line}" for line in first.output.splitlines()[-TAIL:]]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--vary", choices=sorted(VARIED), help="another one in each run")
    parser.add_argument("--load", type=int, default=0, help="busy processes beside it")
    parser.add_argument("--together", type=int, default=1, help="copies at once")
    parser.add_argument("--timeout", type=float, default=300, help="seconds of one run")
    parser.add_argument("--stop", action="store_true", help="stop at the first failure")
    parser.add_argument(
        "command", nargs="+", help="after --, as words or as one text for the shell"
    )
    arguments = parser.parse_args()
    settings = VARIED.get(arguments.vary or "", [{}])
    todo = [settings[at % len(settings)] for at in range(max(1, arguments.runs))]
    runs: list[Run] = []
    width = max(1, arguments.together)
    command = as_words(arguments.command)
    try:
        with busy(arguments.load), ThreadPoolExecutor(width) as pool:
            for start in range(0, len(todo), width):
                batch = todo[start : start + width]
                runs += pool.map(lambda s: once(command, s, arguments.timeout), batch)
                if arguments.stop and any(run.code for run in runs):
                    break
    except OSError as error:
        print(f"cannot be run: {error}", file=sys.stderr)
        return 2
    print(told(runs, 5))
    return 1 if any(run.code for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
