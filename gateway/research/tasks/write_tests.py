"""`write_tests`: a program that has no tests.

Judged by mutants: the tests pass on the program, also when it is written differently, and fail on
copies of both that have a bug each.
"""

from __future__ import annotations

import ast
import re
from random import Random

from gateway.research.tasks.base import Bench, Instance, Task, Verdict, said
from gateway.research.tasks.programs.table import PROGRAMS

NOTICED = 0.75
"""The share of bugs that the tests have to notice."""

PROMPT = """\
Write unit tests for {name}.py into test_{name}.py, with unittest. They pass on {name}.py as it \
is, test what its docstrings promise, and notice when a bug gets into it: they will be run on \
copies of {name}.py that have one bug each, and must fail on at least three of four. Leave \
{name}.py as it is. Run them with `python3 -m unittest`."""

_RAN = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)


def draw(kind: str, draw: Random) -> Instance:
    program = next(one for one in PROGRAMS if one.name == kind)
    bugs = list(program.bugs)
    draw.shuffle(bugs)
    unlike = written_differently(program.source)

    async def judge(bench: Bench) -> Verdict:
        tests = bench.read(f"test_{kind}.py")
        if tests is None:
            return Verdict(False, f"there is no test_{kind}.py")
        for source in (program.source, unlike, program.source):
            passed, told = await _passes(bench, kind, source, tests)
            if not passed:
                return Verdict(False, f"on the program without a bug: {told}")
        unseen = 0
        for number, bug in enumerate(bugs):
            broken = program.broken((bug,))
            # The form of a program must not tell whether it has a bug either.
            source = written_differently(broken) if number % 2 else broken
            passed, _ = await _passes(bench, kind, source, tests)
            unseen += passed
            if unseen > len(bugs) * (1 - NOTICED):
                return Verdict(False, f"too many bugs are not noticed, {unseen} and more")
        return Verdict(True, f"{len(bugs) - unseen} of {len(bugs)} bugs were noticed")

    return Instance(PROMPT.format(name=kind), {f"{kind}.py": program.source}, judge)


async def _passes(bench: Bench, name: str, source: str, tests: str) -> tuple[bool, str]:
    """Whether the tests pass on a program; what was seen. Without a test nothing passes."""
    folder = bench.lay({f"{name}.py": source, f"test_{name}.py": tests})
    ran = await bench.python(folder, "-m", "unittest", f"test_{name}")
    if ran.exit is None:
        return False, "the tests do not end"
    counted = _RAN.findall(ran.output)
    if not counted or counted[-1] == "0":
        return False, "no test was run"
    return ran.exit == 0, said(ran.output)


def written_differently(source: str) -> str:
    """The same program for who runs it, and another one for who only reads it: no comments or
    docstrings, its functions in another order, other names inside of them."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    rest = [node for node in tree.body[1:] if not isinstance(node, ast.FunctionDef)]
    for function in functions:
        arguments = {argument.arg for argument in function.args.args}
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        own = {node.id for node in names if isinstance(node.ctx, ast.Store)} - arguments
        for node in names:
            node.id = f"the_{node.id}" if node.id in own else node.id
        function.body = function.body[1:]
    tree.body = [*rest, *reversed(functions)]
    return ast.unparse(tree) + "\n"


TASK = Task(
    "write_tests",
    "write tests that notice bugs",
    tuple(program.name for program in PROGRAMS),
    draw,
)
