"""Runs told in a few words, as the events a journal would hold of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.events import (
    Answered,
    AnyEvent,
    CallEnd,
    CheckpointFinished,
    Evaluation,
    Lesson,
    ModelReplied,
    RunEnd,
    RunFinished,
    RunJudged,
    RunStarted,
    SkillRef,
    Stored,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.inputs import RunOptions
from agent.messages import Usage


class Story:
    """One session, told run after run. `events` is what its journal holds."""

    def __init__(self, session: str = "s") -> None:
        self.session = session
        self.events: list[Stored] = []
        self.run = ""
        self.calls = 0

    def tell(self, event: AnyEvent) -> int:
        seq = len(self.events) + 1
        self.events.append(Stored(seq, self.session, self.run, 1000.0 + seq, event))
        return seq

    def begin(
        self,
        text: str = "do it",
        *,
        model: str = "m",
        principal: str = "owner",
        preface: str = "",
        offered: Sequence[SkillRef] = (),
        withheld: Sequence[SkillRef] = (),
        loaded: Sequence[SkillRef] = (),
    ) -> int:
        self.run = f"{self.session}-r{sum(e.seq for e in self.events[-1:])}"
        self.tell(
            RunStarted(
                cause="i", principal=principal, options=RunOptions(), provider="p", model=model
            )
        )
        return self.tell(
            UserSpoke(
                input="i",
                text=text,
                principal=principal,
                preface=preface,
                offered=tuple(offered),
                withheld=tuple(withheld),
                loaded=tuple(loaded),
            )
        )

    def say(self, text: str, principal: str = "owner") -> int:
        """Words that join the run."""
        return self.tell(UserSpoke(input="i", text=text, principal=principal, steering=True))

    def shell(self, command: str, exit: int = 0, status: CallEnd | None = None) -> int:
        """A command and its result."""
        end: CallEnd = status or ("failed" if exit else "ok")
        return self.call("shell", {"command": command}, end, exit=exit)

    def call(
        self,
        name: str,
        arguments: dict[str, object],
        status: CallEnd = "ok",
        *,
        exit: int | None = None,
        text: str = "",
        loaded: SkillRef | None = None,
        checkpoint: int = 0,
    ) -> int:
        self.calls += 1
        id = f"c{self.calls}"
        if status not in ("invalid", "skipped", "denied"):
            self.tell(
                ToolStarted(
                    call_id=id,
                    name=name,
                    arguments=json.dumps(arguments),
                    number=0 if checkpoint else self.calls,
                    checkpoint=checkpoint,
                )
            )
        return self.tell(
            ToolFinished(
                call_id=id,
                name=name,
                status=status,
                text=text,
                exit=exit,
                loaded=loaded,
                checkpoint=checkpoint,
            )
        )

    def reply(self, prompt: int = 100, completion: int = 10, checkpoint: int = 0) -> int:
        usage = Usage(prompt, completion)
        purpose = "checkpoint" if checkpoint else "run"
        return self.tell(
            ModelReplied(text="x", usage=usage, purpose=purpose, checkpoint=checkpoint)  # type: ignore[arg-type]
        )

    def evaluate(self, outcome: str, *lessons: Lesson) -> int:
        found = Evaluation("a", "w", "f", outcome, lessons)  # type: ignore[arg-type]
        return self.tell(CheckpointFinished(number=1, status="done", evaluation=found))

    def end(self, reason: RunEnd = "done", answer: str = "Done.") -> int:
        if reason == "done":
            self.tell(Answered(text=answer))
        return self.tell(RunFinished(reason=reason))

    def judge(self, *, good: bool, run: str = "") -> int:
        return self.tell(RunJudged(run=run or self.run, good=good, by="owner"))
