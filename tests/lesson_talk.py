"""Plays the short talks of tests/lesson_cases.py on a real door, journal and notes."""

from __future__ import annotations

from agent.conversation import Conversation
from agent.events import (
    Answered,
    AnyEvent,
    CallEnd,
    ModelReplied,
    RunFinished,
    RunStarted,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.inputs import RunOptions
from agent.learning.door import Author
from agent.messages import ToolCall
from hermes_home.errors import ChangeRefused
from memory.outcomes.settling import settle
from tests.learner import Desk


class LessonTalk:
    """One session. `notes`: the ids of the changes its notes became."""

    def __init__(self, desk: Desk, session: str) -> None:
        self.desk, self.session = desk, session
        self.conversation = Conversation(session=session)
        self.notes: list[int] = []
        self._run = ""
        self._runs = self._calls = 0

    async def play(self, talk: str) -> None:
        steps = {">": self._says, "<": self._answers, "$": self._works, "!": self._fails}
        for line in talk.splitlines():
            mark, words = line[0], line[2:]
            await (steps[mark] if mark in steps else self._keeps)(words)
        if self._run:
            await self._answers("Done.")

    async def statuses(self) -> list[str]:
        return [await self.desk.status(id) for id in self.notes]

    async def _says(self, words: str) -> None:
        if not self._run:
            self._runs += 1
            self._run = f"{self.session}-r{self._runs}"
            await self._tell(
                RunStarted(
                    cause="i", principal="owner", options=RunOptions(), provider="p", model="m"
                )
            )
        await self._tell(UserSpoke(input="i", text=words))
        await self._settle()

    async def _answers(self, words: str) -> None:
        await self._tell(ModelReplied(text=words))
        await self._tell(Answered(text=words))
        await self._tell(RunFinished(reason="done"))
        self._run = ""
        await self._settle()

    async def _works(self, command: str) -> None:
        await self._calls_shell(command, 0)

    async def _fails(self, command: str) -> None:
        await self._calls_shell(command, 1)

    async def _keeps(self, note: str) -> None:
        author = Author("agent", self.session, self._run, conversation=self.conversation)
        try:
            self.notes.append((await self.desk.note(note, by=author)).id)
        except (ChangeRefused, ValueError):
            return  # refused, or known already: nothing was written

    async def _calls_shell(self, command: str, exit: int) -> None:
        self._calls += 1
        id, arguments = f"c{self._calls}", f'{{"command": "{command}"}}'
        await self._tell(ModelReplied(text="", tool_calls=(ToolCall(id, "shell", arguments),)))
        await self._tell(
            ToolStarted(call_id=id, name="shell", arguments=arguments, number=self._calls)
        )
        status: CallEnd = "failed" if exit else "ok"
        await self._tell(ToolFinished(call_id=id, name="shell", status=status, text="", exit=exit))

    async def _tell(self, event: AnyEvent) -> None:
        seq = await self.desk.journal.append(event, session=self.session, run=self._run)
        self.conversation.apply(event, seq, self._run)

    async def _settle(self) -> None:
        """As gateway/learning/settling.py does."""
        door = self.desk.door
        for decision in settle(self.desk.journal.read(self.session), door.status):
            if decision.status == "active":
                await door.prove(decision.id, decision.reason)
            else:
                await door.undo(decision.id, Author("agent", self.session))
