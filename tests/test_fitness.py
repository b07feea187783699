"""Skills that cannot work on this machine: hidden where one would meet them, and explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.events import AnyEvent
from agent.learning.door import Door
from agent.tools.base import ToolContext
from hermes_home.history import History
from hermes_home.paths import Home
from skills.fitness import lacking, unmet
from skills.library import Library
from skills.skill import Skill, parse
from skills.tools import skill_tools
from skills.writer import Writer
from tests.hermes import Hermes
from tests.skill_texts import add_skill


def text(name: str, **metadata: str) -> str:
    head = f'---\nname: "{name}"\ndescription: "Mend the {name} kettle. Use when it leaks."\n'
    lines = "".join(f'  hermes-{key}: "{value}"\n' for key, value in metadata.items())
    return f"{head}{'metadata:' if metadata else ''}\n{lines}---\n\n1. Mend it.\n"


def skill(**metadata: str) -> Skill:
    return parse(text("mend", **metadata), "mend")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, ""),
        ({"platforms": "linux, macos"}, ""),
        ({"platforms": "Linux"}, ""),
        ({"platforms": "macos, windows"}, "works only on macos, windows; this is linux"),
        ({"needs": "sh"}, ""),
        ({"needs": "sh nosuch"}, "needs nosuch, not installed here"),
        ({"needs": "one, two;sh"}, "needs one, two, not installed here"),
        ({"platforms": "windows", "needs": "nosuch"}, "works only on windows; this is linux"),
    ],
)
def test_what_is_lacking_is_said(metadata: dict[str, str], reason: str):
    found = lacking(skill(**metadata), "linux", {"sh": "/bin/sh"}.get)
    assert found == reason


def test_metadata_of_other_shapes_is_read_leniently():
    odd = parse("---\nname: x\ndescription: y\nmetadata:\n  hermes-needs: [no, sh]\n---\nz\n", "x")
    assert lacking(odd, "linux", {"sh": "/bin/sh"}.get) == "needs no, not installed here"


def test_every_command_is_looked_for_once():
    asked: list[str] = []

    def which(command: str) -> str | None:
        asked.append(command)
        return None

    many = {str(number): skill(needs="git jq") for number in range(50)}
    assert len(unmet(many, "linux", which)) == 50
    assert sorted(asked) == ["git", "jq"]


@pytest.fixture
def kitchen(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Two skills: one that works here, one for which the command `kettle-tool` is missing."""
    add_skill(home.skills / "plain", text("plain"))
    add_skill(home.skills / "special", text("special", needs="kettle-tool"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return Library(home, bundled=None)


def install(tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "kettle-tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)


def test_what_cannot_work_is_hidden_but_known(kitchen: Library):
    assert list(kitchen.skills()) == ["plain", "special"]
    assert list(kitchen.usable()) == ["plain"]
    assert kitchen.unmet() == {"special": "needs kettle-tool, not installed here"}
    shown = kitchen.catalog("mend the special kettle", 500)
    assert (shown.names, shown.total) == (("plain",), 1)
    assert [found.name for found in kitchen.matches("special kettle leaks")] == ["plain"]
    assert (kitchen.by_slash("plain"), kitchen.by_slash("special")) == ("plain", "")


def test_it_appears_when_what_it_needs_was_installed_and_goes_again(
    kitchen: Library, tmp_path: Path
):
    assert not kitchen.refresh()
    install(tmp_path)
    assert kitchen.refresh()
    assert kitchen.by_slash("special") == "special"
    assert [found.name for found in kitchen.matches("special kettle")][0] == "special"
    (tmp_path / "bin" / "kettle-tool").unlink()
    assert kitchen.refresh()
    assert [found.name for found in kitchen.matches("special kettle leaks")] == ["plain"]


def test_loading_it_by_name_says_what_is_missing(kitchen: Library, tmp_path: Path):
    block = kitchen.load_block("special")
    assert block.startswith('<skill name="special"')
    assert "cannot work here as it is: it needs kettle-tool, not installed here." in block
    assert "Mend it." in block
    assert "cannot work" not in kitchen.load_block("plain")
    install(tmp_path)
    assert "cannot work" not in kitchen.load_block("special"), "looked at anew"


@pytest.mark.anyio
async def test_the_model_is_neither_listed_nor_found_it_but_may_view_it(
    home: Home, kitchen: Library
):
    door = Door(home, History(home), _unseen, lambda id: None, lambda: "auto")
    tools = {tool.name: tool for tool in skill_tools(kitchen, Writer(home, kitchen, door))}
    context = ToolContext("session-1", "run-1", "call-1", Path("/"))
    listed = await tools["skills_list"].call(context)
    assert "plain" in listed.text
    assert "special" not in listed.text
    found = await tools["skills_search"].call(context, query="special kettle leaks")
    assert "special —" not in found.text
    viewed = await tools["skill_view"].call(context, name="special")
    assert "needs kettle-tool" in viewed.text


async def _unseen(event: AnyEvent, session: str, run: str) -> int:
    return 1


@pytest.mark.slow
def test_the_owner_is_told_and_it_comes_back_with_its_command(hermes: Hermes, tmp_path: Path):
    (tmp_path / "bin").mkdir()
    hermes.environment["PATH"] = f"{tmp_path / 'bin'}:{hermes.environment['PATH']}"
    add_skill(hermes.home / "skills" / "special", text("special", needs="kettle-tool"))

    def listed() -> str:
        rows = {row["name"]: row["unmet"] for row in hermes.json("skills", "list")}
        return str(rows["special"])

    def found() -> list[str]:
        return [row["name"] for row in hermes.json("skills", "search", "special", "kettle")]

    assert listed() == "needs kettle-tool, not installed here"
    assert "(hidden: needs kettle-tool, not installed here) Mend" in hermes.ok("skills", "list")
    assert "special" not in found()
    assert "cannot work here" in hermes.run("skills", "view", "special").stderr
    slashed = hermes.run("chat", "-q", "/special now")
    assert slashed.returncode == 2
    assert "special cannot work here\n  It needs kettle-tool" in slashed.stderr
    install(tmp_path)
    assert listed() == ""
    assert found()[0] == "special"
    assert "cannot work here" not in hermes.run("skills", "view", "special").stderr
