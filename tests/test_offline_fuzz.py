"""Whatever stands in the messages, the built-in model answers, calls what is offered, and ends."""

from __future__ import annotations

import asyncio
import json
import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.messages import Message, ToolCall
from agent.providers.base import Reply
from agent.providers.offline import text
from agent.providers.offline.instructions import difference
from agent.providers.offline.text import fill_command
from tests.offline_bench import ALL_TOOLS, ask

pytestmark = pytest.mark.slow

PIECES = [
    '1. run `a`', '\n2. read b.txt', '\n- ', 'first ', ' then ', '`', '```\n', '\n```\n', '~~~',
    'Ways: ', '`x {file}`, `y {stem}`', 'Check: ', '`t {file}`', 'For each of: ', 'a.x, b*',
    'Finally: `z`', '<skill name="s" dir="/s">\n', '\n</skill>', '## Procedure\n',
    '## Inputs\n{file} {year}\n', '\n\n<context>\n', '\n</context>', 'notes:\n- n\n',
    'skills that match (of 1): s — run a b; t — u (skill_view)', '[self-evaluation checkpoint]\n',
    'Calls since the last checkpoint:\n', '#1 shell {"command": "a"} -> ok',
    '\n#2 shell {…} -> failed, exit 2', '[compaction]\n',
    '[summary of the conversation so far]\n',
    'state of the built-in model: {"request": "run `a`", "done": ',
    '[["shell", {"command": "a"}, "ok", ""]]}',
    'remember my ', 'forget ', 'what did we say about ', 'go on', 'write "x" to ',
    'replace `a` with `b` in ', 'exit 1', 'interrupted: ', 'denied: ', 'not run: ', '{file}',
    '{print}', "'", '"', '\\', '\x00', '\ud800', '\u2028', 'é', 'é', '😀', '\u202e',
    'For `.x` files: run `a`, or `b`', 'At the end: run `z`', '\t', '   ',
]  # fmt: skip
WORDS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=14).map("".join)
ARGUMENTS = st.one_of(
    st.sampled_from(['{"command": "a"}', "{}", "[]", "", "{", "null", '{"command": 1}']), st.text()
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    messages = [Message("user", draw(WORDS))]
    for number in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from([*ALL_TOOLS, "unknown"]))
        call = ToolCall(f"c{number}", name, draw(ARGUMENTS))
        messages.append(Message("assistant", draw(WORDS), (call,)))
        if draw(st.booleans()):
            messages.append(Message("tool", draw(WORDS), call_id=call.id))
        if draw(st.booleans()):
            messages.append(Message("user", draw(WORDS)))
    return messages


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(conversations(), st.sets(st.sampled_from(ALL_TOOLS)))
def test_any_conversation_gets_a_reply_that_calls_only_what_is_offered(messages, offered):
    reply = asyncio.run(ask(messages, sorted(offered)))
    assert reply.text or reply.tool_calls
    assert {call.name for call in reply.tool_calls} <= offered
    assert all(isinstance(json.loads(call.arguments), dict) for call in reply.tool_calls)
    assert len({call.id for call in reply.tool_calls}) == len(reply.tool_calls)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(WORDS, st.lists(WORDS, min_size=1, max_size=4))
def test_any_request_comes_to_an_end_whatever_the_tools_say(words, results):
    async def run() -> None:
        messages = [Message("user", words)]
        for turn in range(400):
            reply: Reply = await ask(messages)
            if not reply.tool_calls:
                return
            messages.append(Message("assistant", reply.text, reply.tool_calls))
            for call in reply.tool_calls:
                messages.append(Message("tool", results[turn % len(results)], call_id=call.id))
        raise AssertionError("it goes on for ever")

    asyncio.run(run())


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_filled_in_value_is_one_shell_word_however_it_is_quoted(value):
    values = {"x": value}
    assert shlex.split(fill_command("a {x} b", values)) == ["a", value, "b"]
    assert shlex.split(fill_command("a '{x}' b", values)) == ["a", value, "b"]
    assert shlex.split(fill_command('a "<{x}>" b', values)) == ["a", f"<{value}>", "b"] or any(
        char in value for char in "$`"
    )
    assert shlex.split(fill_command(r"a \'{x} b", values)) == ["a", "'" + value, "b"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abc")))
def test_a_patch_turns_one_text_into_the_other(old, new):
    before, after = "\n".join(old), "\n".join(new)
    old_text, new_text = difference(before, after)
    assert before.count(old_text) == 1
    assert before.replace(old_text, new_text) == after


@settings(max_examples=300, deadline=None)
@given(st.text("`a \n", max_size=40))
def test_code_spans_cover_the_text_in_order_and_masking_keeps_the_length(words):
    found = text.spans(words)
    assert all(span.start < span.end for span in found)
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))
    assert len(text.masked(words)) == len(words)


@given(st.text("`a ", min_size=1, max_size=20).filter(str.strip))
def test_a_command_survives_being_written_as_code(command):
    assert text.codes(f"run {text.as_code(command)} now") == [command]


@pytest.mark.parametrize(
    "unit",
    ["`", "`` ", "1. ", "- x\n", "/", "a/", "{file}", "<context>\n", "For each of: ",
     "Check: `a` ", "then ", '"', "run `a` or ", "* ", "remember ", "what we ",
     "read a.txt, ", "a: b ", "(", "§\n"],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_long_hostile_messages_are_answered(unit):
    """A pattern that backtracks without bound would not come back from 60,000 characters."""
    reply = asyncio.run(ask([Message("user", unit * (60_000 // len(unit)))]))
    assert reply.text or reply.tool_calls
