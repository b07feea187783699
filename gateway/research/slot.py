"""A worker of a batch: one process, one home, one prompt at a time. It only carries out and
reports; what counts is what its parent stores.

The process ends with its parent. If the slot's home holds the input of the task to go on with, it
is used as the last worker left it, so that the run it was in continues; otherwise, and after
whatever was learned, it is the frozen one again.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec

from gateway.app import App
from gateway.learning.copies import NotCopied
from gateway.research.at_home import AtHome
from gateway.research.compress import compressed
from gateway.research.engine import boot
from gateway.research.frames import Beat, Frames, Ready, Report, Result, Task, framed
from gateway.research.frozen import copied
from gateway.research.one import Done, Work, carry_out, opened
from gateway.research.workspaces import Workspaces
from hermes_home.errors import HermesError
from hermes_home.files import PREFIX
from hermes_home.guard import made_by_us
from hermes_home.paths import Home
from memory.database import reading
from memory.journal import CHANGES

SOURCE = "batch"
BEAT_SECONDS = 2.0
RENEWED_AFTER = 250
"""Prompts after which a slot begins a home anew, whatever they did."""
OWN_ENDS = frozenset({"done", "blocked", "limit"})
"""Ends of a run that another attempt would not better by itself."""
PR_SET_PDEATHSIG = 1
PIECE = 1 << 16

Tell = Callable[[Report], None]
Next = Callable[[], Awaitable[Task]]
Serving = Callable[[Next], Coroutine[None, None, NoReturn]]
Carry = Callable[[Task], Awaitable[Done]]


@dataclass(frozen=True, slots=True)
class Ends:
    """A forked worker's descriptors: where tasks come from, where reports go, and what else it
    keeps open."""

    tasks: int
    reports: int
    kept: tuple[int, ...]


def main() -> NoReturn:
    """The same as a command, `python -m gateway.research.slot FOLDER SLOT PARENT INPUT`, with
    tasks on standard input and reports on standard output."""
    folder, slot, parent, input = sys.argv[1:]
    become(Path(folder), slot, int(parent), input, Ends(os.dup(0), os.dup(1), ()), None)


def become(
    folder: Path, slot: str, parent: int, input: str, ends: Ends, origin: Home | None
) -> NoReturn:
    """Make this process, which was just forked, the worker of a slot. input: what its home must
    hold to be gone on with. origin: the home itself if it is to learn, else None."""
    code = 1
    try:
        _end_with(parent)
        _detach(folder / "slots" / slot / "worker.log", ends)
        os.environ["HERMES_HOME"] = str(folder / "slots" / slot / "home")

        def tell(report: Report) -> None:
            data = framed(report)
            while data:
                data = data[os.write(ends.reports, data) :]

        serving: Serving = partial(serve, folder, slot, input, tell)
        if origin is not None:
            serving = partial(serve_at_home, folder, slot, origin, tell)
        asyncio.run(_until_left(serving, tell, ends.tasks))
        code = 0
    except HermesError as error:
        sys.stderr.write(f"{error}\n")
        code = error.exit_code
    except BaseException as error:  # noqa: BLE001 - the border of a process
        traceback.print_exception(error)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _end_with(parent: int) -> None:
    """Be killed when the parent dies, at once where the system can; elsewhere the end of the
    tasks says so."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _detach(log: Path, ends: Ends) -> None:
    """Keep nothing of the parent's but the ends; what is printed goes to the log. Ctrl-C is for
    the parent, which tells its workers."""
    os.setsid()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)
    logging.basicConfig(level=logging.WARNING, handlers=[logging.StreamHandler()], force=True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), number)
    kept = {0, 1, 2, ends.tasks, ends.reports, *ends.kept}
    for descriptor in map(int, os.listdir("/dev/fd")):  # noqa: PTH208 - names, not paths
        if descriptor not in kept:
            with suppress(OSError):  # the one that listed the folder
                os.close(descriptor)


async def _until_left(serving: Serving, tell: Tell, source: int) -> None:
    """Until the parent closes the pipe of tasks: what is under way then is suspended, and goes on
    when the slot does."""
    tasks: asyncio.Queue[Task] = asyncio.Queue()
    working = asyncio.create_task(serving(tasks.get))
    beating = asyncio.create_task(_beat(tell))
    listening = asyncio.create_task(_listen(source, tasks))
    try:
        await asyncio.wait({working, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, beating, listening):
            if not task.done():
                task.cancel()
        await asyncio.wait({working, beating, listening})
    if not working.cancelled() and (error := working.exception()):
        raise error


async def _listen(source: int, tasks: asyncio.Queue[Task]) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    with os.fdopen(source, "rb", buffering=0) as pipe:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        frames: Frames[Task] = Frames(Task)
        while data := await reader.read(PIECE):
            for task in frames.feed(data):
                tasks.put_nowait(task)


async def _beat(tell: Tell) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        tell(Beat())


async def serve(folder: Path, slot: str, input: str, tell: Tell, next: Next) -> NoReturn:
    """Carry out what `next` gives, one after the other, in the home of a slot below `folder`."""
    home, frozen = Home(folder / "slots" / slot / "home"), Home(folder / "frozen")
    standing = _changes(frozen)
    workspaces = Workspaces()
    fresh = not (input and _holds(home, input))
    _sweep(home.root.parent)
    while True:
        if fresh:
            await asyncio.to_thread(copied, frozen, home)
        async with opened(home) as app:
            if boot():
                # A killed process loses nothing by it; after a power cut the slot is not gone on
                # with (see batch.py).
                app.database.connection.execute("PRAGMA synchronous = NORMAL")
            await app.sandbox()
            tell(Ready())
            for _ in range(RENEWED_AFTER):
                task = await next()
                tell(await attempt(task, home, workspaces, partial(_carry, app)))
                if len(app.journal.changes()) > standing:
                    break
        fresh = True


async def _carry(app: App, task: Task) -> Done:
    workspace = Path(task.workspace)
    work = Work(task.prompt, workspace, task.key, task.options, task.seconds)
    return await carry_out(app, work, SOURCE)


async def serve_at_home(folder: Path, slot: str, origin: Home, tell: Tell, next: Next) -> NoReturn:
    """The same as sessions of the home itself (see at_home.py)."""
    workspaces, note = Workspaces(), folder / "slots" / slot / "session"

    async def carry(task: Task) -> Done:
        job = AtHome(str(origin.root), SOURCE, task, note)
        try:
            done = await asyncio.to_thread(job.run)
        finally:
            job.close()
        assert done is not None  # only a close ends it before
        return done

    tell(Ready())
    while True:
        tell(await attempt(await next(), origin, workspaces, carry))


async def attempt(task: Task, home: Home, workspaces: Workspaces, carry: Carry) -> Result:
    """One attempt at one prompt."""
    try:
        await asyncio.to_thread(workspaces.make, home, Path(task.workspace), task.template)
        done = await carry(task)
    except NotCopied as error:
        return Result(task.id, task.attempt, True, "failed", error.message)
    except TimeoutError:
        why = f"it did not stop when its {task.seconds:g} s were over"
        return Result(task.id, task.attempt, False, "stopped", why)
    except HermesError as error:
        return Result(task.id, task.attempt, False, "failed", str(error))
    return result_of(task, done)


def result_of(task: Task, done: Done) -> Result:
    """What is told of a run, its file among it."""
    found, more = done.trajectory, dict[str, object]()
    if task.compress:
        found, more["compressed"] = compressed(found, task.compress)
    about = {"id": task.id, "attempt": task.attempt, "reason": done.reason, "error": done.error}
    about |= {"seconds": round(done.seconds, 3), "data": task.data} | more
    reward = found.reward.total if found.reward else None
    calls = (call for step in found.trajectory for call in step.tool_calls)
    return Result(
        task.id,
        task.attempt,
        done.reason in OWN_ENDS,
        done.reason,
        done.error,
        msgspec.json.encode({**found.plain(), "prompt": about}) + b"\n",
        found.outcome,
        reward,
        done.tool_calls,
        found.usage["prompt"],
        found.usage["completion"],
        done.seconds,
        sum((call.error or "").startswith("interrupted") for call in calls),
    )


def _sweep(folder: Path) -> None:
    """Remove what a crash left half made in a slot."""
    for path in folder.glob(f"{PREFIX}*"):
        shutil.rmtree(path)


def _holds(home: Home, input: str) -> bool:
    """Whether an input was said in this home."""
    if not made_by_us(home):
        return False
    with reading(home) as reader:
        return reader.execute("SELECT 1 FROM inbox WHERE id = ?", (input,)).fetchone() is not None


def _changes(frozen: Home) -> int:
    """How many events about what is learned a fresh home has."""
    with reading(frozen) as reader:
        count: int = reader.execute(f"SELECT count(*) FROM events WHERE {CHANGES}").fetchone()[0]
    return count


if __name__ == "__main__":
    main()
