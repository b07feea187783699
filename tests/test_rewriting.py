"""Words taken out of the home's history: every commit made anew, nothing of the old ones left."""

from __future__ import annotations

import subprocess

import pytest

from hermes_home.history import History
from hermes_home.paths import Home

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TRICKY = (
    b'blob\nmark :1\ndata 7\nM 100644 :9 skills/x\ncommit refs/heads/main\ncommitter x\n\x00\xff"'
)
FILES = {
    "skills/grind/SKILL.md": b"the secret mill",
    'skills/grind/assets/b\xc3\xb6se "name".txt': b"a secret in a quoted path",
    "skills/keep/SKILL.md": b"the secret mill",
    "skills/keep/assets/t\xc3\xa9a.bin": TRICKY,
    "memories/MEMORY.md": b"one secret\n\xc2\xa7\ntwo\n",
}


def git(home: Home, *words: str) -> bytes:
    command = ["git", "-C", str(home.root), *words]
    return subprocess.run(command, capture_output=True, check=True).stdout


def keep(path: str, data: bytes) -> bytes | None:
    if path.startswith("skills/grind/"):
        return None
    return data.replace(b"one secret", b"[gone]") if path == "memories/MEMORY.md" else data


async def test_files_and_words_leave_every_commit_and_the_rest_stays(home: Home) -> None:
    history = History(home)
    await history.open()
    names = {name.encode("latin-1").decode(): data for name, data in FILES.items()}
    for name, data in names.items():
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        history.record([name], actor="agent", reason="wrote grind", change=len(name))
        await history.flush()
    (home.root / "memories" / "MEMORY.md").write_bytes(b"two\n")
    history.record(["memories/MEMORY.md"], actor="owner", reason="out")
    await history.flush()
    for name in names:
        if name.startswith("skills/grind/"):
            (home.root / name).unlink()
    history.record(["skills/grind"], actor="owner", reason="out")
    before = await history.log()

    await history.rewrite(keep, lambda text: text.replace("grind", "[gone]"))
    objects = git(home, "cat-file", "--batch-all-objects", "--batch")
    for gone in (b"one secret", b"quoted path", b"grind", b"b\xc3\xb6se"):
        assert gone not in objects, gone
    assert TRICKY in objects
    assert b"the secret mill" in objects  # it stands in another skill, too
    assert git(home, "fsck", "--full") == b""
    after = await history.log()
    assert [commit.change for commit in after] == [commit.change for commit in before]
    assert [commit.actor for commit in after] == [commit.actor for commit in before]
    assert await history.dirty() == []
    assert git(home, "status", "--porcelain") == b""
    tip = git(home, "rev-parse", "HEAD")
    await history.rewrite(keep, lambda text: text.replace("grind", "[gone]"))
    assert git(home, "rev-parse", "HEAD") == tip
    history.record(["skills/keep"], actor="owner", reason="nothing new")
    (home.root / "skills" / "keep" / "SKILL.md").write_bytes(b"new")
    history.record(["skills/keep"], actor="owner", reason="new")
    await history.close()
    assert len(await history.log()) == len(after) + 1


async def test_a_home_without_history_has_nothing_to_rewrite(home: Home) -> None:
    history = History(home)
    await history.open()
    await history.rewrite(keep, str)
    await history.close()
    without = History(home, program="no-such-git")
    await without.open()
    await without.rewrite(keep, str)
