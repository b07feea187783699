"""The checkpoint: when it is due, what it sees, how it ends."""

from __future__ import annotations

import asyncio
import json

import pytest

from agent.checkpoint_text import listing
from agent.conversation import Conversation
from agent.events import (
    CallEnd,
    CheckpointFinished,
    CheckpointStarted,
    ModelReplied,
    RunFinished,
    RunStarted,
    ToolFinished,
    ToolStarted,
)
from agent.inputs import RunOptions, Stop
from agent.messages import ToolCall, Usage
from agent.providers.base import Reply, Request
from hermes_home.errors import ProviderError
from hermes_home.settings import CompactionSettings
from tests.rig import EVALUATED, Rig, do, is_checkpoint, says, task, wants

pytestmark = pytest.mark.anyio


def dues(rig: Rig) -> list[int]:
    return [event.due for event in rig.of(CheckpointStarted)]


def endings(rig: Rig) -> list[str]:
    return [event.status for event in rig.of(CheckpointFinished)]


@pytest.mark.parametrize(
    ("total", "per_reply", "expected"),
    [
        (14, 1, []),
        (15, 1, [15]),
        (47, 1, [15, 30, 45]),
        (40, 40, [40]),
        (32, 8, [16, 32]),
        (45, 45, [45]),
    ],
)
async def test_checkpoints_come_at_the_first_whole_reply_after_each_fifteenth_call(
    total, per_reply, expected
):
    rig = Rig(task(total, per_reply))
    await rig.say("go")
    assert dues(rig) == expected
    assert rig.of(RunFinished)[0].reason == "done"


async def test_calls_fourteen_to_sixteen_in_one_reply_give_one_and_the_next_is_at_thirty():
    rig = Rig([
        *[wants(do(f"a{n}")) for n in range(13)],
        wants(do("b1"), do("b2"), do("b3")),
        wants(EVALUATED),
        *[wants(do(f"c{n}")) for n in range(14)],
        wants(EVALUATED),
        says("done"),
    ])  # fmt: skip
    await rig.say("go")
    assert dues(rig) == [16, 30]


async def test_calls_that_run_side_by_side_count_each():
    looks = [("look", f'{{"what": "{number}"}}') for number in range(15)]
    rig = Rig([wants(*looks), wants(EVALUATED), says("done")])
    await rig.say("go")
    assert [event.number for event in rig.of(ToolStarted) if not event.checkpoint] == [
        *range(1, 16)
    ]
    assert dues(rig) == [15]


async def test_the_count_is_in_the_journal_and_survives_a_restart():
    rig = Rig(task(8))
    await rig.say("one")
    rig.reload()
    rig.provider.script = task(7)
    await rig.say("two")
    assert dues(rig) == [15]


async def test_refused_unknown_and_skipped_calls_do_not_count():
    rig = Rig([
        *[wants(("nothing", "{}")) for _ in range(20)],
        *[wants(("do", "{}")) for _ in range(20)],
        says("done"),
    ])  # fmt: skip
    await rig.say("go")
    assert dues(rig) == []


async def test_an_interrupted_turn_does_not_consume_the_count():
    rig = Rig(task(100))
    rig.on_event = lambda event: (
        rig.put(Stop(id="stop")) if isinstance(event, ToolStarted) and event.number == 15 else None
    )
    await rig.say("one")
    assert dues(rig) == []
    assert rig.of(RunFinished)[0].reason == "stopped"
    rig.on_event = lambda event: None
    rig.provider.script = task(2)
    await rig.say("two")
    assert dues(rig) == [15]


async def test_the_request_is_the_runs_next_request_plus_one_message():
    rig = Rig(task(16))
    await rig.say("go")
    requests = rig.provider.requests
    at = next(n for n, r in enumerate(requests) if is_checkpoint(r.messages))
    checkpoint, following = list(requests[at].messages), list(requests[at + 1].messages)
    assert checkpoint[:-1] == following
    assert checkpoint[-1].text.startswith("[self-evaluation checkpoint]\n")
    assert (requests[at].system, requests[at].tools) == (requests[0].system, requests[0].tools)
    assert "#1 do " in checkpoint[-1].text
    assert "#15 do " in checkpoint[-1].text
    assert "u1: go" in checkpoint[-1].text


async def test_its_messages_are_no_part_of_the_conversation():
    rig = Rig(task(31))
    await rig.say("go")
    plain = [r for r in rig.provider.requests if not is_checkpoint(r.messages)]
    for before, after in zip(plain, plain[1:], strict=False):
        assert list(after.messages)[: len(before.messages)] == list(before.messages)


async def test_all_calls_of_the_reply_with_evaluate_are_executed():
    evaluation = wants(EVALUATED, ("memory", '{"text": "after"}'))
    rig = Rig(task(15, evaluation=evaluation))
    await rig.say("go")
    assert "memory after in 1" in rig.effects
    assert endings(rig) == ["done"]
    assert rig.conversation.started == 15


async def test_other_tools_are_answered_with_an_error_and_do_not_count():
    rig = Rig([
        *[wants(do(str(n))) for n in range(15)],
        wants(do("mischief")), wants(EVALUATED), says("ok"),
    ])  # fmt: skip
    await rig.say("go")
    assert "mischief" not in rig.effects
    inside = [event for event in rig.of(ToolFinished) if event.checkpoint]
    assert [event.status for event in inside] == ["denied", "ok"]
    assert rig.conversation.started == 15


async def test_evidence_is_cited_by_number_and_mapped_to_journal_ids():
    good = (
        "evaluate",
        '{"accomplished": "a", "worked": "w", "failed": "f", "outcome": "success", "lessons":'
        ' [{"text": "t", "evidence": [3, 4], "keep": "memory"}]}',
    )
    rig = Rig(task(15, evaluation=wants(good)))
    await rig.say("go")
    lesson = rig.of(CheckpointFinished)[0].evaluation.lessons[0]
    started = {s.event.number: s.seq for s in rig.stored if isinstance(s.event, ToolStarted)}
    assert lesson.events == (started[3], started[4])


async def test_evidence_that_names_no_call_is_refused_and_can_be_mended():
    bad = (EVALUATED[0], EVALUATED[1].replace("[]", '[{"text": "t", "evidence": [99]}]'))
    rig = Rig([
        *[wants(do(str(n))) for n in range(15)], wants(bad), wants(EVALUATED), says("ok"),
    ])  # fmt: skip
    await rig.say("go")
    inside = [event for event in rig.of(ToolFinished) if event.checkpoint]
    assert inside[0].status == "invalid"
    assert "99" in inside[0].text
    assert endings(rig) == ["done"]


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([says("no thanks")], "without `evaluate`"),
        ([wants(("evaluate", "{}"))] * 8, "8 replies"),
        ([ProviderError("broken", kind="server")], "broken"),
    ],
)
async def test_a_failed_checkpoint_never_fails_the_run_and_is_not_repeated(replies, reason):
    rig = Rig([
        *[wants(do(str(n))) for n in range(15)], *replies, wants(do("more")), says("ok"),
    ])  # fmt: skip
    await rig.say("go")
    assert endings(rig) == ["failed"]
    assert reason in rig.of(CheckpointFinished)[0].reason
    assert rig.of(RunFinished)[0].reason == "done"
    assert "more" in rig.effects


async def test_a_stop_cancels_it_at_once():
    async def hang(request: Request) -> Reply:
        rig.put(Stop(id="stop"))
        await asyncio.sleep(3600)
        raise AssertionError

    rig = Rig([*[wants(do(str(n))) for n in range(15)], hang])
    async with asyncio.timeout(5):
        await rig.say("go")
    assert endings(rig) == ["cancelled"]
    assert rig.of(RunFinished)[0].reason == "stopped"


async def test_a_message_lets_the_reply_in_flight_end_and_then_cuts_it_short():
    def speak(request: Request) -> Reply:
        rig.put(rig.said("by the way"))
        return wants(("memory", '{"text": "first"}'))

    rig = Rig([*[wants(do(str(n))) for n in range(15)], speak, says("yes?")])
    await rig.say("go")
    assert endings(rig) == ["cut"]
    assert "memory first in 1" in rig.effects
    assert rig.provider.requests[-1].messages[-1].text.startswith("by the way")


async def test_a_crash_begins_it_again_once_and_a_second_one_ends_it():
    rig = Rig(task(16))

    def die(event: object) -> None:
        if isinstance(event, CheckpointStarted):
            raise ConnectionAbortedError

    rig.on_event = die
    with pytest.raises(ConnectionAbortedError):
        await rig.say("go")
    with pytest.raises(ConnectionAbortedError):
        await rig.restart()
    rig.on_event = lambda event: None
    await rig.restart()
    assert [event.number for event in rig.of(CheckpointStarted)] == [1, 1]
    assert endings(rig) == ["failed"]
    assert rig.of(RunFinished)[0].reason == "done"


async def test_a_call_of_its_own_that_a_crash_cut_short_has_one_result_too():
    rig = Rig(task(15, evaluation=wants(("memory", '{"text": "kept"}'), EVALUATED)))

    def die(event: object) -> None:
        if isinstance(event, ToolStarted) and event.checkpoint:
            raise ConnectionAbortedError

    rig.on_event = die
    with pytest.raises(ConnectionAbortedError):
        await rig.say("go")
    rig.on_event = lambda event: None
    await rig.restart()
    asked = [c.id for event in rig.of(ModelReplied) for c in event.tool_calls]
    assert sorted(asked) == sorted(event.call_id for event in rig.of(ToolFinished))
    assert endings(rig) == ["done"]


@pytest.mark.parametrize("mode", ["off", "suggest", "auto"])
async def test_off_asks_nothing(mode):
    rig = Rig(task(15), mode=mode)
    await rig.say("go")
    assert len(dues(rig)) == (0 if mode == "off" else 1)


async def test_zero_means_never():
    rig = Rig(task(40), every=0)
    await rig.say("go")
    assert dues(rig) == []


async def test_the_end_of_a_run_in_which_nothing_was_mended_is_not_evaluated():
    calls = [do("fail check"), do("1"), do("2"), do("3"), do("4"), do("5")]
    rig = Rig([*[wants(call) for call in calls], says("not mended")])
    await rig.say("go")
    assert dues(rig) == []


async def test_a_check_that_went_from_failing_to_passing_earns_an_end_evaluation():
    rig = Rig([])
    state = {"mended": False}

    def script(request: Request) -> Reply:
        if is_checkpoint(request.messages):
            return wants(EVALUATED)
        done = sum(m.role == "tool" for m in request.messages)
        plan = ["fail", "a", "b", "c", "fail"]
        return wants(do(plan[done])) if done < len(plan) else says("mended")

    rig = Rig(script)
    original = rig.tools

    def tools():
        tools = original()
        call = tools[0].call

        async def mending(context, what):
            if what == "fail" and "c" in rig.effects:
                state["mended"] = True
                rig.effects.append("check passed")
                return await call(context, "pass")
            return await call(context, what)

        object.__setattr__(tools[0], "call", mending)
        return tools

    rig.tools = tools  # type: ignore[method-assign]
    await rig.say("make the check pass")
    assert state["mended"]
    assert dues(rig) == [0]
    assert rig.names().index("Answered") < rig.names().index("CheckpointStarted")
    assert rig.conversation.last_due == 0


@pytest.mark.parametrize(
    ("first", "last", "mended"),
    [
        ("pytest", "pytest", True),
        ("cd src && pytest -q", "TZ=UTC python -m pytest tests/test_a.py", True),
        ("curl -f localhost", "curl -f localhost", True),
        ("pytest", "pytest | tail -1", False),
        ("pytest", "ls", False),
        ("curl -f localhost", "curl -f example", False),
    ],
)
def test_what_mends_a_check(first: str, last: str, mended: bool):
    conversation = Conversation()
    options = RunOptions()
    conversation.apply(
        RunStarted(cause="i", principal="owner", options=options, provider="p", model="m"), 1, "r"
    )
    for number, (command, exit) in enumerate([(first, 1), (last, 0)], start=1):
        id, arguments = f"c{number}", json.dumps({"command": command})
        conversation.apply(ModelReplied(text="", tool_calls=(ToolCall(id, "shell", arguments),)))
        conversation.apply(
            ToolStarted(call_id=id, name="shell", arguments=arguments, number=number)
        )
        status: CallEnd = "failed" if exit else "ok"
        conversation.apply(
            ToolFinished(call_id=id, name="shell", status=status, text="", exit=exit)
        )
    assert conversation.run is not None
    assert conversation.run.mended == mended


async def test_the_list_of_calls_says_where_an_exit_status_is_the_last_commands_only():
    conversation = Conversation(session="s")
    for number, command in enumerate(("make test", "make test; ls"), 1):
        id, arguments = f"c{number}", json.dumps({"command": command})
        conversation.apply(
            ToolStarted(call_id=id, name="shell", arguments=arguments, number=number)
        )
        conversation.apply(ToolFinished(call_id=id, name="shell", status="ok", text="", exit=0))
    plain, compound = (
        line.partition(" -> ")[2] for line in listing(conversation.listed).splitlines()
    )
    assert plain == "ok, exit 0"
    assert compound == "ok, exit 0 of its last command, the rest unknown"


@pytest.mark.parametrize(
    ("reply", "whole", "told"),
    [(0.05, 60, "a reply took longer than 0 s"), (60, 0.05, "it took longer than 0 s")],
)
async def test_a_reply_and_the_whole_may_take_so_long(reply, whole, told, monkeypatch):
    monkeypatch.setattr("agent.checkpoint.REPLY_SECONDS", reply)
    monkeypatch.setattr("agent.checkpoint.SECONDS", whole)
    script = task(15, 15)
    assert callable(script)
    rig = Rig(script)

    async def slowly() -> Reply:
        await asyncio.sleep(5)
        raise AssertionError("waited too long")

    rig.provider.script = lambda request: (
        slowly() if is_checkpoint(request.messages) else script(request)
    )
    await rig.say("go")
    (finished,) = rig.of(CheckpointFinished)
    assert (finished.status, finished.reason) == ("failed", told)
    assert rig.of(RunFinished)[0].reason == "done"


async def test_slow_replies_are_no_reason_to_give_up(monkeypatch):
    """Each has its own time; together they may take longer than one may."""
    monkeypatch.setattr("agent.checkpoint.REPLY_SECONDS", 0.5)
    script = task(15, 15)
    assert callable(script)
    rig = Rig(script)
    replies = iter([*(wants(do("look")) for _ in range(6)), wants(EVALUATED)])

    async def slowly() -> Reply:
        await asyncio.sleep(0.1)
        return next(replies)

    rig.provider.script = lambda request: (
        slowly() if is_checkpoint(request.messages) else script(request)
    )
    await rig.say("go")
    assert endings(rig) == ["done"]


async def test_the_users_acceptance_earns_an_end_evaluation_that_never_moves_the_count():
    rig = Rig(task(9))
    await rig.say("go")
    rig.provider.script = lambda request: (
        wants(EVALUATED) if is_checkpoint(request.messages) else says("glad to hear")
    )
    await rig.say("perfect, thanks")
    assert dues(rig) == [0]
    rig.provider.script = task(6)
    await rig.say("and more")
    assert dues(rig) == [0, 15]


def counted(reply: Reply, request: Request) -> Reply:
    """A reply whose usage is what the request really held."""
    prompt = sum(len(m.text) for m in request.messages) // 4
    return Reply(reply.text, tool_calls=reply.tool_calls, usage=Usage(prompt, 5))


@pytest.mark.parametrize(("window", "first"), [(25_000, "checkpoint"), (19_500, "compaction")])
async def test_due_together_the_checkpoint_goes_first_unless_it_would_not_fit(window, first):
    """Fifteen outputs of 5,000 characters are some 18,750 tokens."""

    def script(request: Request) -> Reply:
        last = request.messages[-1].text
        if last.startswith("[compaction]"):
            return says("summary")
        if is_checkpoint(request.messages):
            return counted(wants(EVALUATED), request)
        if rig.conversation.started == 15:
            return says("done")
        return counted(wants(do(f"long {rig.conversation.started}")), request)

    rig = Rig(script, window=window, protect=4)
    rig.compaction = CompactionSettings(threshold=0.74, protect_last_n=4)
    await rig.say("go")
    order = [name for name in rig.names() if name in ("CheckpointStarted", "ConversationCompacted")]
    assert dues(rig) == [15]
    names = {"checkpoint": "CheckpointStarted", "compaction": "ConversationCompacted"}
    assert order[0] == names[first]
    assert len(order) > 1
    assert rig.of(RunFinished)[0].reason == "done"
