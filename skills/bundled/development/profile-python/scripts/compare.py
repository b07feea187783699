"""Runs two commands in turns: do they print the same, and how much faster is the second?

Exit 0 if both succeed, print the same and the second is at least --faster times as fast, else 1.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from difflib import unified_diff
from pathlib import Path


def timed(command: str, folder: Path) -> tuple[float, str, int]:
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return time.perf_counter() - begun, done.stdout, done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", required=True, help="a shell command")
    parser.add_argument("--after", required=True, help="a shell command")
    parser.add_argument("--in-before", type=Path, default=Path(), help="its folder")
    parser.add_argument("--in-after", type=Path, default=Path(), help="its folder")
    parser.add_argument("--faster", type=float, default=1.1, help="how many times at least")
    parser.add_argument(
        "--runs", type=int, default=5, help="of each, after one that does not count"
    )
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {"before": [], "after": []}
    printed: dict[str, str] = {}
    for number in range(max(1, arguments.runs) + 1):
        for name in times:
            folder = getattr(arguments, f"in_{name}")
            seconds, output, code = timed(getattr(arguments, name), folder)
            if code:
                print(f"{name} failed with exit {code}", file=sys.stderr)
                return 1
            if printed.setdefault(name, output) != output:
                print(f"{name} prints something else each time", file=sys.stderr)
                return 1
            if number:
                times[name].append(seconds)
    if printed["before"] != printed["after"]:
        old, new = printed["before"].splitlines(), printed["after"].splitlines()
        difference = list(unified_diff(old, new, "before", "after", lineterm="", n=1))
        print("they print different things:\n" + "\n".join(difference[:20]))
        return 1
    before, after = (statistics.median(times[name]) for name in ("before", "after"))
    gain = before / max(after, 1e-9)
    sure = max(times["after"]) < min(times["before"])
    doubt = "" if sure else "; single runs overlap, take more or longer ones"
    print(f"before {before:.3f} s, after {after:.3f} s: {gain:.2f} times as fast{doubt}")
    return 0 if gain >= arguments.faster else 1


if __name__ == "__main__":
    sys.exit(main())
