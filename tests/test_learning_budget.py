"""What learning may spend, with which model, and when it gives up."""

from __future__ import annotations

from datetime import date

import pytest

from agent.context import Learner
from agent.events import CheckpointFinished, ModelReplied, ToolFinished
from agent.messages import Usage
from agent.meter import Meter
from agent.providers.base import Reply, Request
from agent.purse import Purse
from hermes_home.errors import NotSaved
from tests.rig import EVALUATED, Player, Rig, do, is_checkpoint, says, wants

pytestmark = pytest.mark.anyio

KEEP = ("memory", '{"text": "a thing"}')
COST = Usage(1000, 100)


def worker(total: int, wanted: list[Reply]) -> Rig:
    """A run of `total` calls at COST each, whose checkpoints answer with `wanted`, in turn."""
    taken = iter(range(10**6))

    def script(request: Request) -> Reply:
        if is_checkpoint(request.messages):
            at = sum(m.role == "assistant" for m in request.messages[_opening(request) :])
            return wanted[min(at, len(wanted) - 1)]
        done = sum(m.role == "tool" for m in request.messages)
        made = wants(do(f"step {next(taken)}")) if done < total else says("done")
        return Reply(made.text, tool_calls=made.tool_calls, usage=COST, finish=made.finish)

    return Rig(script)


def _opening(request: Request) -> int:
    return max(
        n
        for n, m in enumerate(request.messages)
        if m.role == "user" and m.text.startswith("[self-evaluation checkpoint]")
    )


def costly(reply: Reply, uncached: int) -> Reply:
    return Reply(
        reply.text,
        tool_calls=reply.tool_calls,
        usage=Usage(uncached + 5000, 0, cached=5000),
        finish=reply.finish,
    )


def replies(rig: Rig) -> list[int]:
    """How many replies each checkpoint took."""
    found = [e.checkpoint for e in rig.of(ModelReplied) if e.checkpoint]
    return [found.count(number) for number in sorted(set(found))]


async def test_what_learning_owes_cuts_the_next_checkpoint_to_one_reply_and_says_so():
    rig = worker(60, [costly(wants(KEEP), 400), costly(wants(KEEP), 2000), wants(EVALUATED)])
    rig.learning = type(rig.learning)(budget=0.05)
    await rig.say("go")
    # 15 replies of 1,100 tokens allow 825 each time; the first checkpoint took 2,000 more.
    assert replies(rig) == [3, 1, 3, 1]
    ends = rig.of(CheckpointFinished)
    assert [end.status for end in ends] == ["done", "cut", "done", "cut"]
    assert "learning.budget is used up" in ends[1].reason
    taken = [r for r in rig.provider.requests if is_checkpoint(r.messages)]
    asked = [request.messages[_opening(request)].text for request in taken]
    assert "You have one reply" in asked[3]
    assert "You have one reply" not in asked[0]
    further = [e.further for e in rig.of(ModelReplied) if e.checkpoint == 1]
    assert further == [False, True, True]


async def test_a_due_checkpoint_is_never_suppressed_by_the_budget():
    rig = worker(45, [wants(EVALUATED)])
    rig.learning = type(rig.learning)(budget=0.0)
    await rig.say("go")
    assert [end.status for end in rig.of(CheckpointFinished)] == ["done"] * 3
    assert replies(rig) == [1, 1, 1]


async def test_a_day_of_200_turns_stays_within_its_share():
    """At most one checkpoint's further replies beyond it."""
    rig = worker(200, [wants(KEEP), *[costly(wants(KEEP), 900)] * 3, wants(EVALUATED)])
    rig.learning = type(rig.learning)(budget=0.05)
    await rig.say("go")
    work = sum(e.usage.uncached for e in rig.of(ModelReplied) if not e.checkpoint)
    learned = sum(e.usage.uncached for e in rig.of(ModelReplied) if e.further)
    assert len(rig.of(CheckpointFinished)) == 13
    assert 0 < learned <= 0.05 * work + 4 * 900


async def test_off_makes_no_request_and_no_write_in_a_day_of_200_turns():
    rig = worker(200, [wants(KEEP)])
    rig.learning = type(rig.learning)(mode="off")
    await rig.say("go")
    assert rig.of(CheckpointFinished) == []
    assert len(rig.provider.requests) == 201
    assert not any(effect.startswith("memory") for effect in rig.effects)


async def test_a_store_that_refuses_is_asked_once():
    rig = worker(15, [wants(KEEP), wants(KEEP), wants(EVALUATED)])
    tools = rig.tools()
    refusing = next(tool for tool in tools if tool.name == "memory")

    async def refuse(*_: object, **__: object) -> object:
        raise NotSaved("not saved: MEMORY.md could not be written: No space left on device")

    object.__setattr__(refusing, "call", refuse)
    rig.tools = lambda: tools  # type: ignore[method-assign]
    await rig.say("go")
    assert replies(rig) == [1]
    (end,) = rig.of(CheckpointFinished)
    assert (end.status, "No space left" in end.reason) == ("failed", True)
    (kept,) = [e for e in rig.of(ToolFinished) if e.name == "memory"]
    assert kept.text.startswith("not saved")


# -- the model ----------------------------------------------------------------------------------


async def test_another_model_gets_the_same_conversation():
    rig = worker(30, [wants(EVALUATED)])
    other = Player([wants(EVALUATED), wants(EVALUATED)])
    rig.learner = Learner(other, "small", 1_000_000)
    await rig.say("go")
    assert {request.model for request in rig.provider.requests} == {"m"}
    assert [request.model for request in other.requests] == ["small", "small"]
    first = other.requests[0]
    following = rig.provider.requests[15]
    assert list(first.messages[:-1]) == list(following.messages)
    assert (first.system, first.tools) == (following.system, following.tools)
    assert is_checkpoint(first.messages)


async def test_a_model_whose_window_is_too_small_is_not_asked():
    rig = worker(15, [wants(EVALUATED)])
    other = Player([])
    rig.learner = Learner(other, "small", 2_000)
    await rig.say("go")
    assert other.requests == []
    assert [end.status for end in rig.of(CheckpointFinished)] == ["done"]


# -- the meter ----------------------------------------------------------------------------------


def test_what_is_left_counts_work_without_what_was_cached():
    today = [date(2026, 3, 30)]
    meter = Meter(0, lambda: today[0], Usage())
    assert meter.left(0.5) == 0
    meter.add(Usage(1000, 100, cached=600))
    assert meter.left(0.5) == 250
    meter.add(Usage(1000, 100), "first")
    assert meter.left(0.5) == 250
    meter.add(Usage(200, 100), "learning")
    assert meter.left(0.5) == -50
    Purse(meter, 10**6, "a trial").add(Usage(10, 0))
    assert meter.left(0.5) == -60
    meter.owe(40)
    assert (meter.left(0.5), meter.spent.total) == (-100, 2510)
    today[0] = date(2026, 3, 31)
    assert meter.left(0.5) == 0
