"""The demo, on other files than a user sees: the second task must take clearly fewer calls."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from skills_ref import validate

from gateway import demo
from gateway.cli.arguments import Arguments
from gateway.cli.demo import main
from gateway.cli.narrator import Narrator
from gateway.demo import Act, play, problems
from gateway.demo_task import Kind
from hermes_home.errors import SandboxError
from tests.hermes import Hermes
from tests.terminal import Terminal

pytestmark = pytest.mark.slow

KINDS: list[Kind] = ["exports", "logs"]
MARKS = re.compile(r"^ {4}\S.* ([✓✗]+)$", re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the demo plays; what it started must have ended with it."""
    place = tmp_path / "demo"
    place.mkdir()
    yield place
    assert living(place) == []


def living(folder: Path) -> list[str]:
    """The processes whose command or environment names the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if any(os.fsencode(folder) in text for text in words):
            found.append(words[0].replace(b"\0", b" ").decode())
    return found


def calls_in(path: Path) -> int:
    trajectory: dict[str, Any] = json.loads(path.read_text())
    return sum(len(step["tool_calls"]) for step in trajectory["trajectory"])


def printed_calls(text: str) -> tuple[int, int]:
    found = re.search(r"tool calls +(\d+) calls → (\d+) calls", text)
    assert found, text
    return int(found[1]), int(found[2])


# -- the same code, other files ------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [20021, 20058])
def test_the_second_task_takes_clearly_fewer_calls(folder, kind, seed, capsys):
    narrator = Narrator(folder)
    first, second = play(folder, seed, kind, narrator)
    narrator.compares(first, second)
    assert problems(first, second) == []
    assert len(first.calls) > 15
    assert len(second.calls) <= 0.6 * len(first.calls)
    assert first.verified
    assert second.verified
    assert {path.name for path in first.files}.isdisjoint(path.name for path in second.files)
    text = capsys.readouterr().out
    told = printed_calls(text)
    assert told == (calls_in(first.trajectory), calls_in(second.trajectory))
    assert sum(map(len, MARKS.findall(text))) == sum(told)
    _check_what_was_learned(folder / "home", first, second)


def _check_what_was_learned(home: Path, first: Act, second: Act) -> None:
    [skill] = first.skills
    assert second.loaded == {skill: 1}
    assert second.offers(skill)
    assert validate(home / "skills" / skill) == []
    note = home / "memories" / "MEMORY.md"
    assert note in first.learned
    assert skill in note.read_text()


def test_without_learning_the_demo_says_that_it_failed(folder, capsys):
    configure(folder, "learning:\n  mode: 'off'\n")
    first, second = play(folder, 20021, "exports", Narrator(folder))
    assert first.verified
    assert second.verified
    wrong = " ".join(problems(first, second))
    assert "No skill was written." in wrong
    assert f"took {len(second.calls)} calls after {len(first.calls)}" in wrong


def test_without_a_sandbox_it_says_so(folder, capsys):
    configure(folder, "sandbox:\n  mode: 'off'\n")
    with pytest.raises(SandboxError, match="cannot be confined") as refused:
        play(folder, 20021, "exports", Narrator(folder))
    assert refused.value.exit_code == 1
    assert "doctor" in refused.value.hint


def configure(folder: Path, text: str) -> None:
    (folder / "home").mkdir()
    (folder / "home" / "config.yaml").write_text(text)


def test_calls_that_do_not_fall_are_exit_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(demo, "FEWER", 0.1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(Arguments([], {"seed": "20021"})) == 1
    assert "more than 10% of them" in capsys.readouterr().err
    assert living(tmp_path) == []


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture
def command(hermes: Hermes, tmp_path: Path) -> Iterator[Hermes]:
    """The command with a temporary folder of its own; what it started must have ended with it,
    and the user's own home was not touched."""
    (tmp_path / "temporary").mkdir()
    hermes.environment["TMPDIR"] = str(tmp_path / "temporary")
    yield hermes
    assert living(tmp_path / "temporary") == []
    assert not hermes.home.exists()
    assert not (tmp_path / ".hermes").exists()


def left(command: Hermes) -> list[Path]:
    return list(Path(command.environment["TMPDIR"]).glob("hermes-demo-*"))


def test_through_a_pipe_it_is_plain_text_and_leaves_what_it_names(command):
    text = command.ok("demo", "--seed", "20007", "--kind", "logs")
    assert "\x1b" not in text
    [folder] = left(command)
    names = sorted(path.name for path in folder.rglob("*") if path.is_file())
    assert names == ["MEMORY.md", "SKILL.md", "first-trajectory.jsonl", "second-trajectory.jsonl"]
    assert all(name in text for name in names)
    assert printed_calls(text) == tuple(
        calls_in(folder / f"{name}-trajectory.jsonl") for name in ("first", "second")
    )
    assert text.rstrip().endswith(f"rm -r {folder}")


def test_keep_leaves_a_home_that_works(command):
    text = command.ok("demo", "--seed", "20008", "--keep")
    [folder] = left(command)
    assert f"HERMES_HOME={folder / 'home'} hermes" in text
    kept = Hermes(folder / "home", folder / "second")
    try:
        assert {row["kind"] for row in kept.json("learning", "list")} == {"skill", "memory"}
        assert len(kept.json("sessions", "list")) == 2
    finally:
        kept.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["The same files again", "checkpoint 1", "Task 2"])
def test_cut_short_it_leaves_nothing_behind(command, number, moment):
    process = command.spawn("demo", "--seed", "20009")
    assert process.stdout is not None
    for line in process.stdout:
        if moment in line:
            process.send_signal(number)
            break
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == ""
    assert left(command) == []


def test_a_reader_that_leaves_ends_it(command):
    process = command.spawn("demo", "--seed", "20010", stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0
    assert left(command) == []


def test_a_narrow_terminal_gets_no_line_it_must_break(command, tmp_path):
    environment = {**command.environment, "NO_COLOR": "1"}
    terminal = Terminal([*command.command, "demo", "--seed", "20011"], environment, tmp_path)
    terminal.resize(50, 40)
    assert terminal.end() == 0
    terminal.close()
    assert "\x1b[" not in terminal.raw
    long = [line for line in terminal.raw.splitlines() if len(line) > 50]
    assert [
        line for line in long if str(tmp_path) not in line
    ] == []  # paths are there to be copied
    assert "calls →" in terminal.raw
