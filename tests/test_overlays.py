"""Bundled skills as a layer that is only read: edits become copies that survive every update."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.learning.door import OWNER, Author, Change
from hermes_home.errors import ChangeRefused, ToolError
from hermes_home.paths import Home
from skills.library import Library
from skills.overlays import Origins, differences, keeping, overlays, resetting
from skills.states import States
from skills.writer import Writer
from tests.hermes import ROOT, Hermes
from tests.learner import AGENT, Desk, open_desk
from tests.skill_texts import add_skill, skill_text
from tests.test_learning_daemon import learn
from tests.test_whole_message import connect

UPDATES = 50
KINDS = ("tea", "lawn", "taxes", "letters", "clock", "paint", "bread", "boats")

Files = dict[str, bytes]


def files(folder: Path) -> Files:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


class Layer:
    """What ships with the program, from one version to the next."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.folder, self.dice = folder, dice
        self.number = 0
        for kind in KINDS:
            self._new(kind)

    def update(self) -> None:
        """A new version of the program: texts changed, skills new, removed and renamed."""
        for _ in range(self.dice.randint(1, 4)):
            self.dice.choice(
                (self._change, self._change, self._fix, self._add, self._remove, self._rename)
            )()

    def content(self, name: str) -> Files:
        return files(self.folder / "all" / name)

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "all").iterdir())

    def _new(self, name: str) -> None:
        self.number += 1
        steps = "\n".join(f"{at}. Do part {at} of {name}, as in {self.number}." for at in (1, 2, 3))
        text = skill_text(name, f"Look after the {name} of edition {self.number}.", steps)
        add_skill(self.folder / "all" / name, text, scripts__run_sh=f"echo {self.number}\n")

    def _any(self) -> str:
        return self.dice.choice(self.names())

    def _change(self) -> None:
        self._new(self._any())

    def _fix(self) -> None:
        self.number += 1
        script = self.folder / "all" / self._any() / "scripts" / "run.sh"
        script.write_text(f"echo fixed {self.number}\n")

    def _add(self) -> None:
        self._new(f"new-{self.number}")

    def _remove(self) -> None:
        if len(self.names()) > 4:
            shutil.rmtree(self.folder / "all" / self._any())

    def _rename(self) -> None:
        name = self._any()
        shutil.rmtree(self.folder / "all" / name)
        self._new(f"{name.split('-')[0]}-{self.number}")


class Person:
    """Edits skills by every way there is. `made_from`: of each copy the bundled text it was made
    from; None if nobody told the program."""

    def __init__(self, desk: Desk, layer: Layer, dice: random.Random) -> None:
        self.desk, self.layer, self.dice = desk, layer, dice
        self.made_from: dict[str, Files | None] = {}
        self.done: list[tuple[Change, str, Files | None]] = []
        self.number = 0
        self.tried: dict[str, int] = {}

    def copies(self) -> list[str]:
        folder = self.desk.home.skills
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))

    async def edit(self) -> None:
        ways = (
            self._patch,
            self._patch,
            self._write,
            self._by_hand,
            self._copy,
            self._reset,
            self._keep,
            self._undo,
        )
        way = self.dice.choice(ways)
        try:
            await way()
        except (ToolError, ChangeRefused, IndexError):  # not allowed, or nothing to do it to
            return
        self.tried[way.__name__] = self.tried.get(way.__name__, 0) + 1

    async def _do(self, name: str, change: Change, after: Files | None) -> None:
        self.done.append((change, name, self.made_from.get(name)))
        self.made_from[name] = after

    def _author(self) -> Author:
        return self.dice.choice((OWNER, AGENT))

    async def _patch(self) -> None:
        """Of a bundled skill, or of what is a copy already."""
        self.number += 1
        name = self.dice.choice([*self.layer.names(), *self.copies()])
        skill = self.desk.library.require(name)
        line = self.dice.choice([one for one in skill.body.splitlines() if one.strip()])
        new = f"{line} And mind number {self.number}."
        change = await self.desk.writer.patch(name, line, new, self._author())
        await self._made(name, change)

    async def _write(self) -> None:
        self.number += 1
        name = self.dice.choice(self.layer.names())
        text = f"echo {self.number}\n"
        change = await self.desk.writer.write_file(name, "scripts/own.sh", text, self._author())
        await self._made(name, change)

    async def _made(self, name: str, change: Change) -> None:
        first = name not in self.made_from
        await self._do(name, change, self.layer.content(name) if first else self.made_from[name])

    async def _by_hand(self) -> None:
        """In an editor."""
        self.number += 1
        file = self.desk.home.skills / self.dice.choice(self.copies()) / "SKILL.md"
        file.write_text(f"{file.read_text()}\nBy hand, {self.number}.\n")

    async def _copy(self) -> None:
        """A copy of the folder, changed before the program sees it."""
        name = self.dice.choice(self.layer.names())
        if name not in self.made_from:
            shutil.copytree(self.layer.folder / "all" / name, self.desk.home.skills / name)
            self.made_from[name] = None
            with (self.desk.home.skills / name / "SKILL.md").open("a") as file:
                file.write("Mine.\n")

    async def _reset(self) -> None:
        name = self.dice.choice(self.copies())
        home, library = self.desk.home, self.desk.library
        change = await self.desk.door.apply(lambda: resetting(home, library, name), OWNER)
        self.done.append((change, name, self.made_from.pop(name)))

    async def _keep(self) -> None:
        name, home = self.dice.choice(self.copies()), self.desk.home
        change = await self.desk.door.apply(lambda: keeping(home, self.desk.library, name), OWNER)
        await self._do(name, change, self.layer.content(name))

    async def _undo(self) -> None:
        """The last change; what was there before it is there again."""
        change, name, before = self.done[-1]
        await self.desk.door.undo(change.id)
        self.done.pop()
        self.made_from[name] = before
        if not (self.desk.home.skills / name).exists():
            del self.made_from[name]

    def expected(self) -> dict[str, str]:
        """The state of every copy."""
        bundled, found = self.layer.names(), dict[str, str]()
        for name in self.copies():
            origin, own = self.made_from[name], files(self.desk.home.skills / name)
            if name not in bundled:
                found |= {name: "gone"} if origin else {}
            elif self.layer.content(name) in (origin, own):
                found[name] = "current"
            else:
                found[name] = "unknown" if origin is None else "changed"
        return found


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    return tmp_path / "bundled"


def origins_of(desk: Desk) -> Origins:
    origins = Origins()
    for stored in desk.journal.changes():
        origins.take(stored.seq, stored.event)
    return origins


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(20 if os.environ.get("HERMES_SOAK") else 1))
async def test_fifty_updates_change_no_byte_of_the_owners(home, bundled, seed):
    """Between them random edits. What is not copied is used as it is now; each copy that hides a
    newer text is told by its name."""
    dice = random.Random(seed)
    home.skills.mkdir()
    layer = Layer(bundled, dice)
    told: set[str] = set()
    async with open_desk(home) as desk:
        person = Person(desk, layer, dice)
        for _ in range(UPDATES):
            desk.library = Library(home, bundled=bundled)  # the program that was installed now
            desk.writer = Writer(home, desk.library, desk.door)
            for _ in range(dice.randint(0, 4)):
                await person.edit()
                desk.library.refresh()
            before = files(home.skills)
            layer.update()
            library = Library(home, bundled=bundled)
            found = overlays(library, origins_of(desk))
            assert files(home.skills) == before
            assert {name: one.state for name, one in found.items()} == person.expected()
            told |= {one.state for one in found.values()}
            for name in layer.names():
                used = library.require(name)
                if name not in person.copies():
                    assert (used.layer, files(used.folder)) == ("bundled", layer.content(name))
                else:
                    assert used.layer == "home"
        assert told == {"current", "changed", "unknown", "gone"}
        assert len(person.tried) == 7
        assert all(count >= 3 for count in person.tried.values()), person.tried


@pytest.mark.anyio
async def test_a_copy_is_compared_taken_away_and_had_back(home: Home, bundled: Path):
    text = skill_text("brew-tea", "Brew tea.", "1. Boil water.\n2. Pour.")
    add_skill(bundled / "brew-tea", text, scripts__run_sh="echo 1\n")
    async with open_desk(home) as desk:
        desk.library = Library(home, bundled=bundled)
        desk.writer = Writer(home, desk.library, desk.door)
        with pytest.raises(ToolError, match="no copy of a bundled"):
            differences(desk.library, "brew-tea")
        await desk.writer.patch("brew-tea", "Pour.", "Pour slowly.", AGENT)
        mine = files(home.skills)
        (bundled / "brew-tea" / "scripts" / "run.sh").write_text("echo 2\n")
        (bundled / "brew-tea" / "references").mkdir()
        (bundled / "brew-tea" / "references" / "cups.bin").write_bytes(b"\xff\x00")
        desk.library.refresh()
        found = {one.path: (one.bundled, one.own) for one in differences(desk.library, "brew-tea")}
        assert found["scripts/run.sh"] == ("echo 2\n", "echo 1\n")
        assert "Pour slowly." in str(found["SKILL.md"][1])
        assert found["references/cups.bin"][1] is None
        await desk.door.set_right("skill", "brew-tea", "lock", on=True)
        with pytest.raises(ChangeRefused, match="locked"):
            await desk.door.apply(lambda: resetting(home, desk.library, "brew-tea"), OWNER)
        await desk.door.set_right("skill", "brew-tea", "lock", on=False)

        away = await desk.door.apply(lambda: resetting(home, desk.library, "brew-tea"), OWNER)
        desk.library.refresh()
        assert desk.library.require("brew-tea").layer == "bundled"
        assert standing(desk).of("brew-tea").state == "active"
        assert not standing(desk).of("brew-tea").learned
        await desk.door.undo(away.id)
        assert files(home.skills) == mine
        desk.library.refresh()
        assert overlays(desk.library, origins_of(desk))["brew-tea"].state == "changed"
        assert standing(desk).of("brew-tea").state == "candidate"

        kept = await desk.door.apply(lambda: keeping(home, desk.library, "brew-tea"), OWNER)
        assert overlays(desk.library, origins_of(desk))["brew-tea"].state == "current"
        await desk.door.undo(kept.id)
        assert overlays(desk.library, origins_of(desk))["brew-tea"].state == "changed"
        assert files(home.skills) == mine


@pytest.mark.anyio
async def test_a_proposed_copy_stems_from_what_was_there_when_it_was_proposed(
    home: Home, bundled: Path
):
    add_skill(bundled / "brew-tea", skill_text("brew-tea", "Brew tea.", "1. Boil.\n2. Pour."))
    async with open_desk(home) as desk:
        desk.mode = "suggest"
        desk.library = Library(home, bundled=bundled)
        desk.writer = Writer(home, desk.library, desk.door)
        change = await desk.writer.patch("brew-tea", "Pour.", "Pour slowly.", AGENT)
        add_skill(bundled / "brew-tea", skill_text("brew-tea", "Brew green tea.", "1. Boil."))
        await desk.door.approve(change.id)
        desk.library.refresh()
        assert overlays(desk.library, origins_of(desk))["brew-tea"].state == "changed"


def standing(desk: Desk) -> States:
    states = States()
    for stored in desk.journal.changes():
        states.take(stored.seq, stored.event, stored.at)
    return states


# -- through the program ------------------------------------------------------------------------


@pytest.fixture
def installed(hermes: Hermes, tmp_path: Path) -> Callable[[Callable[[Path], Any]], None]:
    """A copy of the program, which `hermes` runs; what is given changes a copy of its skills."""
    place = tmp_path / "program"
    for package in ("agent", "gateway", "hermes_home", "memory", "skills"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, place / package, ignore=ignored)
    hermes.environment["PYTHONPATH"] = str(place)

    def update(change: Callable[[Path], Any]) -> None:
        hermes.ok("daemon", "stop")
        change(place / "skills" / "bundled")

    return update


@pytest.mark.slow
def test_an_update_of_the_program(hermes, model_server, installed):
    """The agent changes a bundled skill; the program is updated; the owner is told, looks, takes
    the new text, has his back, and stays with it."""
    connect(hermes, model_server)
    first = next(row for row in hermes.json("skills", "list") if row["root"] == "bundled")
    name, folder = first["name"], Path(first["folder"])
    heading = next(line for line in hermes.ok("skills", "view", name).splitlines() if line)
    patch = {
        "action": "patch",
        "name": name,
        "old_text": heading,
        "new_text": f"{heading}\n\nMine.",
    }
    learn(hermes, model_server, ("skill_manage", patch))
    shown = row_of(hermes, name)
    assert (shown["root"], shown["state"], shown["learned"]) == ("home", "candidate", True)
    assert shown["overlay"]["state"] == "current"
    hermes.ok("curator", "pin", name)
    table = hermes.run("skills", "list")
    line = next(line for line in table.stdout.splitlines() if line.startswith(f"{name} "))
    assert line.split()[1:4] == ["copy", "candidate", "pinned"]
    assert name not in table.stderr
    mine = files(hermes.home / "skills")

    other = next(row for row in hermes.json("skills", "list") if row["root"] == "bundled")

    def change(bundled: Path) -> None:
        for file in (folder / "SKILL.md", Path(other["folder"]) / "SKILL.md"):
            assert file.is_relative_to(bundled)
            file.write_text(f"{file.read_text()}\nFixed upstream.\n")

    installed(change)
    assert "Fixed upstream." in hermes.ok("skills", "view", other["name"])
    assert "Fixed upstream." not in hermes.ok("skills", "view", name)
    assert files(hermes.home / "skills") == mine
    told = hermes.run("skills", "list").stderr
    assert f"hermes skills diff {name}" in told
    assert other["name"] not in told
    checks = {check["name"]: check for check in hermes.json("doctor")}
    assert name in checks["skills"]["text"]
    diff = hermes.ok("skills", "diff", name)
    assert "-Fixed upstream." in diff
    assert "+Mine." in diff

    reset = hermes.json("skills", "reset", name)
    assert "Fixed upstream." in hermes.ok("skills", "view", name)
    assert row_of(hermes, name)["overlay"] is None
    assert row_of(hermes, name)["root"] == "bundled"
    hermes.ok("learning", "undo", str(reset["id"]))
    assert files(hermes.home / "skills") == mine
    assert row_of(hermes, name)["overlay"]["state"] == "changed"
    hermes.ok("skills", "keep", name)
    assert row_of(hermes, name)["overlay"]["state"] == "current"
    assert files(hermes.home / "skills") == mine
    nothing = hermes.run("skills", "diff", other["name"])
    assert nothing.returncode == 2, nothing.stderr


def row_of(hermes: Hermes, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        row for row in hermes.json("skills", "list") if row["name"] == name
    )
    return found
