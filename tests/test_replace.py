"""Files are replaced whole, and only if they hold what the writer has read."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hermes_home.errors import HermesError
from hermes_home.history import History
from hermes_home.paths import Home

NOTE = "memories/MEMORY.md"


@pytest.fixture
def history(home: Home) -> History:
    home.memories.mkdir()
    return History(home)


def left_over(home: Home) -> list[Path]:
    return [path for path in home.root.rglob("*") if path.name.startswith(".hermes-")]


def test_a_new_file_is_made_with_its_folders_and_is_private(home: Home, history: History) -> None:
    path = home.skills / "office" / "report" / "SKILL.md"
    assert history.replace("skills/office/report/SKILL.md", None, "ä\r\nb")
    assert path.read_bytes() == "ä\r\nb".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_is_replaced_if_it_holds_what_was_read(home: Home, history: History) -> None:
    (home.root / NOTE).write_text("one")
    assert history.replace(NOTE, "one", "two")
    assert (home.root / NOTE).read_text() == "two"
    assert stat.S_IMODE((home.root / NOTE).stat().st_mode) == 0o600
    assert not left_over(home)


@pytest.mark.parametrize("before", [None, "", "One", "one\n"])
@pytest.mark.parametrize("after", [None, "two"])
def test_nothing_changes_if_the_file_holds_something_else(
    home: Home, history: History, before: str | None, after: str | None
) -> None:
    (home.root / NOTE).write_text("one")
    inode = (home.root / NOTE).stat().st_ino
    assert not history.replace(NOTE, before, after)
    assert (home.root / NOTE).read_text() == "one"
    assert (home.root / NOTE).stat().st_ino == inode
    assert not left_over(home)


def test_a_file_that_is_gone_is_not_made_again(home: Home, history: History) -> None:
    assert not history.replace(NOTE, "one", "two")
    assert not history.replace(NOTE, "one", None)
    assert history.replace(NOTE, None, None)
    assert list(home.memories.iterdir()) == []


def test_removing_the_last_file_removes_the_empty_folders(home: Home, history: History) -> None:
    history.replace("skills/office/report/SKILL.md", None, "one")
    history.replace("skills/office/report/scripts/run.sh", None, "two")
    assert history.replace("skills/office/report/scripts/run.sh", "two", None)
    assert not (home.skills / "office" / "report" / "scripts").exists()
    assert history.replace("skills/office/report/SKILL.md", "one", None)
    assert list(home.skills.iterdir()) == []


def test_a_script_stays_executable(home: Home, history: History) -> None:
    history.replace("skills/a/run.sh", None, "one")
    (home.skills / "a" / "run.sh").chmod(0o755)
    assert history.replace("skills/a/run.sh", "one", "two")
    assert stat.S_IMODE((home.skills / "a" / "run.sh").stat().st_mode) == 0o700


def test_bytes_that_are_no_text_survive_the_way_through_text(home: Home, history: History) -> None:
    (home.root / NOTE).write_bytes(b"a\xffb")
    text = (home.root / NOTE).read_text(errors="surrogateescape")
    assert history.replace(NOTE, text, text + "c")
    assert (home.root / NOTE).read_bytes() == b"a\xffbc"


@pytest.mark.parametrize(
    "relative",
    [
        *("", "/", ".", "..", "/etc/passwd", "../outside", "skills/../.env", "skills/../../x"),
        *(".env", "state.db", "run/x", "files/x", "logs/x", "profiles/a/SOUL.md", "other"),
        *("skills", "memories", "SOUL.md/x", "skills/.git/config", "skills/a/.GIT/x"),
        *("skills/a\0b", "skills/.hermes-1.tmp", "memories/MEMORY.md~", "x/SOUL.md"),
    ],
)
def test_a_path_without_a_history_is_refused(home: Home, history: History, relative: str) -> None:
    before = sorted(home.root.rglob("*"))
    with pytest.raises(HermesError, match="is not a file with a history"):
        history.replace(relative, None, "x")
    assert sorted(home.root.rglob("*")) == before


@pytest.mark.parametrize("target", ["outside", "home/.env", "home/run", "home"])
def test_a_link_that_leads_out_is_refused(home: Home, history: History, target: str) -> None:
    outside = home.root.parent / "outside"
    outside.mkdir()
    home.skills.mkdir()
    (home.skills / "link").symlink_to(home.root.parent / target)
    for relative in ("skills/link", "skills/link/x", "skills/link/a/b/x"):
        with pytest.raises(HermesError, match="through a link"):
            history.replace(relative, None, "x")
    assert list(outside.iterdir()) == []


def test_a_link_inside_the_home_is_followed_and_kept(home: Home, history: History) -> None:
    (home.root / NOTE).write_text("one")
    (home.memories / "NOW.md").symlink_to("MEMORY.md")
    assert history.replace("memories/NOW.md", "one", "two")
    assert (home.memories / "NOW.md").is_symlink()
    assert (home.root / NOTE).read_text() == "two"


def test_a_folder_in_the_place_of_the_file_is_an_error(home: Home, history: History) -> None:
    (home.root / NOTE).mkdir()
    with pytest.raises(HermesError, match="could not be written"):
        history.replace(NOTE, "one", "two")
    assert not history.replace(NOTE, None, "two")
    assert (home.root / NOTE).is_dir()


def test_a_full_disk_changes_nothing(home: Home, history: History) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from hermes_home.history import History; from hermes_home.paths import Home;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "History(Home(Path(sys.argv[1]))).replace('memories/MEMORY.md', 'one', 'x' * 2000)"
    )
    (home.root / NOTE).write_text("one")
    command = [sys.executable, "-c", code, str(home.root)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert "HermesError: memories/MEMORY.md could not be written" in done.stderr
    assert (home.root / NOTE).read_text() == "one"
    assert not left_over(home)


def test_a_program_that_keeps_the_file_open_loses_nothing(home: Home, history: History) -> None:
    """It opened the file before the exchange and writes after it."""
    path = home.root / NOTE
    path.write_text("one")
    with path.open("a", buffering=1) as editor:
        timer = threading.Timer(0.03, editor.write, [" edited\n"])
        timer.start()
        assert not history.replace(NOTE, "one", "two")
        timer.join()
    assert path.read_text() == "one edited\n"
    assert history.replace(NOTE, "one edited\n", "two")


def test_a_program_that_only_reads_is_in_nobodys_way(home: Home, history: History) -> None:
    (home.root / NOTE).write_text("one")
    with (home.root / NOTE).open() as reader:
        assert history.replace(NOTE, "one", "two")
        assert reader.read() == "one"


APPEND = """
import random, sys, time
for number in range(1500):
    with open(sys.argv[1], "a") as file:
        time.sleep(random.random() / 2000)
        file.write(f"[{number}]")
    time.sleep(random.random() / 300)
"""
RENAME = """
import sys
from pathlib import Path
path, new = Path(sys.argv[1]), Path(sys.argv[1] + "~")
for number in range(1500):
    new.write_text(f"[{number}]")
    new.replace(path)
    sys.stdin.readline()
"""
"""Saves again only when it is told that the other side has taken what it saved."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs renameat2 and leases")
@pytest.mark.parametrize("editor", [APPEND, RENAME])
@pytest.mark.parametrize("removes", [False, True])
def test_no_edit_by_hand_is_lost_in_a_race(
    home: Home, history: History, editor: str, removes: bool
) -> None:
    """Whatever the other process wrote is in a text that a replace was told to expect, or still
    on disk."""
    path = home.root / NOTE
    path.write_text("")
    taken: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", editor, str(path)], stdin=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        while process.poll() is None:
            before = path.read_text() if path.exists() else None
            after = None if removes and before else f"agent {len(taken)}"
            if history.replace(NOTE, before, after):
                taken.append(before or "")
                if editor is RENAME and "[" in taken[-1]:
                    process.stdin.write(b"\n")
    assert process.returncode == 0
    on_disk = [left.read_text() for left in home.memories.iterdir()]
    everything = "".join([*taken, *on_disk])
    assert [number for number in range(1500) if f"[{number}]" not in everything] == []
    assert len(taken) > 100
    assert not left_over(home)
