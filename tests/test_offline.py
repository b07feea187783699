"""The built-in model's rules: which words become which calls, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from agent.messages import Message, ToolCall
from agent.providers.base import Delta, Reply, Request
from agent.providers.offline.decide import offered_tools
from agent.providers.offline.provider import Offline
from tests.offline_bench import ALL_TOOLS, ask, schemas

pytestmark = pytest.mark.anyio

Made = tuple[str, dict[str, Any]]
Answers = Mapping[str, str] | Callable[[Made], str]
NOTHING: Mapping[str, str] = MappingProxyType({})
SHOP = """<skill name="shop" dir="/s/shop">
# Shop

## Inputs

- `{file}`: the list
- `{year}`: which year

## Procedure

1. Run `sort {file}`
2. Run `report {year}`, or `report --old {year}`
3. Think about it.

## Verification

`check {file}` exits 0.
</skill>"""


def made(reply: Reply) -> list[Made]:
    return [(call.name, call.parsed()) for call in reply.tool_calls]


def shell(command: str) -> Made:
    return "shell", {"command": command}


def answered(call: Made, answers: Answers) -> str:
    if callable(answers):
        return answers(call)
    key = str(call[1].get("command") or call[1].get("path") or call[0])
    return answers.get(key, "[lines 1-1 of 1]\ntext" if call[0] == "read_file" else "done it")


async def run(
    words: str, answers: Answers = NOTHING, before: tuple[Message, ...] = ()
) -> tuple[list[list[Made]], str, list[Message]]:
    """The calls of each reply, the last text, and the whole conversation."""
    messages = [*before, Message("user", words)]
    replies: list[list[Made]] = []
    for _ in range(60):
        reply = await ask(messages)
        messages.append(Message("assistant", reply.text, reply.tool_calls))
        if not reply.tool_calls:
            return replies, reply.text, messages
        replies.append(made(reply))
        for call in reply.tool_calls:
            text = answered((call.name, call.parsed()), answers)
            messages.append(Message("tool", text, call_id=call.id))
    raise AssertionError("it goes on for ever")


def note(action: str, target: str, **more: str) -> Made:
    return "memory", {"operations": [{"action": action, "target": target, **more}]}


# -- single requests ----------------------------------------------------------------------------

SINGLE: list[tuple[str, list[Made]]] = [
    ("run `make test`", [shell("make test")]),
    ("Please run `ls | wc -l`.", [shell("ls | wc -l")]),
    ("run echo hi", [shell("echo hi")]),
    ("`uptime`", [shell("uptime")]),
    ("run `sleep 9` in the background", [("shell", {"command": "sleep 9", "background": True})]),
    ("run `` echo `date` ``", [shell("echo `date`")]),
    ("read notes.txt", [("read_file", {"path": "notes.txt"})]),
    ("show me the file `my notes.txt`", [("read_file", {"path": "my notes.txt"})]),
    (
        "read a.txt, b.txt and c.txt",
        [("read_file", {"path": name}) for name in ("a.txt", "b.txt", "c.txt")],
    ),
    (
        'write "hello  you" to out.txt',
        [("write_file", {"path": "out.txt", "content": "hello  you"})],
    ),
    ("write out.txt: hello", [("write_file", {"path": "out.txt", "content": "hello"})]),
    (
        "replace `a b` with `c` in x/y.py everywhere",
        [("patch", {"path": "x/y.py", "old_text": "a b", "new_text": "c", "all": True})],
    ),
    (
        "search `TODO.*` in src/",
        [("search_files", {"pattern": "TODO.*", "kind": "content", "path": "src/"})],
    ),
    ("search `a` in .", [("search_files", {"pattern": "a", "kind": "content", "path": "."})]),
    ("find *.py in src", [("search_files", {"pattern": "*.py", "kind": "name", "path": "src"})]),
    ("list files", [("search_files", {"pattern": "*", "kind": "name"})]),
    ("remember that my bike is red", [note("add", "user", text="my bike is red")]),
    ("Remember: the build needs 4 GB", [note("add", "memory", text="the build needs 4 GB")]),
    ("forget the bike", [note("remove", "memory", old_text="the bike")]),
    ("load skill tidy-up", [("skill_view", {"name": "tidy-up"})]),
    ('ask "which colour?"', [("ask", {"question": "which colour?"})]),
]


@pytest.mark.parametrize(("words", "calls"), SINGLE, ids=[words for words, _ in SINGLE])
async def test_a_plain_request_is_one_reply_of_calls_and_then_its_output(words, calls):
    replies, text, _ = await run(words)
    assert replies == [calls]
    assert "done it" in text or "text" in text


@pytest.mark.parametrize(
    "words",
    [
        "run the numbers for me",
        "run `rm -r build` if the tests pass",
        "make me happy",
        "read between the lines",
        "what is the meaning of life?",
        "find out why",
        "",
        "- \n- ",
    ],
)
async def test_words_no_rule_knows_lead_to_no_call_and_say_what_to_do(words):
    replies, text, _ = await run(words)
    assert replies == []
    assert "hermes setup" in text


@pytest.mark.parametrize("words", ["hi", "Say hi!", "hello."])
async def test_a_greeting_is_answered_without_a_call(words):
    replies, text, _ = await run(words)
    assert replies == []
    assert text.startswith("Hi!")


async def test_the_text_is_streamed_in_pieces_that_make_the_reply():
    pieces: list[str] = []

    async def show(delta: Delta) -> None:
        pieces.append(delta.text)

    request = Request("offline", "S", schemas(), [Message("user", "hi")])
    reply = await Offline().reply(request, show)
    assert len(pieces) > 1
    assert "".join(pieces) == reply.text
    assert reply.usage.estimated
    assert reply.usage.prompt == (len("S") + len(schemas()) + len("hi")) // 4


async def test_the_same_request_gets_the_same_reply_and_ids_differ_within_a_conversation():
    _, _, messages = await run("1. run `a`\n2. run `b`\n3. run `a`")
    ids = [call.id for message in messages for call in message.tool_calls]
    assert len(set(ids)) == len(ids) == 3
    assert await ask(messages[:3]) == await ask(messages[:3])


async def test_a_tool_that_is_not_offered_is_not_called():
    reply = await ask([Message("user", "run `ls`")], [n for n in ALL_TOOLS if n != "shell"])
    assert reply.tool_calls == ()
    assert "`shell`" in reply.text


# -- explicit steps -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "1. run `a`\n2. read b.txt\n3. run `c`",
        "Do this:\n\n- run `a`\n- read b.txt\n- run `c`\n",
        "1. run `a`  2. read b.txt  3. run `c`",
        "First run `a`, then read b.txt and finally run `c`.",
        "run `a`, then read b.txt, then `c`",
    ],
)
async def test_steps_are_taken_in_order_one_per_reply(words):
    replies, text, _ = await run(words, {"c": "the end"})
    assert replies == [[shell("a")], [("read_file", {"path": "b.txt"})], [shell("c")]]
    assert text.startswith("Done:")
    assert text.endswith("the end")


async def test_reads_that_follow_each_other_go_into_one_reply():
    replies, _, _ = await run("1. read a.txt\n2. search `x` in b\n3. read c.txt\n4. run `d`")
    assert [len(reply) for reply in replies] == [3, 1]


async def test_a_fenced_block_is_the_content_of_the_write_before_it():
    words = "1. write a.py:\n\n   ```python\n   if x:\n       y()\n   ```\n2. run `python3 a.py`"
    replies, _, _ = await run(words, {"a.py": "created a.py, 9 bytes"})
    content = {"path": "a.py", "content": "if x:\n    y()\n"}
    assert replies == [[("write_file", content)], [shell("python3 a.py")]]


async def test_a_failing_step_stops_the_rest_and_is_reported():
    replies, text, _ = await run("1. run `a`\n2. run `b`\n3. run `c`", {"b": "no luck\nexit 3"})
    assert replies == [[shell("a")], [shell("b")]]
    assert "Step 2 of 3 failed" in text
    assert "no luck" in text


@pytest.mark.parametrize(
    "step", ["run `b` or: `c`", "run `b` (or `c`)", "run `b`, or run `c`", "`b`, else `c`"]
)
async def test_an_alternative_is_tried_when_the_first_way_fails(step):
    replies, text, _ = await run(f"1. run `a`\n2. {step}\n3. run `d`", {"b": "exit 1"})
    assert replies == [[shell(name)] for name in "abcd"]
    assert text.startswith("Done:")


async def test_errors_that_may_be_ignored_do_not_stop():
    replies, text, _ = await run("1. run `a` (ignore errors)\n2. run `b`", {"a": "exit 1"})
    assert replies == [[shell("a")], [shell("b")]]
    assert "1. run `a` (ignore errors) (failed, as allowed)" in text


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("read a.txt", "/w/a.txt does not exist"),
        ("write a.txt: x", "denied: /w/a.txt is outside the workspace"),
        ("run `x`", "denied by the owner"),
        ("run `x`", "working\ntimed out after 120 s; all of it was ended"),
        ("run `x`", "exit 137 (SIGKILL)"),
        ("replace `a` with `b` in c.txt", "`old_text` is not in c.txt; c.txt is unchanged"),
        ("load skill nope", "there is no skill 'nope'"),
    ],
)
async def test_what_tools_say_when_they_fail_counts_as_failure(call, result):
    replies, text, _ = await run(f"1. {call}\n2. run `after`", lambda made: result)
    assert len(replies) == 1
    assert text.startswith("Step 1 of 2 ")


async def test_output_that_looks_like_trouble_is_none_if_the_command_succeeded():
    text = "exit 4 is over there\nerrors: 0"
    replies, _, _ = await run("1. run `a`\n2. run `b`", {"a": text})
    assert len(replies) == 2


async def test_steps_that_are_not_understood_are_named_before_anything_is_done():
    replies, text, _ = await run("1. run `a`\n2. make it beautiful\n3. run `b`")
    assert replies == []
    assert "make it beautiful" in text


async def test_an_interrupted_command_is_not_run_again_by_itself_but_on_the_users_word():
    words = "1. run `a`\n2. run `b`\n3. run `c`"
    replies, text, messages = await run(words, {"b": "interrupted: the daemon stopped"})
    assert replies[-1] == [shell("b")]
    assert "interrupted" in text
    again, text, _ = await run("go on", {}, tuple(messages))
    assert again == [[shell("b")], [shell("c")]]
    assert text.startswith("Done:")


async def test_a_later_message_changes_course():
    reply = await ask([Message("user", "1. run `a`\n2. run `b`")])
    said = [
        Message("user", "1. run `a`\n2. run `b`"),
        Message("assistant", "", reply.tool_calls),
        Message("tool", "ok", call_id=reply.tool_calls[0].id),
        Message("user", "no, run `z` instead"),
    ]
    assert (await ask(said)).tool_calls == ()
    said[-1] = Message("user", "run `z`")
    assert made(await ask(said)) == [shell("z")]


# -- goals --------------------------------------------------------------------------------------

GOALS = [
    "make the report; ways: `one`, `two`, `three`; check: `test it`",
    "goal: make the report  ways: `one`, `two`, `three`  check: `test it`",
    "Make the report.\nWays:\n- `one`\n- `two`\n- `three`\nCheck: `test it`",
]


@pytest.mark.parametrize("words", GOALS)
async def test_ways_are_tried_in_order_until_the_check_passes(words):
    results = iter(["ok", "exit 1", "exit 2", "ok", "passes"])
    replies, text, _ = await run(words, lambda call: next(results))
    commands = ["one", "test it", "two", "three", "test it"]
    assert replies == [[shell(command)] for command in commands]
    assert text.startswith("Done")


async def test_a_goal_no_way_reaches_says_so():
    replies, text, _ = await run(GOALS[0], lambda call: "wrong\nexit 1")
    assert len(replies) == 3
    assert "All 3 ways were tried." in text


async def test_a_goal_without_a_way_asks_for_one():
    replies, text, _ = await run("Make the moon blue. Check: `test it`")
    assert replies == []
    assert "Ways:" in text


async def test_a_goal_with_steps_does_them_and_checks():
    replies, _, _ = await run("1. run `a`\n2. run `b` or `c`\ncheck: `d`", {"b": "exit 1"})
    assert replies == [[shell(name)] for name in "abcd"]


async def test_each_file_gets_its_own_ways_and_hostile_names_stay_one_word():
    words = "Pack. For each of: `a b.txt`, `$(x).txt`, -n.txt\n"
    words += 'Ways: `pack {file} "{stem}.z"`\nCheck: `t {file}`'
    replies, text, _ = await run(words)
    assert replies[0] == [shell("pack 'a b.txt' \"a b.z\"")]
    assert replies[2] == [shell("pack '$(x).txt' \"\\$(x).z\"")]
    assert replies[4] == [shell('pack ./-n.txt "-n.z"')]
    assert "3 of 3 files" in text


async def test_a_pattern_is_listed_first():
    words = "Pack.\nFor each of: in/*\nWays: `pack {file}`\nCheck: `t {file}`"
    replies, _, _ = await run(words, {"printf '%s\\n' in/*": "in/a.x\nin/b.x\nnoise"})
    assert [call[1]["command"] for reply in replies for call in reply] == [
        "printf '%s\\n' in/*",
        "pack in/a.x",
        "t in/a.x",
        "pack in/b.x",
        "t in/b.x",
    ]


async def test_a_file_nothing_works_for_leaves_the_others_their_turn_but_not_the_end():
    words = "Pack. For each of: a.x, b.x\nWays: `p {file}`\nCheck: `t {file}`\nFinally: `end`"
    replies, text, _ = await run(words, {"p a.x": "exit 1"})
    assert [r[0][1]["command"] for r in replies] == ["p a.x", "p b.x", "t b.x"]
    assert "1 of 2 files" in text
    assert "no way works for a.x" in text


async def test_an_interrupted_way_is_judged_by_the_check():
    results = iter(["interrupted: the daemon stopped", "exit 1", "ok", "ok"])
    replies, _, _ = await run("goal: g; ways: `one`; check: `t`", lambda call: next(results))
    assert [r[0][1]["command"] for r in replies] == ["one", "t", "one", "t"]


# -- skills -------------------------------------------------------------------------------------


async def test_a_loaded_skill_is_followed_with_inputs_by_name_and_by_position():
    replies, text, _ = await run(f"{SHOP}\n\nlists/may.txt year: 2025", {"report 2025": "exit 1"})
    commands = ["sort lists/may.txt", "report 2025", "report --old 2025", "check lists/may.txt"]
    assert replies == [[shell(command)] for command in commands]
    assert "`shop`" in text
    assert "Think about it." in text


async def test_a_step_that_may_fail_says_nothing_about_the_file():
    skill = SHOP.replace("sort {file}`", "look {file}` to see what is wrong, ignoring errors")
    fine, text, _ = await run(f"{skill}\n\na.txt year: 2025", {"look a.txt": "exit 1"})
    assert fine[-1] == [shell("check a.txt")]
    assert "1 of 1 files pass" in text
    _, text, _ = await run(f"{skill}\n\na.txt year: 2025", {"check a.txt": "exit 1"})
    assert "0 of 1 files pass" in text


async def test_the_files_of_a_skill_are_found_in_its_folder():
    skill = SHOP.replace("`sort {file}`", "`python3 {skill_dir}/scripts/sort.py {file}`")
    skill = skill.replace('dir="/s/shop"', 'dir="/s/my &amp; shop"')
    replies, _, _ = await run(f"{skill}\n\na.txt year: 2025")
    assert replies[0] == [shell("python3 '/s/my & shop'/scripts/sort.py a.txt")]


async def test_a_skill_whose_input_is_missing_asks_for_it():
    replies, text, _ = await run(f"{SHOP}\n\nlists/may.txt")
    assert replies == []
    assert "`year: …`" in text


async def test_a_skill_of_prose_is_not_pretended_to_be_followed():
    replies, text, _ = await run('<skill name="muse" dir="/s">\nBe kind.\n</skill>\n\ngo')
    assert replies == []
    assert "cannot follow" in text


CATALOG = (
    "skills that match (of 9): sort-shop-list — Sort the shop list, carefully; twice; "
    "paint — Paint a picture (skill_view loads one)"
)


async def test_a_matching_skill_of_the_catalog_is_loaded_and_followed():
    tail = f"\n\n<context>\ndate: Saturday 2026-11-21\n{CATALOG}\n</context>"
    words = "Sort the shop list in lists/may.txt year: 2025. Check: `ok {file}`" + tail
    skill = SHOP.replace('name="shop"', 'name="sort-shop-list"')
    replies, text, messages = await run(words, {"skill_view": skill})
    assert replies[0] == [("skill_view", {"name": "sort-shop-list"})]
    assert replies[1] == [shell("sort lists/may.txt")]
    assert replies[-1] == [shell("ok lists/may.txt")]
    later = f"Sort the shop list in lists/june.txt year: 2026. Check: `ok {{file}}`{tail}"
    again, _, _ = await run(later, {}, tuple(messages))
    assert again[0] == [shell("sort lists/june.txt")]


async def test_a_skill_is_followed_by_its_name_or_by_plain_words_that_match_it():
    tail = f"\n\n<context>\ndate: x\n{CATALOG}\n</context>"
    skill = SHOP.replace('name="shop"', 'name="sort-shop-list"')
    for words in (
        "/sort-shop-list l/may.txt year: 2025",
        "Sort the shop list l/may.txt year: 2025",
    ):
        replies, _, _ = await run(words + tail, {"skill_view": skill})
        assert replies[0] == [("skill_view", {"name": "sort-shop-list"})]
        assert replies[1] == [shell("sort l/may.txt")]
        assert replies[-1] == [shell("check l/may.txt")]


async def test_a_catalog_that_does_not_match_is_left_alone():
    tail = f"\n\n<context>\ndate: x\n{CATALOG}\n</context>"
    replies, _, _ = await run("Bake bread. Ways: `bake` Check: `eat`" + tail)
    assert replies == [[shell("bake")], [shell("eat")]]


# -- notes, questions ---------------------------------------------------------------------------

NOTES = (
    "\n\n<context>\ndate: Saturday 2026-11-21\nabout the user:\n- Anna's bike is red\n"
    "notes (2 of 9; session_search finds the rest):\n- the printer\n  hates mondays\n"
    "- builds need 4 GB\n</context>"
)


@pytest.mark.parametrize(
    "words",
    [
        "What do you know about the printer?",
        "what did we say about the printer?",
        "search our earlier talks for the printer",
        "When did I mention the printer?",
    ],
)
async def test_a_question_is_answered_from_notes_and_talks_with_their_source(words):
    replies, text, _ = await run(
        words + NOTES, {"session_search": f"Tuesday: the printer smokes\nnow: {words}"}
    )
    assert [(name, "printer" in arguments["query"]) for name, arguments in replies[0]] == [
        ("session_search", True)
    ]
    assert "From the notes:\n- the printer\nhates mondays" in text
    assert "From earlier talks:\nTuesday: the printer smokes" in text
    assert "4 GB" not in text
    assert words not in text


async def test_what_do_you_remember_lists_all_notes_without_a_call():
    replies, text, _ = await run("What do you remember?" + NOTES)
    assert replies == []
    assert all(words in text for words in ("Anna", "printer", "4 GB"))


async def test_to_forget_removes_the_note_that_says_it_in_its_own_words():
    replies, _, _ = await run("forget that Anna's bike is red" + NOTES)
    assert replies == [[note("remove", "user", old_text="Anna's bike is red")]]


# -- compaction ---------------------------------------------------------------------------------


async def test_a_summary_holds_requests_and_outcomes_and_the_work_goes_on_from_it():
    words = "1. run `a`\n2. run `b`\n3. run `c`"
    _, _, messages = await run(words, {"b": "bad luck\nexit 1", "a": "fine\u2028here"})
    messages = messages[:-1]
    summary = (await ask([*messages, Message("user", "[compaction]\nShorten.")])).text
    assert "1. run `a`" in summary
    assert '{"command": "b"} -> failed: bad luck' in summary
    composed = f"[summary of the conversation so far]\n\n{summary}\n\nThe user's own words:\n- x"
    stopped = await ask([Message("user", composed)])
    assert "Step 2 of 3 failed" in stopped.text
    begun = (await ask([*messages[:3], Message("user", "[compaction]\nShorten.")])).text
    composed = f"[summary of the conversation so far]\n\n{begun}"
    assert made(await ask([Message("user", composed)])) == [shell("b")]
    assert made(await ask([Message("user", composed), *messages[1:3]])) == [shell("b")]


# -- a session is resumed -----------------------------------------------------------------------


async def test_every_prefix_of_a_conversation_gets_the_reply_it_had():
    words = "Pack. For each of: a.x, b.x\nWays: `p {file}`, `q {file}`\nCheck: `t {file}`"
    _, _, messages = await run(words, {"p a.x": "exit 1"})
    for index, message in enumerate(messages):
        if message.role == "assistant":
            reply = await ask(messages[:index])
            assert (reply.text, reply.tool_calls) == (message.text, message.tool_calls)


def test_the_tools_of_a_request_are_read_defensively():
    from_text = [b"", b"{", b"[1]", b'[{"function": 3}]', b'[{"name": "shell"}]']
    assert all(
        json.dumps(sorted(offered_tools(tools))) in ("[]", '["shell"]') for tools in from_text
    )


async def test_a_call_by_another_model_in_between_is_passed_over():
    foreign = ToolCall("x1", "shell", '{"command": "whoami"}')
    said = [
        Message("user", "1. run `a`\n2. run `b`"),
        Message("assistant", "", (foreign,)),
        Message("tool", "root", call_id="x1"),
    ]
    assert made(await ask(said)) == [shell("a")]


async def test_a_pattern_that_matches_nothing_is_told():
    words = "Pack.\nFor each of: in/*\nWays: `pack {file}`\nCheck: `t {file}`"
    replies, text, _ = await run(words, {"printf '%s\\n' in/*": "in/*"})
    assert len(replies) == 1
    assert text == "Nothing to do: no file matches `in/*`."
