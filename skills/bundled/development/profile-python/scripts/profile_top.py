"""Profiles a Python script or module and prints where its time goes, the costliest first.

profile_top.py [--top 15] [--memory] SCRIPT.py ARGUMENTS
profile_top.py -m MODULE ARGUMENTS
"""

from __future__ import annotations

import cProfile
import pstats
import runpy
import sys
import sysconfig
import time
import tracemalloc
from pathlib import Path
from typing import Any

STDLIB = sysconfig.get_paths()["stdlib"]
USAGE = (__doc__ or "").strip()


def place(function: tuple[str, int, str]) -> str:
    file, line, name = function
    if file in ("~", ""):
        return f"{name} (built in)"
    path = Path(file)
    try:
        shown: Path | str = path.relative_to(Path.cwd())
    except ValueError:
        shown = f"…/{path.parent.name}/{path.name}"
    return f"{shown}:{line} {name}"


def own(function: tuple[str, int, str]) -> bool:
    """Code of the program, not of Python or an installed package."""
    file = function[0]
    return not (file in ("~", "") or file.startswith(("<", STDLIB)) or "site-packages" in file)


def run(words: list[str]) -> None:
    if words[0] == "-m":
        sys.argv = words[1:]
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        runpy.run_path(words[0], run_name="__main__")


def table(profile: cProfile.Profile, top: int) -> None:
    stats: Any = pstats.Stats(profile, stream=sys.stderr)
    here = str(Path(__file__).resolve())
    rows = [
        (function, count, in_itself, with_calls)
        for function, (_, count, in_itself, with_calls, _) in stats.stats.items()
        if function[0] != here
        and "runpy" not in function[0]
        and function[2] != "<built-in method builtins.exec>"
    ]
    whole = sum(row[2] for row in rows) or 1e-9
    for title, order, chosen in (
        ("time in the function itself", 2, rows),
        ("time with all it calls, the program's own functions", 3, [r for r in rows if own(r[0])]),
    ):
        print(f"\n{title}:\n{'seconds':>9} {'share':>6} {'calls':>10}  where", file=sys.stderr)
        for row in sorted(chosen, key=lambda row: -row[order])[:top]:
            share = f"{row[order] / whole:.0%}"
            print(f"{row[order]:9.3f} {share:>6} {row[1]:10}  {place(row[0])}", file=sys.stderr)


def memory(top: int) -> None:
    snapshot = tracemalloc.take_snapshot()
    peak = tracemalloc.get_traced_memory()[1]
    print(f"\nmemory: peak {peak / 1e6:.1f} MB; held at the end by:", file=sys.stderr)
    for held in snapshot.statistics("lineno")[:top]:
        frame = held.traceback[0]
        print(f"{held.size / 1e6:9.2f} MB  {frame.filename}:{frame.lineno}", file=sys.stderr)


def main() -> int:
    words = sys.argv[1:]
    top, traced = 15, False
    while words and words[0] in ("--top", "--memory", "--help", "-h"):
        option = words.pop(0)
        if option in ("--help", "-h"):
            print(USAGE)
            return 0
        traced = traced or option == "--memory"
        if option == "--top":
            top = int(words.pop(0)) if words and words[0].isdigit() else 0
    if not words or top < 1 or (words[0] != "-m" and not Path(words[0]).is_file()):
        print(f"{USAGE}\n\nthere is no program to run", file=sys.stderr)
        return 2
    if traced:
        tracemalloc.start()
    profile = cProfile.Profile()
    begun, worked, code = time.perf_counter(), time.process_time(), 0
    try:
        profile.runcall(run, words)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    wall, cpu = time.perf_counter() - begun, time.process_time() - worked
    sys.stdout.flush()
    waits = "; it mostly waits" if cpu < wall / 2 else ""
    print(f"\nwall {wall:.3f} s, cpu {cpu:.3f} s under the profiler{waits}", file=sys.stderr)
    table(profile, top)
    if traced:
        memory(top)
    return code


if __name__ == "__main__":
    sys.exit(main())
