"""The skills that ship: valid, found when they are needed, and true."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import skills_ref

from gateway.cli.table import ALIASES, COMMANDS, DEFAULTS, ROOT
from hermes_home.paths import Home
from hermes_home.settings import Settings
from skills.library import BUNDLED, Library
from skills.strict import check_strict

FOLDERS = sorted(path for path in BUNDLED.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_is_strictly_valid(folder: Path):
    text = (folder / "SKILL.md").read_text(encoding="utf-8")
    assert check_strict(text, folder.name) == []
    assert skills_ref.validate(folder) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_files_it_names_are_there(folder: Path):
    text = (folder / "SKILL.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:scripts|references|assets)/[\w./-]+\w)`", text)
    assert [path for path in named if not (folder / path).is_file()] == []


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


def help_text() -> str:
    text = (BUNDLED / "hermes-help" / "SKILL.md").read_text(encoding="utf-8")
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
    script = BUNDLED / "csv-report" / "scripts" / "profile_csv.py"
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
