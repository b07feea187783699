"""The skills that ship: valid, found when they are needed, and true."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import skills_ref

from gateway.cli.command import ROOT
from gateway.cli.table import ALIASES, COMMANDS, DEFAULTS
from hermes_home.paths import Home
from hermes_home.settings import Settings
from skills.fitness import NEEDS, PLATFORMS
from skills.library import BUNDLED, Library
from skills.skill import parse
from skills.strict import check_strict
from skills.triggers import ONLY_WITH

FOLDERS = sorted(file.parent for file in BUNDLED.rglob("SKILL.md"))
GROUPS = {"mlops", "devops", "research", "content", "development", "system"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_is_strictly_valid(folder: Path):
    text = (folder / "SKILL.md").read_text(encoding="utf-8")
    assert check_strict(text, folder.name) == []
    assert skills_ref.validate(folder) == []


def test_there_are_enough_in_every_group():
    groups = Counter(folder.parent.relative_to(BUNDLED).as_posix() for folder in FOLDERS)
    assert groups.keys() == GROUPS
    assert min(groups.values()) >= 7
    assert groups.total() >= 40


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_is_short_and_says_when_to_use_it_and_how_to_check(folder: Path):
    skill = parse((folder / "SKILL.md").read_text(encoding="utf-8"), folder.name)
    assert len(skill.description) <= 400
    assert re.search(r"\bUse \w+", skill.description)
    assert len(skill.body.split()) < 600
    assert skill.body.count("\n") < 90
    titles = re.findall(r"(?m)^## (\w+)", skill.body)
    assert "Verification" in titles
    triggers = skill.metadata["hermes-triggers"]
    assert isinstance(triggers, str)
    assert len(triggers.split(";")) >= 8
    assert re.search("[\u4e00-\u9fff]", triggers), "some in Chinese"


def test_its_metadata_holds_only_keys_that_are_read():
    known = {"hermes-triggers", ONLY_WITH, PLATFORMS, NEEDS}
    for folder in FOLDERS:
        skill = parse((folder / "SKILL.md").read_text(encoding="utf-8"), folder.name)
        assert skill.metadata.keys() <= known, folder


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_files_it_names_are_there(folder: Path):
    text = (folder / "SKILL.md").read_text(encoding="utf-8")
    named = re.findall(r"(?:`|skill_dir}/)((?:scripts|references|assets)/[\w./-]+\w)", text)
    named = [path for path in named if path != "scripts/NAME"]
    assert [path for path in named if not (folder / path).is_file()] == []
    there = {file.name for file in folder.glob("scripts/*.py")}
    assert there <= {Path(path).name for path in named}, "a script that nothing names"


SCRIPTS = sorted(BUNDLED.rglob("scripts/*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_needs_only_what_python_brings(script: Path):
    tree = ast.parse(script.read_text(encoding="utf-8"), feature_version=(3, 11))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        own = {file.stem for file in script.parent.glob("*.py")}
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | own
    assert script.stem not in sys.stdlib_module_names, "it would hide a module of Python"


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_explains_itself_and_is_typed(script: Path, tmp_path: Path):
    command = [sys.executable, "-W", "error", str(script), "--help"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (told.returncode, told.stderr) == (0, "")
    assert len(told.stdout) > 80
    assert list(tmp_path.iterdir()) == []
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            arguments = [one for one in node.args.args if one.arg not in ("self", "cls")]
            assert node.returns, node.name
            assert all(one.annotation for one in arguments), node.name


@pytest.mark.parametrize(
    ("request_words", "name"),
    [
        ("what does the table sales.csv say, and is anything wrong with it?", "csv-report"),
        ("give me an overview of this project folder", "summarize-folder"),
        ("please review my last commit before I push", "git-commit-review"),
        ("how do I undo something Hermes has learned?", "hermes-help"),
        ("save this procedure as a skill for next time", "write-a-skill"),
    ],
)
def test_it_is_found_by_what_people_say(home: Home, request_words: str, name: str):
    assert Library(home).catalog(request_words, 500).names[0] == name


@pytest.mark.parametrize(
    ("request_words", "offered"),
    [
        ("what can hermes do?", True),
        ("where are your settings?", True),
        ("Was kannst du und wie bediene ich dich?", True),
        ("你能做什么", True),
        ("where is the settings file of vscode", False),
        ("how do I configure nginx", False),
        ("change the settings of my router", False),
        ("对比两个版本的Word文档，看看改了什么", False),
    ],
)
def test_help_is_offered_only_with_questions_about_hermes(home, request_words, offered):
    library = Library(home)
    assert ("hermes-help" in library.catalog(request_words, 500).names) == offered
    assert offered or "hermes-help" not in library.later(request_words, ()).names
    assert "hermes-help" in [skill.name for skill in library.matches("hermes settings")]


def help_text() -> str:
    text = (BUNDLED / "system" / "hermes-help" / "SKILL.md").read_text(encoding="utf-8")
    return " ".join(text.split())


def test_the_help_names_only_commands_there_are():
    flags = {flag for o in ROOT for flag in (f"--{o.name}", f"-{o.short}") if flag}
    for words in re.findall(r"`hermes ([^`]+)`", help_text()):
        first, *rest = words.split()
        if first.startswith("-"):
            assert first in flags, words
        elif first != "COMMAND":
            group = ALIASES.get(first, first)
            assert group in COMMANDS or group in DEFAULTS or f"{group} {rest[0]}" in COMMANDS, words
            assert group not in DEFAULTS or not rest or f"{group} {rest[0]}" in COMMANDS, words


def test_the_help_names_only_settings_there_are():
    parts = {field.name: getattr(Settings(), field.name) for field in dataclasses.fields(Settings)}
    named = re.findall(r"`([a-z]+)\.([a-z_]+)`", help_text())
    assert ("learning", "mode") in named
    for part, key in named:
        if part in parts:
            assert hasattr(parts[part], key), f"{part}.{key}"


def profiled(table: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = BUNDLED / "content" / "csv-report" / "scripts" / "profile_csv.py"
    command = [sys.executable, str(script), str(table), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_table_profile_counts_types_gaps_and_odd_rows(tmp_path: Path):
    table = tmp_path / "table.csv"
    table.write_text(
        '\ufeffid;name;sum\n1;"a;b";2.5\n2;;4\n3;a\n\n4;x;oops;more\n', encoding="utf-8"
    )
    told = json.loads(profiled(table, "--top", "1").stdout)
    assert (told["rows"], told["odd_rows"]) == (4, 2)
    number, name, total = told["columns"]
    assert (number["name"], number["type"], number["min"], number["sum"]) == ("id", "number", 1, 10)
    assert (name["type"], name["empty"], name["distinct"]) == ("text", 1, 3)
    assert (total["type"], total["empty"]) == ("mixed", 1)


def test_the_table_profile_says_what_it_cannot_read(tmp_path: Path):
    missing = profiled(tmp_path / "none.csv")
    assert missing.returncode == 1
    assert "cannot read" in missing.stderr
    (tmp_path / "empty.csv").write_text("")
    assert json.loads(profiled(tmp_path / "empty.csv").stdout)["columns"] == []


def test_a_report_on_a_table_is_held_against_it(tmp_path: Path):
    table, report = tmp_path / "table.csv", tmp_path / "report.md"
    table.write_text("item,price\na,1.25\nb,2.5\n")
    report.write_text("2 rows. `item` is text; `price` has the sum 3.75, mean 1.88.\n")
    assert profiled(table, "--report", str(report)).returncode == 0
    for right, wrong in (("2 rows", "3 rows"), ("`item`", "it"), ("3.75", "4.75"), ("1.88", "1.9")):
        text = "2 rows. `item` is text; `price` has the sum 3.75, mean 1.88.\n"
        report.write_text(text.replace(right, wrong))
        told = profiled(table, "--report", str(report))
        assert (told.returncode, wrong == "1.9") in ((1, False), (0, True)), told.stdout
