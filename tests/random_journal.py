"""Random but possible events of several sessions, for tests of what is computed from a journal."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from agent.events import (
    Answered,
    AnyEvent,
    ApprovalDecided,
    ApprovalRequested,
    CallEnd,
    ChangeDecided,
    ChangeIntended,
    ChangeKind,
    ChangeMade,
    ChangeStatus,
    CheckpointFinished,
    Evaluation,
    ModelReplied,
    Noticed,
    Purpose,
    RunEnd,
    RunFinished,
    RunJudged,
    RunParked,
    RunResumed,
    RunStarted,
    RunSuspended,
    SessionOpened,
    SessionRenamed,
    SkillRef,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.inputs import RunOptions
from agent.messages import ToolCall, Usage

WORDS = (
    "alpha beta gamma delta report deploy 東京都 京都大学 안녕하세요 привет мир naïve café".split()
)
SKILLS = ("report-pdf", "deploy", "tidy")
REMARKS = ("thanks, that works", "no, that's wrong", "is that right?", "oh great, another error")
CHECKS = ("pytest -q", "cd a && make test", "deploy {now}")


class RandomJournal:
    """Draws (event, session); the same seed draws the same."""

    def __init__(self, seed: int, sessions: int = 12) -> None:
        self._random = random.Random(seed)
        self._sessions = [f"20261121-{number:04x}" for number in range(sessions)]
        self._calls = dict.fromkeys(self._sessions, 0)
        self._runs: dict[str, list[str]] = {session: [] for session in self._sessions}
        self._intended: list[int] = []
        self._drawn: list[Callable[[str], AnyEvent]] = [
            self._opened,
            lambda s: SessionRenamed(title=self._text(3)),
            *[self._run_started] * 3,
            *[self._spoke] * 5,
            *[self._replied] * 5,
            *[self._tool_started] * 4,
            *[self._tool_finished] * 4,
            lambda s: Answered(text=self._text(200)),
            *[self._run_finished] * 3,
            self._judged,
            lambda s: RunSuspended(),
            lambda s: RunResumed(),
            lambda s: RunParked(reason="two crashes"),
            lambda s: ApprovalRequested(call_id="c", name="shell", action="x", reason="y"),
            lambda s: ApprovalDecided(call_id="c", allow=True, by="owner"),
            self._checkpoint,
            *[self._change] * 2,
            lambda s: ChangeMade(id=self._known_change()),
            self._decided,
            lambda s: Noticed(text=self._text(5)),
        ]

    def draw(self) -> tuple[AnyEvent, str]:
        session = self._random.choice(self._sessions)
        event = self._random.choice(self._drawn)(session)
        return event, "" if isinstance(event, ChangeDecided) else session

    def run_of(self, session: str) -> str:
        """The run that the last RunStarted of a session began."""
        runs = self._runs[session]
        return runs[-1] if runs else ""

    def stored(self, event: AnyEvent, seq: int) -> None:
        """Tell which number an event got, so that later ones can refer to it."""
        if isinstance(event, ChangeIntended):
            self._intended.append(seq)

    def _text(self, most: int) -> str:
        return " ".join(self._random.choices(WORDS, k=self._random.randint(1, most)))

    def _opened(self, session: str) -> AnyEvent:
        title = self._text(2) if self._random.random() < 0.2 else ""
        return SessionOpened(
            source="terminal", cwd="/w", system="", tools="", prompt_version="1", title=title
        )

    def _run_started(self, session: str) -> AnyEvent:
        runs = self._runs[session]
        runs.append(f"{session}-r{len(runs)}")
        return RunStarted(
            cause="",
            principal="owner",
            options=RunOptions(),
            provider="p",
            model=self._random.choice(("big", "small")),
        )

    def _spoke(self, session: str) -> AnyEvent:
        said = self._random.choice((*REMARKS, *[self._text(12)] * 4))
        return UserSpoke(
            input="",
            text=said,
            tail="date: today",
            principal=self._random.choice(("owner", "owner", "owner", "g1")),
            steering=self._random.random() < 0.3,
            offered=self._skills(),
            withheld=self._skills(),
            loaded=self._skills() if self._random.random() < 0.2 else (),
        )

    def _skills(self) -> tuple[SkillRef, ...]:
        chosen = self._random.sample(SKILLS, self._random.randint(0, 2))
        return tuple(SkillRef(name, self._random.choice("12")) for name in chosen)

    def _tool_finished(self, session: str) -> AnyEvent:
        statuses: tuple[CallEnd, ...] = ("ok", "ok", "ok", "failed", "invalid", "interrupted")
        return ToolFinished(
            call_id="c",
            name="shell",
            status=self._random.choice(statuses),
            text=self._text(30),
            exit=self._random.choice((0, 1, None)),
            loaded=next(iter(self._skills()), None) if self._random.random() < 0.2 else None,
        )

    def _run_finished(self, session: str) -> AnyEvent:
        ends: tuple[RunEnd, ...] = ("done", "done", "done", "stopped", "failed", "limit")
        return RunFinished(reason=self._random.choice(ends))

    def _judged(self, session: str) -> AnyEvent:
        run = self._random.choice(self._runs[session] or [""])
        return RunJudged(run=run, good=self._random.random() < 0.5, by="owner")

    def _replied(self, session: str) -> AnyEvent:
        usage = Usage(
            self._random.randrange(9_000), self._random.randrange(900), self._random.randrange(500)
        )
        purposes: tuple[Purpose, ...] = ("run", "run", "checkpoint", "compaction")
        calls = (ToolCall("c", "shell", "{}"),)
        return ModelReplied(
            text=self._text(25),
            tool_calls=calls,
            usage=usage,
            purpose=self._random.choice(purposes),
        )

    def _tool_started(self, session: str) -> AnyEvent:
        self._calls[session] += 1
        return ToolStarted(
            call_id="c",
            name="shell",
            arguments=json.dumps({"command": self._random.choice((*CHECKS, self._text(4)))}),
            number=self._calls[session],
        )

    def _checkpoint(self, session: str) -> AnyEvent:
        evaluation = Evaluation(accomplished="a", worked="b", failed="c", outcome="success")
        return CheckpointFinished(
            number=self._random.randint(1, 9), status="done", evaluation=evaluation
        )

    def _change(self, session: str) -> AnyEvent:
        kinds: tuple[ChangeKind, ...] = ("skill", "memory", "user")
        statuses: tuple[ChangeStatus, ...] = ("candidate", "active", "proposed")
        return ChangeIntended(
            kind=self._random.choice(kinds),
            name=self._text(1),
            action="add",
            status=self._random.choice(statuses),
            actor=self._random.choice(("agent", "owner")),
            entry_after=self._text(9),
        )

    def _known_change(self) -> int:
        return self._random.choice(self._intended) if self._intended else 0

    def _decided(self, session: str) -> AnyEvent:
        statuses: tuple[ChangeStatus, ...] = ("active", "rejected", "undone")
        status = self._random.choice(statuses)
        return ChangeDecided(id=self._known_change(), status=status, by="owner")
