"""Edits by hand are noticed, wherever they come from, and nothing else wakes the daemon."""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermes_home.paths import Home
from hermes_home.watcher import Watcher

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
IN_ACCESS, IN_MODIFY, IN_OPEN = 0x1, 0x2, 0x20


class Seen:
    """What one subscription was told."""

    def __init__(self) -> None:
        self.paths: set[Path] = set()
        self.calls = 0
        self._news = asyncio.Event()

    def __call__(self, paths: set[Path]) -> None:
        self.paths |= paths
        self.calls += 1
        self._news.set()

    async def until(self, path: Path) -> None:
        async with asyncio.timeout(20):
            while path not in self.paths:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def watcher(home: Home) -> AsyncIterator[Watcher]:
    watcher = Watcher(home.root, asyncio.get_running_loop())
    yield watcher
    watcher.stop()


def watching(watcher: Watcher, folder: Path) -> Seen:
    seen = Seen()
    watcher.watch(folder, seen)
    return seen


async def test_a_file_written_in_place_is_reported(home: Home, watcher: Watcher) -> None:
    home.memories.mkdir()
    seen = watching(watcher, home.memories)
    watcher.start()
    (home.memories / "MEMORY.md").write_text("one")
    await seen.until(home.memories / "MEMORY.md")


async def test_a_file_saved_by_rename_is_reported_without_its_temporary_name(
    home: Home, watcher: Watcher
) -> None:
    home.memories.mkdir()
    seen = watching(watcher, home.memories)
    watcher.start()
    temporary = home.memories / ".hermes-0011.tmp"
    temporary.write_text("one")
    temporary.rename(home.memories / "MEMORY.md")
    await seen.until(home.memories / "MEMORY.md")
    assert temporary not in seen.paths


async def test_a_deleted_file_is_reported(home: Home, watcher: Watcher) -> None:
    home.cron.mkdir()
    (home.cron / "daily.yaml").write_text("x")
    seen = watching(watcher, home.cron)
    watcher.start()
    (home.cron / "daily.yaml").unlink()
    await seen.until(home.cron / "daily.yaml")


async def test_a_skill_in_new_folders_is_reported(home: Home, watcher: Watcher) -> None:
    home.skills.mkdir()
    seen = watching(watcher, home.skills)
    watcher.start()
    skill = home.skills / "office" / "report-pdf" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("x")
    await seen.until(skill)


async def test_a_skill_folder_moved_in_from_elsewhere_is_reported(
    home: Home, watcher: Watcher, tmp_path: Path
) -> None:
    home.skills.mkdir()
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "SKILL.md").write_text("x")
    seen = watching(watcher, home.skills)
    watcher.start()
    (tmp_path / "report").rename(home.skills / "report")
    await seen.until(home.skills / "report" / "SKILL.md")


async def test_a_folder_that_comes_later_is_reported_and_then_watched(
    home: Home, watcher: Watcher
) -> None:
    seen = watching(watcher, home.skills)
    watcher.start()
    home.skills.mkdir()
    await seen.until(home.skills)
    (home.skills / "a.md").write_text("x")
    await seen.until(home.skills / "a.md")


async def test_a_folder_with_missing_parents_is_found_when_they_come(
    watcher: Watcher, tmp_path: Path
) -> None:
    deep = tmp_path / "work" / ".agents" / "skills"
    seen = watching(watcher, deep)
    watcher.start()
    for folder in (deep.parents[1], deep.parents[0], deep):
        folder.mkdir()
        await asyncio.sleep(0.05)
    await seen.until(deep)
    (deep / "a.md").write_text("x")
    await seen.until(deep / "a.md")


async def test_a_folder_removed_and_made_again_is_still_watched(
    home: Home, watcher: Watcher
) -> None:
    home.skills.mkdir()
    (home.skills / "old.md").write_text("x")
    seen = watching(watcher, home.skills)
    watcher.start()
    shutil.rmtree(home.skills)
    await seen.until(home.skills)
    seen.paths.clear()
    home.skills.mkdir()
    await seen.until(home.skills)
    (home.skills / "new.md").write_text("x")
    await seen.until(home.skills / "new.md")


async def test_a_folder_moved_away_and_replaced_is_still_watched(
    home: Home, watcher: Watcher
) -> None:
    home.skills.mkdir()
    seen = watching(watcher, home.skills)
    watcher.start()
    home.skills.rename(home.root / "skills-old")
    await seen.until(home.skills)
    seen.paths.clear()
    home.skills.mkdir()
    await seen.until(home.skills)
    (home.skills / "new.md").write_text("x")
    await seen.until(home.skills / "new.md")
    (home.root / "skills-old" / "old.md").write_text("x")
    (home.skills / "later.md").write_text("x")
    await seen.until(home.skills / "later.md")
    assert not [path for path in seen.paths if path.name == "old.md"]


async def test_a_folder_that_is_a_link_reports_paths_below_the_link(
    home: Home, watcher: Watcher, tmp_path: Path
) -> None:
    real = tmp_path / "dotfiles"
    real.mkdir()
    home.skills.symlink_to(real)
    seen = watching(watcher, home.skills)
    watcher.start()
    (real / "a.md").write_text("x")
    await seen.until(home.skills / "a.md")


async def test_of_the_root_only_settings_and_soul_count(home: Home, watcher: Watcher) -> None:
    for folder in (home.run, home.logs, home.files):
        folder.mkdir()
    seen = watching(watcher, home.root)
    watcher.start()
    for noise in (home.state_db, home.run / "x", home.logs / "x", home.files / "x", home.env):
        noise.write_text("x")
    home.soul.write_text("x")
    home.config.write_text("model:\n")
    await seen.until(home.config)
    await seen.until(home.soul)
    assert seen.paths == {home.config, home.soul}


async def test_git_databases_and_editors_files_are_not_reported(
    home: Home, watcher: Watcher
) -> None:
    (home.skills / ".git").mkdir(parents=True)
    seen = watching(watcher, home.skills)
    watcher.start()
    for name in (".git/index", "x.db", "x.db-wal", ".SKILL.md.swp", "SKILL.md~", "#SKILL.md#"):
        (home.skills / name).write_text("x")
    (home.skills / "SKILL.md").write_text("x")
    await seen.until(home.skills / "SKILL.md")
    assert seen.paths == {home.skills / "SKILL.md"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks at inotify")
async def test_the_kernel_is_not_asked_about_single_writes(home: Home, watcher: Watcher) -> None:
    """A database beside config.yaml is written all the time, and closed once."""
    home.skills.mkdir()
    watching(watcher, home.root)
    watching(watcher, home.skills)
    watcher.start()
    lines = [
        line
        for info in Path("/proc/self/fdinfo").iterdir()
        if info.exists()
        for line in info.read_text().splitlines()
        if line.startswith("inotify")
    ]
    masks = [int(line.partition(" mask:")[2].split()[0], 16) for line in lines]
    assert len(masks) == 2
    assert not [mask for mask in masks if mask & (IN_MODIFY | IN_OPEN | IN_ACCESS)]


async def test_many_writes_to_one_file_are_few_calls(home: Home, watcher: Watcher) -> None:
    home.memories.mkdir()
    note = home.memories / "MEMORY.md"
    seen = watching(watcher, home.memories)
    watcher.start()
    for number in range(200):
        note.write_text(str(number))
    await seen.until(note)
    assert seen.calls < 20


async def test_two_subscribers_get_their_own_and_one_failing_does_not_hurt_the_other(
    home: Home, watcher: Watcher
) -> None:
    home.memories.mkdir()
    home.cron.mkdir()
    failed = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, __: failed.set())

    def fail(paths: set[Path]) -> None:
        raise ValueError(paths)

    watcher.watch(home.memories, fail)
    jobs = watching(watcher, home.cron)
    watcher.start()
    (home.memories / "a").write_text("x")
    (home.cron / "b").write_text("x")
    await jobs.until(home.cron / "b")
    async with asyncio.timeout(20):
        await failed.wait()
    assert jobs.paths == {home.cron / "b"}


async def test_stop_ends_the_threads_and_is_idempotent(home: Home) -> None:
    before = set(threading.enumerate())
    watcher = Watcher(home.root, asyncio.get_running_loop())
    watching(watcher, home.skills)
    watcher.start()
    assert set(threading.enumerate()) - before
    watcher.stop()
    watcher.stop()
    assert not set(threading.enumerate()) - before
