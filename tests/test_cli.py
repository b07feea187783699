"""The hermes command without a daemon: parsing, help, errors, completion, what needs no start."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.cli import help
from gateway.cli.arguments import Arguments, check_words, nearest, take_options
from gateway.cli.command import ROOT
from gateway.cli.completion import SHELLS, choices
from gateway.cli.entry import find, load
from gateway.cli.output import clean, clean_answer
from gateway.cli.table import ALIASES, COMMANDS, DEFAULTS
from hermes_home.errors import UsageError
from hermes_home.version import VERSION
from tests.hermes import ROOT as SOURCE
from tests.hermes import Hermes

Capture = pytest.CaptureFixture[str]

SKILL = """\
---
name: tidy-desk
description: "Tidies a desk. Use when the desk is full."
---

1. Take everything off.
"""


# -- the table ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_leads_to_a_function(name: str) -> None:
    assert callable(load(COMMANDS[name].target))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_has_two_options_of_one_name(name: str) -> None:
    options = COMMANDS[name].options
    names = [option.name for option in options] + [o.short for o in options if o.short]
    assert len(names) == len(set(names))


def test_command_groups_alone_mean_one_of_their_members() -> None:
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    assert groups == set(DEFAULTS)
    assert {f"{group} {member}" for group, member in DEFAULTS.items()} <= set(COMMANDS)
    assert set(ALIASES.values()) <= groups


@pytest.mark.parametrize(
    ("argv", "name", "rest"),
    [
        (["sessions"], "sessions list", []),
        (["sessions", "--json"], "sessions list", ["--json"]),
        (["learning", "show", "7"], "learning show", ["7"]),
        (["gateway", "stop"], "daemon stop", []),
        (["model", "x"], "model", ["x"]),
    ],
)
def test_words_lead_to_a_command(argv: list[str], name: str, rest: list[str]) -> None:
    command, left = find(argv)
    assert (command.name, left) == (name, rest)


@pytest.mark.parametrize(
    ("argv", "options", "words"),
    [
        (["-z", "hi", "--json"], {"oneshot": "hi", "json": ""}, []),
        (["-z", "-"], {"oneshot": "-"}, []),
        (["-z"], {"oneshot": "-"}, []),
        (["-z", "--json"], {"oneshot": "-", "json": ""}, []),
        (["-z", "-5 degrees?"], {"oneshot": "-5 degrees?"}, []),
        (["-zhi", "--model=a=b"], {"oneshot": "hi", "model": "a=b"}, []),
        (["--", "--json"], {}, ["--json"]),
        (["--yolo", "chat", "--json"], {"yolo": ""}, ["chat", "--json"]),
    ],
)
def test_options_are_read(argv: list[str], options: dict[str, str], words: list[str]) -> None:
    assert take_options(argv, ROOT, leading=True) == (options, words)


@pytest.mark.parametrize(
    "argv", [["--jsn"], ["--json=yes"], ["--model"], ["-x"], ["--max-turn", "3"]]
)
def test_wrong_options_are_refused(argv: list[str]) -> None:
    with pytest.raises(UsageError):
        take_options(argv, ROOT)


def test_positions_are_checked() -> None:
    check_words("x", ("NAME", "[PATH]"), ["a"])
    check_words("x", ("WORDS...",), ["a", "b", "c"])
    for wanted, words in ((("NAME",), []), (("NAME",), ["a", "b"]), ((), ["a"])):
        with pytest.raises(UsageError, match="usage: hermes x"):
            check_words("x", wanted, words)
    check_words("x", ("[PATH]", "--in", "FILE"), ["a"])
    with pytest.raises(UsageError, match="--in b[?] usage: hermes x"):
        check_words("x", ("[PATH]", "--in", "FILE"), ["a", "b"])


def test_the_nearest_name_is_found() -> None:
    assert nearest("sesions", sorted({name.split()[0] for name in COMMANDS}))[0] == "sessions"


# -- the process --------------------------------------------------------------------------------


def test_version_is_the_package_s_and_starts_nothing(hermes: Hermes) -> None:
    assert hermes.ok("--version") == f"hermes {VERSION}\n"
    assert hermes.json("version") == {"version": VERSION}
    assert not hermes.home.exists()


def test_version_imports_next_to_nothing(hermes: Hermes) -> None:
    code = (
        "import sys; from gateway.cli.entry import main; main(['--version']); print(*sys.modules)"
    )
    told = subprocess.run(
        [*hermes.python, "-c", code],
        capture_output=True,
        text=True,
        env=hermes.environment,
        check=True,
    )
    loaded = told.stdout.splitlines()[1].split()
    ours = {name for name in loaded if name.split(".")[0] in ("gateway", "hermes_home", "agent")}
    assert ours == {"gateway", "gateway.cli", "gateway.cli.entry", "hermes_home",
                    "hermes_home.errors", "hermes_home.version"}  # fmt: skip
    assert not {"argparse", "asyncio", "pathlib", "json", "typing", "socket"} & set(loaded)


def test_a_question_to_a_warm_daemon_imports_no_library(hermes: Hermes) -> None:
    code = "import sys, gateway.cli.oneshot, gateway.cli.status; print(*sys.modules)"
    told = subprocess.run(
        [*hermes.python, "-c", code],
        capture_output=True,
        text=True,
        env=hermes.environment,
        check=True,
    )
    heavy = {"argparse", "asyncio", "pathlib", "typing", "dataclasses", "httpx", "rich", "yaml",
             "msgspec", "prompt_toolkit"}  # fmt: skip
    assert not heavy & set(told.stdout.split())


def test_what_cannot_be_seen_is_shown_and_joiners_stay() -> None:
    unseen = [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF]
    for code in unseen:
        joins = code in (0x200C, 0x200D)
        assert clean(f"a{chr(code)}b\x1b[") == (
            f"a{chr(code)}b[" if joins else f"a<U+{code:04X}>b["
        )
        assert clean_answer(f"a{chr(code)}b\x1b[") == f"a{chr(code)}b["


@pytest.mark.parametrize("wide", [60, 80])
def test_help_fits_the_terminal(wide: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture):
    monkeypatch.setattr("gateway.cli.help.columns", lambda: wide)
    monkeypatch.setattr("gateway.cli.output.columns", lambda stream=None: wide)
    for words in ([], *(name.split() for name in COMMANDS)):
        help.main(Arguments(words, {}))
        told = capsys.readouterr().out
        assert max(map(len, told.splitlines())) <= wide
        if not words:
            assert all(name in told for name in COMMANDS)


def test_help_names_every_command_once(hermes: Hermes) -> None:
    lines = [line.strip() for line in hermes.ok("--help").splitlines()]
    for name, command in COMMANDS.items():
        call = " ".join((name, *command.words))
        found = [line for line in lines if line.startswith(f"{call} ") and command.summary in line]
        assert len(found) == 1, name


@pytest.mark.slow
@pytest.mark.parametrize("name", [*COMMANDS, *DEFAULTS, *ALIASES])
def test_every_command_in_help_has_help(hermes: Hermes, name: str) -> None:
    told = hermes.ok(*name.split(), "--help")
    assert name in told or name in ALIASES
    assert not hermes.home.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sesions"], "did you mean sessions"),
        (["learning", "shwo"], "did you mean learning show"),
        (["sessions", "list", "--jsn"], "did you mean --json"),
        (["sessions", "show"], "usage: hermes sessions show SESSION"),
        (["sessions", "list", "--limit", "none"], "--limit takes a number"),
        (["sessions", "list", "--source", "moon"], "takes terminal, oneshot, api"),
        (["--yolo", "sessions", "list"], "--yolo does not go with sessions list"),
        (["-p", "../x", "-z", "hi"], "cannot be a profile's name"),
        (["-z", "hi", "--cwd", "/nowhere/at/all"], "--cwd names the workspace"),
        (["-z", " "], "there is no question"),
        (["completion", "tcsh"], "there is bash, zsh and fish"),
        (["setup"], "there is no terminal"),
        (["setup", "--model", "m"], "--base-url"),
        (["skills", "validate", "/nowhere"], "name a SKILL.md"),
        (["logs"], "the daemon has not run"),
        (["config", "get", "model.defualt"], "model.default"),
    ],
)
def test_wrong_usage_says_what_to_do_and_exits_2(
    hermes: Hermes, words: list[str], told: str
) -> None:
    result = hermes.run(*words)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_status_of_no_daemon_is_exit_4_and_starts_none(hermes: Hermes) -> None:
    result = hermes.run("daemon", "status", "--json")
    assert result.returncode == 4
    assert json.loads(result.stdout)["pid"] is None
    assert not hermes.home.exists()


def test_a_reader_that_leaves_early_is_no_error(hermes: Hermes) -> None:
    command = " ".join(hermes.command)
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} --help | head -1"],
        capture_output=True,
        text=True,
        env=hermes.environment,
        check=False,
    )
    assert result.stderr == ""


def test_a_skill_is_validated_without_a_daemon(hermes: Hermes) -> None:
    folder = hermes.workspace / "tidy-desk"
    folder.mkdir()
    (folder / "SKILL.md").write_text(SKILL)
    assert hermes.json("skills", "validate", str(folder))[0]["valid"]
    (folder / "SKILL.md").write_text(SKILL.replace("tidy-desk", "Tidy Desk"))
    result = hermes.run("skills", "validate", str(folder), "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)[0]["problems"]
    assert not hermes.home.exists()


@pytest.mark.slow
def test_settings_are_explained_without_a_daemon(hermes: Hermes) -> None:
    told = hermes.json("config", "explain", "learning.checkpoint_every")
    assert (told["value"], told["source"]) == (15, "default")
    inside = hermes.json("config", "explain", "web")
    assert [row["key"] for row in inside][:2] == ["web.search", "web.allow_private"]
    assert hermes.json("config", "get", "learning.mode") == "auto"
    assert not hermes.home.exists()


@pytest.mark.slow
def test_doctor_checks_without_starting_a_daemon(hermes: Hermes) -> None:
    checks = {check["name"]: check for check in hermes.json("doctor")}
    assert {"home", "settings", "git", "sandbox", "disk", "daemon", "model"} <= set(checks)
    assert not hermes.home.exists()


@pytest.mark.slow
def test_doctor_fails_with_the_fix_when_settings_are_wrong(hermes: Hermes) -> None:
    hermes.home.mkdir()
    (hermes.home / "config.yaml").write_text("model:\n  defualt: x\n")
    result = hermes.run("doctor", "--json")
    assert result.returncode == 1
    failed = [check for check in json.loads(result.stdout) if check["status"] == "fail"]
    assert [check["name"] for check in failed] == ["settings"]
    assert "default" in failed[0]["fix"]


# -- completion ---------------------------------------------------------------------------------


def complete(hermes: Hermes, *words: str) -> list[str]:
    """What bash offers for the last of `words`."""
    script = hermes.workspace / "completion.bash"
    if not script.exists():
        script.write_text(hermes.ok("completion", "bash"))
    line = " ".join(f"'{word}'" for word in words)
    ask = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _hermes"
    told = subprocess.run(
        ["bash", "--norc", "-c", f'{ask}; printf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
        cwd=hermes.workspace,
    )
    return told.stdout.split()


def test_bash_completes_commands_members_and_options(hermes: Hermes) -> None:
    assert complete(hermes, "hermes", "sess") == ["sessions"]
    assert complete(hermes, "hermes", "sessions", "re") == ["resume", "rename"]
    assert complete(hermes, "hermes", "gateway", "re") == ["restart"]
    assert complete(hermes, "hermes", "learning", "show", "7", "--j") == ["--json"]
    assert "--yolo" in complete(hermes, "hermes", "chat", "--")
    assert complete(hermes, "hermes", "completion", "z") == ["zsh"]


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts_parse(hermes: Hermes, tmp_path: Path, shell: str) -> None:
    script = tmp_path / f"completion.{shell}"
    script.write_text(hermes.ok("completion", shell))
    for name in COMMANDS:
        assert name.split()[-1] in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(script)], check=True)


def test_completion_offers_every_command() -> None:
    found = choices()
    for name in COMMANDS:
        group, _, member = name.partition(" ")
        assert group in found[""]
        assert not member or member in found[group]


def test_the_command_is_the_package_s_script() -> None:
    assert 'hermes = "gateway.cli.entry:main"' in (SOURCE / "pyproject.toml").read_text()
