"""Commands as the model runs them: in the foreground, in the background, cut short."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.policy import Effect
from agent.sandbox.choose import probe
from agent.tools.process import RING, exit_text
from agent.tools.shell import MOST_PROCESSES, Shells, shell_tools
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from tests.confinement import children, eventually, processes_of
from tests.toolbench import ToolBench

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
async def shells(home: Home, workspace: Path) -> AsyncIterator[Shells]:
    before = children()
    opened = Shells(home, workspace, sandbox=await probe("auto"))
    yield opened
    await opened.aclose()
    assert children() == before


@pytest.fixture
def bench(home: Home, shells: Shells, workspace: Path) -> ToolBench:
    return ToolBench(home, workspace, shell_tools(shells))


# -- in the foreground --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "text", "exit"),
    [
        ("echo one; echo two >&2", "one\ntwo\n", 0),
        ("true", "(no output)", 0),
        ("echo x; exit 3", "x\nexit 3", 3),
        ("false", "exit 1", 1),
        ("kill -KILL $$", "exit 137 (SIGKILL)", 137),
        ("printf 'a\\xffb'", "a\ufffdb", 0),
        ("printf '\\033[31mred\\033[0m'", "red", 0),
        ("echo {1..3} && [[ -n $BASH ]]", "1 2 3\n", 0),
    ],
)
async def test_the_result_is_the_output_and_a_status_that_is_not_0(
    bench: ToolBench, command: str, text: str, exit: int
):
    outcome = await bench.call("shell", command=command)
    assert (outcome.text, outcome.exit, outcome.failed) == (text, exit, exit != 0)


async def test_commands_begin_in_the_workspace_or_where_they_are_told(
    bench: ToolBench, workspace: Path
):
    (workspace / "sub").mkdir()
    assert (await bench.call("shell", command="pwd")).text == f"{workspace}\n"
    assert (await bench.call("shell", command="pwd", cwd="sub")).text == f"{workspace}/sub\n"
    assert (await bench.call("shell", command="pwd", cwd="gone")).exit == 127


async def test_files_stay_from_command_to_command(bench: ToolBench, workspace: Path):
    await bench.call("shell", command="echo kept > note; echo t > $TMPDIR/t")
    assert (await bench.call("shell", command="cat note $TMPDIR/t")).text == "kept\nt\n"
    assert (workspace / "note").read_text() == "kept\n"


async def test_a_command_that_takes_too_long_is_ended_with_all_it_started(bench: ToolBench):
    marker = f"6{os.getpid()}"
    outcome = await bench.call(
        "shell", command=f"echo begun; setsid sleep {marker} & sleep {marker}", timeout=1
    )
    assert (outcome.failed, outcome.exit) == (True, None)
    assert outcome.text == "begun\ntimed out after 1 s; all of it was ended"
    await eventually(lambda: not processes_of(f"sleep\0{marker}"))


async def test_an_endless_output_is_bounded_and_stops_nobody_else(bench: ToolBench):
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    outcome = await bench.call("shell", command="yes", timeout=1)
    ticking.cancel()
    assert "timed out" in outcome.text
    assert ticks > 100


async def test_a_cancelled_call_ends_its_command(bench: ToolBench, shells: Shells):
    marker = f"7{os.getpid()}"
    call = asyncio.create_task(
        bench.call("shell", command=f"(setsid sleep {marker} &) ; sleep {marker}")
    )
    await eventually(lambda: len(processes_of(f"sleep\0{marker}")) >= 2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await eventually(lambda: not processes_of(f"sleep\0{marker}"))
    assert (await bench.call("shell", command="echo on")).text == "on\n"


async def test_commands_run_side_by_side(bench: ToolBench):
    """Each waits for the other's file: one after the other they would not end."""
    first = "touch a; while [ ! -e b ]; do sleep 0.01; done; echo first"
    second = "touch b; while [ ! -e a ]; do sleep 0.01; done; echo second"
    outcomes = await asyncio.gather(
        bench.call("shell", command=first, timeout=60),
        bench.call("shell", command=second, timeout=60),
    )
    assert [outcome.text for outcome in outcomes] == ["first\n", "second\n"]


@pytest.mark.slow
async def test_a_command_that_stops_the_sandbox_does_not_stop_the_session(
    bench: ToolBench, shells: Shells
):
    stop = "kill -STOP $(ps -o ppid= -p $PPID); sleep 600"
    outcome = await bench.call("shell", command=stop, timeout=1)
    assert "timed out" in outcome.text
    assert (await bench.call("shell", command="echo on")).text == "on\n"


async def test_leaving_the_sandbox_is_an_effect_of_its_own_and_another_place(
    bench: ToolBench, shells: Shells, tmp_path: Path
):
    beside = tmp_path / "beside"
    command = f"echo x > {beside}"
    assert bench.effects("shell", command=command) == [Effect("run", command, False)]
    assert bench.effects("shell", command=command, outside=True) == [Effect("run", command, True)]
    await bench.call("shell", command=command)
    assert not beside.exists()
    await bench.call("shell", command=command, outside=True)
    assert beside.exists()
    assert len(shells.root_pids) == 2


@pytest.mark.parametrize("timeout", [0, -1, 3601])
async def test_a_time_nobody_waits_is_refused(bench: ToolBench, timeout: int):
    assert "`timeout`" in (await bench.call("shell", command="true", timeout=timeout)).text


async def test_no_secret_reaches_a_command_in_or_outside_the_sandbox(
    home: Home, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    environment = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "CANARY", "LANG": "C.UTF-8"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shells = Shells(home, workspace, sandbox=await probe("auto"), environment=environment)
    bench = ToolBench(home, workspace, shell_tools(shells))
    for outside in (False, True):
        outcome = await bench.call(
            "shell", command="env; cat /proc/self/environ /proc/$PPID/environ", outside=outside
        )
        assert "LANG=C.UTF-8" in outcome.text
        assert "CANARY" not in outcome.text
    await shells.aclose()


# -- in the background --------------------------------------------------------------------------


async def test_a_background_command_is_followed_fed_and_ended(bench: ToolBench, shells: Shells):
    begun = await bench.call("shell", command="echo ready; cat", background=True)
    assert begun.text == "started p1; it printed:\nready\n"
    assert shells.busy
    assert "p1 running for" in (await bench.call("process", action="list")).text
    told = (await bench.call("process", action="write", id="p1", input="one\n")).text
    while "one\n" not in told:
        told += (await bench.call("process", action="output", id="p1")).text
        await asyncio.sleep(0.01)
    again = await bench.call("process", action="output", id="p1")
    assert "one" not in again.text
    ended = await bench.call("process", action="kill", id="p1")
    assert ended.text.endswith("p1: exit 137 (SIGKILL)")
    assert not shells.busy


async def test_waiting_gives_the_rest_and_the_status(bench: ToolBench):
    await bench.call("shell", command="read x; sleep 0.5; echo bye; exit 4", background=True)
    await bench.call("process", action="write", id="p1", input="\n")
    outcome = await bench.call("process", action="wait", id="p1")
    assert (outcome.text, outcome.exit, outcome.failed) == ("bye\nexit 4", 4, True)


async def test_a_background_command_that_fails_at_once_says_so(bench: ToolBench):
    outcome = await bench.call("shell", command="nonsense-command", background=True)
    assert outcome.exit == 127
    assert "not found" in outcome.text


@pytest.mark.slow
async def test_a_long_background_output_is_a_ring(bench: ToolBench):
    command = f"head -c {RING} /dev/zero | tr '\\0' a; echo; head -c {RING} /dev/zero | tr '\\0' b"
    await bench.call("shell", command=f"sleep 1; {command}", background=True)
    outcome = await bench.call("process", action="wait", id="p1")
    assert f"[… {RING + 1:,} bytes are gone …]" in outcome.text
    assert outcome.text.endswith("b")


async def test_input_nobody_reads_is_told(bench: ToolBench):
    await bench.call("shell", command="exec 0<&-; sleep 600", background=True)
    outcome = await bench.call("process", action="write", id="p1", input="x" * 1_000_000)
    assert outcome.failed
    assert "p1 (running" in outcome.text


async def test_input_is_judged_as_its_command_was(bench: ToolBench):
    await bench.call("shell", command="cat", background=True, outside=True)
    await bench.call("shell", command="cat", background=True)
    assert bench.effects("process", action="write", id="p1", input="rm -rf x") == [
        Effect("run", "rm -rf x", True)
    ]
    assert bench.effects("process", action="write", id="p2", input="y")[0].outside is False
    assert bench.effects("process", action="kill", id="p1") == ()


async def test_an_unknown_process_is_told_with_the_known_ones(bench: ToolBench):
    await bench.call("shell", command="sleep 600", background=True)
    assert "there are: p1" in (await bench.call("process", action="output", id="p9")).text


async def test_only_so_many_run_at_once_and_ended_ones_make_room(shells: Shells, workspace: Path):
    for _ in range(MOST_PROCESSES):
        await shells.begin("sleep 600", cwd=workspace)
    with pytest.raises(ToolError, match="running already"):
        await shells.begin("true", cwd=workspace)
    await shells.process("p3").end()
    assert (await shells.begin("sleep 600", cwd=workspace)).id == "p17"
    assert "p3" not in shells.processes


async def test_closing_ends_what_runs_in_the_background(home: Home, workspace: Path):
    marker = f"8{os.getpid()}"
    shells = Shells(home, workspace, sandbox=await probe("auto"))
    await shells.begin(f"setsid sleep {marker} & sleep {marker}", cwd=workspace)
    await shells.begin(f"sleep {marker}", cwd=workspace, outside=True)
    await eventually(lambda: len(processes_of(f"sleep\0{marker}")) >= 3)
    await shells.aclose()
    assert not processes_of(f"sleep\0{marker}")
    await shells.aclose()


def test_a_signal_without_a_name_is_told_by_its_number():
    assert exit_text(-44) == "exit 172 (signal 44)"
    assert exit_text(0) == "exit 0"
