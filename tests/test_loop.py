"""The loop, by its events: steps, steering, stopping, approval, limits, resuming."""

from __future__ import annotations

import asyncio

import pytest

from agent.events import (
    ApprovalRequested,
    ModelReplied,
    QuestionAsked,
    RunFinished,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.inputs import Answer, Decision, Stop
from agent.policy import Verdict
from hermes_home.errors import ProviderError
from tests.rig import EVALUATED, Rig, do, says, task, wants

pytestmark = pytest.mark.anyio


def results(rig: Rig) -> list[tuple[str, str]]:
    return [(event.name, event.status) for event in rig.of(ToolFinished)]


async def test_a_plain_answer_is_a_run_of_one_request():
    rig = Rig([says("hello")])
    await rig.say("hi")
    assert rig.names() == [
        "SessionOpened", "RunStarted", "UserSpoke", "ModelAsked", "ModelReplied", "Answered",
        "RunFinished",
    ]  # fmt: skip
    assert rig.of(RunFinished)[0].reason == "done"


async def test_a_tool_call_is_stored_before_it_starts_and_after_it_ends():
    rig = Rig(task(1))
    seen = []
    rig.before_store = lambda event: seen.append((type(event).__name__, len(rig.effects)))
    await rig.say("go")
    assert ("ToolStarted", 0) in seen
    assert ("ToolFinished", 1) in seen


async def test_every_call_has_exactly_one_result_though_ids_repeat():
    rig = Rig(task(6, per_reply=3))
    await rig.say("go")
    replied = [c.id for event in rig.of(ModelReplied) for c in event.tool_calls]
    assert len(replied) == len(set(replied)) == 6
    assert sorted(replied) == sorted(event.call_id for event in rig.of(ToolFinished))


async def test_calls_that_only_read_go_side_by_side_and_keep_one_result_each():
    rig = Rig([wants(*[("look", f'{{"what": "{n}"}}') for n in range(4)]), says("ok")])
    await rig.say("go")
    assert results(rig) == [("look", "ok")] * 4


@pytest.mark.parametrize(
    ("call", "status", "words"),
    [
        (("nothing", "{}"), "invalid", "nothing"),
        (("do", "{}"), "invalid", "what"),
        (("do", "not json"), "invalid", ""),
        (EVALUATED, "failed", "checkpoint"),
    ],
)  # fmt: skip
async def test_a_bad_call_is_answered_so_that_the_model_can_mend_it(call, status, words):
    rig = Rig([wants(call), says("ok")])
    await rig.say("go")
    finished = rig.of(ToolFinished)[0]
    assert finished.status == status
    assert words in finished.text
    assert rig.of(RunFinished)[0].reason == "done"


async def test_the_same_failing_call_is_refused_the_fourth_time():
    rig = Rig([*[wants(do("fail")) for _ in range(5)], says("I give up")])
    await rig.say("go")
    assert [status for _, status in results(rig)] == ["failed"] * 3 + ["denied"] * 2
    assert len(rig.effects) == 3


async def test_steering_skips_what_has_not_started_and_is_read_next():
    rig = Rig([wants(do("one"), do("two")), says("changed course")])

    def steer(event: object) -> None:
        if isinstance(event, ToolStarted):
            rig.put(rig.said("no, stop at one"))

    rig.on_event = steer
    await rig.say("go")
    assert results(rig) == [("do", "ok"), ("do", "skipped")]
    assert rig.of(UserSpoke)[1].steering
    assert rig.provider.requests[1].messages[-1].text.startswith("no, stop at one")


async def test_a_message_during_the_last_reply_is_answered_in_the_same_run():
    rig = Rig([says("first"), says("second")])
    rig.on_event = lambda event: (
        rig.put(rig.said("and?"))
        if isinstance(event, ModelReplied) and event.text == "first"
        else None
    )
    await rig.say("go")
    assert rig.names().count("RunFinished") == 1
    assert [event.text for event in rig.of(ModelReplied)] == ["first", "second"]


async def test_a_stop_ends_a_hanging_tool_at_once_and_answers_its_call():
    rig = Rig([wants(do("hang"), do("never")), says("unreachable")])
    rig.on_event = lambda event: (
        rig.put(Stop(id="stop")) if isinstance(event, ToolStarted) else None
    )
    async with asyncio.timeout(5):
        await rig.say("go")
    assert results(rig) == [("do", "interrupted"), ("do", "skipped")]
    assert rig.of(RunFinished)[0].reason == "stopped"
    assert rig.of(RunFinished)[0].input == "stop"


async def test_after_a_stop_no_further_call_starts():
    rig = Rig([wants(do("one"), do("two"))])
    rig.on_event = lambda event: (
        rig.put(Stop(id="stop"))
        if isinstance(event, ToolFinished) and event.status == "ok"
        else None
    )
    await rig.say("go")
    assert rig.effects == ["one"]
    assert [event.status for event in rig.of(ToolFinished)] == ["ok", "skipped"]
    assert rig.of(RunFinished)[0].reason == "stopped"


async def test_a_stop_ends_a_hanging_model_and_nothing_partial_is_stored():
    async def hang(request: object) -> None:
        await asyncio.sleep(3600)

    rig = Rig([hang])
    asyncio.get_running_loop().call_later(0.05, lambda: rig.put(Stop(id="stop")))
    async with asyncio.timeout(5):
        await rig.say("go")
    assert rig.names()[-2:] == ["ModelAsked", "RunFinished"]


async def test_an_approval_is_waited_for_and_the_action_is_exact():
    rig = Rig([wants(do("rm")), says("ok")])
    rig.gate.verdicts["rm"] = Verdict("ask", "leaves the sandbox")

    def decide(event: object) -> None:
        if isinstance(event, ApprovalRequested):
            assert "rm" in event.action
            rig.put(Decision(id="d", call_id=event.call_id, allow=True))

    rig.on_event = decide
    await rig.say("go")
    assert results(rig) == [("do", "ok")]


async def test_a_denied_call_is_not_run_and_the_run_is_blocked():
    rig = Rig([wants(do("rm")), says("I could not")])
    rig.gate.verdicts["rm"] = Verdict("ask", "leaves the sandbox")
    rig.on_event = lambda event: (
        rig.put(Decision(id="d", call_id=event.call_id, allow=False, reason="too risky"))
        if isinstance(event, ApprovalRequested)
        else None
    )
    await rig.say("go")
    assert rig.effects == []
    assert "too risky" in rig.of(ToolFinished)[0].text
    assert rig.of(RunFinished)[0].reason == "blocked"


async def test_words_instead_of_a_decision_never_allow_anything():
    rig = Rig([wants(do("rm")), says("ok")])
    rig.gate.verdicts["rm"] = Verdict("ask", "leaves the sandbox")
    rig.on_event = lambda event: (
        rig.put(rig.said("yes")) if isinstance(event, ApprovalRequested) else None
    )
    await rig.say("go")
    assert results(rig) == [("do", "skipped")]
    assert rig.effects == []


async def test_asking_is_denying_when_nobody_can_be_asked():
    rig = Rig(
        [wants(do("rm")), wants(("ask", '{"question": "which?"}')), says("no")], headless=True
    )
    rig.gate.verdicts["rm"] = Verdict("ask", "leaves the sandbox")
    await rig.say("go")
    assert results(rig) == [("do", "denied"), ("ask", "denied")]
    assert "ApprovalRequested" not in rig.names()


async def test_an_approved_call_that_had_not_started_runs_after_a_restart():
    rig = Rig([wants(do("rm")), says("ok")])
    rig.gate.verdicts["rm"] = Verdict("ask", "leaves the sandbox")

    def die(event: object) -> None:
        if isinstance(event, ApprovalRequested):
            raise ConnectionAbortedError

    rig.on_event = die
    with pytest.raises(ConnectionAbortedError):
        await rig.say("go")
    rig.on_event = lambda event: None
    rig.put(Decision(id="d", call_id=rig.of(ApprovalRequested)[0].call_id, allow=True))
    await rig.restart()
    assert results(rig) == [("do", "ok")]
    assert rig.names().count("ApprovalRequested") == 1


async def test_a_question_is_answered_by_an_answer_or_by_plain_words():
    for reply in ("answer", "words"):
        rig = Rig([wants(("ask", '{"question": "which?"}')), says("ok")])

        def answer(event: object, rig: Rig = rig, reply: str = reply) -> None:
            if isinstance(event, QuestionAsked):
                said = rig.said("the blue one")
                rig.put(
                    said
                    if reply == "words"
                    else Answer(id="a", call_id=event.call_id, text="the blue one")
                )

        rig.on_event = answer
        await rig.say("go")
        assert "the blue one" in str([m.text for m in rig.provider.requests[1].messages])


async def test_the_turn_limit_and_the_budget_stop_the_run():
    rig = Rig(task(50), max_turns=3)
    await rig.say("go")
    assert rig.of(RunFinished)[0].reason == "limit"
    assert len(rig.of(ModelReplied)) == 3
    rig = Rig(task(50), limit=40)
    await rig.say("go")
    assert rig.of(RunFinished)[0].reason == "limit"
    assert "budget" in rig.of(RunFinished)[0].error


async def test_a_provider_error_fails_the_run_with_what_to_do():
    rig = Rig([ProviderError("no route", "check the network", kind="connection")])
    await rig.say("go")
    finished = rig.of(RunFinished)[0]
    assert finished.reason == "failed"
    assert finished.error.startswith("model unreachable:")
    assert "check the network" in finished.error


async def test_a_crash_at_any_event_loses_nothing_and_repeats_no_effect():
    """The whole run is cut at each event in turn; what comes out is the same every time."""
    clean = Rig(task(4, per_reply=2))
    await clean.say("go")
    for cut in range(3, len(clean.stored)):
        rig = Rig(task(4, per_reply=2))

        def die(event: object, rig: Rig = rig, cut: int = cut) -> None:
            if len(rig.stored) == cut:
                raise ConnectionAbortedError

        rig.on_event = die
        with pytest.raises(ConnectionAbortedError):
            await rig.say("go")
        rig.on_event = lambda event: None
        await rig.restart()
        assert len(rig.effects) == len(set(rig.effects)), cut
        asked = [c.id for event in rig.of(ModelReplied) for c in event.tool_calls]
        assert sorted(asked) == sorted(event.call_id for event in rig.of(ToolFinished)), cut
        assert rig.of(RunFinished)[-1].reason == "done", cut
        assert [stored.seq for stored in rig.stored] == list(range(1, len(rig.stored) + 1))


async def test_requests_after_a_restart_start_with_the_bytes_of_those_before():
    rig = Rig(task(5))

    def die(event: object) -> None:
        if isinstance(event, ToolFinished) and len(rig.of(ToolFinished)) == 3:
            raise ConnectionAbortedError

    rig.on_event = die
    with pytest.raises(ConnectionAbortedError):
        await rig.say("go")
    rig.on_event = lambda event: None
    await rig.restart()
    sent = [list(request.messages) for request in rig.provider.requests]
    for before, after in zip(sent, sent[1:], strict=False):
        assert after[: len(before)] == before


async def test_crashes_while_an_approval_waits_are_crashes_of_no_step():
    rig = Rig([wants(do("rm")), says("ok")])
    rig.gate.verdicts["rm"] = Verdict("ask", "leaves the sandbox")

    def die(event: object) -> None:
        if isinstance(event, ApprovalRequested):
            raise ConnectionAbortedError

    rig.on_event = die
    with pytest.raises(ConnectionAbortedError):
        await rig.say("go")
    rig.reload()
    assert rig.conversation.run is not None
    assert rig.conversation.run.crashes == 0


async def test_results_stand_in_the_order_of_their_calls_whichever_ends_first():
    rig = Rig([wants(*[("wait", f'{{"turns": {n}}}') for n in (5, 1, 3)]), says("ok")])
    await rig.say("go")
    shown = [m.text for m in rig.provider.requests[1].messages if m.role == "tool"]
    assert shown == ["waited 5", "waited 1", "waited 3"]
    assert [event.text for event in rig.of(ToolFinished)] == ["waited 1", "waited 3", "waited 5"]
