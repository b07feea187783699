"""A thousand random operations of owner, agent and curator on what was learned: whatever is undone
or made again in whatever legal order, the bytes are those that they should be."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from agent.learning.door import OWNER, Author, Change
from hermes_home.errors import ChangeRefused, HermesError, ToolError
from hermes_home.paths import Home
from skills.writer import Edit
from tests.learner import AGENT, Desk, open_desk
from tests.skill_texts import skill_text

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(1800)]

OPERATIONS = 10_000 if os.environ.get("HERMES_SOAK") else 1_000
CURATOR = Author("curator")
NAMES = ("brew-tea", "mow-lawn", "walk-dog", "wash-car")
NOTES = "memories/MEMORY.md"
Tree = dict[str, bytes]


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    async with open_desk(home) as desk:
        yield desk


class Owner:
    """Does random things and knows what the files must hold after each. `stands`, `gone`,
    `waits`: changes by id, made, undone and proposed; the first two with what they did to each
    file, and to each entry of the notes."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.dice = desk, random.Random(seed)
        self.stands: dict[int, dict[str, tuple[bytes | None, bytes | None]]] = {}
        self.gone: dict[int, dict[str, tuple[bytes | None, bytes | None]]] = {}
        self.waits: set[int] = set()
        self.locked: set[str] = set()
        self.done: Counter[str] = Counter()
        self._number = 0

    def word(self) -> str:
        self._number += 1
        return f"step-{self._number}"

    async def act(self) -> None:
        """One operation; a refused one changes no file."""
        before, locked = self.desk.tree(), {name: self._of(name) for name in self.locked}
        act = self.dice.choice(ACTS)
        try:
            await act(self)
            self.done[act.__name__] += 1
        except (ToolError, ChangeRefused):
            self.done["refused"] += 1
            assert self.desk.tree() == before
        assert {name: self._of(name) for name in locked if name in self.locked} == {
            name: files for name, files in locked.items() if name in self.locked
        }

    def _of(self, name: str) -> Tree:
        tree = self.desk.tree()
        return {path: data for path, data in tree.items() if path.startswith(f"skills/{name}/")}

    async def _made(self, change: Awaitable[Change]) -> None:
        """A new change, and what it did."""
        before = self.desk.tree()
        made = await change
        if made.status == "proposed":
            assert self.desk.tree() == before
            self.waits.add(made.id)
        else:
            self.stands[made.id] = _difference(before, self.desk.tree())

    # -- operations -----------------------------------------------------------------------------

    async def skill(self) -> None:
        dice, name = self.dice, self.dice.choice(NAMES)
        file = dice.choice(["scripts/a.sh", "references/b.md", "assets/c.txt"])
        body = f"# {name}\n\n1. {self.word()}\n2. {name} {self.word()}"
        edits = [
            *[Edit("create", name, skill_text(name, f"Do {name}.", body))] * 2,
            Edit("patch", name, old_text="1. ", new_text=f"1. {self.word()} "),
            Edit("edit", name, skill_text(name, f"Do {name}.", body)),
            *[Edit("write_file", name, f"{self.word()}\n", path=file)] * 2,
            Edit("remove_file", name, path=file),
            Edit("archive", name),
        ]
        edit = dice.choice(edits)
        by = dice.choice([AGENT, OWNER, CURATOR if edit.action == "archive" else OWNER])
        await self._made(self.desk.writer.apply(edit, by))

    async def note(self) -> None:
        entries = self.desk.notes.entries("memory")
        old = self.dice.choice([*entries, "", ""]) if entries else ""
        text = f"fact {self.word()}" if not old or self.dice.random() < 0.6 else ""
        by = self.dice.choice([AGENT, OWNER])
        await self._made(self.desk.note(text, old=old, by=by))

    async def undo(self) -> None:
        if self.stands:
            await self.take_back(self.dice.choice(list(self.stands)))

    async def take_back(self, id: int) -> None:
        before = self.desk.tree()
        await self.desk.door.undo(id)
        self.gone[id] = self._moved(self.stands.pop(id), before, back=True)

    async def redo(self) -> None:
        if self.gone:
            await self.make_again(self.dice.choice(list(self.gone)))

    async def make_again(self, id: int) -> None:
        before = self.desk.tree()
        await self.desk.door.redo(id)
        self.stands[id] = self._moved(self.gone.pop(id), before, back=False)

    def _moved(
        self, did: dict[str, tuple[bytes | None, bytes | None]], before: Tree, *, back: bool
    ) -> dict[str, tuple[bytes | None, bytes | None]]:
        """Check the files after a change was taken back or made again; what it did, as it now
        is. Skills are whole files; of the notes only the entry is meant, so their bytes are known
        if nothing else was written since."""
        after, expected = self.desk.tree(), dict(before)
        for path, (old, new) in did.items():
            start, end = (new, old) if back else (old, new)
            if before.get(path) != start:
                assert path == NOTES
                expected[path] = after[path]
            elif end is None:
                expected.pop(path, None)
            else:
                expected[path] = end
        assert after == expected
        now = _difference(before, after)
        return {path: pair[::-1] for path, pair in now.items()} if back else now

    async def approve(self) -> None:
        if self.waits:
            id = self.dice.choice(sorted(self.waits))
            before = self.desk.tree()
            await self.desk.door.approve(id)
            self.waits.discard(id)
            self.stands[id] = _difference(before, self.desk.tree())

    async def reject(self) -> None:
        if self.waits:
            id = self.dice.choice(sorted(self.waits))
            before = self.desk.tree()
            await self.desk.door.reject(id)
            self.waits.discard(id)
            assert self.desk.tree() == before

    async def lock(self) -> None:
        name = self.dice.choice(NAMES)
        await self.desk.door.set_right("skill", name, "lock", on=True)
        self.locked.add(name)

    async def unlock(self) -> None:
        for name in sorted(self.locked):
            await self.desk.door.set_right("skill", name, "lock", on=False)
        self.locked.clear()

    async def mode(self) -> None:
        self.desk.mode = self.dice.choice(["auto", "auto", "suggest"])

    async def undo_everything(self) -> None:
        """In any order; what is refused names what is to be undone first."""
        await self.unlock()
        self.desk.mode = "auto"
        for _ in range(20 * OPERATIONS):
            if not self.stands:
                return
            id = self.dice.choice(list(self.stands))
            try:
                await self.take_back(id)
            except ChangeRefused as refused:
                named = [int(number) for number in re.findall(r"\d+", refused.hint)]
                for first in named[:1]:
                    with suppress(HermesError):
                        await self.take_back(first)
        raise AssertionError(f"these cannot be undone: {list(self.stands)}")


ACTS: list[Callable[[Owner], Awaitable[None]]] = [
    *[Owner.skill] * 8,
    *[Owner.note] * 5,
    *[Owner.undo] * 6,
    *[Owner.redo] * 4,
    *[Owner.approve] * 2,
    Owner.reject,
    Owner.lock,
    Owner.unlock,
    Owner.mode,
]


def _difference(before: Tree, after: Tree) -> dict[str, tuple[bytes | None, bytes | None]]:
    return {
        path: (before.get(path), after.get(path))
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    }


async def test_a_thousand_random_operations_by_everybody(desk: Desk):
    owner = Owner(desk, seed=5)
    await desk.writer.create("brew-tea", skill_text("brew-tea"), OWNER)
    await desk.note("by hand", by=OWNER)
    initial, entries = desk.tree(), desk.notes.entries("memory")
    for number in range(OPERATIONS):
        await owner.act()
        if number % 100 == 0:
            rows = await desk.listed()
            assert {id for id in owner.stands if rows[id].status in ("active", "candidate")} == set(
                owner.stands
            )
            assert {rows[id].status for id in owner.gone} <= {"undone"}
            assert {rows[id].status for id in owner.waits} <= {"proposed"}
    assert min(owner.done[act.__name__] for act in set(ACTS)) > 10
    await owner.undo_everything()
    skills = {path: data for path, data in desk.tree().items() if path != NOTES}
    assert skills == {path: data for path, data in initial.items() if path != NOTES}
    assert sorted(desk.notes.entries("memory")) == sorted(entries)
    assert await desk.history.dirty() == []


async def test_what_was_undone_last_is_made_again_byte_for_byte(desk: Desk):
    """Undo the last so many changes and make them again, the oldest first: every step on the way
    is one that was there before."""
    owner, dice = Owner(desk, seed=17), random.Random(23)
    path, trees = list[int](), [desk.tree()]
    while len(path) < 40:
        before = set(owner.stands)
        with suppress(ToolError):
            await dice.choice([owner.skill, owner.note])()
        if new := set(owner.stands) - before:
            path += new
            trees.append(desk.tree())
    for _ in range(12):
        depth = dice.randrange(1, len(path))
        for at in range(1, depth + 1):
            await desk.door.undo(path[-at])
            assert desk.tree() == trees[-at - 1]
        for at in range(depth, 0, -1):
            await desk.door.redo(path[-at])
            assert desk.tree() == trees[-at]


async def test_what_cannot_be_made_again_yet_names_what_comes_first(desk: Desk):
    first = await desk.writer.create("brew-tea", skill_text("brew-tea"), AGENT)
    second = await desk.writer.patch("brew-tea", "Run", "Use", AGENT)
    with pytest.raises(ChangeRefused, match="not undone"):
        await desk.door.redo(first.id)
    undo = await desk.door.undo(second.id)
    await desk.door.undo(first.id)
    with pytest.raises(ChangeRefused) as refused:
        await desk.door.redo(second.id)
    assert refused.value.hint == f"Redo {first.id} first."
    with pytest.raises(ChangeRefused) as refused:
        await desk.door.redo(undo.id)
    assert f"learning redo {second.id}" in refused.value.hint
    for change in (first, second):
        await desk.door.redo(change.id)
    assert b"Use" in desk.tree()["skills/brew-tea/SKILL.md"]
