"""Two homes exchange a skill through a static web server and through a bare repository, each step a
real command: publish, browse, inspect, install, use, update with its diff, audit, uninstall."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.hermes import Hermes
from tests.servers import Server, accepts, free_port
from tests.skill_texts import add_skill, skill_text

pytestmark = pytest.mark.slow

STEPS = "1. Run `python3 {skill_dir}/scripts/sum.py {file}` to add the numbers."
SUM = "import sys\nprint(sum(map(float, open(sys.argv[1]))))\n"


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Hermes]:
    """She has the skill."""
    workspace = tmp_path / "ann" / "work"
    workspace.mkdir(parents=True)
    with closing(Hermes(tmp_path / "ann" / "home", workspace)) as ann:
        add_skill(
            ann.home / "skills" / "add-up",
            skill_text("add-up", "Add up a column of numbers. Use for sums.", STEPS),
            scripts__sum_py=SUM,
            assets__pixel_png=b"\x89PNG\0\xff",
        )
        yield ann


@pytest.fixture
def bob(tmp_path: Path) -> Iterator[Hermes]:
    """He wants it."""
    workspace = tmp_path / "bob" / "work"
    workspace.mkdir(parents=True)
    (workspace / "n.txt").write_text("3\n4.5\n")
    with closing(Hermes(tmp_path / "bob" / "home", workspace)) as bob:
        yield bob


def exchange(ann: Hermes, bob: Hermes, source: str, publish: list[str], *allow: str) -> None:
    ann.ok("skills", "publish", "add-up", *publish)
    (offered,) = bob.json("skills", "browse", source, *allow)
    assert (offered["name"], offered["here"]) == ("add-up", "")
    looked = bob.ok("skills", "inspect", source, *allow)
    assert "scripts/sum.py" in looked
    assert STEPS in looked
    assert not (bob.home / "skills" / "add-up").exists()
    refused = bob.run("skills", "install", source, *allow)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    installed = bob.json("skills", "install", offered["address"], "--yes", *allow)
    assert installed["name"] == "add-up"
    assert tree(bob) == tree(ann)
    assert "7.5" in bob.ok("-z", "/add-up n.txt")
    again = bob.run("skills", "install", source, "--yes", *allow)
    assert again.returncode == 1
    assert "hermes skills update add-up" in again.stderr

    assert [row["status"] for row in bob.json("skills", "check", *allow)] == ["current"]
    text = ann.home / "skills" / "add-up" / "SKILL.md"
    text.write_text(text.read_text() + "2. Say the sum aloud.\n")
    ann.ok("skills", "publish", "add-up", *publish)
    assert [row["status"] for row in bob.json("skills", "check", *allow)] == ["newer"]
    assert "+2. Say the sum aloud." in bob.ok("skills", "diff", "add-up", *allow)
    updated = bob.ok("skills", "update", "--yes", *allow)
    assert "+2. Say the sum aloud." in updated
    assert "add-up is updated" in updated
    assert tree(bob) == tree(ann)

    changed = bob.home / "skills" / "add-up" / "scripts" / "sum.py"
    changed.write_text("print('x')\n")
    replaced = bob.ok("skills", "update", "--edits", "replace", "--yes", *allow)
    assert "-print('x')" in replaced
    assert "add-up is updated" in replaced
    assert changed.read_text() == SUM
    changed.write_text("print('x')\n")
    (audited,) = bob.json("skills", "audit")
    assert (audited["status"], audited["edited"]) == ("changed", {"scripts/sum.py": "changed"})
    assert "scripts/sum.py was changed here" in bob.run("skills", "audit").stderr
    gone = bob.json("skills", "uninstall", "add-up", "--yes")
    assert not (bob.home / "skills" / "add-up").exists()
    bob.ok("learning", "undo", str(gone["id"]))
    assert changed.read_text() == "print('x')\n"
    log = subprocess.run(
        ["git", "log", "--format=%s"], cwd=bob.home, capture_output=True, text=True, check=True
    ).stdout
    for step in ("install", "update", "uninstall"):
        assert f"{step} skill add-up" in log


def tree(hermes: Hermes) -> dict[str, bytes]:
    folder = hermes.home / "skills" / "add-up"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_through_a_static_web_server(ann: Hermes, bob: Hermes, tmp_path: Path):
    site = tmp_path / "site"
    site.mkdir()
    port = free_port()
    served = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    with closing(Server(site, *served)) as server:
        server.wait(lambda: accepts(port))
        source = f"http://127.0.0.1:{port}"
        publish = ["--to", "wellknown", "--output", str(site)]
        ann.ok("skills", "publish", "add-up", *publish)
        doubtful = skill_text("words", body="1. Say `password=hunter2horse`.")
        add_skill(ann.home / "skills" / "words", doubtful)
        unasked = ann.run("skills", "publish", "words", *publish)
        assert unasked.returncode == 2
        assert "looks like a secret" in unasked.stderr
        refused = bob.run("skills", "browse", source)
        assert refused.returncode == 2
        assert "--allow-private" in refused.stderr
        exchange(ann, bob, source, publish, "--allow-private")


def test_through_a_bare_repository(ann: Hermes, bob: Hermes, tmp_path: Path):
    bare = tmp_path / "skills.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    publish = ["--to", "github", "--repo", str(bare)]
    refused = ann.run("skills", "publish", "add-up", *publish)
    assert refused.returncode == 2
    assert "git push" in refused.stderr
    told = subprocess.run(["git", "for-each-ref"], cwd=bare, capture_output=True, check=True)
    assert told.stdout == b""
    exchange(ann, bob, str(bare), [*publish, "--yes"])

    bob.ok("skills", "uninstall", "add-up", "--yes")
    bob.ok("skills", "tap", "add", str(bare))
    assert bob.json("skills", "tap", "list") == [str(bare)]
    assert bob.json("skills", "search", "column", "--shared")[0]["name"] == "add-up"
    bob.ok("skills", "install", "add-up", "--yes")
    bob.ok("skills", "snapshot", "all.tar.gz")
    ann.ok("curator", "archive", "add-up")
    ann.ok("skills", "install", str(bob.workspace / "all.tar.gz"), "--all", "--yes")
    assert tree(ann) == tree(bob)
