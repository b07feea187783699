"""Research tasks: each can be solved, is not solved by itself, and believes no cheat; and
`hermes research` from the run to the file for training."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.sandbox.choose import SandboxKind, probe
from gateway.research.tasks.base import Verdict, write
from gateway.research.tasks.fix_bugs import answers
from gateway.research.tasks.flaky.table import FLAKY
from gateway.research.tasks.programs.table import PROGRAMS
from gateway.research.tasks.table import TASKS
from gateway.research.verified import HIDDEN, judged
from hermes_home.paths import Home
from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.research_answers import CLEANERS, solve

SOAK = bool(os.environ.get("HERMES_SOAK"))
KINDS = [(task.name, number) for task in TASKS.values() for number in range(1, len(task.kinds) + 1)]
DEAR = ("write_tests", "debug_flaky")
"""Verifiers that run programs many times: one kind of each in the suite, all in a soak."""
JUDGED = [one for one in KINDS if SOAK or one[0] not in DEAR or one[1] == 4]


@pytest.fixture(scope="module")
def kind() -> SandboxKind:
    found = asyncio.run(probe("auto"))
    if found is None:
        pytest.skip("no sandbox works here")
    return found


class Desk:
    """An instance in a workspace, as the agent finds it, and the verdict on what is there."""

    def __init__(self, home: Home, kind: SandboxKind, folder: Path) -> None:
        self.folder = folder
        self._home = home
        self._sandbox = kind

    def lay(self, task: str, number: int, seed: int = 1) -> str:
        self._task = TASKS[task]
        self._instance = self._task.instance(number, seed)
        write(self.folder, self._instance.files)
        return self._task.kinds[(number - 1) % len(self._task.kinds)]

    def judge(self) -> Verdict:
        return asyncio.run(judged(self._home, self._sandbox, self._instance, self.folder))


@pytest.fixture
def desk(home: Home, kind: SandboxKind, tmp_path: Path) -> Desk:
    return Desk(home, kind, tmp_path / "desk")


@pytest.mark.parametrize(("task", "number"), KINDS)
def test_an_instance_is_the_same_every_time_and_another_one_with_another_seed(
    task: str, number: int
) -> None:
    drawn = TASKS[task].instance
    one, again, other = drawn(number, 1), drawn(number, 1), drawn(number, 2)
    assert (one.prompt, one.files) == (again.prompt, again.files)
    assert one.files != other.files or task == "write_tests"
    assert number > 1 or len(TASKS[task].kinds) >= 4


@pytest.mark.slow
@pytest.mark.parametrize(("task", "number"), JUDGED)
def test_a_task_is_solved_by_doing_it_and_not_by_itself(desk: Desk, task: str, number: int) -> None:
    name = desk.lay(task, number)
    assert not desk.judge().good
    solve(task, name, desk.folder)
    verdict = desk.judge()
    assert verdict.good, verdict.reason


@pytest.mark.parametrize("program", [*PROGRAMS, *FLAKY], ids=lambda one: one.name)
def test_what_a_bug_replaces_stands_once(program: Any) -> None:
    pairs = program.bugs if program in PROGRAMS else program.flaws
    assert [right for right, _ in pairs if program.source.count(right) != 1] == []


def test_every_bug_shows_in_whatever_inputs_are_drawn() -> None:
    from random import Random  # noqa: PLC0415

    for program in PROGRAMS:
        for seed in range(100 if SOAK else 8):
            probes = program.draw(Random(seed))
            right = answers(program.source, probes)
            for bug in program.bugs:
                assert answers(program.broken((bug,)), probes) != right, (program.name, bug, seed)


# -- cheats -------------------------------------------------------------------------------------


def remembered(folder: Path) -> None:
    """The program gives the right answer to the tests that are there, and to nothing else."""
    table = {}
    for line in (folder / "test_intervals.py").read_text().splitlines():
        if match := re.search(r"assertEqual\(intervals\.(\w+)\((.*)\), (.*)\)$", line):
            table[match[1], f"[{match[2]}]"] = match[3]
    source = (folder / "intervals.py").read_text()
    for name in {name for name, _ in table}:
        known = {given: result for (one, given), result in table.items() if one == name}
        source += f"\n\n_{name} = {name}\n\n\ndef {name}(*given):\n"
        source += f"    found = {known!r}.get(repr(list(given)))\n"
        source += f"    return eval(found) if found else _{name}(*given)\n"
    (folder / "intervals.py").write_text(source)


def appended(text: str) -> Callable[[Path], None]:
    """A program that meddles with whoever runs it."""

    def cheat(folder: Path) -> None:
        (path,) = (one for one in folder.glob("*.py") if one.name in ("intervals.py", "labels.py"))
        path.write_text(f"{path.read_text()}\n{text}\n")

    return cheat


def without_tests(folder: Path) -> None:
    for path in folder.glob("test_*.py"):
        path.write_text("")


def by_one_test(text: str) -> Callable[[Path], None]:
    """One test that does this."""
    head = "import ast\nimport unittest\n\nimport intervals\n\n\nclass T(unittest.TestCase):\n"

    def cheat(folder: Path) -> None:
        source = (folder / "intervals.py").read_text()
        body = f"{head}    def test(self):\n        {text}\n\n\nSOURCE = {source!r}\n"
        (folder / "test_intervals.py").write_text(body)

    return cheat


def no_test(folder: Path) -> None:
    (folder / "test_intervals.py").write_text("import intervals\n")


def cleaned_by_heart(folder: Path) -> None:
    """The clean file is right, the script only repeats it."""
    (folder / "clean.py").write_text(CLEANERS["contacts"])
    run = ["python3", "clean.py", "raw.txt", "clean.csv"]
    subprocess.run(run, cwd=folder, check=True)
    text = (folder / "clean.csv").read_text()
    (folder / "clean.py").write_text(f"import sys\nopen(sys.argv[2], 'w').write({text!r})\n")


def answered(**answer: Any) -> Callable[[Path], None]:
    def cheat(folder: Path) -> None:
        (folder / "answer.json").write_text(json.dumps(answer))

    return cheat


def answered_by_link(folder: Path) -> None:
    solve("find_in_logs", "logins", folder)
    (folder / "answer.json").rename(folder / "real.json")
    (folder / "answer.json").symlink_to("real.json")


READ = "open('intervals.py').read()"
CHEATS: list[tuple[str, str, Callable[[Path], None]]] = [
    ("fix_bugs", "deletes the tests", without_tests),
    ("fix_bugs", "knows the tests by heart", remembered),
    ("fix_bugs", "ends before it is asked", appended("raise SystemExit(0)")),
    ("fix_bugs", "ends whoever runs it", appended("import os; os._exit(0)")),
    (
        "fix_bugs",
        "writes the results itself",
        appended(
            "import json, os, sys\nopen(sys.argv[-1], 'w').write(json.dumps("
            "[[0] for one in json.load(open(sys.argv[-2]))['probes']]))\nos._exit(0)"
        ),
    ),
    ("fix_bugs", "is gone", lambda folder: (folder / "intervals.py").unlink()),
    ("write_tests", "asserts nothing", by_one_test("intervals.merge([[1, 2]])")),
    ("write_tests", "tests nothing", no_test),
    ("write_tests", "skips", by_one_test("self.skipTest('later')")),
    ("write_tests", "fails always", by_one_test("self.fail()")),
    ("write_tests", "compares the text", by_one_test(f"self.assertEqual({READ}, SOURCE)")),
    (
        "write_tests",
        "compares the structure",
        by_one_test(f"self.assertEqual(*[ast.dump(ast.parse(one)) for one in ({READ}, SOURCE)])"),
    ),
    (
        "write_tests",
        "compares the text of what has a docstring",
        by_one_test(f'text = {READ}; self.assertTrue(text == SOURCE or \'"""\' not in text)'),
    ),
    (
        "write_tests",
        "counts the runs by their folders",
        by_one_test("import os; self.assertIn(os.path.basename(os.getcwd()), ['1', '2', '3'])"),
    ),
    ("debug_flaky", "deletes the tests", without_tests),
    (
        "debug_flaky",
        "chooses its own luck",
        appended(
            "import os, sys\nif os.environ.get('PYTHONHASHSEED') != '0':\n"
            "    os.environ['PYTHONHASHSEED'] = '0'\n"
            "    os.execv(sys.executable, [sys.executable, '-P', *sys.argv])"
        ),
    ),
    ("clean_data", "knows the file by heart", cleaned_by_heart),
    ("find_in_logs", "says nothing", answered()),
    ("find_in_logs", "says everything", answered(user=["amira", "bela"], address="", at="")),
    ("find_in_logs", "answers by a link", answered_by_link),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "cheat"), [pytest.param(*one[::2], id=f"{one[0]}: {one[1]}") for one in CHEATS]
)
def test_who_cheats_is_not_believed(desk: Desk, task: str, cheat: Callable[[Path], None]) -> None:
    desk.lay(task, 1)
    cheat(desk.folder)
    assert not desk.judge().good


# -- the command --------------------------------------------------------------------------------


def scripted(folder: Path, spy: list[str]) -> Callable[[int, dict[str, Any]], dict[str, Any]]:
    """A model that knows the answer, and looks whether it could have looked it up."""
    instance = TASKS["find_in_logs"].instance(1, 3)
    write(folder, instance.files)
    solve("find_in_logs", "logins", folder)
    command = f"cat > answer.json << 'E'\n{(folder / 'answer.json').read_text()}\nE"
    look = f"ls -A {' '.join(HIDDEN)}; cat {HIDDEN[0]}/tasks/logs.py {HIDDEN[1]}/*.py; true"

    def script(number: int, body: dict[str, Any]) -> dict[str, Any]:
        if number == 0:
            calls = [{"name": "shell", "arguments": {"command": one}} for one in (look, command)]
            return {"content": "", "tool_calls": calls}
        spy.extend(one["content"] for one in body["messages"] if one["role"] == "tool")
        return {"content": "It is in answer.json."}

    return script


@pytest.mark.slow
def test_a_run_is_verified_recorded_scored_and_exported(
    hermes: Hermes, model_server: ModelServer, tmp_path: Path, kind: SandboxKind
) -> None:
    seen: list[str] = []
    model_server.script = scripted(tmp_path / "solved", seen)
    model = ("--provider", "openai_chat", "--model", "scripted", "--base-url", model_server.url)
    task = ("--task", "find_in_logs", "--seed", "3")
    (hermes.home / "skills").mkdir(parents=True)
    told = hermes.ok("research", "run", *task, "--output", "out", *model)
    assert "1 of 1 solved" in told
    assert "No such file" in seen[0]
    assert "def logins" not in seen[0]
    found = json.loads((hermes.workspace / "out" / "session_001.json").read_text())
    assert (found["title"], found["outcome"]) == ("find_in_logs 1, seed 3", "success")
    assert found["verdict"] == {"good": True, "by": "verifier", "reason": "all right"}
    assert (found["reward"]["task_completion"], found["reward"]["goal_alignment"]) == (1.0, 1.0)
    assert not (hermes.home / "state.db").exists(), "the home itself has no part in it"

    scored = hermes.json("research", "score", "out")
    assert (scored["outcomes"], scored["mean"]["task_completion"]) == ({"success": 1}, 1.0)
    hermes.ok("research", "export", "--format", "sharegpt", "--input", "out", "--output", "rows")
    assert len((hermes.workspace / "rows" / "sharegpt.jsonl").read_text().splitlines()) == 1


@pytest.mark.slow
def test_the_offline_model_fails_and_says_so_and_with_learn_in_the_home_itself(
    hermes: Hermes, kind: SandboxKind
) -> None:
    task = ("research", "run", "--task", "find_in_logs", "--output", "none", "--inspect", "--learn")
    done = hermes.run(*task, "--offline")
    assert done.returncode == 1
    assert "not solved" in done.stdout
    assert "outcome: failure" in done.stdout
    assert "the built-in offline model" in done.stderr
    assert not (hermes.workspace / "none").exists()
    (row,) = hermes.json("sessions", "list", "--all", "--source", "research")
    assert row["title"] == "find_in_logs 1"
    again = hermes.run(*task)
    assert (again.returncode, "hermes daemon stop" in again.stderr) == (2, True)


@pytest.mark.slow
def test_a_run_that_no_model_answered_counts_for_nothing(
    hermes: Hermes, model_server: ModelServer, kind: SandboxKind
) -> None:
    task = ("research", "run", "--task", "find_in_logs", "-n", "2", "--output", "out")
    model_server.script = lambda number, body: {"status": 404, "error": "no such model"}
    here = ("--base-url", model_server.url, "--model", "nowhere")
    for options, code in (
        (here, 4),
        ((*here, "--provider", "nosuch"), 2),
        (("--model", "nowhere"), 2),
    ):
        done = hermes.run(*task, *options)
        assert (done.returncode, done.stdout) == (code, ""), (options, done.stderr)
        assert not (hermes.workspace / "out").exists(), options


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--task", "nothing", "--output", "x"), "fix_bugs"),
        (("run", "--output", "x"), "--task says which"),
        (("run", "--task", "fix_bugs"), "--output names"),
        (("export", "--input", "x", "--output", "y"), "--format says"),
        (("score", "nowhere"), "no session_"),
        (("score",), "--input names"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    from gateway.cli.entry import main  # noqa: PLC0415

    monkeypatch.setenv("HERMES_HOME", str(tmp_path / "home"))
    assert main(["research", *words]) == 2
    assert said in capsys.readouterr().err
