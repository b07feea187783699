"""Archives, paths and trees made to harm: whatever they hold, nothing lies where it should not."""

from __future__ import annotations

import json
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.sharing import quarantine
from gateway.sharing.sources.base import Fetched
from gateway.sharing.sources.folder import read_folder
from hermes_home.errors import SkillError
from hermes_home.paths import Home
from skills.sharing.index import read_index
from skills.sharing.layout import below, skill_folders
from skills.sharing.package import File, packaged, tree_hash
from skills.sharing.packing import packed
from skills.sharing.unpack import unpack
from tests.hostile_archives import SKILL, cases, plain, tarred, zipped

CASES = {case[0]: case for case in cases()}


def seen(folder: Path) -> dict[str, str]:
    """Everything below a folder: what it is, and what it holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
        if kind == "file" and not path.is_file():
            kind = "special"
        found[str(path)] = f"{kind} {path.read_bytes()!r}" if kind == "file" else kind
    return found


def took(home: Home, data: bytes) -> bool:
    """Whether an archive went into quarantine."""
    try:
        files = unpack(data, "an archive")
        for folder in skill_folders(files):
            inside = packaged(below(files, folder).items())
            quarantine.put(home, Fetched(inside, "archive", "x", "evil"))
    except SkillError:
        return False
    return True


def test_there_are_eighty_cases():
    assert len(CASES) >= 80


@pytest.mark.parametrize("name", CASES)
def test_nothing_escapes(name: str, home: Home):
    _, data, must = CASES[name]
    before = seen(home.root.parent)
    taken = took(home, data)
    assert not (must and taken), "it should have been refused"
    after = seen(home.root.parent)
    kept = str(home.run / "quarantine")
    outside = {path: what for path, what in after.items() if not path.startswith(kept)}
    assert {path: what for path, what in outside.items() if path != str(home.run)} == before
    assert all(what == "folder" or what.startswith("file") for what in after.values())
    assert not any("/.git" in path.lower() for path in after)


def test_random_bytes_and_random_damage_are_refused_or_read(home: Home):
    dice = random.Random(7)
    good = [
        zipped(("SKILL.md", SKILL), ("a", b"x" * 300)),
        tarred(plain("SKILL.md", SKILL), plain("a")),
        packed({"SKILL.md": File(SKILL), "a": File(b"x")}),
    ]
    for _ in range(3_000 if os.environ.get("HERMES_SOAK") else 300):
        data = bytearray(dice.choice(good))
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with suppress(SkillError):
            unpack(bytes(data[: dice.randint(0, len(data) + 40)]), "x")


def test_links_and_devices_of_a_folder_are_refused(tmp_path: Path):
    for number, make in enumerate(
        (
            lambda path: path.symlink_to("/etc/passwd"),
            lambda path: path.symlink_to(tmp_path),
            lambda path: os.mkfifo(path),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "SKILL.md").write_bytes(SKILL)
        make(folder / "x")
        if number == 1:  # a linked folder is not walked into
            assert list(read_folder(folder)) == ["SKILL.md"]
        else:
            with pytest.raises(SkillError, match="x"):
                read_folder(folder)


@pytest.mark.parametrize("path", ["../x", "/x", "a\\b", "a/../b", "x\0y", ""])
def test_an_old_index_cannot_name_files_elsewhere(path: str):
    index = {"skills": [{"name": "a", "description": "d", "files": ["SKILL.md", path]}]}
    listed, wrong = read_index(json.dumps(index).encode())
    assert listed == []
    assert wrong


def test_what_was_put_into_quarantine_cannot_be_changed_there(home: Home):
    fetched = Fetched(packaged([("SKILL.md", File(SKILL)), ("a", File(b"1", True))]), "k", "s", "f")
    name = quarantine.put(home, fetched)
    assert quarantine.take(home, name) == fetched
    (home.run / "quarantine" / name / "files" / "a").write_bytes(b"2")
    with pytest.raises(Exception, match="has changed"):
        quarantine.take(home, name)
    for wrong in ("../../x", "", "0" * 16, f"{name}/files"):
        with pytest.raises(Exception, match="too long ago"):
            quarantine.take(home, wrong)


def test_the_same_files_are_the_same_archive_and_hash():
    files = {"b": File(b"2"), "SKILL.md": File(SKILL), "a/c": File(b"1", True)}
    again = dict(reversed(files.items()))
    assert packed(files) == packed(again)
    assert tree_hash(files) == tree_hash(again)
    assert unpack(packed(files), "x") == files
    assert tree_hash({**files, "b": File(b"2", True)}) != tree_hash(files)


def test_sizes_and_counts_are_bounded():
    with pytest.raises(SkillError, match="bytes of at most"):
        packaged([("SKILL.md", File(bytes(5 << 20)))])
    with pytest.raises(SkillError, match="more than 200 files"):
        packaged([(f"f{number}", File(b"")) for number in range(201)])
