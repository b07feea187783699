"""One contract over every way of confining, and what only one of them promises."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.sandbox.base import Sandbox
from agent.sandbox.choose import SandboxKind, open_sandbox, probe
from agent.sandbox.descent import descends_from
from agent.sandbox.environment import command_environment
from agent.sandbox.landlock import uncovered
from agent.sandbox.places import PYTHON, session_places
from agent.sandbox.seccomp import socket_filter
from agent.sandbox.unconfined import Unconfined
from hermes_home.errors import SandboxError
from hermes_home.paths import Home
from tests.confinement import (
    another_process,
    children,
    eventually,
    has_namespaces,
    processes_of,
    require,
    run,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="confines on Linux only"),
]
Open = Callable[..., Sandbox]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "user"
    (folder / ".ssh").mkdir(parents=True)
    (folder / ".ssh" / "id_ed25519").write_text("PRIVATE KEY")
    (folder / ".netrc").write_text("machine x password PRIVATE")
    (folder / "notes.txt").write_text("plain notes")
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def filled(home: Home) -> Home:
    home.env.write_text("OPENAI_API_KEY=PRIVATE")
    home.state_db.write_bytes(b"PRIVATE")
    for folder in (home.skills / "x", home.files, home.run):
        folder.mkdir(parents=True)
    (home.skills / "x" / "SKILL.md").write_text("how to")
    (home.files / "abc").write_text("long output")
    return home


@pytest.fixture(params=["bubblewrap", "landlock"])
async def kind(request: pytest.FixtureRequest) -> SandboxKind:
    chosen: SandboxKind = request.param
    await require(chosen)
    return chosen


@pytest.fixture
async def opened(kind: SandboxKind, filled: Home, workspace: Path) -> AsyncIterator[Open]:
    """Opens sandboxes of one kind, and closes them."""
    boxes: list[Sandbox] = []

    def open_one(**more: object) -> Sandbox:
        arguments: dict[str, object] = {"home": filled, "workspace": workspace, **more}
        boxes.append(open_sandbox(kind, **arguments))  # type: ignore[arg-type]
        return boxes[-1]

    yield open_one
    for box in boxes:
        await box.close()


@contextmanager
def listening(family: int, address: object, kind: int = socket.SOCK_STREAM) -> Iterator[object]:
    with socket.socket(family, kind) as server:
        server.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            server.listen()
        server.setblocking(False)
        yield server.getsockname()
        with pytest.raises(BlockingIOError):  # nobody came
            server.accept() if kind == socket.SOCK_STREAM else server.recv(100)


def connecting(family: str, address: object) -> str:
    code = f"import socket; socket.socket(socket.{family}).connect({address!r}); print('REACHED')"
    return f'{PYTHON} -c "{code}"'


# -- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".env", "state.db", "config.yaml"])
async def test_the_home_cannot_be_read(opened: Open, filled: Home, workspace: Path, name: str):
    (filled.root / name).write_text("PRIVATE")
    code, output = await run(opened(), f"cat {filled.root / name}", workspace)
    assert code != 0
    assert "PRIVATE" not in output


async def test_the_home_cannot_be_read_through_a_link(opened: Open, filled: Home, workspace: Path):
    (workspace / "link").symlink_to(filled.env)
    command = "cat link; ln -s $OLDPWD/x y; cp -L link z; cat z"
    _, output = await run(opened(), command, workspace)
    assert "PRIVATE" not in output


async def test_the_home_cannot_be_written(opened: Open, filled: Home, workspace: Path):
    before = sorted(filled.root.rglob("*"))
    command = (
        f"echo x >> {filled.env}; echo x > {filled.root}/new; echo x > {filled.skills}/x/SKILL.md;"
        f"rm -rf {filled.files}; mv {filled.root} {filled.root}.gone;"
        f"truncate -s0 {filled.state_db}"
    )
    await run(opened(), command, workspace)
    assert sorted(filled.root.rglob("*")) == before
    assert filled.env.read_text() == "OPENAI_API_KEY=PRIVATE"
    assert filled.state_db.read_bytes() == b"PRIVATE"
    assert (filled.skills / "x" / "SKILL.md").read_text() == "how to"


async def test_skills_and_long_outputs_can_be_read(opened: Open, filled: Home, workspace: Path):
    command = f"cat {filled.skills}/x/SKILL.md {filled.files}/abc"
    assert await run(opened(), command, workspace) == (0, "how tolong output")


async def test_the_home_of_a_profile_hides_the_home_it_belongs_to(
    opened: Open, filled: Home, workspace: Path
):
    profile = Home(filled.profiles / "work")
    profile.skills.mkdir(parents=True)
    command = f"cat {filled.env}; ls {profile.skills} && echo seen"
    code, output = await run(opened(home=profile), command, workspace)
    assert (code, "PRIVATE" in output) == (0, False)
    assert output.endswith("seen\n")


async def test_secret_places_of_the_user_are_hidden_and_other_files_are_not(
    opened: Open, user_home: Path, workspace: Path
):
    box = opened()
    for secret in (user_home / ".ssh" / "id_ed25519", user_home / ".netrc"):
        _, output = await run(box, f"cat {secret}", workspace)
        assert "PRIVATE" not in output
    assert await run(box, f"cat {user_home}/notes.txt", workspace) == (0, "plain notes")


async def test_a_secret_place_that_is_a_link_is_hidden_where_it_leads(
    opened: Open, tmp_path: Path, user_home: Path, workspace: Path
):
    (user_home / "real").mkdir()
    (user_home / "real" / "token").write_text("PRIVATE")
    (user_home / ".aws").symlink_to(user_home / "real")
    _, output = await run(opened(), f"cat {user_home}/real/token {user_home}/.aws/token", workspace)
    assert "PRIVATE" not in output


async def test_only_the_workspace_and_the_settings_folders_are_written(
    opened: Open, tmp_path: Path, user_home: Path, workspace: Path
):
    shared = tmp_path / "shared"
    shared.mkdir()
    command = f"echo 1 > a && mkdir b && mv a b/ && echo 2 > {shared}/c; echo 3 > {user_home}/d"
    await run(opened(writable=[shared]), command, workspace)
    assert (workspace / "b" / "a").read_text() == "1\n"
    assert (shared / "c").read_text() == "2\n"
    assert not (user_home / "d").exists()


async def test_a_settings_folder_that_holds_the_home_does_not_open_it(
    opened: Open, filled: Home, workspace: Path
):
    above = filled.root.parent / "above"
    above.mkdir()
    filled.root.rename(above / "inner")
    home = Home(above / "inner")
    command = (
        f"echo x >> {home.env}; cat {home.env}; echo x > {home.root}/new; mv {above} {above}.away;"
        f"mkdir -p {home.root}; echo x > {home.root}/new; cat {above}*/inner/.env"
    )
    _, output = await run(opened(home=home, writable=[above.parent]), command, workspace)
    assert "PRIVATE" not in output
    assert home.env.read_text() == "OPENAI_API_KEY=PRIVATE"
    assert not (home.root / "new").exists()


async def test_a_workspace_that_is_the_user_home_is_read_only(opened: Open, user_home: Path):
    code, output = await run(opened(workspace=user_home), "cat notes.txt; echo x > new", user_home)
    assert code != 0
    assert output.startswith("plain notes")
    assert not (user_home / "new").exists()


async def test_temporary_files_are_private_and_shared_by_the_commands(
    opened: Open, workspace: Path, tmp_path: Path
):
    (tmp_path / "other").write_text("of another program")
    box = opened()
    code, place = await run(box, 'echo mine > "$TMPDIR/t" && echo "$TMPDIR"', workspace)
    assert code == 0
    assert await run(box, 'cat "$TMPDIR/t"', workspace) == (0, "mine\n")
    assert (await run(box, f"cat {tmp_path}/other", workspace))[0] != 0
    await box.close()
    assert not (Path(place.strip()) / "t").exists()


async def test_commands_hold_no_capability(opened: Open, workspace: Path):
    _, output = await run(
        opened(), "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status", workspace
    )
    values = dict(line.split(":\t") for line in output.splitlines())
    assert int(values["CapEff"], 16) == 0
    assert values["NoNewPrivs"] == "1"


# -- network ------------------------------------------------------------------------------------


async def test_a_listener_of_the_machine_is_not_reached(opened: Open, workspace: Path):
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as address:
        _, output = await run(opened(), connecting("AF_INET", address), workspace)
    assert "REACHED" not in output


async def test_a_datagram_does_not_leave(opened: Open, workspace: Path):
    with listening(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM) as address:
        code = (
            "import socket;"
            f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', {address!r})"
        )
        await run(opened(), f'{PYTHON} -c "{code}"', workspace)


@pytest.mark.parametrize("where", ["home", "workspace", "beside"])
async def test_a_socket_in_the_file_system_is_not_reached(
    opened: Open, filled: Home, workspace: Path, user_home: Path, where: str
):
    place = {"home": filled.socket, "workspace": workspace / "s", "beside": user_home / "s"}[where]
    with listening(socket.AF_UNIX, str(place)):
        _, output = await run(opened(), connecting("AF_UNIX", str(place)), workspace)
    assert "REACHED" not in output


async def test_an_abstract_socket_is_not_reached(opened: Open, workspace: Path):
    name = f"hermes-test-{os.getpid()}"
    with listening(socket.AF_UNIX, f"\0{name}"):
        code = f"import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')"
        (workspace / "reach.py").write_text(code)
        assert (await run(opened(), f"{PYTHON} reach.py", workspace))[0] == 1


async def test_the_network_is_there_when_it_is_on(opened: Open, workspace: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = connecting("AF_INET", server.getsockname())
        assert (await run(opened(network=True), command, workspace))[1] == "REACHED\n"


async def test_a_background_server_is_reached_by_the_next_command(
    opened: Open, kind: SandboxKind, workspace: Path
):
    if kind == "landlock" and not has_namespaces():
        pytest.skip("without namespaces Landlock leaves no network, loopback included")
    (workspace / "page").write_text("served")
    box = opened()
    await run(box, f"nohup {PYTHON} -m http.server 8765 --bind 127.0.0.1 > log 2>&1 &", workspace)
    fetch = (
        "import time, urllib.request as u\n"
        "for _ in range(200):\n"
        "    try: print(u.urlopen('http://127.0.0.1:8765/page').read().decode()); break\n"
        "    except OSError: time.sleep(0.05)\n"
    )
    (workspace / "fetch.py").write_text(fetch)
    assert await run(box, f"{PYTHON} fetch.py", workspace) == (0, "served\n")


# -- processes ----------------------------------------------------------------------------------


async def test_processes_of_the_machine_cannot_be_ended(opened: Open, workspace: Path):
    with another_process() as other:
        command = f"kill -9 {other.pid} {os.getpid()}"
        assert (await run(opened(), command, workspace))[0] != 0
        assert other.poll() is None


async def test_the_memory_and_environment_of_the_daemon_cannot_be_read(
    opened: Open, workspace: Path
):
    command = f"cat /proc/{os.getpid()}/environ /proc/{os.getpid()}/root/etc/hostname"
    assert (await run(opened(), command, workspace))[0] != 0


@pytest.mark.parametrize("secret", ["OPENAI_API_KEY", "TELEGRAM_BOT_TOKEN", "HERMES_HOME"])
async def test_no_secret_is_in_the_environment(
    opened: Open, workspace: Path, monkeypatch: pytest.MonkeyPatch, secret: str
):
    monkeypatch.setenv(secret, "CANARY")
    command = "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'"
    _, output = await run(opened(), command, workspace)
    assert "CANARY" not in output
    assert "TERM=dumb" in output


async def test_killing_ends_the_whole_tree_also_what_detached(opened: Open, workspace: Path):
    marker = f"sleep 4{os.getpid()}"
    box = opened()
    command = f"(setsid sh -c '({marker} &) ; ({marker} &)') & {marker}"
    process = await box.start(command, cwd=workspace, env={"PATH": os.defpath})
    await eventually(lambda: len(processes_of(marker.replace(" ", "\0"))) >= 3)
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    await eventually(lambda: not processes_of(marker.replace(" ", "\0")))
    assert (await run(box, "echo still here", workspace)) == (0, "still here\n")


async def test_killing_leaves_what_an_earlier_command_left_running(opened: Open, workspace: Path):
    box = opened()
    _, left = await run(box, "sleep 600 > /dev/null 2>&1 & echo $!", workspace)
    process = await box.start("echo; sleep 600", cwd=workspace, env={"PATH": os.defpath})
    await process.read()
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    assert await run(box, f"kill -0 {left.strip()}", workspace) == (0, "")


async def test_what_watches_over_a_command_may_be_killed_by_one(opened: Open, workspace: Path):
    box = opened()
    assert (await run(box, "kill -9 $PPID; sleep 600", workspace))[0] == -signal.SIGKILL
    killer = await box.start(
        "read one; kill -9 $one; while kill -0 $one 2>/dev/null; do sleep .01; done;"
        " echo done; read more",
        cwd=workspace,
        env={"PATH": os.defpath},
        interactive=True,
    )
    _, resting = await run(box, "echo $PPID", workspace)
    await killer.write(resting.encode())
    assert await killer.read() == b"done\n"
    assert await run(box, "echo next", workspace) == (0, "next\n")


async def test_commands_at_once_do_not_wait_for_each_other(opened: Open, workspace: Path):
    box = opened()
    waiting = await box.start(
        "mkfifo a; cat a", cwd=workspace, env={"PATH": os.defpath}, interactive=True
    )
    command = "while [ ! -p a ]; do sleep 0.01; done; echo through > a"
    assert await run(box, command, workspace) == (0, "")
    assert await waiting.read() == b"through\n"
    assert await waiting.wait() == 0


async def test_a_command_inherits_nothing_but_its_output(opened: Open, workspace: Path):
    box = opened()
    listed = "ls /proc/self/fd | tr '\n' ' '; grep -E 'SigIgn|SigBlk' /proc/self/status"
    first, second = [await run(box, listed, workspace) for _ in range(2)]
    assert first == second
    assert first[1].startswith("0 1 2 3 ")  # 3 is the folder that ls reads
    ordinary = (1 << 31) - 1  # glibc keeps two of the others for itself
    masks = [int(line.split()[-1], 16) for line in first[1].splitlines()[-2:]]
    assert [mask & ordinary for mask in masks] == [0, 0]


async def test_closing_ends_every_process(opened: Open, workspace: Path):
    before = children()
    box = opened()
    await run(box, "setsid sleep 600 > /dev/null 2>&1 & sleep 600 > /dev/null 2>&1 &", workspace)
    assert children() - before
    assert box.root_pid in children()
    await box.close()
    assert children() == before
    assert box.root_pid == 0


async def test_a_server_ended_by_its_own_command_is_started_again(opened: Open, workspace: Path):
    box = opened()
    code, _ = await run(box, "kill -9 $(ps -o ppid= -p $PPID)", workspace)
    assert code == -signal.SIGKILL
    assert await run(box, "echo again", workspace) == (0, "again\n")


async def test_an_interactive_command_has_input_and_others_find_theirs_empty(
    opened: Open, workspace: Path
):
    box = opened()
    assert await run(box, "cat; echo end", workspace) == (0, "end\n")
    asked = await box.start(
        "read line; echo got $line", cwd=workspace, env={"PATH": os.defpath}, interactive=True
    )
    await asked.write(b"words\n")
    assert await asked.read() == b"got words\n"
    assert await asked.wait() == 0


async def test_what_a_command_left_running_can_go_on_printing(opened: Open, workspace: Path):
    box = opened()
    command = "(while [ ! -e stop ]; do echo line || exit 9; done; echo fine > result) & echo begun"
    code, output = await run(box, command, workspace)
    assert (code, "begun" in output) == (0, True)
    (workspace / "stop").touch()
    await eventually((workspace / "result").exists)


@pytest.mark.parametrize(
    ("command", "code"), [("exit 7", 7), ("kill -TERM $$", -15), ("nope", 127)]
)
async def test_the_exit_status_is_told(opened: Open, workspace: Path, command: str, code: int):
    assert (await run(opened(), command, workspace))[0] == code


async def test_a_folder_that_is_not_there_is_told(opened: Open, workspace: Path):
    code, output = await run(opened(), "pwd", workspace / "missing")
    assert code == 127
    assert "could not be started" in output


@pytest.mark.slow
@pytest.mark.parametrize("way", ["bubblewrap", "landlock", None])
async def test_a_daemon_that_is_killed_leaves_no_process(
    way: SandboxKind | None, filled: Home, workspace: Path
):
    if way is not None:
        await require(way)
    marker = f"5{os.getpid()}{len(str(way))}"
    program = textwrap.dedent(f"""
        import asyncio, os
        from pathlib import Path
        from agent.sandbox.choose import open_sandbox
        from hermes_home.paths import Home

        async def main():
            box = open_sandbox({way!r}, home=Home(Path({str(filled.root)!r})),
                               workspace=Path({str(workspace)!r}))
            command = "setsid sh -c '(sleep {marker} &)'; sleep {marker}"
            await box.start(command, cwd=Path({str(workspace)!r}), env={{"PATH": os.defpath}})
            await asyncio.sleep(3600)

        asyncio.run(main())
    """)
    repository = Path(__file__).parent.parent
    with another_process(sys.executable, "-c", program, cwd=repository) as one:
        await eventually(lambda: len(processes_of(f"sleep\0{marker}")) >= 2)
        one.kill()
    await eventually(lambda: not processes_of(marker))


# -- one kind only ------------------------------------------------------------------------------


async def test_bubblewrap_shows_no_process_of_the_machine(filled: Home, workspace: Path):
    await require("bubblewrap")
    box = open_sandbox("bubblewrap", home=filled, workspace=workspace)
    _, output = await run(box, "ls /proc | grep -E '^[0-9]+$' | sort -n | tail -1", workspace)
    await box.close()
    assert int(output) < 20


async def test_bubblewrap_keeps_what_git_obeys_outside(filled: Home, workspace: Path):
    await require("bubblewrap")
    (workspace / ".git" / "hooks").mkdir(parents=True)
    (workspace / ".git" / "config").write_text("[core]\n")
    box = open_sandbox("bubblewrap", home=filled, workspace=workspace)
    command = (
        "echo x > .git/hooks/pre-commit; echo x > .git/config; mv .git away; echo x > .git/new"
    )
    await run(box, command, workspace)
    await box.close()
    assert sorted(path.name for path in (workspace / ".git").iterdir()) == [
        "config",
        "hooks",
        "new",
    ]
    assert (workspace / ".git" / "config").read_text() == "[core]\n"
    assert not list((workspace / ".git" / "hooks").iterdir())


async def test_landlock_leaves_pairs_of_sockets_to_programs(filled: Home, workspace: Path):
    await require("landlock")
    box = open_sandbox("landlock", home=filled, workspace=workspace)
    code = "import socket; socket.socketpair(); print('pair'); socket.socket(socket.AF_UNIX)"
    status, output = await run(box, f'{PYTHON} -c "{code}"', workspace)
    await box.close()
    assert status == 1
    assert output.endswith("PermissionError: [Errno 13] Permission denied\npair\n")


async def test_unconfined_commands_are_known_as_descendants(home: Home, workspace: Path):
    box = open_sandbox(None, home=home, workspace=workspace)
    _, output = await run(
        box, "(setsid sleep 600 > /dev/null 2>&1 & echo $! > pid); cat pid", workspace
    )
    detached = int(output)
    with another_process() as other:
        assert descends_from(detached, {box.root_pid})
        assert not descends_from(other.pid, {box.root_pid})
        assert not descends_from(os.getpid(), {box.root_pid})
        assert not descends_from(os.getpid(), set())
    await box.close()
    await eventually(lambda: descends_from(detached, {os.getpid()}))


async def test_a_process_that_cannot_be_found_counts_as_started_by_a_tool():
    with another_process("true") as gone:
        gone.wait()
    assert descends_from(gone.pid, {os.getpid()})


async def test_a_sandbox_that_cannot_start_says_why(
    home: Home, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    fake = workspace / "bwrap"
    fake.write_text("#!/bin/sh\necho No permissions to create a new namespace >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(workspace))
    box = open_sandbox("bubblewrap", home=home, workspace=workspace)
    with pytest.raises(SandboxError, match="No permissions"):
        await box.start("true", cwd=workspace, env={})
    assert await probe("bubblewrap") is None


async def test_a_sandbox_that_does_not_confine_is_not_chosen(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    """Stands for a bubblewrap whose mounts have no effect: it only runs what comes after `--`."""
    fake = workspace / "bwrap"
    inside = Path(__file__).parent.parent / "agent" / "sandbox" / "inside.py"
    fake.write_text(f'#!/bin/sh\nfor last; do :; done\nexec {PYTHON} -I -S {inside} "$last"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{workspace}:{os.defpath}")
    assert await probe("bubblewrap") is None


async def test_a_mode_that_is_off_chooses_nothing():
    assert await probe("off") is None


def test_the_environment_passes_names_the_owner_allows():
    given = {"PATH": "/x", "LC_TIME": "C", "MY_FLAG": "1", "API_KEY": "s", "TERM": "xterm"}
    passed = command_environment(given, ["MY_FLAG"])
    assert passed == {"PATH": "/x", "LC_TIME": "C", "MY_FLAG": "1", "TERM": "dumb"}


def test_a_machine_whose_calls_are_unknown_has_no_socket_filter():
    assert socket_filter((1,), "vax") == b""
    assert len(socket_filter((1, 2), "aarch64")) % 8 == 0


def test_what_is_uncovered_holds_nothing_hidden(tmp_path: Path):
    for name in ("a/b/secret", "a/c", "d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b" / "secret")
    found = set(uncovered(tmp_path, {tmp_path / "a" / "b" / "secret", tmp_path / "user"}))
    assert found == {tmp_path / "a" / "c", tmp_path / "d"}


def test_a_workspace_in_the_home_is_not_shown(home: Home):
    home.run.mkdir()
    places = session_places(home, home.run, [home.root], [])
    assert home.root in places.hidden
    assert not places.writable
    assert home.run not in places.readable


def test_a_folder_with_skills_in_the_workspace_can_be_written_like_the_rest(
    home: Home, workspace: Path
):
    skills = workspace / ".agents" / "skills"
    skills.mkdir(parents=True)
    places = session_places(home, workspace, [], [skills])
    assert workspace in places.writable
    assert skills not in places.readable


async def test_a_start_that_is_cancelled_as_it_becomes_ready_is_cancelled(tmp_path: Path) -> None:
    class Cancelling(Unconfined):
        def _take(self, report: dict[str, Any]) -> None:
            super()._take(report)
            asyncio.get_running_loop().call_soon(starting.cancel)

    sandbox = Cancelling()
    starting = asyncio.ensure_future(sandbox.start("sleep 60", cwd=tmp_path, env={}))
    await asyncio.wait([starting], timeout=20)
    assert starting.cancelled()
    await sandbox.close()
