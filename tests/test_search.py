"""Search finds what was said in any script, and no query can break it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.events import (
    AnyEvent,
    ModelReplied,
    QuestionAnswered,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.tools.base import ToolContext
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from memory.database import Database
from memory.index import Index
from memory.journal import Journal
from memory.search import OUTPUT_CHARS, SCHEMA, Searched
from memory.tools import search_tools
from memory.words import QUERY_CHARS, SNIPPET_CHARS, indexable, queries, snippet

pytestmark = pytest.mark.anyio


class Talk:
    def __init__(self, home: Home) -> None:
        self.home = home
        self.database = Database(home)
        self.journal = Journal(self.database)
        self.index = Index(home)

    async def say(self, *texts: str, session: str = "s") -> list[int]:
        return await self.tell(*(UserSpoke(input="", text=text) for text in texts), session=session)

    async def tell(self, *events: AnyEvent, session: str = "s") -> list[int]:
        return await asyncio.gather(*(self.journal.append(e, session=session) for e in events))

    async def found(self, query: str, limit: int = 10) -> list[int]:
        return [hit.seq for hit in (await self.index.search(query, limit)).hits]


@pytest.fixture
async def talk(home: Home) -> AsyncIterator[Talk]:
    talk = Talk(home)
    yield talk
    await talk.index.close()
    talk.database.close()


LANGUAGES = {
    "English": ("We moved the nightly backup to the north server.", ["backup", "north server"]),
    "German": ("Die Überprüfung der Straßenlaternen ist fällig.", ["Überprüfung", "uberprufung"]),
    "Russian": ("Встреча перенесена на четверг утром.", ["четверг", "ВСТРЕЧА"]),
    "Chinese": (
        "我们把数据库迁移到新的服务器上了。",
        ["数据库", "服务器", "迁移", "了", "新的服务"],
    ),
    "Japanese": (
        "明日の会議は東京タワーの近くで行います。",
        ["会議", "東京タワー", "近", "タワー"],
    ),
    "Korean": ("학교에서 점심을 먹었습니다.", ["학교", "점심을", "먹었"]),
    "Hindi": ("हिन्दी में रिपोर्ट तैयार है।", ["हिन्दी", "रिपोर्ट"]),
    "Arabic": ("تم إرسال التقرير أمس", ["التقرير"]),
    "Thai": ("รายงานประจำเดือนเสร็จแล้ว", ["รายงาน", "เดือน"]),
    "Greek": ("Η συνάντηση είναι αύριο", ["συναντηση", "αύριο"]),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_words_of_a_language_are_found_among_all_others(talk: Talk, language: str) -> None:
    seqs = await talk.say(*(text for text, _ in LANGUAGES.values()))
    (seq,) = [seq for seq, name in zip(seqs, LANGUAGES, strict=True) if name == language]
    for word in LANGUAGES[language][1]:
        found = await talk.index.search(word)
        assert [hit.seq for hit in found.hits][:1] == [seq], word
        assert found.hits[0].snippet == LANGUAGES[language][0]


async def test_pairs_of_characters_do_not_find_what_only_has_the_pairs_apart(talk: Talk) -> None:
    (whole, _) = await talk.say("数据库", "据库和数据")
    assert await talk.found("数据库") == [whole]


async def test_mixed_scripts_and_full_width_letters_are_found(talk: Talk) -> None:
    (seq,) = await talk.say("使用ｈｅｒｍｅｓ代理v2部署")
    for query in ("hermes", "代理", "hermes代理", "部署 使用"):
        assert await talk.found(query) == [seq], query


async def test_all_words_come_before_some_and_a_beginning_counts(talk: Talk) -> None:
    both, one, longer = await talk.say("red apple pie", "red car", "green apples")
    assert await talk.found("red apple") == [both]
    assert await talk.found("apple") == [both, longer]
    assert set(await talk.found("apple car")) == {both, one, longer}
    assert await talk.found('"apple pie"') == [both]
    assert await talk.found('"pie apple"') == [] or both not in await talk.found('"car apple"')


async def test_answers_calls_and_outputs_are_found_by_role(talk: Talk) -> None:
    seqs = await talk.tell(
        UserSpoke(input="", text="needle user"),
        ModelReplied(text="needle assistant"),
        ToolStarted(
            call_id="c", name="shell", arguments=json.dumps({"command": "one\nneedle"}), number=1
        ),
        ToolFinished(
            call_id="c", name="shell", status="ok", text="x " * 9_000 + "needle at the end"
        ),
        QuestionAnswered(call_id="d", text="needle answer"),
        ModelReplied(text="needle in a checkpoint", purpose="checkpoint", checkpoint=1),
    )
    everything = await talk.index.search("needle")
    assert sorted(hit.seq for hit in everything.hits) == seqs[:5]
    for role, expected in (("user", [0, 4]), ("assistant", [1]), ("tool", [2, 3])):
        found = await talk.index.search("needle", role=role)  # type: ignore[arg-type]
        assert sorted(hit.seq for hit in found.hits) == [seqs[at] for at in expected]
        assert {hit.role for hit in found.hits} == {role}


async def test_the_middle_of_a_long_output_is_not_indexed(talk: Talk) -> None:
    text = "a " * OUTPUT_CHARS + "needle " + "b " * OUTPUT_CHARS
    await talk.tell(ToolFinished(call_id="c", name="shell", status="ok", text=text))
    assert await talk.found("needle") == []


async def test_what_a_search_showed_is_not_found_again(talk: Talk) -> None:
    await talk.tell(
        ToolStarted(call_id="c", name="session_search", arguments='{"query": "needle"}', number=1),
        ToolFinished(call_id="c", name="session_search", status="ok", text="needle"),
    )
    assert await talk.found("needle") == []


async def test_a_session_can_be_searched_alone_and_nothing_found_says_in_how_much(
    talk: Talk,
) -> None:
    await talk.say("common one", "common two", session="a")
    (seq,) = await talk.say("common three", session="b")
    found = await talk.index.search("common", session="b")
    assert [hit.seq for hit in found.hits] == [seq]
    assert found.hits[0].title == "common three"
    nothing = await talk.index.search("absent")
    assert (nothing.hits, nothing.searched) == ([], Searched(messages=3, sessions=2))
    assert (await talk.index.search("three", session="a")).searched == Searched(2, 1)
    assert (await talk.index.search("three", session="nowhere")).searched == Searched(0, 0)


async def test_an_old_hit_of_a_quiet_session_is_found_under_many_newer_ones(talk: Talk) -> None:
    (old,) = await talk.say("common", session="quiet")
    await talk.say(*(f"common {n}" for n in range(2_100)), session="loud")
    assert [hit.seq for hit in (await talk.index.search("common", session="quiet")).hits] == [old]
    assert len(await talk.found("common", limit=20)) == 20


async def test_hostile_queries_are_answered(talk: Talk) -> None:
    (seq,) = await talk.say("plain words")
    hostile = ['"', "'", "a OR", "NEAR(", "text:plain", "^plain", "plain*", "(", "-", "\0", "* *"]
    hostile += ["plain AND", "NOT", '"" ""', "x" * 50_000, "{a b}: c", "\ud800", "🙂", "#$%"]
    for query in hostile:
        assert isinstance(await talk.found(query), list)
    assert await talk.found('plain" OR 1 --') == [seq]
    assert await talk.found("") == []


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_queries_that_sqlite_takes(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(SCHEMA[1])
    connection.execute("INSERT INTO words (rowid, text) VALUES (1, ?)", (indexable(text),))
    for query in queries(text):
        connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (query,)).fetchall()
    connection.close()
    assert len(snippet(text, text)) <= SNIPPET_CHARS + 2


@settings(max_examples=150, deadline=None)
@given(st.text("数据库中文東京カナ학교", min_size=1, max_size=12), st.data())
def test_every_part_of_a_text_without_spaces_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    connection = sqlite3.connect(":memory:")
    connection.execute(SCHEMA[1])
    connection.execute("INSERT INTO words (rowid, text) VALUES (1, ?)", (indexable(text),))
    strict = queries(text[start:end])[0]
    assert connection.execute("SELECT 1 FROM words WHERE words MATCH ?", (strict,)).fetchone()
    connection.close()


def test_the_index_text_is_bounded() -> None:
    text = "漢字" * 5_000
    assert len(indexable(text)) <= 3 * len(text) + 2
    assert len(queries("w " * 5_000)[0]) < QUERY_CHARS


def test_a_snippet_shows_the_place_that_was_found() -> None:
    text = "before " * 200 + "Café au lait\n" + "after " * 200
    assert "Café au lait" in snippet(text, "cafe")
    assert snippet("short", "absent") == "short"


async def test_the_tool_lists_hits_and_searches_the_current_session(talk: Talk) -> None:
    await talk.say("the backup moved", session="now")
    await talk.say("the backup stayed", session="then")
    (tool,) = search_tools(talk.index, lambda query, limit: [])
    context = ToolContext("now", "r", "c", talk.home.root)
    others = await tool.call(context, query="backup")
    assert "moved" not in others.text
    assert "stayed" in others.text
    current = await tool.call(context, query="backup", session="current")
    assert "moved" in current.text
    assert "stayed" not in current.text
    named = await tool.call(context, query="backup", session="the backup st")
    assert "moved" not in named.text
    nothing = await tool.call(context, query="zebra")
    assert "1 messages of 1 sessions" in nothing.text
    with pytest.raises(ToolError):
        await tool.call(context, query="backup", session="no such")
