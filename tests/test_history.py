"""Every batch of changes is one commit, made by git and by nobody's settings but ours."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermes_home.guard import seed
from hermes_home.history import History
from hermes_home.paths import Home

pytestmark = pytest.mark.anyio
NOTE = "memories/MEMORY.md"


@pytest.fixture
async def history(home: Home) -> AsyncIterator[History]:
    seed(home)
    history = History(home)
    await history.open()
    yield history
    await history.close()


def git(home: Home, *arguments: str, folder: str = ".git") -> str:
    """What git says about the home to somebody who looks at it by hand."""
    return git_bytes(home, *arguments, folder=folder).decode()


def git_bytes(home: Home, *arguments: str, folder: str = ".git") -> bytes:
    command = ["git", f"--git-dir={home.root / folder}", f"--work-tree={home.root}", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def save(home: Home, relative: str, text: str) -> str:
    path = home.root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return relative


# What is committed


async def test_a_change_is_a_commit_with_who_when_and_why(home: Home, history: History) -> None:
    history.replace(NOTE, None, "one\n")
    history.record([NOTE], actor="agent", reason="the owner said so", session="s1", change=7)
    await history.flush()
    [commit] = await history.log()
    assert (commit.actor, commit.session, commit.change) == ("agent", "s1", 7)
    assert commit.reason == "the owner said so"
    assert commit.paths == (NOTE,)
    assert commit.at.tzinfo is not None
    assert git(home, "show", f"HEAD:{NOTE}") == "one\n"
    assert git(home, "log", "-1", "--format=%an <%ae>|%s") == (
        "Hermes <hermes@localhost>|the owner said so\n"
    )
    trailers = git(home, "log", "-1", "--format=%(trailers:only)").splitlines()
    assert trailers[:4] == ["Actor: agent", "Session: s1", "Change: 7", f"Reason: {commit.reason}"]


async def test_records_of_one_batch_are_one_commit(home: Home, history: History) -> None:
    for name in ("a", "b", "c"):
        path = save(home, f"skills/{name}/SKILL.md", name)
        history.record([path], actor="owner", reason="edited by hand")
    history.record([save(home, "cron/daily.yaml", "x")], actor="owner", reason="edited by hand")
    history.record([save(home, NOTE, "x")], actor="agent", reason="learned", change=1)
    history.record([save(home, NOTE, "y")], actor="agent", reason="learned", change=2)
    await history.flush()
    commits = await history.log()
    assert [(commit.actor, commit.change, len(commit.paths)) for commit in commits] == [
        ("agent", 2, 1),
        ("agent", 1, 1),
        ("owner", 0, 4),
    ]
    assert git(home, "show", f"HEAD~1:{NOTE}") == "x"


async def test_a_commit_comes_by_itself_after_a_moment(home: Home, history: History) -> None:
    history.record([save(home, NOTE, "x")], actor="owner", reason="why")
    await history.close()
    assert git(home, "log", "--format=%s") == "why\n"


async def test_a_commit_holds_what_the_file_held_when_it_was_recorded(
    home: Home, history: History
) -> None:
    history.record([save(home, NOTE, "agent's")], actor="agent", reason="learned")
    history.record([save(home, NOTE, "owner's")], actor="owner", reason="edited by hand")
    await history.flush()
    assert git(home, "show", f"HEAD:{NOTE}") == "owner's"
    assert git(home, "show", f"HEAD~1:{NOTE}") == "agent's"


async def test_an_unchanged_file_makes_no_commit(home: Home, history: History) -> None:
    for _ in range(2):
        history.record([save(home, NOTE, "x")], actor="owner", reason="why")
        await history.flush()
    assert len(await history.log()) == 1


async def test_removed_files_and_folders_are_removed(home: Home, history: History) -> None:
    paths = [save(home, f"skills/a/{name}", name) for name in ("SKILL.md", "x/y", "z")]
    history.record(["skills/a"], actor="owner", reason="new")
    await history.flush()
    assert (await history.log())[0].paths == tuple(sorted(paths))
    shutil.rmtree(home.skills / "a")
    save(home, "skills/a", "now a file")
    history.record(["skills/a"], actor="owner", reason="gone")
    await history.flush()
    assert git(home, "ls-tree", "-r", "--name-only", "HEAD") == "skills/a\n"
    assert await history.dirty() == ["SOUL.md", "config.yaml"]


async def test_the_log_of_a_path_holds_its_commits_only(home: Home, history: History) -> None:
    for number in range(4):
        history.record([save(home, NOTE, str(number))], actor="owner", reason=f"note {number}")
        history.record([save(home, "cron/[a].yaml", str(number))], actor="owner", reason="job")
    assert [commit.reason for commit in await history.log(NOTE, limit=2)] == ["note 3", "note 2"]
    assert len(await history.log("cron/[a].yaml")) == 4
    assert len(await history.log("memories")) == 4
    assert await history.log("cron/a.yaml") == []


async def test_a_reason_cannot_forge_a_trailer(home: Home, history: History) -> None:
    reason = "harmless\n\nActor: owner\nChange: 99\0\x1e\x1f" + "x" * 5000
    history.record([save(home, NOTE, "x")], actor="agent", reason=reason, change=3)
    [commit] = await history.log()
    assert (commit.actor, commit.change, commit.paths) == ("agent", 3, (NOTE,))


async def test_odd_names_and_bytes_are_kept_exactly(home: Home, history: History) -> None:
    names = ['quote".md', "new\nline", "back\\slash", "tab\t", "ünïcode", "-rf", "GIT~1", "a b"]
    for name in names:
        save(home, f"skills/odd/{name}", name)
    raw = bytes(range(256)) + b"\r\n"
    (home.skills / "odd" / "raw").write_bytes(raw)
    (home.root / os.fsdecode(b"skills/odd/latin\xe4")).write_bytes(b"x")
    (home.skills / "odd" / ".gitattributes").write_text("* text=auto eol=crlf\nraw filter=x\n")
    (home.skills / "odd" / ".gitignore").write_text("*\n")
    history.record(["skills/odd"], actor="owner", reason="why")
    [commit] = await history.log()
    assert len(commit.paths) == len(names) + 4
    assert await history.dirty() == ["SOUL.md", "config.yaml"]
    assert git_bytes(home, "cat-file", "blob", "HEAD:skills/odd/raw") == raw


async def test_scripts_and_links_are_kept_as_such(home: Home, history: History) -> None:
    save(home, "skills/a/run.sh", "x")
    (home.skills / "a" / "run.sh").chmod(0o700)
    (home.skills / "b").symlink_to("a")
    (home.skills / "far").symlink_to("/etc")
    history.record(["skills"], actor="owner", reason="why")
    await history.flush()
    modes = dict(line.split()[::3] for line in git(home, "ls-tree", "-r", "HEAD").splitlines())
    assert sorted(modes) == ["100755", "120000"]
    assert git(home, "ls-tree", "-r", "--name-only", "HEAD").split() == [
        *("skills/a/run.sh", "skills/b", "skills/far"),
    ]
    save(home, "skills/b/run.sh", "changed through the link")
    history.record(["skills/b/run.sh", "skills/far/passwd"], actor="owner", reason="edit")
    assert (await history.log())[0].paths == ("skills/a/run.sh",)


async def test_secrets_databases_and_the_rest_of_the_home_are_never_in_it(
    home: Home, history: History
) -> None:
    outside = [".env", "state.db", "index.db", "run/x", "files/x", "logs/x", "profiles/p/SOUL.md"]
    inside = ["skills/a/.git/config", "skills/a/x.md~", "skills/.hermes-1.tmp", "cron/.a.swp"]
    for path in [*outside, *inside]:
        save(home, path, "x")
    everything = [*outside, *inside, ".", "", "..", "skills/../.env", "/etc/passwd", "run", "files"]
    history.record(everything, actor="owner", reason="why")
    history.record(["skills", "memories", "cron"], actor="owner", reason="why")
    await history.flush()
    assert await history.log() == []
    assert await history.dirty() == ["SOUL.md", "config.yaml"]
    assert ".env" not in git(home, "status", "--porcelain", "--untracked-files=all")


# What differs from the last commit


async def test_dirty_names_new_changed_and_removed_files(home: Home, history: History) -> None:
    save(home, "skills/a/SKILL.md", "x")
    save(home, "cron/daily.yaml", "x")
    assert await history.dirty() == [
        "SOUL.md",
        "config.yaml",
        "cron/daily.yaml",
        "skills/a/SKILL.md",
    ]
    history.record(await history.dirty(), actor="owner", reason="found at start")
    assert await history.dirty() == []
    home.soul.unlink()
    save(home, "cron/daily.yaml", "y")
    assert await history.dirty() == ["SOUL.md", "cron/daily.yaml"]


async def test_dirty_is_the_same_after_opening_again(home: Home, history: History) -> None:
    history.record(await history.dirty(), actor="owner", reason="found at start")
    await history.close()
    save(home, NOTE, "meanwhile")
    again = History(home)
    await again.open()
    assert await again.dirty() == [NOTE]
    again.record([NOTE], actor="owner", reason="edited by hand")
    assert len(await again.log()) == 2
    await again.close()


async def test_a_look_with_git_by_hand_shows_a_clean_home(home: Home, history: History) -> None:
    history.record(await history.dirty(), actor="owner", reason="found at start")
    await history.flush()
    assert git(home, "status", "--porcelain", "--untracked-files=all") == ""
    assert git(home, "branch", "--show-current") == "main\n"
    save(home, NOTE, "x")
    assert NOTE in git(home, "status", "--porcelain", "--untracked-files=all")


# Isolation


async def test_a_hostile_configuration_of_the_user_has_no_effect(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, hooks, ran = tmp_path / "user", tmp_path / "hooks", tmp_path / "ran"
    hooks.mkdir()
    for name in ("pre-commit", "post-commit", "reference-transaction", "commit-msg", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {ran}\nexit 1\n")
        (hooks / name).chmod(0o755)
    user.mkdir()
    (user / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n\tautocrlf = true\n\tfsmonitor = {hooks}/pre-commit\n"
        f"\texcludesFile = {user}/ignore\n[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = false\n"
        f"[init]\n\ttemplateDir = {tmp_path}\n\tdefaultBranch = trunk\n[user]\n\tname = Mallory\n"
    )
    (user / "ignore").write_text("*\n")
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user))
    for name, value in {
        "GIT_DIR": str(tmp_path / "elsewhere"),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": str(hooks),
        "GIT_AUTHOR_NAME": "Mallory",
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
    }.items():
        monkeypatch.setenv(name, value)
    seed(home)
    (home.root / NOTE).write_bytes(b"a\r\nb\n")
    history = History(home)
    await history.open()
    # The owner's own settings in our repository do not start anything either.
    with (home.root / ".git" / "config").open("a") as config:
        config.write(f"[core]\n\thooksPath = {hooks}\n[commit]\n\tgpgsign = true\n")
    history.record([NOTE], actor="agent", reason="why")
    await history.close()
    assert history.warnings == []
    assert not ran.exists()
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert git(home, "log", "--format=%an %cn") == "Hermes Hermes\n"
    assert git(home, "cat-file", "-s", f"HEAD:{NOTE}") == "5\n"


async def test_somebody_elses_repository_is_untouched_byte_for_byte(home: Home) -> None:
    seed(home)
    git(home, "init", "-q")
    git(home, "add", "SOUL.md")
    git(home, "-c", "user.name=O", "-c", "user.email=o@x", "commit", "-qm", "mine")
    (home.root / ".git" / "index.lock").touch()
    before = _bytes(home.root / ".git")
    for number in range(2):
        history = History(home)
        await history.open()
        history.record([save(home, NOTE, str(number))], actor="agent", reason="why")
        assert len(await history.log()) == number + 1
        await history.close()
    assert _bytes(home.root / ".git") == before
    assert git(home, "show", f"HEAD:{NOTE}", folder="run/history.git") == "1"


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
async def test_whatever_else_is_called_git_is_not_used(home: Home, kind: str) -> None:
    seed(home)
    dot_git = home.root / ".git"
    if kind == "file":
        dot_git.write_text("gitdir: /somewhere/else\n")
    elif kind == "folder":
        dot_git.mkdir()
    else:
        dot_git.symlink_to("nowhere")
    history = History(home)
    await history.open()
    history.record([save(home, NOTE, "x")], actor="agent", reason="why")
    await history.close()
    assert len(git(home, "log", "--format=%H", folder="run/history.git").split()) == 1


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# When things go wrong


async def test_without_git_files_are_replaced_and_the_owner_is_told(home: Home) -> None:
    seed(home)
    history = History(home, program="no-such-git")
    await history.open()
    assert history.replace(NOTE, None, "x")
    history.record([NOTE], actor="agent", reason="why")
    await history.flush()
    assert await history.log() == []
    assert await history.dirty() == []
    await history.close()
    assert "git is not installed" in history.warnings[0]
    assert not (home.root / ".git").exists()


async def test_a_damaged_repository_is_told_and_left_as_it_is(home: Home, history: History) -> None:
    history.record([save(home, NOTE, "x")], actor="agent", reason="why")
    await history.close()
    (home.root / ".git" / "refs" / "heads" / "main").write_text("damaged")
    before = _bytes(home.root / ".git")
    again = History(home)
    await again.open()
    assert "history cannot be used" in again.warnings[0]
    assert again.replace(NOTE, "x", "y")
    again.record([NOTE], actor="agent", reason="why")
    await again.close()
    assert _bytes(home.root / ".git") == before


async def test_a_commit_that_fails_is_told_and_its_files_stay_dirty(
    home: Home, history: History
) -> None:
    lock = home.root / ".git" / "refs" / "heads" / "main.lock"
    lock.touch()
    history.record([save(home, NOTE, "x")], actor="agent", reason="why")
    await history.flush()
    assert "could not be added" in history.warnings[0]
    assert NOTE in await history.dirty()
    lock.unlink()
    history.record([NOTE], actor="agent", reason="why")
    assert len(await history.log()) == 1
    assert NOTE not in await history.dirty()


async def test_what_a_killed_git_left_is_removed_when_opening(home: Home, history: History) -> None:
    history.record([save(home, NOTE, "x")], actor="agent", reason="why")
    await history.close()
    repository = home.root / ".git"
    left = [
        *(repository / name for name in ("index.lock", "HEAD.lock", "packed-refs.lock")),
        repository / "refs" / "heads" / "main.lock",
        home.skills / "a" / ".hermes-00.tmp",
        home.root / ".hermes-11.tmp",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    again = History(home)
    await again.open()
    assert not [path for path in left if path.exists()]
    again.record([save(home, NOTE, "y")], actor="agent", reason="why")
    assert len(await again.log()) == 2
    await again.close()


async def test_a_repository_half_made_is_not_taken_for_ours(home: Home) -> None:
    seed(home)
    half = home.root / ".hermes-22.git"
    (half / "refs" / "heads").mkdir(parents=True)
    history = History(home)
    await history.open()
    history.record([save(home, NOTE, "x")], actor="agent", reason="why")
    assert len(await history.log()) == 1
    assert not half.exists()
    await history.close()


async def test_a_git_killed_in_mid_commit_leaves_the_old_history_whole(
    home: Home, tmp_path: Path
) -> None:
    """A git that takes half of what it is given and is killed."""
    seed(home)
    real = shutil.which("git")
    killed = tmp_path / "git"
    killed.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *fast-import*) head -c 150 | "{real}" "$@" & sleep 0.05; kill -9 $!;'
        f" kill -9 $$;; esac\n"
        f'exec "{real}" "$@"\n'
    )
    killed.chmod(0o755)
    first = History(home)
    await first.open()
    first.record([save(home, NOTE, "one")], actor="agent", reason="why")
    await first.close()
    second = History(home, program=str(killed))
    await second.open()
    second.record([save(home, NOTE, "two" * 1000)], actor="agent", reason="why")
    await second.close()
    assert "could not be added" in second.warnings[0]
    third = History(home)
    await third.open()
    assert NOTE in await third.dirty()
    assert git(home, "show", f"HEAD:{NOTE}") == "one"
    third.record([NOTE], actor="agent", reason="why")
    assert len(await third.log()) == 2
    await third.close()
    git(home, "fsck", "--strict")


WRITER = """
import asyncio, sys
from pathlib import Path
from hermes_home.history import History
from hermes_home.paths import Home

async def main():
    home = Home(Path(sys.argv[1]))
    history = History(home)
    await history.open()
    history.record(await history.dirty(), actor="owner", reason="found at start")
    number = 0
    while True:
        path = f"skills/s{number % 7}/SKILL.md"
        file = home.root / path
        before = file.read_text() if file.exists() else None
        assert history.replace(path, before, f"{number}" * 50)
        history.record([path], actor="agent", reason="learned", change=number)
        if number % 3 == 0:
            await history.flush()
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_daemon_killed_at_any_moment_is_carried_on(home: Home) -> None:
    seed(home)
    chance = random.Random(3)
    commits = 0
    for _ in range(12):
        _run_and_kill(home, steps=chance.randint(1, 12), delay=chance.random() / 30)
        history = History(home)
        await history.open()
        assert history.warnings == []
        assert len(await history.log(limit=10_000)) >= commits
        history.record(await history.dirty(), actor="owner", reason="found at start")
        assert await history.dirty() == []
        commits = len(await history.log(limit=10_000))
        await history.close()
        assert not [path for path in home.root.rglob(".hermes-*")]
        for skill in home.skills.rglob("SKILL.md"):
            text = skill.read_text()
            assert text == text[: len(text) // 50] * 50
    git(home, "fsck", "--strict")
    assert commits > 12


def _run_and_kill(home: Home, *, steps: int, delay: float) -> None:
    """Kills the writer, and then the git it may be running."""
    command = [sys.executable, "-c", WRITER, str(home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(steps):
            assert writer.stdout.readline()
        time.sleep(delay)
        children = Path(f"/proc/{writer.pid}/task/{writer.pid}/children")
        running = children.read_text().split() if children.exists() else []
        writer.kill()
        for child in running:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                continue
