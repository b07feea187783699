"""The skill tools as the model meets them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest

from agent.events import AnyEvent, ChangeIntended
from agent.learning.door import Door
from agent.tools.base import Tool, ToolContext, ToolResult
from hermes_home.errors import ChangeRefused, ToolError
from hermes_home.history import History
from hermes_home.paths import Home
from skills.library import Library
from skills.tools import LISTED, skill_tools
from skills.writer import Writer
from tests.skill_texts import add_home_skill, add_skill, skill_text

pytestmark = pytest.mark.anyio


class Bench:
    """The tools over one home, called by name with JSON arguments."""

    mode: Literal["auto", "suggest"] = "auto"

    def __init__(self, home: Home) -> None:
        self.home = home
        self.events: list[AnyEvent] = []
        self.library = Library(home, bundled=None)
        door = Door(home, History(home), self._record, lambda id: None, lambda: self.mode)
        tools = skill_tools(self.library, Writer(home, self.library, door))
        self.tools: dict[str, Tool] = {tool.name: tool for tool in tools}

    async def _record(self, event: AnyEvent, session: str, run: str) -> int:
        self.events.append(event)
        return len(self.events)

    def context(self, **more: Any) -> ToolContext:
        return ToolContext("session-1", "run-1", "call-1", Path("/"), **more)

    async def call(
        self, tool: str, context: ToolContext | None = None, /, **words: Any
    ) -> ToolResult:
        return await self.tools[tool].call(context or self.context(), **words)


@pytest.fixture
def bench(home: Home) -> Bench:
    return Bench(home)


def add(bench: Bench, *names: str) -> None:
    for name in names:
        add_home_skill(bench.home, name)
    bench.library.refresh()


def wire(tools: Sequence[Tool]) -> str:
    shown = [
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in tools
    ]
    return json.dumps([{"type": "function", "function": one} for one in shown])


def test_names_arguments_and_size_are_as_published(bench: Bench):
    assert {name: list(t.parameters["properties"]) for name, t in bench.tools.items()} == {
        "skills_list": ["category"],
        "skills_search": ["query"],
        "skill_view": ["name", "path"],
        "skill_manage": [
            "action", "name", "content", "old_text", "new_text", "path", "category"
        ],
    }  # fmt: skip
    assert bench.tools["skill_manage"].parameters["required"] == ["action", "name"]
    assert len(wire(list(bench.tools.values()))) < 2048


def test_only_managing_has_an_effect(bench: Bench):
    effects = {
        name: [effect.kind for effect in tool.effects({"name": "x"}, bench.context())]
        for name, tool in bench.tools.items()
    }
    assert effects.pop("skill_manage") == ["learn"]
    assert not any(effects.values())
    assert [name for name, tool in bench.tools.items() if not tool.read_only] == ["skill_manage"]


async def test_a_file_that_is_only_proposed_is_said_not_to_be_there(bench: Bench):
    add(bench, "brew-tea")
    bench.mode = "suggest"
    file = {"name": "brew-tea", "path": "scripts/pot.py", "content": "print(1)\n"}
    told = (await bench.call("skill_manage", action="write_file", **file)).text
    assert "make SKILL.md work without it" in told
    new = {"name": "pot", "content": skill_text("pot")}
    told = (await bench.call("skill_manage", action="create", **new)).text
    assert "there is no such skill" in told
    archived = (await bench.call("skill_manage", action="archive", name="brew-tea")).text
    assert archived.endswith("the owner decides")


async def test_a_scripts_change_is_another_version_of_what_is_loaded(bench: Bench):
    add(bench, "brew-tea")
    file = {"name": "brew-tea", "path": "scripts/pot.py"}
    loaded = []
    for content in ("print(1)\n", "print(2)\n", "print(2)\n"):
        with suppress(ToolError):  # the same once more is no change
            await bench.call("skill_manage", action="write_file", content=content, **file)
        loaded.append((await bench.call("skill_view", name="brew-tea")).loaded)
    assert loaded[0] != loaded[1] == loaded[2]


async def test_the_list_is_by_category(bench: Bench):
    add(bench, "brew-tea")
    add_skill(bench.home.skills / "garden" / "mow-lawn", skill_text("mow-lawn"))
    bench.library.refresh()
    result = await bench.call("skills_list")
    assert result.text.splitlines() == [
        "2 skills",
        "- brew-tea — Do the brew tea.",
        "garden:",
        "- mow-lawn — Do the mow lawn.",
    ]
    only = await bench.call("skills_list", category="garden")
    assert "brew-tea" not in only.text
    assert "mow-lawn" in only.text


async def test_a_long_list_is_bounded_and_says_so(bench: Bench):
    add(bench, *[f"skill-{number:03}" for number in range(LISTED + 7)])
    result = await bench.call("skills_list")
    assert result.text.splitlines()[0] == f"{LISTED + 7} skills"
    assert "7 more" in result.text.splitlines()[-1]
    assert len(result.text.splitlines()) == LISTED + 2


async def test_an_empty_library_says_so(bench: Bench):
    assert (await bench.call("skills_list")).text == "there are no skills"
    assert "no skill of 0" in (await bench.call("skills_search", query="tea")).text


async def test_search_finds_by_the_words_of_the_task(bench: Bench):
    add(bench, "brew-tea", "mow-lawn")
    result = await bench.call("skills_search", query="how do I brew some tea?")
    assert result.text == "- brew-tea — Do the brew tea."


async def test_view_gives_the_instructions_in_a_block_with_the_files(bench: Bench):
    folder = add_skill(
        bench.home.skills / "brew-tea", skill_text("brew-tea"), scripts__boil_sh="echo boil\n"
    )
    bench.library.refresh()
    result = await bench.call("skill_view", name="Brew Tea")
    lines = result.text.splitlines()
    assert lines[0] == f'<skill name="brew-tea" dir="{folder}">'
    assert lines[1:3] == ["1. Run `brew-tea`.", "</skill>"]
    assert "scripts/boil.sh" in lines[3]
    assert "description" not in result.text
    assert result.details["skill"] == "brew-tea"
    file = await bench.call("skill_view", name="brew-tea", path="scripts/boil.sh")
    assert file.text == "echo boil\n"


async def test_view_of_what_is_not_text_or_not_there(bench: Bench):
    add_skill(bench.home.skills / "brew-tea", skill_text("brew-tea"), assets__a_png=b"\x89\xff")
    bench.library.refresh()
    assert "2 bytes" in (await bench.call("skill_view", name="brew-tea", path="assets/a.png")).text
    with pytest.raises(ToolError, match="no skill 'coffee'"):
        await bench.call("skill_view", name="coffee")
    with pytest.raises(ToolError, match="outside"):
        await bench.call("skill_view", name="brew-tea", path="../../config.yaml")


async def test_manage_writes_in_the_name_of_the_run(bench: Bench):
    context = bench.context(checkpoint=3)
    made = await bench.call(
        "skill_manage", context, action="create", name="brew-tea", content=skill_text("brew-tea")
    )
    assert made.text == "done as change 1: create brew-tea (candidate)"
    intended = bench.events[0]
    assert isinstance(intended, ChangeIntended)
    assert (intended.actor, intended.session, intended.checkpoint) == ("agent", "session-1", 3)
    await bench.call(
        "skill_manage", action="patch", name="brew-tea", old_text="1. Run", new_text="1. Now run"
    )
    assert "Now run" in (await bench.call("skill_view", name="brew-tea")).text


async def test_manage_does_nothing_when_the_run_learns_nothing(bench: Bench):
    context = bench.context(learning=False)
    with pytest.raises(ChangeRefused):
        await bench.call(
            "skill_manage", context, action="create", name="a", content=skill_text("a")
        )
    assert bench.events == []


async def test_manage_tells_what_is_missing(bench: Bench):
    add(bench, "brew-tea")
    with pytest.raises(ToolError, match="create needs content"):
        await bench.call("skill_manage", action="create", name="x")
    with pytest.raises(ToolError, match="write_file needs path and content"):
        await bench.call("skill_manage", action="write_file", name="brew-tea")
