"""A conversation made shorter: what stays, what is still within reach, and that it fits."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from agent import compaction
from agent.conversation import Conversation
from agent.events import (
    ConversationCompacted,
    ModelAsked,
    ModelReplied,
    RunFinished,
    RunResumed,
    ToolFinished,
    UserSpoke,
)
from agent.inputs import RunOptions, Stop
from agent.messages import Message, Usage
from agent.providers.base import Reply, Request
from agent.tools.base import ToolContext, ToolResult, no_effects
from agent.tools.output import LIMIT
from agent.tools.schema import tool
from hermes_home.errors import ProviderError
from tests.rig import EVALUATED, Rig, do, is_checkpoint, says, wants

pytestmark = pytest.mark.anyio

WANTED = 2_000 if os.environ.get("HERMES_SOAK") else 200


def size(request: Request) -> int:
    """Tokens as the loop estimates them."""
    chars = len(request.system) + len(request.tools)
    for message in request.messages:
        chars += len(message.text) + sum(len(call.arguments) + 40 for call in message.tool_calls)
    return chars // 4


def counted(reply: Reply, request: Request) -> Reply:
    """A reply with the usage a server would count."""
    return Reply(reply.text, tool_calls=reply.tool_calls, usage=Usage(size(request), 5))


def is_compaction(request: Request) -> bool:
    return request.messages[-1].text.startswith(compaction.FIRST_LINE)


def check_pairs(messages: Sequence[Message]) -> None:
    """Each call is followed by its one result, and each result belongs to a call."""
    waiting: list[str] = []
    for message in messages:
        if message.role == "tool":
            assert message.call_id in waiting
            waiting.remove(message.call_id)
        else:
            assert waiting == []
            waiting = [call.id for call in message.tool_calls]
    assert waiting == []


def check_breaks(rig: Rig) -> int:
    """Each request of the run continues the one before, unless an event between says why not."""
    requests = iter(rig.provider.requests)
    last: list[Message] = []
    broken = breaks = 0
    for event, following in pairwise([*rig.events, None]):
        if isinstance(event, ConversationCompacted):
            assert event.reason
            broken += 1
        if isinstance(event, ModelAsked) and not isinstance(following, RunResumed):
            messages = list(next(requests).messages)
            if event.purpose == "run":
                continues = messages[: len(last)] == last
                assert continues or broken
                breaks += not continues
                last, broken = messages, 0
    return breaks


class Chat:
    """A random conversation: what is said, called and summarised follows from the seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.window = self.dice.randrange(3_000, 9_000)
        self.rig = Rig(
            self.reply,
            every=self.dice.choice([0, 15]),
            window=self.window,
            protect=self.dice.randrange(0, 21),
        )
        self.said: list[str] = []

    async def reply(self, request: Request) -> Reply | BaseException:
        check_pairs(request.messages)
        assert size(request) <= self.window
        if is_compaction(request):
            return await self.summary(request)
        if is_checkpoint(request.messages):
            return counted(wants(EVALUATED), request)
        done = self.rig.conversation.started
        if self.dice.random() < 0.1:
            return counted(says(f"answer {done}" * self.dice.randrange(1, 40)), request)
        kinds = [self.dice.choice(["", "long ", "huge ", "fail "]) for _ in range(3)]
        calls = [do(f"{kind}{done} {n}") for n, kind in enumerate(kinds)]
        return counted(wants(*calls[: self.dice.randrange(1, 4)]), request)

    async def summary(self, request: Request) -> Reply | BaseException:
        kind = self.dice.choice(["good", "failing", "slow", "empty", "garbage", "calling"])
        await asyncio.sleep(0.001 if kind == "slow" else 0)
        garbage = self.dice.choice(["\n" * 99, "\ufffd\x07" * 9_000, compaction.FIRST_LINE * 5_000])
        answers: dict[str, Reply | BaseException] = {
            "good": says("The tea was brewed."),
            "slow": says("It took a while."),
            "failing": ProviderError("overloaded"),
            "empty": says(""),
            "garbage": says(garbage),
            "calling": wants(do("nothing")),
        }
        return answers[kind]

    async def say(self) -> None:
        number = len(self.said)
        self.said.append(f"request {number}: " + f"please {number} " * self.dice.randrange(1, 60))
        await self.rig.say(self.said[-1])


@pytest.mark.slow
async def test_two_hundred_compactions_lose_nothing_and_always_fit():
    seed = compactions = breaks = 0
    while compactions < WANTED:
        seed += 1
        chat = Chat(seed)
        rig = chat.rig
        for _ in range(6):
            await chat.say()
            state = rig.conversation
            if any(m.text.startswith(compaction.SUMMARY_LINE) for m in state.messages):
                shown = "\n".join(m.text for m in state.messages)
                assert chat.said[-1] in shown
            live = list(rig.context().request().messages)
            rig.reload()
            assert list(rig.context().request().messages) == live
        assert [event.text for event in rig.of(UserSpoke)] == chat.said
        calls = {c.id: c.arguments for e in rig.of(ModelReplied) for c in e.tool_calls}
        outputs = {event.call_id: event.text for event in rig.of(ToolFinished)}
        assert calls.keys() == outputs.keys()
        assert all(len(outputs[id]) == 5000 for id in calls if '"long' in calls[id])
        compactions += len(rig.of(ConversationCompacted))
        breaks += check_breaks(rig)
        assert {event.reason for event in rig.of(RunFinished)} == {"done"}
    assert breaks > WANTED / 3


@pytest.mark.parametrize("every", [0, 15])
async def test_three_hundred_calls_in_a_small_window_never_exceed_it(every):
    window = 6_000

    def script(request: Request) -> Reply:
        assert size(request) <= window
        if is_compaction(request):
            return counted(says("All is well."), request)
        if is_checkpoint(request.messages):
            return counted(wants(EVALUATED), request)
        started = rig.conversation.started
        return counted(wants(do(f"long {started}")) if started < 300 else says("done"), request)

    rig = Rig(script, window=window, protect=6, every=every)
    await rig.say("go on until it is done")
    assert rig.conversation.started == 300
    assert rig.of(RunFinished)[0].reason == "done"
    assert len(rig.of(ConversationCompacted)) < 200
    assert 0 < check_breaks(rig) <= len(rig.of(ConversationCompacted))


async def test_a_message_larger_than_the_window_is_cut_and_answered():
    rig = Rig(lambda request: says("yes") if size(request) <= 2_000 else says("?"), window=2_000)
    await rig.say("first " + "word " * 50_000)
    assert "first word" in rig.provider.requests[-1].messages[0].text
    assert rig.of(RunFinished)[0].reason == "done"
    assert rig.conversation.messages[-1].text == "yes"


class Full(Rig):
    """Each run makes `calls` calls, which fill the window, and answers."""

    def __init__(
        self, calls: int, summary: Reply | BaseException, kind: str = "step", window: int = 1_000
    ) -> None:
        super().__init__(self.script, window=window, protect=4, every=0)
        self.calls, self.summary, self.kind = calls, summary, kind

    def script(self, request: Request) -> Reply | BaseException:
        if is_compaction(request):
            return self.summary
        made = len(self.of(ToolFinished))
        if made < self.calls * len(self.of(UserSpoke)):
            return counted(wants(do(f"{self.kind} {made}")), request)
        return counted(says("ok"), request)


async def test_old_output_is_shown_by_reference_and_the_file_holds_the_whole():
    rig = Full(8, says("unused"), "huge", 20_000)
    await rig.say("go")
    shown = {e.call_id: e for e in rig.of(ToolFinished)}
    replaced = {id: file for e in rig.of(ConversationCompacted) for id, file in e.outputs.items()}
    assert len(replaced) >= 4
    for call_id, file in replaced.items():
        whole = rig.saved[int(file.removeprefix("file")) - 1]
        assert len(whole) > LIMIT > len(shown[call_id].text) - 300
        assert whole.splitlines()[0] == shown[call_id].text.splitlines()[0]
        assert whole.count("\n") == 2999
    text = "\n".join(m.text for m in rig.provider.requests[-1].messages)
    assert any(f"files/{file}, which read_file reads" in text for file in replaced.values())
    assert len(rig.saved) == 8


@pytest.mark.parametrize(
    "summary",
    [ProviderError("down"), says(""), says(" \n"), wants(do("x")), says("Well summarised.")],
)
async def test_however_the_summary_fares_the_users_words_and_the_calls_are_known(summary):
    rig = Full(60, summary)
    await rig.say("First, mind the cat.\n" + "x " * 200)
    await rig.say("Then feed it.")
    first = rig.conversation.messages[0].text
    assert first.startswith(compaction.SUMMARY_LINE)
    assert "First, mind the cat." in first
    assert "Then feed it." in "\n".join(m.text for m in rig.conversation.messages)
    told = getattr(summary, "text", "").strip() or '- do {"what": "step '
    assert told in first
    assert rig.of(RunFinished)[-1].reason == "done"


def talkative(summarise: Callable[[], Any]) -> Rig:
    """A model with long answers, so that every few messages a summary is due."""

    def script(request: Request) -> Any:
        if is_compaction(request):
            return summarise()
        return counted(says("fine " * 100), request)

    return Rig(script, window=1_500, protect=2)


async def test_a_summary_that_fails_keeps_the_one_before_it():
    summaries = [says(""), ProviderError("down"), says("The cat is in the garden.")]
    rig = talkative(summaries.pop)
    while summaries:
        await rig.say("go on")
    assert rig.conversation.messages[0].text.count("The cat is in the garden.") == 1


async def test_a_summary_that_takes_too_long_is_done_without(monkeypatch):
    monkeypatch.setattr(compaction, "SECONDS", 0.02)
    rig = talkative(lambda: asyncio.sleep(3600))
    while not rig.of(ConversationCompacted):
        await rig.say("go on")
    assert rig.of(ConversationCompacted)[0].summary.startswith(compaction.SUMMARY_LINE)
    assert {event.reason for event in rig.of(RunFinished)} == {"done"}


async def test_a_stop_ends_a_summary_at_once():
    def stop() -> Awaitable[None]:
        rig.put(Stop(id="stop"))
        return asyncio.sleep(3600)

    rig = talkative(stop)
    while not rig.of(RunFinished) or rig.of(RunFinished)[-1].reason == "done":
        await rig.say("go on")
    assert rig.of(RunFinished)[-1].reason == "stopped"
    assert rig.of(ConversationCompacted) == []


async def test_a_crash_while_shortening_is_gone_on_with():
    clean = Full(60, says("All is well."), window=700)
    await clean.say("go")
    kinds = clean.names()
    shortened = [at for at, kind in enumerate(kinds, 1) if kind == "ConversationCompacted"]
    assert len(shortened) > 1
    for cut in [at + near for at in shortened for near in range(-3, 2)]:
        rig = Full(60, says("All is well."), window=700)

        def die(event: object, rig: Rig = rig, cut: int = cut) -> None:
            if len(rig.stored) == cut:
                raise ConnectionAbortedError

        rig.on_event = die
        with pytest.raises(ConnectionAbortedError):
            await rig.say("go")
        rig.on_event = lambda event: None
        await rig.restart()
        assert rig.of(RunFinished)[-1].reason == "done"
        check_pairs(rig.conversation.messages)
        check_breaks(rig)
        assert Conversation.replay(rig.stored).messages == rig.conversation.messages


async def test_the_date_and_the_notes_of_the_first_message_stay_behind_the_summary():
    rig = Full(60, says("All is well."))
    await rig.say("go")
    context = "<context>\ndate: 2026-01-01\n</context>"
    assert rig.provider.requests[0].messages[0].text.endswith(context)
    for number in range(3):
        assert rig.conversation.messages[0].text.startswith(compaction.SUMMARY_LINE), number
        assert rig.conversation.messages[0].text.endswith(context)
        await rig.say("again")


class WithSkills(Full):
    def tools(self) -> list[Any]:
        async def skill_view(context: ToolContext, name: str) -> ToolResult:
            """Load a skill."""
            return ToolResult(f"the text of {name}")

        return [*super().tools(), tool(skill_view, effects=no_effects, read_only=True)]

    def script(self, request: Request) -> Reply | BaseException:
        if len(request.messages) == 1 and not self.of(ToolFinished):
            return counted(wants(("skill_view", '{"name": "mow-lawn"}')), request)
        return super().script(request)


async def test_the_names_of_loaded_skills_stay():
    rig = WithSkills(60, says("All is well."))
    rig.options = RunOptions(cwd="/", skills=("brew-tea",))
    await rig.say("go")
    assert "brew-tea, mow-lawn" in rig.conversation.messages[0].text
