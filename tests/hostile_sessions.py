"""Sessions as a journal may hold them, drawn at random, in which everything is said that could be
mistaken for something else. The same seed draws the same."""

from __future__ import annotations

import json
import random
from typing import Any

from agent.events import (
    Answered,
    AnyEvent,
    CallEnd,
    CheckpointFinished,
    CheckpointStarted,
    Evaluation,
    ModelReplied,
    RunFinished,
    RunJudged,
    RunStarted,
    SessionOpened,
    SessionRenamed,
    Stored,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.inputs import RunOptions
from agent.messages import ToolCall, Usage

PIECES = """\
<think> </think> <tool_call> </tool_call> <tool_response> </tool_response> <tools> </tools>
<\\think> <\\\\/tool_call> <\\/tools> <|im_end|> <|im_start|>assistant <\\|eot_id|> </s> <s> [INST]
[/INST] [\\INST] [TOOL_CALLS] <<SYS>> <</SYS>> <｜tool▁calls▁begin｜> <start_of_turn> <image>
{{content}} {{idx}} {\\{idx}} < \\ / { [ | {} [] " ' \\u003c \\ud800 \\\\ud800 \\uDFFF ud800 x é
東京 🙂 null true , {"name": "shell", "arguments": {}} <function_call>""".split()
BREAKS = ["\n", "\n\n", "\r\n", "\t", " ", "\x00", "\u2028", ""]
HALVES = ["\ud800", "\udbff", "\udc00x"]
NAMES = ("shell", "read_file", "shell")
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "Runs <tool_call> \\ud800 and <|im_end|>.",
            "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
        },
    }
    for name in ("shell", "read_file")
]
PLAIN = {"name": "bare", "description": "", "parameters": {"type": "object", "properties": {}}}


class HostileSession:
    """`events` is a session; `blob` knows its prompt."""

    def __init__(self, seed: int, halves: bool = True) -> None:
        self._random = random.Random(seed)
        self._halves = halves
        self._calls = 0
        tools = [*TOOLS, PLAIN] if self._random.random() < 0.3 else TOOLS
        self._blobs = {"sys": self.text(), "tools": json.dumps(tools)}
        self.events = [Stored(n, "s", "r", 9.0 + n, one) for n, one in enumerate(self._draw(), 1)]

    def blob(self, name: str) -> str:
        return self._blobs[name]

    def text(self) -> str:
        draw = self._random
        pieces = [*PIECES, *HALVES] if self._halves and draw.random() < 0.3 else PIECES
        chosen = [draw.choice(pieces) + draw.choice(BREAKS) for _ in range(draw.randint(0, 7))]
        # Two halves side by side are one sign, and read as that by everybody.
        return "".join(chosen).replace("\ud800\udc00", "x").replace("\udbff\udc00", "x")

    def _draw(self) -> list[AnyEvent]:
        draw = self._random
        opened = SessionOpened(
            source="api",
            cwd="/w",
            system="sys",
            tools="tools",
            prompt_version="1",
            title=self.text(),
        )
        options = RunOptions()
        run = RunStarted(cause="i", principal="owner", options=options, provider="p", model="m")
        events: list[AnyEvent] = [opened, run]
        for _ in range(draw.randint(0, 7)):
            events += draw.choice(
                (self._user, self._reply, self._work, self._work, self._checkpoint)
            )()
        if draw.random() < 0.8:
            events += [*self._reply(), Answered(text=""), RunFinished(reason="done")]
        if draw.random() < 0.5:
            events.append(
                RunJudged(run="r", good=draw.random() < 0.5, by="verifier", reason=self.text())
            )
        if draw.random() < 0.2:
            events.append(SessionRenamed(title=self.text()))
        return events

    def _user(self) -> list[AnyEvent]:
        return [UserSpoke(input="i", text=self.text(), tail=self.text(), steering=True)]

    def _reply(self) -> list[AnyEvent]:
        thought = self.text() if self._random.random() < 0.5 else ""
        return [ModelReplied(text=self.text(), reasoning=thought, usage=Usage(9, 3))]

    def _work(self) -> list[AnyEvent]:
        """A reply with calls, perhaps several at once; results come in any order, or not at all."""
        draw = self._random
        asked = [self._call() for _ in range(draw.choice((1, 1, 2, 3)))]
        said = self.text() if draw.random() < 0.5 else ""
        thought = self.text() if draw.random() < 0.5 else ""
        reply = ModelReplied(
            text=said, reasoning=thought, tool_calls=tuple(asked), usage=Usage(9, 3)
        )
        ends: list[AnyEvent] = []
        for call in draw.sample(asked, len(asked)):
            ends.append(ToolStarted(call_id=call.id, name=call.name, arguments=call.arguments))
            statuses: tuple[CallEnd, ...] = ("ok", "ok", "failed", "invalid")
            status = draw.choice(statuses)
            if draw.random() < 0.9:
                ends.append(
                    ToolFinished(call_id=call.id, name=call.name, status=status, text=self.text())
                )
        return [reply, *ends]

    def _call(self) -> ToolCall:
        """Arguments are mostly an object, of anything; else what a model may write instead."""
        draw = self._random
        self._calls += 1
        value: Any = {self.text(): self._value(2) for _ in range(draw.randint(0, 3))}
        written = json.dumps(value, ensure_ascii=draw.random() < 0.5)
        broken = (self.text(), written[:-1], f"[{written}]", '{"a": "\\ud800"}', '{"a": NaN}', "")
        arguments = draw.choice(broken) if draw.random() < 0.15 else written
        return ToolCall(f"call_{self._calls % 7}", draw.choice(NAMES), arguments)

    def _value(self, depth: int) -> Any:
        draw = self._random
        if depth and draw.random() < 0.3:
            return [self._value(depth - 1), {self.text(): self._value(depth - 1)}]
        return draw.choice((self.text(), draw.randint(-(2**60), 2**60), 0.5, True, None, ""))

    def _checkpoint(self) -> list[AnyEvent]:
        found = Evaluation(accomplished=self.text(), worked="", failed="", outcome="unknown")
        call = ToolCall("e1", "evaluate", "{}")
        reply = ModelReplied(text="", tool_calls=(call,), purpose="checkpoint", checkpoint=1)
        return [
            CheckpointStarted(number=1, due=15, text="[self-evaluation checkpoint]"),
            reply,
            ToolStarted(call_id="e1", name="evaluate", arguments="{}", checkpoint=1),
            ToolFinished(call_id="e1", name="evaluate", status="ok", text="kept", checkpoint=1),
            CheckpointFinished(number=1, status="done", evaluation=found),
        ]
