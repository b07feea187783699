"""`fix_bugs`: a small program with bugs, its docstrings and tests that fail.

Judged by inputs the workspace does not hold, against what the program did before the bugs.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from gateway.research.tasks.base import DRIVER, Bench, Files, Instance, Task, Verdict
from gateway.research.tasks.programs.table import PROGRAMS, Probe, Program

BUGS = (2, 3)
"""How many an instance has."""
SHOWN = 10
"""Tests in the workspace; each bug makes one of them fail."""

PROMPT = """\
{name}.py has bugs: it does not always do what its docstrings say, and some of the tests in \
test_{name}.py fail. Find the bugs and fix them in {name}.py. The docstrings are right, and the \
tests are right but not complete: leave both as they are. Run the tests with \
`python3 -m unittest`."""


def draw(kind: str, draw: Random) -> Instance:
    program = next(one for one in PROGRAMS if one.name == kind)
    bugs = tuple(draw.sample(program.bugs, draw.choice(BUGS)))
    probes = program.draw(draw)
    right = answers(program.source, probes)
    shown = _telling(program, bugs, probes, right, draw)
    files: Files = {
        f"{kind}.py": program.broken(bugs),
        f"test_{kind}.py": tests(kind, [(probes[at], right[at]) for at in shown]),
    }

    async def judge(bench: Bench) -> Verdict:
        source = bench.read(f"{kind}.py")
        if source is None:
            return Verdict(False, f"{kind}.py is gone")
        found = await bench.results(source, probes, DRIVER)
        if found is None:
            return Verdict(False, f"{kind}.py does not run to its end")
        wrong = sum(one != other for one, other in zip(found, right, strict=False))
        wrong += abs(len(right) - len(found))
        told = f"{len(right) - min(wrong, len(right))} of {len(right)} results are right"
        return Verdict(not wrong, told)

    return Instance(PROMPT.format(name=kind), files, judge)


def answers(source: str, probes: list[Probe]) -> list[Any]:
    """What a program of ours does, in the form of DRIVER."""
    space: dict[str, Any] = {"__name__": "asked"}
    exec(compile(source, "asked", "exec"), space)
    found: list[Any] = []
    for name, arguments in json.loads(json.dumps(probes)):
        try:
            found.append([json.loads(json.dumps(space[name](*arguments)))])
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            found.append(type(error).__name__)
    return found


def _telling(
    program: Program,
    bugs: tuple[tuple[str, str], ...],
    probes: list[Probe],
    right: list[Any],
    draw: Random,
) -> list[int]:
    """Which inputs the workspace's tests hold: one for each bug, and some that nothing breaks."""
    chosen: set[int] = set()
    for bug in bugs:
        seen = answers(program.broken((bug,)), probes)
        chosen.add(draw.choice([at for at, one in enumerate(seen) if one != right[at]]))
    others = [at for at in range(len(probes)) if at not in chosen]
    return sorted([*chosen, *draw.sample(others, SHOWN - len(chosen))])


def tests(name: str, cases: list[tuple[Probe, Any]]) -> str:
    """A file of unit tests: what each input gives."""
    lines = ["import unittest", "", f"import {name}", "", "", "class Tests(unittest.TestCase):"]
    for number, ((function, arguments), result) in enumerate(cases, 1):
        call = f"{name}.{function}({', '.join(map(repr, arguments))})"
        lines.append(f"    def test_{number:02}_{function}(self):")
        if isinstance(result, str):
            lines += [f"        with self.assertRaises({result}):", f"            {call}", ""]
        else:
            lines += [f"        self.assertEqual({call}, {result[0]!r})", ""]
    return "\n".join([*lines, "", 'if __name__ == "__main__":', "    unittest.main()", ""])


TASK = Task(
    "fix_bugs",
    "find the bugs that make a program's tests fail",
    tuple(program.name for program in PROGRAMS),
    draw,
)
