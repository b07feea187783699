"""The door for everything learned: what it writes, takes back, refuses, and what a crash leaves."""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.events import ChangeDecided, ChangeIntended, ChangeMade
from agent.learning.door import OWNER, Change
from agent.learning.file_parts import whole
from hermes_home.errors import ChangeRefused, HermesError, ToolError
from hermes_home.paths import Home
from memory.notes.operations import Operation
from skills.writer import Edit
from tests.learner import AGENT, Desk, Talk, open_desk
from tests.skill_texts import add_skill, skill_text

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
TEA = skill_text("brew-tea", "Brew a pot of tea for guests.", "1. Boil water.\n2. Pour.")
OPERATIONS = 3_000 if os.environ.get("HERMES_SOAK") else 300


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    async with open_desk(home) as desk:
        yield desk


def seed_tea(home: Home) -> None:
    add_skill(home.skills / "brew-tea", TEA, scripts__boil_sh="boil\n", references__cups_md="cups")


# -- undo ---------------------------------------------------------------------------------------


async def test_undo_of_a_skill_restores_every_file_byte_for_byte(desk: Desk):
    seed_tea(desk.home)
    before = desk.tree()
    for edit in (
        Edit("archive", "brew-tea"),
        Edit("patch", "brew-tea", old_text="Pour.", new_text="Pour slowly."),
        Edit("write_file", "brew-tea", "tea", path="assets/leaf.txt"),
        Edit("remove_file", "brew-tea", path="scripts/boil.sh"),
        Edit("create", "mow-lawn", skill_text("mow-lawn"), category="garden"),
    ):
        change = await desk.writer.apply(edit, OWNER)
        assert desk.tree() != before
        undo = await desk.door.undo(change.id)
        assert desk.tree() == before
        assert (await desk.status(change), undo.action) == ("undone", "undo")
        await desk.door.approve(change.id)
        await desk.door.undo(change.id)
    assert desk.tree() == before
    assert not (desk.home.skills / "garden").exists()


async def test_undo_names_what_to_undo_first_newest_first(desk: Desk):
    first = await desk.writer.create("brew-tea", TEA, AGENT)
    other = await desk.writer.create("mow-lawn", skill_text("mow-lawn"), AGENT)
    second = await desk.writer.patch("brew-tea", "Boil", "Heat", AGENT)
    third = await desk.writer.patch("brew-tea", "Pour", "Serve", AGENT)
    with pytest.raises(ChangeRefused, match=f"change {first.id} cannot be undone") as refused:
        await desk.door.undo(first.id)
    assert refused.value.hint == f"Undo {third.id}, {second.id} first."
    for change in (third, second, first):
        await desk.door.undo(change.id)
    assert list(desk.tree()) == ["skills/mow-lawn/SKILL.md"]
    await desk.door.undo(other.id)
    assert desk.tree() == {}


async def test_a_refusal_names_the_change_that_was_asked_for(desk: Desk):
    made = await desk.writer.create("brew-tea", TEA, AGENT)
    await desk.door.undo(made.id)
    await desk.door.redo(made.id)
    again = max(id for id, row in (await desk.listed()).items() if row.action == "create")
    assert again > made.id
    told = f"change {again} carries out change {made.id}, which is active, not undone"
    with pytest.raises(ChangeRefused, match=told):
        await desk.door.redo(again)
    later = await desk.writer.patch("brew-tea", "Boil", "Heat", AGENT)
    for asked in (made.id, again):
        with pytest.raises(ChangeRefused, match=f"change {asked} cannot be undone") as refused:
            await desk.door.undo(asked)
        assert refused.value.hint == f"Undo {later.id} first."
    await desk.door.undo(later.id)
    await desk.door.undo(again)
    assert (await desk.door.redo(again)).id == made.id


async def test_what_is_undone_need_not_be_undone_first(desk: Desk):
    first = await desk.writer.create("brew-tea", TEA, AGENT)
    second = await desk.writer.patch("brew-tea", "Boil", "Heat", OWNER)
    await desk.door.undo(second.id)
    third = await desk.writer.patch("brew-tea", "Boil", "Warm", OWNER)
    with pytest.raises(ChangeRefused) as refused:
        await desk.door.undo(first.id)
    assert refused.value.hint == f"Undo {third.id} first."


async def test_a_hand_edit_is_never_undone(desk: Desk):
    change = await desk.writer.create("brew-tea", TEA, AGENT)
    file = desk.home.skills / "brew-tea" / "SKILL.md"
    file.write_text(TEA + "3. Drink.\n")
    with pytest.raises(ChangeRefused, match="has changed since") as refused:
        await desk.door.undo(change.id)
    assert "by hand" in refused.value.hint
    assert file.read_text() == TEA + "3. Drink.\n"
    assert await desk.status(change) == "candidate"


async def test_undo_of_a_note_takes_back_its_entry_among_others(desk: Desk):
    desk.home.memories.mkdir()
    file = desk.home.memories / "MEMORY.md"
    file.write_text("by hand\r\n§\r\n  odd  \r\n")
    added = await desk.note("one")
    replaced = await desk.note("by a machine", old="by hand")
    await desk.note("two")
    await desk.door.undo(added.id)
    assert file.read_bytes() == b"by a machine\r\n\xc2\xa7\r\n  odd  \r\n\xc2\xa7\r\ntwo\r\n"
    await desk.door.undo(replaced.id)
    assert desk.notes.entries("memory") == ["by hand", "odd", "two"]


async def test_undo_of_a_note_names_the_change_that_reworded_it(desk: Desk):
    added = await desk.note("one")
    await desk.note("unrelated")
    reworded = await desk.note("one!!", old="one")
    with pytest.raises(ChangeRefused, match="does not stand") as refused:
        await desk.door.undo(added.id)
    assert refused.value.hint == f"Undo {reworded.id} first."
    await desk.door.undo(reworded.id)
    await desk.door.undo(added.id)
    assert desk.notes.entries("memory") == ["unrelated"]


async def test_a_removal_is_not_undone_twice_into_two_entries(desk: Desk):
    await desk.note("one")
    removed = await desk.note(old="one")
    await desk.note("ONE.", by=OWNER)
    with pytest.raises(ChangeRefused):
        await desk.door.undo(removed.id)
    assert desk.notes.entries("memory") == ["ONE."]


async def test_what_cannot_be_undone_says_what_can_be_done(desk: Desk):
    change = await desk.note("one")
    undo = await desk.door.undo(change.id)
    with pytest.raises(ChangeRefused, match="undone already") as refused:
        await desk.door.undo(change.id)
    assert f"redo {change.id}" in refused.value.hint
    with pytest.raises(ChangeRefused, match=f"took back change {change.id}"):
        await desk.door.undo(undo.id)
    for unknown in (0, change.id + 1, 10_000):
        for verb in (desk.door.undo, desk.door.approve, desk.door.reject):
            with pytest.raises(ChangeRefused, match="there is no change"):
                await verb(unknown)


# -- proposals ----------------------------------------------------------------------------------


async def test_in_mode_suggest_a_file_appears_only_when_approved(desk: Desk):
    desk.mode = "suggest"
    skill = await desk.writer.create("brew-tea", TEA, AGENT)
    note = await desk.note("one")
    assert {skill.status, note.status} == {"proposed"}
    assert desk.tree() == {}
    await desk.door.approve(skill.id)
    assert list(desk.tree()) == ["skills/brew-tea/SKILL.md"]
    await desk.door.reject(note.id)
    assert len(desk.tree()) == 1
    assert [await desk.status(change) for change in (skill, note)] == ["active", "rejected"]


async def test_what_was_approved_can_be_undone_by_its_own_id(desk: Desk):
    desk.mode = "suggest"
    for change in (await desk.writer.create("brew-tea", TEA, AGENT), await desk.note("one")):
        await desk.door.approve(change.id)
        await desk.door.approve(change.id)
        await desk.door.undo(change.id)
        assert await desk.status(change) == "undone"
    assert b"".join(desk.tree().values()) == b""
    rows = await desk.listed()
    assert {row.status for row in rows.values() if row.action != "undo"} == {"undone"}


async def test_a_stale_proposal_is_not_written(desk: Desk):
    seed_tea(desk.home)
    desk.mode = "suggest"
    skill = await desk.writer.patch("brew-tea", "Boil", "Heat", AGENT)
    desk.home.memories.mkdir()
    memory = desk.home.memories / "MEMORY.md"
    memory.write_text("one\n")
    note = await desk.note("1", old="one")
    new = await desk.note("two")
    (desk.home.skills / "brew-tea" / "SKILL.md").write_text(TEA + "3. Drink.\n")
    memory.write_text("something else\n§\nTwo.\n")
    before = desk.tree()
    for change in (skill, note, new):
        with pytest.raises(ToolError):
            await desk.door.approve(change.id)
        assert await desk.status(change) == "proposed"
        await desk.door.reject(change.id)
    assert desk.tree() == before


async def test_a_decision_is_not_taken_twice(desk: Desk):
    desk.mode = "suggest"
    change = await desk.note("one")
    with pytest.raises(ChangeRefused, match="never written"):
        await desk.door.undo(change.id)
    await desk.door.reject(change.id)
    with pytest.raises(ChangeRefused, match="rejected already"):
        await desk.door.reject(change.id)
    await desk.door.approve(change.id)
    with pytest.raises(ChangeRefused, match="written already"):
        await desk.door.reject(change.id)
    assert desk.notes.entries("memory") == ["one"]


async def test_a_candidate_becomes_active_by_the_owners_word(desk: Desk):
    change = await desk.writer.create("brew-tea", TEA, AGENT)
    before = desk.tree()
    await desk.door.approve(change.id)
    assert (await desk.status(change), desk.tree()) == ("active", before)


# -- what the owner refused ---------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["undo", "reject"])
async def test_what_the_owner_refused_stays_refused_to_the_agent(desk: Desk, home: Home, verb: str):
    desk.mode = "suggest" if verb == "reject" else "auto"
    changes = [await desk.note("Likes green tea"), await desk.writer.create("brew-tea", TEA, AGENT)]
    for change in changes:
        await (desk.door.undo if verb == "undo" else desk.door.reject)(change.id)
    desk.mode = "auto"
    stored = desk.journal.last_seq()
    for text in ("Likes green tea", "likes  GREEN tea.", "Ｌikes green\ntea"):
        with pytest.raises(ChangeRefused, match=f"change {changes[0].id}"):
            await desk.note(text)
    with pytest.raises(ChangeRefused, match=f"change {changes[1].id}"):
        await desk.writer.create("brew-tea", TEA + "3. Drink.\n", AGENT)
    assert desk.journal.last_seq() == stored
    assert b"".join(desk.tree().values()) == b""


@pytest.mark.parametrize("how", ["himself", "approve"])
async def test_the_owner_may_and_then_the_agent_may_again(desk: Desk, how: str):
    note = await desk.note("Likes green tea")
    skill = await desk.writer.create("brew-tea", TEA, AGENT)
    for change in (note, skill):
        await desk.door.undo(change.id)
    if how == "approve":
        for change in (note, skill):
            await desk.door.approve(change.id)
    else:
        await desk.note("likes green tea", by=OWNER)
        await desk.writer.create("brew-tea", TEA, OWNER)
    await desk.note("likes black tea", old="likes green tea" if how == "himself" else "Likes")
    await desk.note("likes green tea", old="likes black tea")
    await desk.writer.patch("brew-tea", "Boil", "Heat", AGENT)


async def test_an_undone_removal_refuses_that_removal_and_no_other(desk: Desk):
    for text in ("one", "two"):
        await desk.note(text)
    removed = await desk.note(old="one")
    await desk.door.undo(removed.id)
    with pytest.raises(ChangeRefused):
        await desk.note(old="one")
    await desk.note(old="two")
    assert desk.notes.entries("memory") == ["one"]


async def test_what_was_refused_is_remembered_over_a_restart(home: Home):
    async with open_desk(home) as desk:
        note = await desk.note("one")
        await desk.door.undo(note.id)
        skill = await desk.writer.create("brew-tea", TEA, AGENT)
        await desk.writer.patch("brew-tea", "Boil", "Heat", AGENT)
    async with open_desk(home) as desk:
        with pytest.raises(ChangeRefused, match=f"change {note.id}"):
            await desk.note("one")
        with pytest.raises(ChangeRefused, match="cannot be undone") as refused:
            await desk.door.undo(skill.id)
        assert re.fullmatch(r"Undo \d+ first\.", refused.value.hint)
        await desk.note("one", by=OWNER)
    async with open_desk(home) as desk:
        await desk.note("1", old="one")
        await desk.note("one", old="1")


# -- modes and status ---------------------------------------------------------------------------


async def test_off_refuses_the_agent_and_obeys_the_owner(desk: Desk):
    desk.mode = "off"
    with pytest.raises(ChangeRefused, match="off"):
        await desk.note("one")
    with pytest.raises(ChangeRefused, match="off"):
        await desk.writer.create("brew-tea", TEA, AGENT)
    assert desk.journal.last_seq() == 0
    assert (await desk.note("one", by=OWNER)).status == "active"


@pytest.mark.parametrize(
    ("said", "note", "status"),
    [
        ("I prefer tabs over spaces", "The user prefers tabs over spaces.", "active"),
        ("my editor is Vim!", "Editor: vim", "active"),
        ("我用 Vim 编辑器", "用户使用 Vim 编辑器", "active"),
        ("please fix the build", "The build needs Java 17 and a local mirror", "candidate"),
        ("what is in the folder of the house?", "It is the one with the red door", "candidate"),
        ("", "The disk is nearly full", "candidate"),
    ],
)
async def test_a_note_is_active_when_it_rests_on_the_users_words(
    desk: Desk, said: str, note: str, status: str
):
    talk = Talk()
    talk.user(said)
    assert (await desk.note(note, by=talk.author)).status == status
    assert (await desk.note(old=note, by=talk.author)).status == "active"


async def test_a_skill_starts_as_a_candidate_whoever_asked_for_it(desk: Desk):
    talk = Talk()
    talk.user(f"please keep this as a skill:\n{TEA}")
    change = await desk.writer.create("brew-tea", TEA, talk.author)
    assert change.status == "candidate"
    change = await desk.writer.patch("brew-tea", "Boil", "Heat", OWNER)
    assert change.status == "active"


# -- writing ------------------------------------------------------------------------------------


async def test_a_change_planned_on_an_older_file_is_planned_again(desk: Desk):
    await desk.note("one")
    file = desk.home.memories / "MEMORY.md"

    def save_by_hand(event: object) -> None:
        if isinstance(event, ChangeIntended):
            desk.after = lambda event: None
            file.write_text("by hand\n")

    desk.after = save_by_hand
    change = await desk.note("two")
    assert desk.notes.entries("memory")[0] == "by hand"
    assert "two" in desk.notes.entries("memory")
    rows = await desk.listed()
    assert [id for id in rows if rows[id].entry == "two"] == [change.id]
    await desk.door.undo(change.id)
    assert "two" not in desk.notes.entries("memory")


async def test_a_file_that_keeps_changing_is_left_alone(desk: Desk):
    seed_tea(desk.home)
    file = desk.home.skills / "brew-tea" / "SKILL.md"
    saves = iter(range(100))

    def save_by_hand(event: object) -> None:
        if isinstance(event, ChangeIntended):
            file.write_text(f"{TEA}\n{next(saves)}\n")

    desk.after = save_by_hand
    with pytest.raises(ChangeRefused, match="keeps changing"):
        await desk.writer.patch("brew-tea", "Boil", "Heat", AGENT)
    assert "Boil" in file.read_text()
    assert await desk.listed() == {}


@pytest.mark.parametrize("trouble", ["changed", "unwritable"])
async def test_of_several_files_all_are_written_or_none(desk: Desk, trouble: str):
    seed_tea(desk.home)
    folder = desk.home.skills / "brew-tea"
    before = desk.tree()
    written: list[str] = []

    def interfere(path: str) -> None:
        written.append(path)
        if len(written) == 2 and trouble == "changed":
            (folder / "SKILL.md").write_text(TEA + "by hand\n")
        elif len(written) == 2:
            (desk.home.skills / ".archive" / "brew-tea-1" / "scripts").write_text("in the way")

    desk.replaced = interfere
    if trouble == "unwritable":
        with pytest.raises(HermesError):
            await desk.writer.archive("brew-tea", AGENT)
        (desk.home.skills / ".archive" / "brew-tea-1" / "scripts").unlink()
        assert desk.tree() == before
        assert desk.of(ChangeMade) == []
    else:
        await desk.writer.archive("brew-tea", AGENT)
        moved = desk.tree()["skills/.archive/brew-tea-1/SKILL.md"]
        assert moved.decode() == TEA + "by hand\n"
        assert not folder.exists()
        assert len(desk.of(ChangeMade)) == 1


async def test_a_cancelled_caller_leaves_no_change_half_made(desk: Desk):
    seed_tea(desk.home)
    before = desk.tree()
    for turns in range(12):
        task = asyncio.create_task(desk.writer.archive("brew-tea", OWNER))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        async with desk.door.lock:
            pass
        rows = await desk.listed()
        for id in [
            id for id in rows if (rows[id].action, rows[id].status) == ("archive", "active")
        ]:
            await desk.door.undo(id)
        assert desk.tree() == before
    assert 0 < len(desk.of(ChangeDecided)) < 12


async def test_changes_side_by_side_are_made_one_after_the_other(desk: Desk):
    await asyncio.gather(*(desk.note(f"note {number}") for number in range(20)))
    assert sorted(desk.notes.entries("memory")) == sorted(f"note {n}" for n in range(20))
    parts = [file.part for event in desk.of(ChangeIntended)[1:] for file in event.files]
    hashes = [(part.before, part.after) for part in parts if part]
    assert len(hashes) == 19
    assert [before for before, _ in hashes[1:]] == [after for _, after in hashes[:-1]]


async def test_every_change_is_a_commit_of_its_author(desk: Desk):
    await desk.note("one")
    await desk.history.flush()
    change = await desk.writer.create("brew-tea", TEA, AGENT)
    await desk.history.flush()
    await desk.door.undo(change.id)
    log = await desk.history.log()
    assert [(commit.actor, commit.session) for commit in log] == [
        ("owner", ""),
        ("agent", "s"),
        ("agent", "s"),
    ]
    assert [commit.reason for commit in log] == [
        "undo skill brew-tea",
        "create skill brew-tea",
        "add memory MEMORY.md",
    ]
    assert log[1].change == change.id


async def test_what_differs_is_committed_for_who_left_it_so(desk: Desk):
    await desk.writer.create("brew-tea", TEA, AGENT)
    await desk.history.flush()
    (desk.home.skills / "brew-tea" / "SKILL.md").write_text(TEA + "3. Drink.\n")
    await desk.door.commit(["skills/brew-tea/SKILL.md", "skills/brew-tea/absent.md"])
    log = await desk.history.log()
    assert [commit.actor for commit in log] == ["owner", "agent"]


# -- crashes ------------------------------------------------------------------------------------


def learn_and_die(home: Home, change: str, point: str) -> None:
    command = [sys.executable, "-m", "tests.learner", str(home.root), change, point]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == -9, result.stderr


def check_whole(desk: Desk) -> None:
    """The changes that were made, one after the other, give the files."""
    intents = {s.seq: s.event for s in desk.journal.changes()}
    texts = {path: data.decode() for path, data in desk.tree().items()}
    last: dict[str, str | None] = {}
    for event in desk.of(ChangeMade):
        intended = intents[event.id]
        assert isinstance(intended, ChangeIntended)
        for kept in intended.files:
            file = whole(kept, last.get(kept.path))
            assert file is not None
            last[file.path] = file.after
    assert {path: texts.get(path) for path in last} == last


@pytest.mark.slow
@pytest.mark.parametrize("change", ["create", "archive", "note"])
@pytest.mark.parametrize("point", ["intended", "half", "written", "made"])
async def test_a_kill_leaves_a_change_made_or_not_made(home: Home, change: str, point: str):
    async with open_desk(home) as desk:
        seed_tea(home)
        await desk.note("one", by=OWNER)
        await desk.door.commit(await desk.history.dirty())
        before, rows = desk.tree(), await desk.listed()
    learn_and_die(home, change, point)
    async with open_desk(home) as desk:
        new = {id: row for id, row in (await desk.listed()).items() if id not in rows}
        assert await desk.history.dirty() == []
        if point == "intended":
            assert (desk.tree(), new) == (before, {})
            return
        ((id, row),) = new.items()
        assert row.status == ("active" if change == "archive" else "candidate")
        check_whole(desk)
        newest = (await desk.history.log())[0]
        assert (newest.actor, newest.session, newest.change) == ("agent", "s", id)
        await desk.door.undo(id)
        assert desk.tree() == before
    async with open_desk(home) as desk:
        assert desk.tree() == before
        assert await desk.status(id) == "undone"


@pytest.mark.slow
async def test_a_kill_while_archiving_and_a_hand_edit_meanwhile_lose_nothing(home: Home):
    async with open_desk(home):
        seed_tea(home)
    learn_and_die(home, "archive", "half")
    file = home.skills / "brew-tea" / "SKILL.md"
    file.write_text(TEA + "by hand\n")
    async with open_desk(home) as desk:
        assert await desk.listed() == {}
        assert file.read_text() == TEA + "by hand\n"
        assert not (home.skills / ".archive").exists()
        assert (await desk.history.log())[0].actor == "owner"


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["undo", "approve"])
@pytest.mark.parametrize("point", ["intended", "written", "made"])
async def test_a_kill_while_the_owner_decides_leaves_it_decided_or_not(
    home: Home, verb: str, point: str
):
    async with open_desk(home) as desk:
        desk.mode = "suggest" if verb == "approve" else "auto"
        change = await desk.note("one")
    learn_and_die(home, verb, point)
    async with open_desk(home) as desk:
        decided = {"undo": "undone", "approve": "active"}[verb]
        undecided = {"undo": "candidate", "approve": "proposed"}[verb]
        assert await desk.status(change) == (undecided if point == "intended" else decided)
        there = desk.notes.entries("memory") == ["one"]
        assert there == (await desk.status(change) in ("candidate", "active"))
        assert len(desk.of(ChangeDecided)) == (0 if point == "intended" else 1)
        if verb == "undo" and point != "intended":
            with pytest.raises(ChangeRefused, match="undone"):
                await desk.note("one")
    async with open_desk(home) as desk:
        assert len(desk.of(ChangeDecided)) == (0 if point == "intended" else 1)


async def test_an_attempt_that_failed_is_not_made_by_a_later_one(home: Home):
    """The text after both attempts is the same; only the second one wrote it."""
    async with open_desk(home) as desk:
        await desk.writer.create("brew-tea", TEA, OWNER)
        new = TEA.replace("Boil", "Heat")

        def save_by_hand(event: object) -> None:
            if isinstance(event, ChangeIntended):
                desk.after = lambda event: None
                (home.skills / "brew-tea" / "SKILL.md").write_text(TEA + "by hand\n")

        desk.after = save_by_hand
        change = await desk.writer.edit("brew-tea", new, AGENT)
        rows = await desk.listed()
    async with open_desk(home) as desk:
        assert await desk.listed() == rows
        assert max(rows) == change.id
        await desk.door.undo(change.id)
        text = (home.skills / "brew-tea" / "SKILL.md").read_text()
        assert text == TEA + "by hand\n"


# -- many changes -------------------------------------------------------------------------------


class Learner:
    """Random changes of a few skills. No text comes twice, so that a file tells who wrote it."""

    NAMES = ("brew-tea", "mow-lawn", "walk-dog", "wash-car")

    def __init__(self, desk: Desk, seed: int) -> None:
        self._desk = desk
        self._dice = random.Random(seed)
        self._number = 0

    def word(self) -> str:
        self._number += 1
        return f"step-{self._number}"

    async def change(self) -> Change | None:
        """One more change; None if the dice named an impossible one."""
        dice, name = self._dice, self._dice.choice(self.NAMES)
        file = self._dice.choice(["scripts/a.sh", "references/b.md", "assets/c.txt"])
        body = f"# {name}\n\n1. {self.word()}\n2. {name} {self.word()}"
        edit = dice.choice(
            [
                Edit("create", name, skill_text(name, f"Do {name}.", body)),
                Edit("patch", name, old_text="1. ", new_text=f"1. {self.word()} "),
                Edit("edit", name, skill_text(name, f"Do {name}.", body)),
                *[Edit("write_file", name, f"{self.word()}\n", path=file)] * 2,
                Edit("remove_file", name, path=file),
                Edit("archive", name),
            ]
        )
        with suppress(ToolError):
            return await self._desk.writer.apply(edit, dice.choice([AGENT, OWNER]))
        return None


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_any_legal_undo_of_many_skill_changes_restores_the_bytes(desk: Desk):
    seed_tea(desk.home)
    initial, learner, dice = desk.tree(), Learner(desk, seed=7), random.Random(11)
    made: dict[int, ChangeIntended] = {}
    while len(made) < OPERATIONS:
        if change := await learner.change():
            intended = desk.intent(change.id)
            assert intended is not None
            made[change.id] = intended

    def expected() -> dict[str, bytes]:
        """What the changes that stand leave, one after the other."""
        texts: dict[str, str | None] = {path: data.decode() for path, data in initial.items()}
        for id in sorted(made):
            texts |= {file.path: file.after for file in made[id].files}
        return {path: text.encode() for path, text in texts.items() if text is not None}

    assert desk.tree() == expected()
    while made:
        id = dice.choice(sorted(made))
        try:
            await desk.door.undo(id)
        except ChangeRefused as refused:
            named = [int(number) for number in re.findall(r"\d+", refused.hint)]
            assert named == sorted(named, reverse=True)
            assert named
            assert named[-1] > id
            assert set(named) <= made.keys()
            id = named[0]
            with suppress(ChangeRefused):
                await desk.door.undo(id)
                del made[id]
        else:
            del made[id]
        assert desk.tree() == expected()
    assert desk.tree() == initial
    assert await desk.history.dirty() == []


@pytest.mark.slow
async def test_undoing_many_notes_backwards_restores_the_bytes_and_else_the_entries(home: Home):
    for order in ("backwards", "any"):
        root = home.root / order
        root.mkdir()
        async with open_desk(Home(root)) as desk:
            dice, states, made = random.Random(3), [], []
            desk.home.memories.mkdir()
            (desk.home.memories / "MEMORY.md").write_text("by hand\n\n§\n  spaced \r\n§\nlast")
            initial = desk.notes.entries("memory")
            for number in range(60):
                states.append(desk.tree())
                entries = desk.notes.entries("memory")
                old = dice.choice(["", *entries])
                text = f"entry number {number}" if not old or dice.random() < 0.6 else ""
                made.append((await desk.note(text, old=old)).id)
            if order == "backwards":
                for id, state in zip(reversed(made), reversed(states), strict=True):
                    await desk.door.undo(id)
                    assert desk.tree() == state
            while order == "any" and made:
                id = dice.choice(made)
                with suppress(ChangeRefused):
                    await desk.door.undo(id)
                    made.remove(id)
            assert sorted(desk.notes.entries("memory")) == sorted(initial)


async def test_operations_of_one_call_are_changes_of_their_own(desk: Desk):
    operations = [Operation("add", "memory", text) for text in ("one", "two", "three")]
    changes = await desk.notes.apply(operations, AGENT)
    await desk.door.undo(changes[1].id)
    assert desk.notes.entries("memory") == ["one", "three"]
