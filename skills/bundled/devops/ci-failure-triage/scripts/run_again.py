"""Runs a command several times and tells how often it failed; exit 0 only if it never did."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter

SHOWN = 1500
"""Characters of the first failure's output that are repeated."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", help="one shell command, in quotes")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each run")
    options = parser.parse_args()
    codes: Counter[str] = Counter()
    first = ""
    for number in range(1, max(1, options.times) + 1):
        start = time.monotonic()
        try:
            done = subprocess.run(
                options.command, shell=True, capture_output=True, text=True, errors="replace",
                timeout=options.timeout, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
            code, output = str(done.returncode), done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            code, output = "timeout", ""
        codes[code] += 1
        first = first or (output if code != "0" else "")
        sys.stdout.write(f"run {number}: exit {code}, {time.monotonic() - start:.1f} s\n")
    passed = codes["0"]
    total = codes.total()
    sys.stdout.write(f"passed {passed} of {total}\n")
    if first:
        sys.stdout.write(f"-- the first failure, its end\n{first[-SHOWN:]}\n")
    if 0 < passed < total:
        sys.stdout.write("it is flaky: the same code passes and fails\n")
    return int(passed < total)


if __name__ == "__main__":
    sys.exit(main())
