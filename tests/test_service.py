"""The daemon under a service manager: what it tells it, the files it is given, who starts it."""

from __future__ import annotations

import asyncio
import os
import plistlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.wire import Wire
from gateway.service import launchd, manager, place, systemd
from gateway.service.notify import Notifier
from tests.hermes import ROOT, Hermes
from tests.service_manager import Heard, Manager, parse, words

pytestmark = pytest.mark.slow
UNIT = "hermes.service"


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return value


@pytest.fixture
def services(hermes: Hermes) -> Iterator[Manager]:
    """A user with a service manager; `systemctl` of `hermes` talks to it."""
    user = hermes.workspace.parent
    with closing(
        Manager(user / ".config/systemd/user", user / "bin", dict(hermes.environment))
    ) as running:
        hermes.environment["PATH"] = f"{running.bin}:{hermes.environment['PATH']}"
        yield running


def service(home: str = "/home/ada/.hermes", **environment: str) -> manager.Service:
    return manager.service_for(home, {"PATH": "/usr/bin:/bin", **environment})


# -- what the daemon tells ----------------------------------------------------------------------


@pytest.mark.parametrize("abstract", [True, False])
def test_a_daemon_says_that_it_is_ready_alive_and_leaving(
    hermes: Hermes, tmp_path: Path, abstract: bool
) -> None:
    with closing(Heard(None if abstract else tmp_path / "notify")) as heard:
        hermes.environment |= {"NOTIFY_SOCKET": heard.name, "WATCHDOG_USEC": "900000"}
        daemon = hermes.spawn("daemon", "run", stderr=subprocess.DEVNULL)
        until(lambda: heard.count("READY=1"))
        assert hermes.json("daemon", "status")["pid"] == daemon.pid, "it is ready and answers"
        until(lambda: heard.count("WATCHDOG=1") > 3)
        assert hermes.ok("daemon", "stop")
        assert daemon.wait(30) == 0
        until(lambda: heard.count("STOPPING=1"))
        said = heard.lines()
        assert said.index("READY=1") < said.index("STOPPING=1")
        assert any(line.startswith("STATUS=serving") for line in said)
        daemon.communicate()


def test_a_restart_by_itself_is_a_reload_for_the_manager(hermes: Hermes) -> None:
    with closing(Heard()) as heard:
        hermes.environment |= {"NOTIFY_SOCKET": heard.name}
        daemon = hermes.spawn("daemon", "run", stderr=subprocess.DEVNULL)
        until(lambda: heard.count("READY=1"))
        with Wire(str(hermes.home / "run/daemon.sock")) as wire:
            wire.post("/api/daemon/stop", {"restart": True})
        until(lambda: heard.count("READY=1") == 2)
        said = heard.lines()
        assert "STOPPING=1" not in said
        assert "RELOADING=1" in said
        assert any(line.startswith("MONOTONIC_USEC=") for line in said)
        assert hermes.json("daemon", "status")["pid"] == daemon.pid
        hermes.ok("daemon", "stop")
        daemon.communicate(timeout=30)


async def _beaten(notifier: Notifier, heard: Heard) -> tuple[int, int, int]:
    """Pings while the loop turns, while it hangs, and when it turns again."""
    beating = asyncio.create_task(notifier.beat(lambda: "well"))
    counts = []
    for hang in (False, True, False):
        before = heard.count("WATCHDOG=1")
        if hang:
            time.sleep(1.0)  # noqa: ASYNC251 - the loop is meant to hang
            counts.append(heard.count("WATCHDOG=1") - before)
        else:
            await asyncio.sleep(1.0)
            counts.append(heard.count("WATCHDOG=1") - before)
    beating.cancel()
    return counts[0], counts[1], counts[2]


def test_a_loop_that_hangs_sends_no_pings() -> None:
    with closing(Heard()) as heard:
        named = {"NOTIFY_SOCKET": heard.name, "WATCHDOG_USEC": "300000"}
        turning, hanging, again = asyncio.run(_beaten(Notifier(named), heard))
    assert turning >= 2
    assert hanging == 0
    assert again >= 2


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": "@nobody-there", "WATCHDOG_USEC": "no number"},
        {"NOTIFY_SOCKET": "@nobody-there", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "vsock:2:99", "WATCHDOG_USEC": "1000"},
        {"WATCHDOG_USEC": "1000"},
    ],
)
def test_without_a_manager_that_asks_nothing_pings_and_nothing_fails(
    environment: dict[str, str],
) -> None:
    notifier = Notifier(environment)
    assert notifier.interval == 0
    notifier.ready("well")
    notifier.stopping()


# -- the files ----------------------------------------------------------------------------------

AWKWARD = [
    "/home/ada/.hermes",
    "/h/a--b&<c>",
    "/home/a b/.hermes",
    '/h/"q"/50%/$x',
    "/h/back\\slash",
    "/h/ü",
]


@pytest.mark.parametrize("home", AWKWARD)
def test_the_unit_says_what_is_meant(home: str) -> None:
    asked = service(home, PYTHONPATH="/src with space")
    unit = parse(systemd.text(asked))
    section = unit["Service"]
    assert [word.replace("$$", "$") for word in words(section["ExecStart"][0])] == asked.command
    assert asked.command[0] == sys.executable
    told = dict(words(line)[0].split("=", 1) for line in section["Environment"])
    assert told == {"HERMES_HOME": home, "PATH": "/usr/bin:/bin", "PYTHONPATH": "/src with space"}
    assert section["Type"] == ["notify"]
    assert section["KillMode"] == ["mixed"]
    assert section["RestartPreventExitStatus"] == ["2 75"]
    assert int(section["WatchdogSec"][0]) > 0
    assert unit["Install"]["WantedBy"] == ["default.target"]
    assert int(section["RestartSec"][0]) >= 1


@pytest.mark.parametrize("home", AWKWARD)
def test_systemd_itself_has_nothing_against_the_unit(home: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (Debian package systemd)")
    path = tmp_path / UNIT
    path.write_text(systemd.text(service(home)))
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--user", str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "LC_ALL": "C"},
        check=False,
    )
    if "Failed to" in told.stderr and "manager" in told.stderr:
        pytest.skip(f"systemd-analyze cannot run here: {told.stderr.strip()}")
    about = [line for line in told.stderr.splitlines() if UNIT in line or str(path) in line]
    assert not about, told.stderr


@pytest.mark.parametrize("home", AWKWARD)
def test_the_property_list_says_what_is_meant(home: str) -> None:
    asked = service(home)
    text = launchd.text(asked)
    agent = plistlib.loads(text.encode())
    assert agent["ProgramArguments"] == asked.command
    assert agent["EnvironmentVariables"] == asked.environment
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["Label"] == "hermes"


@pytest.mark.parametrize("home", AWKWARD)
@pytest.mark.parametrize("kind", [systemd, launchd])
def test_a_file_of_ours_tells_whose_it_is(home: str, kind: Any, tmp_path: Path) -> None:
    path = tmp_path / ("file.plist" if kind is launchd else "file.service")
    path.write_text(kind.text(service(home)))
    assert place.served_home(path) == home
    path.write_text("[Unit]\nDescription=something else\n")
    assert place.served_home(path) == ""
    path.unlink()
    assert place.served_home(path) is None


def test_profiles_have_services_of_their_own() -> None:
    assert place.label("/h/.hermes") == "hermes"
    assert place.label("/h/.hermes/profiles/work") == "hermes-work"


def test_only_what_stands_anywhere_is_kept_of_the_search_path() -> None:
    asked = manager.service_for("/h", {"PATH": "/usr/bin:.:bin::/bin:/usr/bin"})
    assert asked.environment["PATH"] == "/usr/bin:/bin"


# -- install, start, stop -----------------------------------------------------------------------


def test_where_no_manager_runs_it_is_said_what_to_do(hermes: Hermes, tmp_path: Path) -> None:
    hermes.environment["XDG_RUNTIME_DIR"] = str(tmp_path)
    refused = hermes.run("daemon", "install")
    assert refused.returncode == 4
    assert "@reboot" in refused.stderr
    assert "Containerfile" in refused.stderr
    assert str(hermes.home) in refused.stderr
    assert not (hermes.workspace.parent / ".config").exists(), "nothing is left behind"


def test_a_dry_run_prints_the_file_and_touches_nothing(hermes: Hermes) -> None:
    unit = parse(hermes.ok("daemon", "install", "--dry-run"))
    assert words(unit["Service"]["ExecStart"][0])[1:] == ["-P", "-m", "gateway.daemon"]
    assert not hermes.home.exists()


def test_installed_it_is_the_managers_and_uninstalled_it_is_gone(
    hermes: Hermes, services: Manager
) -> None:
    hermes.ok("-z", "say hi")
    on_demand = hermes.daemon_pid()
    told = hermes.json("daemon", "install")
    assert told["installed"]
    pid = hermes.json("daemon", "status")["pid"]
    assert pid != on_demand
    assert pid == services.jobs[UNIT].process.pid
    assert hermes.json("daemon", "status")["service"] == {
        "manager": "systemd", "name": "hermes", "state": "active",
    }  # fmt: skip
    assert hermes.json("daemon", "install")["installed"], "twice is once"
    assert services.starts[UNIT] == 1
    assert hermes.json("daemon", "uninstall")["installed"] is False
    assert hermes.run("daemon", "status").returncode == 4
    assert not Path(told["file"]).exists()
    hermes.ok("-z", "say hi")
    assert services.starts[UNIT] == 1, "on demand again"


def test_stop_start_and_every_client_leave_it_to_the_manager(
    hermes: Hermes, services: Manager
) -> None:
    hermes.ok("daemon", "install")
    assert hermes.json("daemon", "stop")["stopped"]
    assert services.states[UNIT] == "inactive"
    assert services.starts[UNIT] == 1, "a stop is no failure"
    hermes.ok("-z", "say hi")
    assert services.starts[UNIT] == 2, "a client that needs it has the manager start it"
    assert hermes.daemon_pid() == services.jobs[UNIT].process.pid
    before = hermes.daemon_pid()
    after = hermes.json("daemon", "restart")["pid"]
    assert after not in (before, None)
    assert after == services.jobs[UNIT].process.pid
    assert hermes.json("daemon", "start")["pid"] == after


def test_after_kill_9_the_manager_starts_it_and_work_goes_on(
    hermes: Hermes, services: Manager
) -> None:
    hermes.ok("daemon", "install")
    hermes.ok("chat", "-q", "say hi")
    first = services.jobs[UNIT].process.pid
    session = hermes.json("sessions", "list")[0]["id"]
    os.kill(first, signal.SIGKILL)
    until(lambda: services.starts[UNIT] == 2 and services.jobs[UNIT].ready)
    assert hermes.daemon_pid() == services.jobs[UNIT].process.pid != first
    hermes.ok("chat", "-r", session, "-q", "say hi again")
    assert [row["id"] for row in hermes.json("sessions", "list")] == [session]


def test_crashes_while_clients_come_never_make_two_daemons(
    hermes: Hermes, services: Manager
) -> None:
    hermes.ok("daemon", "install")
    crashes = 50 if os.environ.get("HERMES_SOAK") else 6
    for number in range(crashes):
        os.kill(services.jobs[UNIT].process.pid, signal.SIGKILL)
        clients = [hermes.spawn("memory", "add", f"fact {number}-{who}") for who in "abc"]
        for client in clients:
            _, complaint = client.communicate(timeout=60)
            assert client.returncode == 0, complaint
        until(lambda: services.states[UNIT] == "active" and services.jobs[UNIT].ready)
        assert hermes.daemon_pid() == services.jobs[UNIT].process.pid
    assert services.starts[UNIT] == crashes + 1, "each crash made one start"
    assert len(hermes.json("memory", "show")["memory"]) == 3 * crashes


def test_a_daemon_that_hangs_is_killed_and_started_again(hermes: Hermes, services: Manager) -> None:
    hermes.ok("daemon", "install")
    first = services.jobs[UNIT].process.pid
    os.kill(first, signal.SIGSTOP)
    until(lambda: services.watchdog_kills)
    os.kill(first, signal.SIGCONT)
    until(lambda: services.starts[UNIT] == 2 and services.jobs[UNIT].ready)
    assert hermes.json("daemon", "status")["pid"] != first


def test_wrong_settings_are_no_reason_to_start_again_and_again(
    hermes: Hermes, services: Manager
) -> None:
    hermes.ok("daemon", "install")
    hermes.ok("daemon", "stop")
    good = (hermes.home / "config.yaml").read_text()
    (hermes.home / "config.yaml").write_text("modell: 3\n")
    refused = hermes.run("daemon", "start")
    assert refused.returncode == 4
    until(lambda: services.states[UNIT] == "failed")
    time.sleep(1)
    assert services.starts[UNIT] == 2
    (hermes.home / "config.yaml").write_text(good)
    assert hermes.json("daemon", "start")["pid"] == services.jobs[UNIT].process.pid


def test_a_second_daemon_gives_way_to_the_first_for_good(hermes: Hermes, services: Manager) -> None:
    """On demand first, then the service: no two replace each other."""
    hermes.ok("daemon", "install")
    hermes.ok("daemon", "stop")
    unit = services.folder / UNIT
    aside = unit.rename(unit.with_suffix(".aside"))
    hermes.ok("-z", "say hi")
    aside.rename(unit)
    owner = hermes.daemon_pid()
    assert not services.start(UNIT)
    until(lambda: services.states[UNIT] == "failed")
    assert services.starts[UNIT] == 2
    assert hermes.daemon_pid() == owner
    assert hermes.json("daemon", "start")["pid"] == services.jobs[UNIT].process.pid, (
        "told to start, the service takes over"
    )


def test_a_file_that_is_not_ours_or_another_homes_stays(
    hermes: Hermes, services: Manager, tmp_path: Path
) -> None:
    services.folder.mkdir(parents=True)
    (services.folder / UNIT).write_text("[Service]\nExecStart=/bin/true\n")
    assert hermes.run("daemon", "install").returncode == 2
    assert hermes.run("daemon", "uninstall").returncode == 2
    assert "/bin/true" in (services.folder / UNIT).read_text()
    (services.folder / UNIT).unlink()
    hermes.ok("daemon", "install")
    other = Hermes(tmp_path / "other", hermes.workspace, {"PATH": hermes.environment["PATH"]})
    refused = other.run("daemon", "install")
    assert refused.returncode == 2
    assert str(hermes.home) in refused.stderr


# -- the container ------------------------------------------------------------------------------


def test_the_container_file_is_sound() -> None:
    """Read, not built: nothing here can build it."""
    lines = [
        line.strip()
        for line in (ROOT / "Containerfile").read_text().replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    words = [(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in lines]
    bases = [rest for word, rest in words if word == "FROM"]
    assert bases
    for base in bases:
        image = base.split()[0]
        assert ":" in image, "pinned"
        assert not image.endswith(":latest"), "pinned"
    users = [rest for word, rest in words if word == "USER"]
    assert users
    assert users[-1].split(":")[0] not in ("root", "0")
    assert [word for word, _ in words].index("USER") < max(
        number for number, (word, _) in enumerate(words) if word in ("ENTRYPOINT", "CMD")
    )
    homes = dict(
        pair.split("=", 1) for word, rest in words if word == "ENV" for pair in rest.split()
    )
    volumes = [rest for word, rest in words if word == "VOLUME"]
    assert any(homes["HERMES_HOME"] in volume for volume in volumes)
    assert any("daemon" in rest and "run" in rest for word, rest in words if word == "CMD")
    assert any("daemon status --json" in rest for word, rest in words if word == "HEALTHCHECK")
    secret = ("_KEY", "_TOKEN", "PASSWORD", "SECRET")
    assert not [name for name in homes if name.endswith(secret)]
    assert not [rest for word, rest in words if word == "COPY" and ".env" in rest.split()]
