"""`debug_flaky`: a program whose tests fail only now and then.

Judged by the program under the conditions that bring it out, again and again, in other orders, and
on inputs the workspace does not hold.
"""

from __future__ import annotations

from random import Random
from typing import Any

from gateway.research.tasks.base import DRIVER, Bench, Files, Instance, Task, Verdict
from gateway.research.tasks.fix_bugs import answers, tests
from gateway.research.tasks.flaky.table import FLAKY
from gateway.research.tasks.programs.table import Probe

PROMPT = """\
Tests of {name}.py fail in one run and pass in the next. `python3 often.py` runs them many times, \
as they are run elsewhere: in another order and on other machines. Find out why they fail and \
mend {name}.py so that it does what its docstrings say every time. The tests and often.py are \
right: leave them as they are."""

OFTEN = """\
import os, re, subprocess, sys

CODE = '''
import random, unittest, test_{name}
tests = unittest.defaultTestLoader.loadTestsFromModule(test_{name})
cases = [case for suite in tests for case in suite]
random.Random(NUMBER).shuffle(cases)
result = unittest.TextTestRunner(verbosity=0).run(unittest.TestSuite(cases))
raise SystemExit(not result.wasSuccessful())
'''
ZONES = {zones}
failed, told = {{}}, ""
for number in range(12):
    settings = {{"PYTHONHASHSEED": str(number + 1), "TZ": ZONES[number % len(ZONES)]}}
    run = [sys.executable, "-B", "-c", CODE.replace("NUMBER", str(number))]
    done = subprocess.run(run, env={{**os.environ, **settings}}, capture_output=True, text=True)
    names = re.findall(r"^(?:FAIL|ERROR): (\\w+)", done.stderr, re.M)
    for name in names or ["?"] * done.returncode:
        failed[name] = failed.get(name, 0) + 1
    told = told or (done.stderr if done.returncode else "")
print(told)
for name in sorted(failed):
    print(f"{{name}} failed in {{failed[name]}} of 12 runs")
print("some tests failed" if failed else "all passed, 12 times")
sys.exit(bool(failed))
"""


def draw(kind: str, draw: Random) -> Instance:
    flaky = next(one for one in FLAKY if one.name == kind)
    probes, hidden = flaky.draw(draw), flaky.draw(draw)
    zones = [each["TZ"] for each in flaky.under if "TZ" in each] or ["UTC"]
    right = answers(flaky.source, probes)
    files: Files = {
        f"{kind}.py": flaky.flawed,
        f"test_{kind}.py": tests(kind, list(zip(probes, right, strict=True))),
        "often.py": OFTEN.format(zones=zones, name=kind),
    }
    orders = [_shuffled(hidden, draw) for _ in flaky.under]

    async def judge(bench: Bench) -> Verdict:
        source = bench.read(f"{kind}.py")
        if source is None:
            return Verdict(False, f"{kind}.py is gone")
        failed = 0
        for environment, asked in zip(flaky.under, orders, strict=True):
            found = await bench.results(source, asked, DRIVER, **environment)
            failed += found != answers(flaky.source, asked)
        return Verdict(not failed, f"{len(orders) - failed} of {len(orders)} runs were right")

    return Instance(PROMPT.format(name=kind), files, judge)


def _shuffled(probes: list[Probe], draw: Random) -> list[Any]:
    """Every input twice, in some order."""
    return draw.sample([*probes, *probes], 2 * len(probes))


TASK = Task(
    "debug_flaky",
    "find out why tests fail now and then",
    tuple(flaky.name for flaky in FLAKY),
    draw,
)
