"""Locks and pins bind every actor; states of skills follow what happened to them."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from agent.events import SkillMoved
from agent.learning.door import OWNER, Author
from hermes_home.errors import ChangeRefused, ToolError
from hermes_home.paths import Home
from memory.notes.operations import Operation
from skills.states import States
from skills.writer import Edit
from tests.learner import AGENT, Desk, open_desk
from tests.skill_texts import skill_text

pytestmark = pytest.mark.anyio

CURATOR = Author("curator")
CHECKPOINT = Author("agent", "s", "r", checkpoint=1)
ATTEMPTS = 200
STEPS = "1. Boil water.\n2. Pour."


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    async with open_desk(home) as desk:
        yield desk


def states(desk: Desk) -> States:
    found = States()
    for stored in desk.journal.changes():
        found.take(stored.seq, stored.event, stored.at)
    return found


def random_edit(name: str, chance: random.Random) -> Edit:
    text = f"word{chance.randrange(10**6)}"
    return chance.choice(
        [
            Edit("patch", name, old_text="Boil water.", new_text=text),
            Edit("edit", name, skill_text(name, f"Brew {text}.", f"1. {text}")),
            Edit("write_file", name, text, path="scripts/a.sh"),
            Edit("remove_file", name, path="scripts/boil.sh"),
            Edit("archive", name),
        ]
    )


async def test_nothing_changes_a_locked_skill(desk: Desk):
    """ATTEMPTS writes by owner, agent, checkpoint and curator, undo and approval among them."""
    made = await desk.writer.create("brew-tea", skill_text("brew-tea", "Brew tea.", STEPS), OWNER)
    await desk.writer.write_file("brew-tea", "scripts/boil.sh", "boil\n", OWNER)
    patched = await desk.writer.patch("brew-tea", "Pour.", "Pour slowly.", AGENT)
    desk.mode = "suggest"
    proposed = await desk.writer.patch("brew-tea", "Pour slowly.", "Spill.", AGENT)
    desk.mode = "auto"
    await desk.door.set_right("skill", "brew-tea", "lock", on=True)
    before, chance = desk.tree(), random.Random(4)
    for attempt in range(ATTEMPTS):
        author = chance.choice([OWNER, AGENT, CHECKPOINT, CURATOR])
        ways = [desk.door.undo(patched.id), desk.door.approve(proposed.id)]
        ways += [desk.writer.apply(random_edit("brew-tea", chance), author) for _ in range(8)]
        chance.shuffle(ways)
        way, *others = ways
        for other in others:
            other.close()
        with pytest.raises(ChangeRefused, match="locked"):
            await way
        assert desk.tree() == before, attempt
    await desk.door.set_right("skill", "brew-tea", "lock", on=False)
    await desk.door.undo(patched.id)
    assert desk.tree() != before
    assert made.status == "active"


async def test_nothing_changes_a_locked_note(desk: Desk):
    made = await desk.note("The owner drinks green tea.")
    await desk.note("The kettle is in the kitchen.")
    await desk.door.set_right("memory", "The owner drinks green tea.", "lock", on=True)
    before = desk.tree()
    for author in (OWNER, AGENT, CHECKPOINT, CURATOR):
        for operation in (
            Operation("replace", "memory", "Coffee.", "The owner drinks green tea."),
            Operation("remove", "memory", "", "The owner drinks green tea."),
        ):
            with pytest.raises(ChangeRefused, match="locked") as refused:
                await desk.notes.apply([operation], author)
            assert refused.value.hint.endswith(f"hermes learning unlock {made.id}")
    assert desk.tree() == before
    await desk.note("The kettle is broken.", old="The kettle is in the kitchen.")
    assert desk.tree() != before


async def test_a_pin_forbids_the_archive_and_nothing_else(desk: Desk):
    await desk.writer.create("brew-tea", skill_text("brew-tea", "Brew tea.", STEPS), AGENT)
    await desk.door.set_right("skill", "brew-tea", "pin", on=True)
    for author in (OWNER, AGENT, CURATOR):
        with pytest.raises(ChangeRefused, match="pinned") as refused:
            await desk.writer.archive("brew-tea", author)
        assert "unpin" in refused.value.hint
    await desk.writer.patch("brew-tea", "Pour.", "Pour slowly.", AGENT)
    await desk.door.set_right("skill", "brew-tea", "pin", on=False)
    await desk.writer.archive("brew-tea", CURATOR)


async def test_rights_outlive_a_restart(home: Home):
    async with open_desk(home) as desk:
        await desk.writer.create("brew-tea", skill_text("brew-tea", "Brew tea.", STEPS), OWNER)
        await desk.door.set_right("skill", "Brew-Tea", "lock", on=True)
    async with open_desk(home) as desk:
        await desk.door.reconcile(desk.journal.changes())
        with pytest.raises(ChangeRefused, match="locked"):
            await desk.writer.patch("brew-tea", "Pour.", "Spill.", AGENT)


async def test_a_locked_name_cannot_be_taken_over(desk: Desk):
    """Neither a new skill of that name nor a twin beside it replaces what is locked."""
    text = skill_text("brew-tea", "Brew a pot of tea for guests.", STEPS)
    await desk.writer.create("brew-tea", text, OWNER)
    await desk.door.set_right("skill", "brew-tea", "lock", on=True)
    with pytest.raises((ChangeRefused, ToolError)):
        await desk.writer.create("brew-tea", text.replace("Boil", "Heat"), AGENT)
    with pytest.raises((ChangeRefused, ToolError)):
        await desk.writer.create("brew-a-tea", text.replace("brew-tea", "brew-a-tea"), AGENT)


# -- states -------------------------------------------------------------------------------------


async def test_the_state_follows_who_wrote_it(desk: Desk):
    change = await desk.writer.create("brew-tea", skill_text("brew-tea", "Brew tea.", STEPS), AGENT)
    assert states(desk).of("brew-tea").state == "candidate"
    assert states(desk).of("brew-tea").learned
    await desk.door.approve(change.id)
    assert (states(desk).of("brew-tea").state, states(desk).of("brew-tea").by) == (
        "active",
        "owner",
    )
    again = await desk.writer.patch("brew-tea", "Pour.", "Pour slowly.", AGENT)
    assert states(desk).of("brew-tea").state == "candidate"
    await desk.door.undo(again.id)
    assert states(desk).of("brew-tea").state == "active"
    await desk.writer.archive("brew-tea", OWNER)
    assert states(desk).of("brew-tea").state == "archived"


async def test_what_the_owner_writes_is_active_and_not_for_the_rules(desk: Desk):
    await desk.writer.create("mow-lawn", skill_text("mow-lawn"), OWNER)
    standing = states(desk).of("mow-lawn")
    assert (standing.state, standing.by, standing.learned) == ("active", "owner", False)
    assert states(desk).of("never-heard-of").state == "active"


async def test_a_move_holds_until_the_text_changes(desk: Desk):
    await desk.writer.create("brew-tea", skill_text("brew-tea", "Brew tea.", STEPS), AGENT)
    moved = SkillMoved(name="brew-tea", state="quarantined", by="evidence", reason="it harms")
    await desk.journal.append(moved, session="", run="")
    assert states(desk).named("quarantined") == ["brew-tea"]
    await desk.writer.patch("brew-tea", "Pour.", "Pour slowly.", AGENT)
    assert states(desk).named("quarantined") == []
    assert states(desk).of("brew-tea").state == "candidate"
