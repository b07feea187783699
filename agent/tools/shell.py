"""Commands, in the foreground and the background."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from agent.policy import Effect, is_inside
from agent.sandbox.base import Process
from agent.sandbox.choose import SandboxKind, open_sandbox
from agent.sandbox.environment import command_environment
from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.output import BoundedOutput
from agent.tools.process import END_SECONDS, Background, exit_text
from agent.tools.schema import tool
from hermes_home.errors import SandboxError, ToolError
from hermes_home.paths import Home

MOST_PROCESSES = 16
LONGEST = 3600
_PAUSE = 0.002  # seconds between pieces of a very long output, so that others get their turn
_WAIT_SECONDS = 300.0
_FIRST_LOOK = 0.5  # a background command that fails at once is reported with its start
_ANSWER_SECONDS = 0.3  # what is written is often answered at once


@dataclass(frozen=True)
class Ran:
    """A command's end. `exit` None: it took too long and was ended."""

    output: str
    exit: int | None


class Shells:
    """Where a session's commands run: confined as a rule, outside when the owner lets one out.
    Either place starts with its first command.

    sandbox: what confines commands, None if nothing does. writable, readable, hidden, network: as
    in `open_sandbox`. environment: commands see the harmless names of it.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        home: Home,
        workspace: Path,
        *,
        sandbox: SandboxKind | None,
        writable: Sequence[Path] = (),
        readable: Sequence[Path] = (),
        hidden: Sequence[Path] = (),
        network: bool = False,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.workspace = workspace
        self.processes: dict[str, Background] = {}
        confined = open_sandbox(
            sandbox,
            home=home,
            workspace=workspace,
            writable=writable,
            readable=readable,
            hidden=hidden,
            network=network,
        )
        self._sandboxes = {
            False: confined,
            True: open_sandbox(None, home=home, workspace=workspace),
        }
        self._seen = [workspace, home.skills, home.files, *readable]
        self._environment = environment
        self._last = 0
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether a background process is still running."""
        return any(process.running for process in self.processes.values())

    @property
    def unconfined(self) -> bool:
        """Commands of this session may be at work outside any sandbox."""
        return any(box.root_pid and not box.confined for box in self._sandboxes.values())

    @property
    def root_pids(self) -> set[int]:
        """The processes all commands descend from, as the daemon sees them."""
        return {box.root_pid for box in self._sandboxes.values() if box.root_pid}

    def sees(self, path: Path) -> bool:
        """Whether confined commands find what the daemon finds at a resolved path."""
        return any(is_inside(path, folder.resolve()) for folder in self._seen)

    async def run(self, command: str, *, cwd: Path, timeout: float, outside: bool = False) -> Ran:
        """Run to the end, or for `timeout` seconds; then, and when cancelled, the command and all
        it started are ended."""
        output = BoundedOutput()
        process: Process | None = None
        try:
            async with asyncio.timeout(timeout):
                process = await self._start(command, cwd, outside)
                while data := await process.read():
                    output.add(data)
                    if output.full:
                        await asyncio.sleep(_PAUSE)
                return Ran(output.text(), await process.wait())
        except TimeoutError:
            await self._end(process, output, outside)
            return Ran(output.text(), None)
        except asyncio.CancelledError:
            self._aside(self._end(process, output, outside))
            raise

    async def begin(self, command: str, *, cwd: Path, outside: bool = False) -> Background:
        """Start a command in the background."""
        self._make_room()
        process = await self._start(command, cwd, outside, interactive=True)
        self._last += 1
        background = Background(f"p{self._last}", command, process, outside=outside)
        self.processes[background.id] = background
        return background

    def process(self, id: str) -> Background:
        if id not in self.processes:
            known = ", ".join(self.processes) or "none"
            what = f"there is no background process {id!r}" if id else "argument `id` is missing"
            raise ToolError(f"{what}; there are: {known}")
        return self.processes[id]

    async def aclose(self) -> None:
        """End every command, in both places."""
        for background in self.processes.values():
            await background.aclose()
        for box in self._sandboxes.values():
            await box.close()
        if self._endings:
            await asyncio.wait(self._endings)

    def _make_room(self) -> None:
        ended = [process.id for process in self.processes.values() if not process.running]
        while len(self.processes) >= MOST_PROCESSES:
            if not ended:
                raise ToolError(
                    f"{MOST_PROCESSES} background processes are running already",
                    "End one with process(action='kill', id=…).",
                )
            del self.processes[ended.pop(0)]

    async def _start(
        self, command: str, cwd: Path, outside: bool, *, interactive: bool = False
    ) -> Process:
        try:
            return await self._sandboxes[outside].start(
                command,
                cwd=cwd,
                env=command_environment(self._environment),
                interactive=interactive,
            )
        except SandboxError as error:
            raise ToolError(error.message, error.hint) from error

    async def _end(self, process: Process | None, output: BoundedOutput, outside: bool) -> None:
        """End a command's tree, and take what it had still printed. A sandbox that does not do so
        in time is ended as a whole."""
        try:
            async with asyncio.timeout(END_SECONDS):
                if process is not None:
                    process.kill()
                    while data := await process.read():
                        output.add(data)
                    return
        except TimeoutError:
            pass
        await self._sandboxes[outside].close()

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)


class ShellTools:
    """The two tools over a session's shells."""

    def __init__(self, shells: Shells) -> None:
        self._shells = shells

    async def shell(
        self,
        context: ToolContext,
        command: str,
        timeout: Annotated[int, "seconds, default 120; longer: background"] = 120,
        background: Annotated[bool, "start it and go on; see `process`"] = False,
        cwd: str = "",
        outside: Annotated[bool, "leave the sandbox, e.g. for network; asks the owner"] = False,
    ) -> ToolResult:
        """Run a command in bash, sandboxed, in the workspace; each call is a new shell. A test
        comes last and without a pipe: its exit status counts. Long output is cut by itself."""
        if not 1 <= timeout <= LONGEST:
            raise ToolError(f"argument `timeout`: {timeout} is not in 1 to {LONGEST} seconds")
        folder = context.cwd / Path(cwd).expanduser()
        if background:
            return await self._begin(command, folder, outside)
        ran = await self._shells.run(command, cwd=folder, timeout=timeout, outside=outside)
        if ran.exit is None:
            text = with_last_line(ran.output, f"timed out after {timeout} s; all of it was ended")
            return ToolResult(text, failed=True, details={"timed_out": True})
        return _result(ran.output, ran.exit)

    async def _begin(self, command: str, folder: Path, outside: bool) -> ToolResult:
        background = await self._shells.begin(command, cwd=folder, outside=outside)
        await background.wait(_FIRST_LOOK)
        output = background.output()
        if background.exit is not None:
            return _result(output, background.exit)
        said = f"started {background.id}" + (f"; it printed:\n{output}" if output else "")
        return ToolResult(said, details={"process": background.id})

    def run_effects(self, arguments: dict[str, Any], context: ToolContext) -> Sequence[Effect]:
        return [Effect("run", arguments["command"], bool(arguments.get("outside")))]

    async def process(
        self,
        context: ToolContext,
        action: Literal["list", "output", "wait", "write", "kill"],
        id: str = "",
        input: Annotated[str, "text to write, with its newline"] = "",
    ) -> ToolResult:
        """Background processes. output: what is new; wait: until it ends, 5 minutes at most."""
        if action == "list":
            return self._list()
        background = self._shells.process(id)
        if action == "write":
            await _write(background, input)
            await background.wait(_ANSWER_SECONDS)
        elif action == "wait":
            await background.wait(_WAIT_SECONDS)
        elif action == "kill":
            await background.end()
        text = background.output()
        if action != "kill" and background.exit is not None:
            return _result(text, background.exit)
        return ToolResult(with_last_line(text, f"{id}: {background.state()}"))

    def _list(self) -> ToolResult:
        lines = [
            f"{one.id} {one.state()}: {one.command}" for one in self._shells.processes.values()
        ]
        return ToolResult("\n".join(lines) or "no background processes")

    def process_effects(self, arguments: dict[str, Any], context: ToolContext) -> Sequence[Effect]:
        """Input is judged as the command that reads it was."""
        background = self._shells.processes.get(arguments.get("id", ""))
        if arguments["action"] != "write" or background is None:
            return ()
        return [Effect("run", arguments.get("input", ""), background.outside)]


async def _write(background: Background, text: str) -> None:
    try:
        await background.write(text)
    except (BrokenPipeError, TimeoutError):
        raise ToolError(f"{background.id} ({background.state()}) does not read its input") from None


def _result(output: str, code: int) -> ToolResult:
    """The status is told only if it is not 0."""
    status = 128 - code if code < 0 else code
    text = with_last_line(output, exit_text(code)) if code else output or "(no output)"
    return ToolResult(text, failed=code != 0, exit=status)


def with_last_line(text: str, line: str) -> str:
    return f"{text.rstrip()}\n{line}" if text.strip() else line


def shell_tools(shells: Shells) -> list[Tool]:
    tools = ShellTools(shells)
    return [
        tool(tools.shell, effects=tools.run_effects),
        tool(tools.process, effects=tools.process_effects),
    ]
