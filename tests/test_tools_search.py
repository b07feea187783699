"""Searching names and contents: what is found, what is passed by, what is not followed."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.sandbox.choose import SandboxKind
from agent.tools.search import MOST_LINES, search_tools
from agent.tools.shell import Shells
from hermes_home.paths import Home
from tests.confinement import require
from tests.toolbench import ToolBench

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="confines on Linux only"),
]

TREE = {
    "readme.md": "Find the needle.\nNothing here.\n",
    "src/app.py": "def needle():\n    return 'x'\n",
    "src/deep/more.py": "# a Needle and a needle\n",
    "src/data.bin": "needle\0",
    ".git/config": "needle",
    "node_modules/m/index.js": "needle",
    ".env": "needle=PRIVATE",
    ".env.example": "needle=",
    "key.pem": "needle PRIVATE",
    ".hidden": "needle in a hidden file",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    for name, text in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(params=["bubblewrap", "landlock", None])
async def bench(
    request: pytest.FixtureRequest, home: Home, workspace: Path
) -> AsyncIterator[ToolBench]:
    kind: SandboxKind | None = request.param
    if kind is not None:
        await require(kind)
    shells = Shells(home, workspace, sandbox=kind)
    yield ToolBench(home, workspace, search_tools(home, shells))
    await shells.aclose()


async def found(bench: ToolBench, **arguments: str) -> list[str]:
    outcome = await bench.call("search_files", **arguments)
    assert not outcome.failed, outcome.text
    return outcome.text.split("\n")[:-1]


async def test_lines_are_found_in_order_with_their_place(bench: ToolBench):
    assert await found(bench, pattern="needle") == [
        ".env.example:1: needle=",
        ".hidden:1: needle in a hidden file",
        "readme.md:1: Find the needle.",
        "src/app.py:1: def needle():",
        "src/deep/more.py:1: # a Needle and a needle",
    ]


async def test_files_that_may_hold_secrets_are_left_out_and_told(bench: ToolBench):
    outcome = await bench.call("search_files", pattern="PRIVATE")
    assert outcome.text.startswith("[0 lines, ")
    assert "2 that may hold secrets left out" in outcome.text


@pytest.mark.parametrize(
    ("arguments", "places"),
    [
        ({"pattern": r"^def \w+\(\)"}, ["src/app.py:1"]),
        ({"pattern": "(?i)NEEDLE$"}, ["src/deep/more.py:1"]),
        ({"pattern": "needle", "glob": "*.md"}, ["readme.md:1"]),
        ({"pattern": "needle", "glob": "src/**/*.py"}, ["src/app.py:1", "src/deep/more.py:1"]),
        ({"pattern": "needle", "path": "src/deep"}, ["src/deep/more.py:1"]),
        ({"pattern": "needle", "path": "src/app.py"}, ["src/app.py:1"]),
        ({"pattern": "nothing like it"}, []),
    ],
)
async def test_a_search_for_content(bench: ToolBench, arguments: dict[str, str], places: list[str]):
    lines = await found(bench, **arguments)
    assert [":".join(line.split(":")[:2]) for line in lines] == places


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"pattern": "*.py"}, ["src/app.py", "src/deep/more.py"]),
        ({"pattern": "DATA"}, ["src/data.bin"]),
        ({"pattern": "*.py", "path": "src/deep"}, ["src/deep/more.py"]),
        ({"pattern": "e", "glob": "*.md"}, ["readme.md"]),
        ({"pattern": "config"}, []),
        ({"pattern": ".env"}, [".env", ".env.example"]),
    ],
)
async def test_a_search_for_names(bench: ToolBench, arguments: dict[str, str], names: list[str]):
    assert await found(bench, kind="name", **arguments) == names


async def test_results_are_bounded_and_say_so(bench: ToolBench, workspace: Path):
    (workspace / "many").write_text("needle\n" * 5000)
    outcome = await bench.call("search_files", pattern="needle", path="many")
    assert outcome.text.count("many:") == MOST_LINES
    assert "there may be more" in outcome.text
    (workspace / "long").write_text("needle" + "x" * 100_000)
    (line,) = await found(bench, pattern="needle", path="long")
    assert len(line) < 400


async def test_links_are_not_followed(bench: ToolBench, workspace: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_text("needle PRIVATE")
    (workspace / "folder-link").symlink_to(tmp_path / "elsewhere")
    (workspace / "file-link").symlink_to(tmp_path / "elsewhere" / "a")
    assert "PRIVATE" not in "".join(await found(bench, pattern="needle"))


async def test_the_home_is_passed_by_when_it_lies_in_what_is_searched(
    bench: ToolBench, home: Home, tmp_path: Path
):
    home.config.write_text("needle PRIVATE")
    (tmp_path / "letter").write_text("needle")
    places = await found(bench, pattern="needle", path=str(tmp_path))
    assert "PRIVATE" not in "".join(places)
    assert f"{tmp_path}/letter:1: needle" in places


async def test_skills_of_the_home_are_searched(bench: ToolBench, home: Home):
    (home.skills / "s").mkdir(parents=True)
    (home.skills / "s" / "SKILL.md").write_text("needle")
    folder = str(home.skills)
    assert bench.effects("search_files", pattern="x", path=folder)[0].target == folder
    assert await found(bench, pattern="needle", path=folder) == [f"{folder}/s/SKILL.md:1: needle"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"pattern": "("}, "not a regular expression"),
        ({"pattern": "x", "path": "gone"}, "cannot be searched: No such file"),
        ({"pattern": "x", "path": "\0"}, "leads nowhere"),
    ],
)
async def test_what_cannot_be_searched_is_told(
    bench: ToolBench, arguments: dict[str, str], said: str
):
    outcome = await bench.call("search_files", **arguments)
    assert outcome.failed
    assert said in outcome.text


async def test_a_pattern_that_never_ends_ends_with_its_time(
    bench: ToolBench, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("agent.tools.search._LATEST", 1.0)
    (workspace / "trap").write_text("a" * 64 + "!")
    outcome = await bench.call("search_files", pattern="(a+)+$", path="trap")
    assert outcome.failed
    assert "took too long" in outcome.text
