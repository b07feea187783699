"""Forgetting: out of the files, every view and every later recall; back again; and off the disk."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.conversation import Conversation
from agent.events import (
    Answered,
    FileChange,
    ModelReplied,
    PromptChanged,
    RunFinished,
    RunStarted,
    ToolFinished,
    ToolStarted,
    UserSpoke,
    encode,
)
from agent.inputs import RunOptions
from agent.learning.door import OWNER, Author
from agent.learning.hiding import SIGN
from agent.learning.proposal import Proposal
from agent.messages import ToolCall
from gateway.app import App
from gateway.learning import deciding, forgetting, learned, noted
from gateway.reports import export, search, sessions
from hermes_home.errors import ChangeRefused, UsageError
from hermes_home.paths import Home
from memory.notes.operations import Operation
from tests.skill_texts import skill_text

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).parent.parent

SIGNS = ("bdfgklmnprstvz", "aeiou")
MOST_SHOWN = 40
FORMS = ("md", "jsonl", "sharegpt", "messages")


@asynccontextmanager
async def opened(home: Home) -> AsyncIterator[App]:
    """A daemon's parts."""
    home.files.mkdir(exist_ok=True)
    app = await App.open(home, {"HOME": str(home.root.parent), "PATH": os.environ["PATH"]})
    await app.sandbox()
    try:
        yield app
    finally:
        await app.recurring.rest()
        await app.router.close()
        await app.close()


@pytest.fixture
async def app(home: Home) -> AsyncIterator[App]:
    async with opened(home) as app:
        yield app


def facts(number: int, seed: int = 3) -> Iterator[str]:
    """Notes that share no telling word."""
    dice = random.Random(seed)
    used: set[str] = set()

    def word() -> str:
        while (made := "".join(dice.choice(SIGNS[at % 2]) for at in range(8)))[:5] in used:
            pass
        used.add(made[:5])
        return made

    for at in range(number):
        yield f"The {word()} of {word()} is kept by {word()}, {word()} street {1000 + at}."


class Talk:
    """A session as the journal holds it: somebody says things, a tool prints them."""

    def __init__(self, app: App, session: str) -> None:
        self.app, self.session, self._calls = app, session, 0

    @classmethod
    async def begin(cls, app: App) -> Talk:
        return cls(app, await app.router.open_session("terminal", app.home.root))

    async def say(self, text: str) -> None:
        """A run in which these words are said, answered, passed to a tool and printed by it."""
        self._calls += 1
        call, run = f"c{self._calls}", f"{self.session}-{self._calls}"
        arguments = encode_text({"command": f"echo '{text}'", "note": ["x", text]})
        for event in (
            RunStarted(cause="i", principal="owner", options=RunOptions(), provider="p", model="m"),
            UserSpoke(
                input=f"i{run}", text=f"Good morning.\n{text}\nGo on.", tail=f"notes:\n- {text}"
            ),
            ModelReplied(
                text=f"I see: {text}",
                reasoning=f"He says {text.upper()}",
                tool_calls=(ToolCall(call, "shell", arguments),),
            ),
            ToolStarted(call_id=call, name="shell", arguments=arguments, number=self._calls),
            ToolFinished(call_id=call, name="shell", status="ok", text=f"printed {text}"),
            ModelReplied(text=f"Noted: {text}"),
            Answered(text=f"Noted: {text}"),
            RunFinished(reason="done", tool_calls=1),
        ):
            await self.app.journal.append(event, session=self.session, run=run)

    async def note(self, text: str, old: str = "") -> int:
        author = Author("agent", self.session)
        action = "replace" if old else "add"
        operation = Operation(action, "memory", text, old)  # type: ignore[arg-type]
        (change,) = await self.app.notes.apply([operation], author)
        return change.id

    async def learn(self, text: str) -> int:
        await self.say(text)
        return await self.note(text)


def encode_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


async def everything_shown(app: App) -> str:
    """Whatever any view tells."""
    found: list[object] = [
        await learned.timeline(app, everything=True, limit=10_000),
        await noted.notes(app),
        await noted.history(app),
        await sessions(app, limit=1_000),
    ]
    for row in await sessions(app, limit=1_000):
        found += [await export(app, str(row["id"]), form) for form in FORMS]
        found.append([encode(one.event) for one in app.journal.read(str(row["id"]))])
        found.append(Conversation.replay(app.journal.read(str(row["id"]))))
    for row in (await learned.timeline(app, everything=True, limit=10_000))[:MOST_SHOWN]:
        found.append(await learned.change(app, int(row["id"])))
    return repr(found)


def tree(app: App) -> dict[str, bytes]:
    folders = (app.home.skills, app.home.memories, app.home.files)
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(app.home.root).as_posix(): path.read_bytes() for path in files}


def parts(fact: str) -> list[str]:
    """The words that nothing else holds."""
    return [word.strip(".,") for word in fact.split() if len(word.strip(".,")) > 6]


async def test_what_is_forgotten_is_in_no_view_and_can_be_had_back(app: App) -> None:
    talk, other = await Talk.begin(app), await Talk.begin(app)
    one, two = facts(2)
    id = await talk.learn(one)
    kept = await talk.learn(two)
    await other.say(one)
    saved = app.store(f"a long output\n{one}\n" + "x" * 100)
    files, shown = tree(app), await everything_shown(app)
    assert one in shown

    await forgetting.forget(app, id)
    after = await everything_shown(app)
    for word in parts(one):
        assert word not in after
    assert SIGN in after
    assert two in after
    assert app.notes.entries("memory") == [two]
    for word in parts(one):
        assert await search(app, word, 10, "") == []
    assert not (app.home.files / saved).exists()
    row = await learned.change(app, id)
    assert (row["forgotten"], row["status"], row["name"]) == (True, "undone", "(forgotten)")
    assert not (await learned.change(app, kept))["forgotten"]
    broken = [
        one for one in app.journal.read(other.session) if isinstance(one.event, PromptChanged)
    ]
    assert [
        f"change {id}" in one.event.reason for one in broken if isinstance(one.event, PromptChanged)
    ] == [True]

    await deciding.decide(app, id, "undo")
    assert tree(app) == files
    again = await everything_shown(app)
    for word in parts(one):
        assert word in again
    assert await search(app, parts(one)[0], 10, "") != []
    assert (await learned.change(app, id))["status"] == "candidate"


async def test_it_stays_forgotten_over_a_restart_and_a_new_index(home: Home) -> None:
    (fact,) = facts(1)
    async with opened(home) as app:
        id = await (await Talk.begin(app)).learn(fact)
        await forgetting.forget(app, id)
    async with opened(home) as app:
        assert parts(fact)[0] not in await everything_shown(app)
        await app.index.rebuild()
        assert await search(app, parts(fact)[0], 10, "") == []
        with pytest.raises(ChangeRefused, match="forgotten"):
            await (await Talk.begin(app)).note(fact)
        await deciding.decide(app, id, "undo")
        assert app.notes.entries("memory") == [fact]


async def test_who_says_it_again_has_said_it_anew(app: App) -> None:
    (fact,) = facts(1)
    talk = await Talk.begin(app)
    id = await talk.learn(fact)
    await forgetting.forget(app, id)
    await talk.say(fact)
    hits = await search(app, parts(fact)[0], 50, "")
    assert hits
    assert fact in repr(app.journal.read(talk.session))
    await app.notes.apply([Operation("add", "memory", fact)], OWNER)
    saved = app.store(f"printed {fact}")
    # A start removes nothing of it again.
    await forgetting.complete(app)
    assert app.notes.entries("memory") == [fact]
    assert (app.home.files / saved).exists()


async def test_earlier_wordings_go_with_the_last_and_not_the_other_way_round(app: App) -> None:
    old, new = facts(2)
    talk = await Talk.begin(app)
    first = await talk.learn(old)
    await talk.say(new)
    second = await talk.note(new, old=old)
    with pytest.raises(ChangeRefused, match=f"change {second}"):
        await forgetting.forget(app, first)
    await forgetting.forget(app, second)
    after = await everything_shown(app)
    assert not any(word in after for word in (*parts(old), *parts(new)))
    assert {row["forgotten"] for row in await learned.timeline(app)} == {True}
    await deciding.decide(app, second, "undo")
    assert app.notes.entries("memory") == [new]


async def test_what_is_locked_or_in_use_is_not_forgotten(app: App) -> None:
    (fact,) = facts(1)
    talk = await Talk.begin(app)
    id = await talk.learn(fact)
    await app.door.set_right("memory", fact, "lock", on=True)
    last = app.journal.last_seq()
    with pytest.raises(ChangeRefused, match="locked"):
        await forgetting.forget(app, id)
    assert app.journal.last_seq() == last
    for unknown in (id + 1, 10**9):
        with pytest.raises(UsageError, match="no change"):
            await forgetting.forget(app, unknown)
    await app.door.set_right("memory", fact, "lock", on=False)
    await forgetting.forget(app, id)
    with pytest.raises(ChangeRefused, match="already"):
        await forgetting.forget(app, id)
    for verb in ("approve", "redo", "reject"):
        with pytest.raises(ChangeRefused, match="forgotten"):
            await deciding.decide(app, id, verb)


BODY = """\
# Grind

1. Fill the hopper with two spoons of roasted beans.
2. Press the copper lever until the whirr stops for good.
"""


async def test_a_skill_is_forgotten_with_every_text_it_had(app: App) -> None:
    talk = await Talk.begin(app)
    author = Author("agent", talk.session)
    text = skill_text("grind-coffee", "Grind coffee beans for the espresso machine.", BODY)
    await app.writer.create("keep-bees", skill_text("keep-bees"), author)
    first = await app.writer.create("grind-coffee", text, author)
    await app.writer.write_file("grind-coffee", "scripts/whirr.sh", "echo whirr\n", author)
    patched = await app.writer.patch("grind-coffee", "copper lever", "brass crank", author)
    await talk.say(f"I loaded it\n{text}\nand /grind-coffee worked")
    files = tree(app)
    await forgetting.forget(app, first.id)
    assert [path for path in tree(app) if "grind" in path] == []
    after = await everything_shown(app)
    for gone in ("grind-coffee", "hopper", "copper", "brass", "espresso", "whirr"):
        assert gone not in after
    assert "keep-bees" in after
    assert "and [forgotten] worked" not in await search_text(app, "worked")
    assert app.library.get("grind-coffee") is None
    await deciding.decide(app, patched.id, "undo")
    assert tree(app) == files
    assert "hopper" in await everything_shown(app)


async def search_text(app: App, query: str) -> str:
    return repr(await search(app, query, 50, ""))


async def test_also_what_is_in_the_archive_is_forgotten(app: App) -> None:
    author = Author("agent", (await Talk.begin(app)).session)
    text = skill_text("grind-coffee", "Grind coffee beans.", BODY)
    first = await app.writer.create("grind-coffee", text, author)
    await app.writer.archive("grind-coffee", OWNER)
    files = tree(app)
    assert list(files) == ["skills/.archive/grind-coffee-1/SKILL.md"]
    await forgetting.forget(app, first.id)
    assert tree(app) == {}
    await deciding.decide(app, first.id, "undo")
    assert tree(app) == files


# -- purging ------------------------------------------------------------------------------------


def raw(home: Home) -> bytes:
    """Every byte below the home that the program keeps, and every object of its history."""
    files = (path for path in home.root.rglob("*") if path.is_file() and ".git" not in path.parts)
    git = ["git", "-C", str(home.root), "cat-file", "--batch-all-objects", "--batch"]
    objects = subprocess.run(git, capture_output=True, check=True).stdout
    return b"".join(path.read_bytes() for path in files if path.suffix != ".log") + objects


async def test_what_a_large_skill_keeps_outside_the_journal_goes_too(home: Home) -> None:
    table = "".join(f"row {at} of the hummingbird table\n" for at in range(12_000))
    shared = table.replace("hummingbird", "kingfisher")

    async def install(app: App, name: str, *tables: str) -> int:
        texts = {f"references/{at}.md": text for at, text in enumerate(tables)}
        texts["SKILL.md"] = skill_text(name)
        files = tuple(FileChange(f"skills/{name}/{at}", None, texts[at]) for at in sorted(texts))
        return (await app.door.apply(lambda: Proposal("skill", name, "install", files), OWNER)).id

    async with opened(home) as app:
        await install(app, "keep-bees", shared)
        change = await install(app, "grind-coffee", table, shared)
        files = tree(app)
        assert len([*home.files.iterdir()]) == 2
        await deciding.decide(app, change, "forget")
        assert [path.read_text(encoding="utf-8") for path in home.files.iterdir()] == [shared]
        await deciding.decide(app, change, "undo")
        assert tree(app) == files
        await deciding.decide(app, change, "purge")
        found = raw(home)
        assert b"hummingbird" not in found
        assert b"kingfisher" in found, "the other skill keeps it"


async def test_what_is_purged_is_nowhere_on_the_disk(home: Home) -> None:
    gone, kept, grown = facts(3)
    async with opened(home) as app:
        talk = await Talk.begin(app)
        author = Author("agent", talk.session)
        note, other = await talk.learn(gone), await talk.learn(kept)
        text = skill_text("grind-coffee", "Grind coffee beans for the espresso machine.", BODY)
        skill = await app.writer.create("grind-coffee", text, author)
        await app.writer.patch("grind-coffee", "copper lever", "brass crank", author)
        await app.writer.create("keep-bees", skill_text("keep-bees"), author)
        await talk.say(f"{text}\n{grown}")
        saved = app.store(f"output\n{gone}\n")
        (home.root / "state.db.schema-3").write_text(gone)
        await app.history.flush()
        assert parts(gone)[0].encode() in raw(home)
        assert b"hopper" in raw(home)
        await deciding.decide(app, note, "purge")
        await deciding.decide(app, skill.id, "forget")
        await deciding.decide(app, skill.id, "purge")
        found = raw(home)
        for word in (*parts(gone), "hopper", "espresso", "grind-coffee"):
            assert word.encode() not in found, word
        for word in (*parts(kept), *parts(grown), "keep-bees"):
            assert word.encode() in found, word
        assert not (home.files / saved).exists()
        for id in (note, skill.id):
            for verb in ("undo", "redo", "approve", "purge"):
                with pytest.raises(ChangeRefused, match="purged|forgotten"):
                    await deciding.decide(app, id, verb)
            assert (await learned.change(app, id))["forgotten"]
        rows = await learned.timeline(app, everything=True)
        about = {row["id"] for row in rows if row["kind"] == "skill" and row["name"] != "keep-bees"}
        assert len(about) == 3
        assert all(row["forgotten"] for row in rows if row["id"] in about | {note})
        assert not any(row["forgotten"] for row in rows if row["id"] == other)
        await deciding.decide(app, other, "undo")
        await deciding.decide(app, other, "redo")
        assert app.notes.entries("memory") == [kept]
        assert await app.history.dirty() == []
        log = await app.history.log()
        assert {commit.change for commit in log} >= {other}
    async with opened(home) as app:
        found = raw(home)
        assert not any(word.encode() in found for word in (*parts(gone), "hopper"))
        assert await app.history.dirty() == []
        assert app.notes.entries("memory") == [kept]


def die(home: Home, verb: str, id: int, point: str) -> None:
    """Carry out the owner's word in a process that is killed when it comes to `point`."""
    command = [sys.executable, "-m", "tests.forgetter", str(home.root), verb, str(id), point]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == -9, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        "gateway.learning.forgetting:_overwrite",
        "memory.purge:holding",
        "memory.purge:overwrite",
        "memory.purge:settle",
    ],
)
async def test_a_purge_that_was_killed_is_completed_at_the_next_start(
    home: Home, point: str
) -> None:
    (fact,) = facts(1)
    async with opened(home) as app:
        id = await (await Talk.begin(app)).learn(fact)
        app.store(f"printed {fact}")
    die(home, "purge", id, point)
    async with opened(home) as app:
        assert app.warnings == []
        assert not any(word.encode() in raw(home) for word in parts(fact))
        assert (await learned.change(app, id))["forgotten"]
        assert not (home.run / "purging").exists()


@pytest.mark.slow
@pytest.mark.parametrize("point", ["_remove", "_set_aside", "_refresh"])
async def test_a_forgetting_that_was_killed_is_completed_at_the_next_start(
    home: Home, point: str
) -> None:
    (fact,) = facts(1)
    async with opened(home) as app:
        id = await (await Talk.begin(app)).learn(fact)
        saved = app.store(f"printed {fact}")
        files = tree(app)
    die(home, "forget", id, f"gateway.learning.forgetting:{point}")
    async with opened(home) as app:
        assert app.notes.entries("memory") == []
        assert not (home.files / saved).exists()
        assert parts(fact)[0] not in await everything_shown(app)
        await deciding.decide(app, id, "undo")
        assert tree(app) == files


# -- many ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_of_two_hundred_forgotten_notes_none_is_recalled(app: App, seed: int) -> None:
    """Twenty-five in each of eight homes: what is forgotten slows each further forgetting down."""
    dice = random.Random(seed)
    many, kept = list(facts(25, seed)), list(facts(5, seed + 100))
    ids, talks = {}, [await Talk.begin(app) for _ in range(5)]
    for fact in (*many, *kept):
        ids[fact] = await dice.choice(talks).learn(fact)
    order = dice.sample(many, len(many))
    for fact in order:
        await forgetting.forget(app, ids[fact])
    shown = await everything_shown(app)
    for fact in many:
        assert not any(word in shown for word in parts(fact))
        for word in parts(fact):
            assert await search(app, word, 5, "") == []
        assert fact not in repr(app.notes.search(fact, 5))
    for fact in kept:
        assert fact in shown
        assert await search(app, parts(fact)[0], 5, "") != []
    back = dice.sample(order, 3)
    for fact in back:
        await deciding.decide(app, ids[fact], "undo")
        assert await search(app, parts(fact)[0], 5, "") != []
    assert sorted(app.notes.entries("memory")) == sorted([*kept, *back])


async def test_a_live_session_and_one_read_anew_are_the_same(app: App) -> None:
    one, two = facts(2)
    talk = await Talk.begin(app)
    id = await talk.learn(one)
    await talk.learn(two)
    worker = app.router._worker(talk.session)
    while not worker.conversation.messages:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await forgetting.forget(app, id)
    fresh = Conversation.replay(app.journal.read(talk.session))
    assert worker.conversation == fresh
    assert one not in repr(fresh)
    assert two in repr(fresh)
    assert SIGN in repr(fresh.messages)
