"""Reading, writing and patching, and links swapped in while nobody looks."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.tools.files import _patch, _read_page, file_tools
from agent.tools.opened import Version, replace
from agent.tools.output import LIMIT
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from tests.toolbench import ToolBench

pytestmark = pytest.mark.anyio


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("PRIVATE")
    return folder


@pytest.fixture
def bench(home: Home, workspace: Path) -> ToolBench:
    return ToolBench(home, workspace, file_tools(home))


# -- reading ------------------------------------------------------------------------------------


async def test_a_page_says_which_lines_it_holds(bench: ToolBench, workspace: Path):
    (workspace / "a").write_text("one\ntwo\nthree")
    assert (await bench.call("read_file", path="a")).text == "[lines 1-3 of 3]\none\ntwo\nthree"
    page = await bench.call("read_file", path="a", offset=2, limit=1)
    assert page.text == "[lines 2-2 of 3; go on with offset=3]\ntwo\n"


async def test_a_page_ends_before_it_would_be_cut(bench: ToolBench, workspace: Path):
    (workspace / "a").write_text("x" * 99 + "\n" + ("y" * 99 + "\n") * 399)
    outcome = await bench.call("read_file", path="a")
    assert outcome.file == ""
    assert len(outcome.text) <= LIMIT
    assert "go on with offset=" in outcome.text


async def test_a_very_long_line_is_shown_in_part(bench: ToolBench, workspace: Path):
    (workspace / "a").write_text("x" * 100_000 + "\nlast")
    outcome = await bench.call("read_file", path="a")
    assert "[… 100,001 characters]" in outcome.text
    assert outcome.text.startswith("[lines 1-1 of 2; go on with offset=2]")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.png", b"\x89PNG\0\0", "binary: image/png, 6 bytes"),
        ("x", b"a\0b", "binary: unknown type, 3 bytes"),
        ("empty", b"", "is empty"),
        ("latin", b"caf\xe9\n", "caf\ufffd"),
    ],
)
async def test_what_is_no_text_is_told(
    bench: ToolBench, workspace: Path, name: str, content: bytes, said: str
):
    (workspace / name).write_bytes(content)
    assert said in (await bench.call("read_file", path=name)).text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": "gone"}, "does not exist"),
        ({"path": "."}, "is a folder"),
        ({"path": "pipe"}, "is not a file"),
        ({"path": "a", "offset": 9}, "has only 1 lines"),
        ({"path": "a", "offset": 0}, "start at 1"),
        ({"path": "a/b"}, "a file"),
        ({"path": "a\0b"}, "leads nowhere"),
        ({"path": "loop"}, ""),
    ],
)
async def test_what_cannot_be_read_is_told(
    bench: ToolBench, workspace: Path, arguments: dict[str, object], said: str
):
    (workspace / "a").write_text("x\n")
    os.mkfifo(workspace / "pipe")
    (workspace / "loop").symlink_to("loop")
    outcome = await bench.call("read_file", **arguments)
    assert outcome.failed
    assert said in outcome.text


async def test_a_file_too_large_to_read_whole_is_told(bench: ToolBench, workspace: Path):
    with (workspace / "large").open("wb") as file:
        file.truncate(60_000_000)
    assert "60,000,000 bytes" in (await bench.call("read_file", path="large")).text


# -- writing ------------------------------------------------------------------------------------


async def test_writing_makes_folders_and_says_what_it_did(bench: ToolBench, workspace: Path):
    first = await bench.call("write_file", path="new/deep/a", content="é\n")
    assert first.text == f"created {workspace}/new/deep/a, 3 bytes"
    second = await bench.call("write_file", path="new/deep/a", content="")
    assert second.text == f"overwritten {workspace}/new/deep/a, 0 bytes"
    assert (workspace / "new" / "deep" / "a").read_bytes() == b""


async def test_writing_keeps_the_mode_and_leaves_nothing_behind(bench: ToolBench, workspace: Path):
    script = workspace / "run.sh"
    script.write_text("old")
    script.chmod(0o751)
    await bench.call("write_file", path="run.sh", content="new")
    assert script.stat().st_mode & 0o777 == 0o751
    assert [path.name for path in workspace.iterdir()] == ["run.sh"]


async def test_a_reader_sees_the_old_text_or_the_new_one(bench: ToolBench, workspace: Path):
    target = workspace / "a"
    target.write_text("old" * 10_000)
    with target.open() as reader:
        await bench.call("write_file", path="a", content="new")
        assert reader.read() == "old" * 10_000
    assert target.read_text() == "new"


@pytest.mark.parametrize(
    ("path", "said"), [("folder", "is not a file"), ("pipe", "is not a file"), ("a/b", "a file")]
)
async def test_what_cannot_be_written_is_told(
    bench: ToolBench, workspace: Path, path: str, said: str
):
    (workspace / "folder").mkdir()
    os.mkfifo(workspace / "pipe")
    (workspace / "a").write_text("kept")
    outcome = await bench.call("write_file", path=path, content="x")
    assert outcome.failed
    assert said in outcome.text
    assert sorted(path.name for path in workspace.iterdir()) == ["a", "folder", "pipe"]


async def test_text_that_utf8_cannot_hold_is_refused(bench: ToolBench, workspace: Path):
    outcome = await bench.call("write_file", path="a", content="\ud800")
    assert outcome.failed
    assert not (workspace / "a").exists()


# -- patching -----------------------------------------------------------------------------------


async def test_a_unique_text_is_replaced(bench: ToolBench, workspace: Path):
    (workspace / "a").write_text("one\ntwo\nthree\n")
    outcome = await bench.call("patch", path="a", old_text="two\n", new_text="2\n2\n")
    assert outcome.text == f"patched {workspace}/a in 1 place"
    assert (workspace / "a").read_text() == "one\n2\n2\nthree\n"
    assert "-two\n+2\n+2" in outcome.details["diff"]


async def test_a_text_that_is_there_often_needs_all(bench: ToolBench, workspace: Path):
    (workspace / "a").write_text("x\ny\nx\n")
    refused = await bench.call("patch", path="a", old_text="x", new_text="z")
    assert "2 times (lines 1, 3)" in refused.text
    assert (workspace / "a").read_text() == "x\ny\nx\n"
    done = await bench.call("patch", path="a", old_text="x", new_text="z", all=True)
    assert "2 places" in done.text
    assert (workspace / "a").read_text() == "z\ny\nz\n"


@pytest.mark.parametrize("every", [False, True])
async def test_a_text_that_is_not_there_is_answered_with_the_nearest(
    bench: ToolBench, workspace: Path, every: bool
):
    (workspace / "a").write_text("import os\n\ndef main():\n    return 1\n")
    outcome = await bench.call("patch", path="a", old_text="def mian():", new_text="", all=every)
    assert "nearest, from line 1" in outcome.text
    assert "def main():" in outcome.text
    nothing = await bench.call("patch", path="a", old_text="zzzzzzzz", new_text="", all=every)
    assert "is not in the file" in nothing.text
    empty = await bench.call("patch", path="a", old_text="", new_text="x", all=every)
    assert "is empty" in empty.text


async def test_line_ends_of_windows_stay(bench: ToolBench, workspace: Path):
    (workspace / "a").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    await bench.call("patch", path="a", old_text="one\ntwo\n", new_text="1\n2\n")
    assert (workspace / "a").read_bytes() == b"1\r\n2\r\nthree\r\n"


async def test_a_file_that_is_not_utf8_is_not_patched(bench: ToolBench, workspace: Path):
    (workspace / "a").write_bytes(b"caf\xe9 one")
    outcome = await bench.call("patch", path="a", old_text="one", new_text="two")
    assert "not UTF-8" in outcome.text
    assert (workspace / "a").read_bytes() == b"caf\xe9 one"


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(workspace: Path):
    target = workspace / "a"
    target.write_text("read")
    seen = Version.of(target.stat())
    target.write_text("edited by hand")
    with pytest.raises(ToolError, match="changed meanwhile"):
        replace(target, b"new", expected=seen)
    assert target.read_text() == "edited by hand"
    assert [path.name for path in workspace.iterdir()] == ["a"]


lines = st.lists(st.text(alphabet="ab \u2028\x0c", max_size=4), max_size=8)


@settings(max_examples=60)
@given(lines, st.data())
def test_pages_put_together_are_the_file(tmp_path_factory: pytest.TempPathFactory, texts, data):
    path = tmp_path_factory.mktemp("pages").resolve() / "a"
    path.write_text("\n".join(texts))
    limit = data.draw(st.integers(1, 9))
    whole, offset = "", 1
    while path.stat().st_size:
        head, page = _read_page(path, offset, limit).text.split("\n", 1)
        whole, offset = whole + page, offset + limit
        if "go on" not in head:
            break
    assert whole == path.read_text()


@settings(max_examples=60)
@given(st.text("ab\n", max_size=12), st.text("ab\n", min_size=1, max_size=3), st.text("cd"))
def test_a_patch_does_what_replacing_does_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, text: str, old: str, new: str
):
    path = tmp_path_factory.mktemp("patch").resolve() / "a"
    path.write_text(text)
    if text.count(old) == 1:
        _patch(path, old, new, False)
        assert path.read_text() == text.replace(old, new)
    else:
        with pytest.raises(ToolError):
            _patch(path, old, new, False)
        assert path.read_text() == text


# -- links --------------------------------------------------------------------------------------


async def test_the_gate_is_shown_where_a_path_really_leads(
    bench: ToolBench, workspace: Path, outside: Path, home: Home
):
    (workspace / "link").symlink_to(outside / "secret")
    (workspace / "folder").symlink_to(outside)
    for name, kinds in (("read_file", ["read"]), ("patch", ["read", "write"])):
        more = {"old_text": "a", "new_text": "b"} if name == "patch" else {}
        effects = bench.effects(name, path="link", **more)
        assert [effect.kind for effect in effects] == kinds
        assert {effect.target for effect in effects} == {str(outside / "secret")}
    written = bench.effects("write_file", path="folder/new", content="")
    assert written[0].target == str(outside / "new")
    stored = bench.effects("read_file", path=f"files/{'a' * 64}")
    assert stored[0].target == str(home.files / ("a" * 64))
    assert bench.effects("read_file", path="\0")[0].target == ""


@pytest.mark.parametrize("swapped", ["file", "folder"])
@pytest.mark.parametrize("name", ["read_file", "write_file", "patch"])
async def test_a_link_swapped_in_after_the_judgement_is_not_followed(
    bench: ToolBench, workspace: Path, outside: Path, name: str, swapped: str
):
    (workspace / "folder").mkdir()
    (workspace / "folder" / "secret").write_text("harmless")
    arguments = {
        "read_file": {},
        "write_file": {"content": "EVIL"},
        "patch": {"old_text": "PRIVATE", "new_text": "EVIL"},
    }[name]
    call = bench.judged(name, path="folder/secret", **arguments)
    if swapped == "file":
        (workspace / "folder" / "secret").unlink()
        (workspace / "folder" / "secret").symlink_to(outside / "secret")
    else:
        (workspace / "folder").rename(workspace / "away")
        (workspace / "folder").symlink_to(outside)
    outcome = await bench.toolbox.execute(*call)
    assert outcome.failed
    assert "PRIVATE" not in outcome.text
    assert (outside / "secret").read_text() == "PRIVATE"
    assert os.listdir(outside) == ["secret"]  # noqa: PTH208


async def test_new_folders_are_not_made_through_a_link(
    bench: ToolBench, workspace: Path, outside: Path
):
    call = bench.judged("write_file", path="new/deep/a", content="x")
    (workspace / "new").symlink_to(outside)
    assert (await bench.toolbox.execute(*call)).failed
    assert os.listdir(outside) == ["secret"]  # noqa: PTH208


@pytest.mark.slow
async def test_a_folder_that_is_swapped_all_the_time_never_leads_outside(
    bench: ToolBench, workspace: Path, outside: Path
):
    """A background process plays a folder against a link while files are read and written."""
    (workspace / "real").mkdir()
    (workspace / "real" / "secret").write_text("harmless E")
    (workspace / "bait").symlink_to(outside)
    over = threading.Event()

    def swap() -> None:
        place = workspace / "place"
        while not over.is_set():
            for name in ("real", "bait"):
                (workspace / name).rename(place)
                place.rename(workspace / name)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for number in range(300):
            tool, arguments, context = bench.judged("read_file", path="place/secret")
            allowed = tool.effects(arguments, context)[0].target.startswith(str(workspace))
            outcome = await bench.toolbox.execute(tool, arguments, context)
            assert not (allowed and "PRIVATE" in outcome.text)
            change = {"old_text": "E", "new_text": "E" if number % 2 else "E "}
            tool, arguments, context = bench.judged("patch", path="place/secret", **change)
            if tool.effects(arguments, context)[0].target.startswith(str(workspace)):
                await bench.toolbox.execute(tool, arguments, context)
    finally:
        over.set()
        swapping.join()
    assert os.listdir(outside) == ["secret"]  # noqa: PTH208
    assert (outside / "secret").read_text() == "PRIVATE"
