"""MEMORY.md and USER.md: unbounded on disk, a bounded choice in the prompt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from agent.events import ChangeIntended, ChangeKind, ChangeStatus, FileChange
from agent.learning.door import Author, Change
from agent.learning.file_parts import whole
from agent.learning.proposal import Proposal
from hermes_home.errors import ChangeRefused, ToolError
from hermes_home.paths import Home
from hermes_home.settings import MemorySettings
from memory.notes.echo import echoes
from memory.notes.entries import Document, normal
from memory.notes.known import known_by
from memory.notes.operations import (
    SUPERSEDE,
    Operation,
    Step,
    Target,
    dated,
    resolve,
    same_words,
    says_again,
)
from memory.notes.recall import choose, search
from memory.notes.scope import expired, here, holds
from memory.notes.versions import Versions

FILES: dict[Target, str] = {"memory": "MEMORY.md", "user": "USER.md"}

Plan = Callable[[ChangeIntended], Proposal]


class Core(NamedTuple):
    """What a prompt gets of one file, and how many entries there are that have not expired."""

    texts: list[str]
    total: int


class NoteDoor(Protocol):
    """What notes need of the door everything learned passes."""

    def plans(
        self, kind: Target, *, again: Plan, reverse: Plan, same: Callable[[str, str], bool]
    ) -> None: ...

    def check(self, proposal: Proposal, author: Author) -> ChangeStatus: ...

    def apply(self, plan: Callable[[], Proposal], author: Author) -> Awaitable[Change]: ...

    def found_again(
        self, kind: Target, same: Callable[[str], bool], author: Author
    ) -> Awaitable[None]: ...


class Notes:
    """The notes of a home. Every write goes through the door, one change per entry."""

    def __init__(
        self,
        home: Home,
        door: NoteDoor,
        settings: MemorySettings,
        clock: Callable[[], float] = time.time,
        today: Callable[[], date] | None = None,
    ) -> None:
        self.settings = settings
        self._today = today or (lambda: datetime.fromtimestamp(clock(), UTC).date())
        self._home = home
        self._door = door
        self._lock = asyncio.Lock()
        self._versions: dict[Target, Versions] = {target: Versions(clock) for target in FILES}
        for target in FILES:
            door.plans(target, again=self._again, reverse=self._reverse, same=same_words)

    def path(self, target: Target) -> Path:
        return self._home.memories / FILES[target]

    def entries(self, target: Target) -> list[str]:
        """Every entry, oldest first. ToolError if the file is there and cannot be read."""
        return self._document(target, self._read(target)).texts

    def core(
        self, target: Target, about: str = "", leave_out: Collection[str] = (), cwd: str = ""
    ) -> Core:
        """The entries for a prompt, within the setting's characters, in the file's order.

        about: the request; entries that share rare words with it come first, for up to half the
        room, then those for the workspace `cwd`, then the newest. leave_out: entries not to be
        trusted yet. The same arguments, file and day give the same entries.
        """
        entries = self.entries(target)
        if not entries:
            return Core([], 0)
        limits = {"memory": self.settings.memory_chars, "user": self.settings.user_chars}
        hidden, today = {normal(text) for text in leave_out}, self._today()
        lasting = [text for text in entries if not expired(text, today)]
        known = [text for text in lasting if normal(text) not in hidden]
        current = [text for text in known if holds(text, cwd, today)]
        return Core(choose(current, about, limits[target]), len(known))

    def search(self, query: str, limit: int) -> list[tuple[Target, str]]:
        """The entries of both files that match best, wherever and however long they hold."""
        owners: dict[str, Target] = {
            text: target for target in FILES for text in self.entries(target)
        }
        return [(owners[text], text) for text in search(list(owners), query, limit)]

    async def apply(
        self, operations: Sequence[Operation], author: Author, cwd: str = ""
    ) -> list[Change]:
        """Carry out all operations or none; the changes, fewer if some were known already. `cwd`:
        the workspace of entries that hold in one only.

        All are checked before the first is written: ToolError says which cannot be done and
        nothing was changed. Each becomes a change of its own, so that each can be undone.
        """
        # Once begun they are carried through, also when the caller is cancelled.
        return await asyncio.shield(self._apply(operations, author, cwd))

    async def forget(self, id: int, entry: str, target: Target) -> Change:
        """Take an entry out of the file because its owner wants change `id` forgotten. ToolError
        if it is not there, ChangeRefused if it is locked."""
        async with self._lock:
            return await self._write(lambda: self.forgetting(id, entry, target), Author("owner"))

    def forgetting(self, id: int, entry: str, target: Target) -> Proposal:
        """The change that `forget` would make."""
        proposal = self._propose(Step(target, entry, ""))
        return replace(proposal, action="forget", forgets=id)

    async def reconcile(self, path: Path) -> list[str]:
        """A notes file was changed by hand: if that save began at an older version, what it had
        not known is put back into it. Returns the entries put back; none for other files."""
        target = next((target for target in FILES if self.path(target) == path), None)
        if target is None:
            return []
        restored: list[str] = []

        def plan() -> Proposal:
            text = self._read(target) or ""
            merge = self._versions[target].merged(text)
            restored[:] = merge.restored
            return self._proposal(Step(target, "", ""), "merge", text, merge.document.render())

        async with self._lock:
            text = self._read(target) or ""
            if self._versions[target].merged(text).restored:
                await self._write(plan, Author("owner"))
            else:
                self._versions[target].saw(text)
        return restored

    # -- one change ---------------------------------------------------------------------------

    async def _apply(
        self, operations: Sequence[Operation], author: Author, cwd: str
    ) -> list[Change]:
        told = author.conversation
        new = [one for one in operations if one.action != "add" or not echoes(one.text, told)]
        if author.actor != "owner":
            new = [dated(one, self._today()) for one in new]
        async with self._lock:
            await self._found_again(new, author, cwd)
            checked = [self._checked(one, author, cwd) for one in resolve(new, self.entries, cwd)]
            steps = [step for step in checked if step is not None]
            return [await self._write(partial(self._propose, step), author) for step in steps]

    async def _found_again(self, operations: Sequence[Operation], author: Author, cwd: str) -> None:
        """What another session noted without proof, and this one finds by itself, is proved."""
        for operation in operations:
            if operation.action == "add" and (text := operation.text.strip()):
                says = partial(says_again, here(text, cwd, self._today()))
                await self._door.found_again(operation.target, says, author)

    def _checked(self, step: Step, author: Author, cwd: str) -> Step | None:
        """The step, if the door lets it pass; None if it says again what is known here and now,
        as if it were known everywhere or for longer: only the owner's word makes it so.

        What is not proved yet supersedes nothing: it would be hidden from other sessions, and
        what it stands for with it.
        """
        status = self._door.check(self._propose(step), author)
        adds = step.supersedes or not step.before
        if status != "active" and adds and self._known_here(step.after, cwd):
            return None
        if status == "candidate" and step.supersedes:
            return Step(step.target, "", step.after)
        return step

    def _known_here(self, text: str, cwd: str) -> bool:
        now = here(text, cwd, self._today())
        return any(known_by(now, self.entries(target)) for target in FILES)

    async def _write(self, plan: Callable[[], Proposal], author: Author) -> Change:
        """Pass the door, and remember what the file held before and after. Under the lock: the
        versions are remembered in the order they were written."""
        written: list[Proposal] = []

        def planned() -> Proposal:
            written[:] = [plan()]
            return written[0]

        change = await self._door.apply(planned, author)
        if change.status != "proposed":
            self._remember(written[0])
        return change

    def _remember(self, proposal: Proposal) -> None:
        versions = self._versions[_target(proposal.kind)]
        for file in proposal.files:
            versions.saw(file.before or "")
            versions.saw(file.after or "")

    def _propose(self, step: Step) -> Proposal:
        """The step on the file as it is now."""
        text = self._read(step.target)
        document = self._document(step.target, text)
        if not step.carry_out(document):
            raise ToolError(
                f"this entry is not in {FILES[step.target]} any more: {step.before[:80]}",
                "It was changed meanwhile; look at the notes again.",
            )
        return self._proposal(step, step.action, text, document.render())

    def _proposal(self, step: Step, action: str, before: str | None, after: str | None) -> Proposal:
        name = FILES[step.target]
        path = self.path(step.target).relative_to(self._home.root).as_posix()
        files = (FileChange(path, before, after),)
        return Proposal(step.target, name, action, files, step.after, step.before, step.after)

    def _again(self, intended: ChangeIntended) -> Proposal:
        """The same change on the file as it is now."""
        step = _step_of(intended)
        document = self._document(step.target, self._read(step.target))
        if step.after and document.says(step.after):
            raise ChangeRefused(f"{intended.name} says this already", "There is nothing to add.")
        return self._by_the_door(self._propose(step))

    def _reverse(self, intended: ChangeIntended) -> Proposal:
        """The change taken back: byte for byte if nothing was written since, else its entry."""
        step = _step_of(intended)
        back = Step(step.target, step.after, step.before)
        text = self._read(step.target)
        file = whole(intended.files[0], text)
        if file is not None and text == file.after:
            return self._by_the_door(self._proposal(back, "undo", text, file.before))
        if intended.action == "merge":
            raise ChangeRefused("the notes changed after they were merged", "Edit them by hand.")
        document = self._document(back.target, text)
        if (back.after and document.says(back.after)) or not back.carry_out(document):
            raise ChangeRefused(
                f"{intended.name}: the entry does not stand as this change wrote it",
                "Undo the later change of the same entry first.",
            )
        return self._by_the_door(self._proposal(back, "undo", text, document.render()))

    def _by_the_door(self, proposal: Proposal) -> Proposal:
        """The door writes this by itself: remembered beforehand, or it would look like a save by
        hand afterwards."""
        self._remember(proposal)
        return proposal

    def _document(self, target: Target, text: str | None) -> Document:
        """The entries of `text`, with what the save that wrote it had not known."""
        return self._versions[target].merged(text or "").document

    def _read(self, target: Target) -> str | None:
        """The file's text; None if there is none. What cannot be read is not taken for empty."""
        path = self.path(target)
        try:
            return path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise ToolError(
                f"{path.name} is not UTF-8 text (byte {error.start})",
                "Its owner must mend it; nothing is written to it until then.",
            ) from error
        except OSError as error:
            raise ToolError(
                f"{path.name} cannot be read: {error.strerror}",
                "Its owner must mend that; nothing is written to it until then.",
            ) from error


def _step_of(intended: ChangeIntended) -> Step:
    before, after = intended.entry_before, intended.entry_after
    return Step(_target(intended.kind), before, after, intended.action == SUPERSEDE)


def _target(kind: ChangeKind) -> Target:
    return "user" if kind == "user" else "memory"
