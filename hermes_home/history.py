"""The home's history: files replaced atomically, every batch of changes one commit."""

from __future__ import annotations

import asyncio
import logging
import shutil
from bisect import bisect_left
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from hermes_home.commits import Commit, commit_text, message
from hermes_home.errors import HermesError
from hermes_home.files import PREFIX, make_folders
from hermes_home.git import Repository, open_repository
from hermes_home.paths import Home
from hermes_home.replace import replace_file
from hermes_home.rewriting import Keep, Said
from hermes_home.tracked import (
    FILES,
    FOLDERS,
    Content,
    State,
    files_below,
    locate,
    read,
    spellings,
)

_log = logging.getLogger(__name__)
_DELAY = 0.05
"""Seconds a commit waits for more of the same batch."""


@dataclass(slots=True)
class _Batch:
    actor: str
    session: str
    reason: str
    change: int
    at: datetime
    files: dict[str, Content | None] = field(default_factory=dict)

    def same(self, other: _Batch) -> bool:
        one, two = (
            (batch.actor, batch.session, batch.reason, batch.change) for batch in (self, other)
        )
        return one == two

    def text(self, *, follows: bool) -> bytes:
        trailers = {"Actor": self.actor, "Session": self.session}
        trailers |= {"Change": str(self.change or ""), "Reason": self.reason}
        subject = message(sorted(self.files), trailers)
        return commit_text(subject, self.at, self.files, follows=follows)


class History:
    """One per daemon, used from the event loop's thread. `warnings` is for the owner: without
    git, files are replaced all the same and nothing is committed."""

    def __init__(self, home: Home, program: str = "git") -> None:
        self.warnings: list[str] = []
        self._home = home
        self._program = program
        self._repository: Repository | None = None
        self._known: dict[str, State] = {}  # by path: the last commit, and what is queued
        self._queue: list[_Batch] = []
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tidied = False

    async def open(self) -> None:
        """Find or make the repository. The caller holds the home's lock."""
        await asyncio.to_thread(self._sweep)
        program = shutil.which(self._program)
        if program is None:
            self._warn("git is not installed: changes to skills and notes have no history")
            return
        try:
            fallback = self._home.run / "history.git"
            make_folders(fallback.parent)
            repository = open_repository(program, self._home.root, fallback)
            self._known = await repository.tree()
            self._repository = repository
        except (HermesError, OSError) as error:
            self._warn(f"the home's history cannot be used: {error}")

    def replace(
        self, relative: str, before: str | None, after: str | None, *, runs: bool = False
    ) -> bool:
        """Make a tracked file hold `after` if it holds `before`; None = no such file. False, and
        nothing changed, if it holds anything else.

        Atomic, on disk when it returns, mode 0600, or 0700 if it `runs`. Folders are made, and
        removed when empty.
        HermesError: not a tracked path, a link that leads out, or a disk that refuses.
        """
        path = locate(self._home, relative)
        old, new = (
            None if text is None else text.encode("utf-8", "surrogateescape")
            for text in (before, after)
        )
        try:
            if new is not None and old is None:
                make_folders(path.parent)
            done = replace_file(path, old, new, runs=runs)
        except OSError as error:
            raise HermesError(
                f"{relative} could not be written: {error.strerror}",
                "free some space, or look at the folder's owner and mode",
            ) from error
        if done and new is None:
            self._remove_empty_folders(relative)
        return done

    def record(
        self, paths: Sequence[str], *, actor: str, reason: str, session: str = "", change: int = 0
    ) -> None:
        """Queue what these files or folders hold now for the next commit. Paths without a history
        and files that are as in the last commit are passed over."""
        batch = _Batch(actor, session, reason, change, datetime.now(UTC))
        if self._repository is None:
            return
        known = sorted(self._known)
        for relative in paths:
            for path in self._files(relative, known):
                self._take(path, batch)
        if not batch.files:
            return
        if self._queue and self._queue[-1].same(batch):
            self._queue[-1].files |= batch.files
            return
        if not self._queue:
            self._spawn(self._commit_soon())
        self._queue.append(batch)

    async def flush(self) -> None:
        """Everything recorded so far is committed, or a warning says why not."""
        await asyncio.shield(self._spawn(self._commit()))

    async def close(self) -> None:
        await self.flush()
        await asyncio.gather(*self._tasks)

    async def log(self, path: str = "", limit: int = 50) -> list[Commit]:
        """Newest first; those that touch `path` or a file below it, if it is given."""
        await self.flush()
        return await self._repository.log(path, limit) if self._repository else []

    async def bundle(self, path: Path) -> bool:
        """Everything committed so far as one file of git's; False if there is nothing."""
        await self.flush()
        return await self._repository.bundle(path) if self._repository else False

    async def rewrite(self, keep: Keep, said: Said) -> None:
        """Take words out of every commit, also out of what git still keeps of older ones. Raises
        HermesError if git fails: nothing is lost, and it may be tried again."""
        await self.flush()
        async with self._writing:
            if self._repository is not None:
                await self._repository.rewrite(keep, said)
                self._known = await self._repository.tree()

    async def dirty(self) -> list[str]:
        """The tracked files that differ from the last commit, those that are gone included."""
        await self.flush()
        if self._repository is None:
            return []
        known = dict(self._known)
        return await asyncio.to_thread(self._differing, known)

    async def _commit_soon(self) -> None:
        await asyncio.sleep(_DELAY)
        await self._commit()

    async def _commit(self) -> None:
        async with self._writing:
            batches, self._queue = self._queue, []
            if batches and self._repository:
                await self._write(self._repository, batches)

    async def _write(self, repository: Repository, batches: list[_Batch]) -> None:
        try:
            follows = await repository.has_commits()
            texts = [batch.text(follows=follows and batch is batches[0]) for batch in batches]
            await repository.commit(b"".join(texts))
            if not self._tidied:
                self._tidied = True
                await repository.tidy()
        except HermesError as error:
            self._warn(f"changes could not be added to the home's history: {error}")
            await self._forget(repository)

    async def _forget(self, repository: Repository) -> None:
        """After a failure: what was not committed counts as changed again."""
        try:
            self._known = await repository.tree()
        except HermesError:
            self._known = {}

    def _take(self, path: str, batch: _Batch) -> None:
        content = read(self._home.root / path)
        state = content.state if content else None
        if state == self._known.get(path):
            return
        batch.files[path] = content
        if state:
            self._known[path] = state
        else:
            del self._known[path]

    def _files(self, relative: str, known: list[str]) -> list[str]:
        """The files that a recorded path stands for: those on disk, and of the `known` (sorted)
        those that went away."""
        found = set()
        for path in spellings(self._home, relative):
            found |= set(files_below(self._home, path))
            found |= {path} & self._known.keys()
            found |= set(known[bisect_left(known, path + "/") : bisect_left(known, path + "0")])
        return sorted(found)

    def _differing(self, known: dict[str, State]) -> list[str]:
        there = {path for top in (*FOLDERS, *FILES) for path in files_below(self._home, top)}
        now = {path: read(self._home.root / path) for path in there | known.keys()}
        state = {path: content.state for path, content in now.items() if content}
        return sorted(path for path in now if state.get(path) != known.get(path))

    def _remove_empty_folders(self, relative: str) -> None:
        for folder in PurePosixPath(relative).parents:
            if len(folder.parts) < 2:
                return
            try:
                (self._home.root / folder).rmdir()
            except OSError:
                return

    def _sweep(self) -> None:
        """Remove files that a killed process had half written."""
        for top in FOLDERS:
            for left in (self._home.root / top).rglob(f"{PREFIX}*.tmp"):
                left.unlink(missing_ok=True)
        for left in self._home.root.glob(f"{PREFIX}*.tmp"):
            left.unlink(missing_ok=True)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _warn(self, text: str) -> None:
        _log.warning(text)
        if text not in self.warnings:
            self.warnings.append(text)
