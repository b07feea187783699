"""Profiles: homes beside each other, which know nothing of each other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.home import locate
from hermes_home.errors import UsageError
from hermes_home.guard import resolve_home
from tests.hermes import Hermes

pytestmark = pytest.mark.slow


@pytest.fixture
def user(hermes: Hermes) -> Iterator[Hermes]:
    """As a person has it: no HERMES_HOME, the home is ~/.hermes."""
    del hermes.environment["HERMES_HOME"]
    hermes.home = hermes.workspace.parent / ".hermes"
    yield hermes
    for name in ("a", "b", "work", "copy"):
        Hermes(hermes.home / "profiles" / name, hermes.workspace).close()


def of(user: Hermes, name: str) -> Hermes:
    return Hermes(user.home / "profiles" / name, user.workspace)


def named(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


def test_two_profiles_run_side_by_side(user: Hermes) -> None:
    for name in ("a", "b"):
        user.ok("profile", "create", name)
        user.ok("-p", name, "-z", f"say {name} is here")
    pids = [user.json("-p", name, "daemon", "status")["pid"] for name in ("a", "b")]
    assert None not in pids
    assert len(set(pids)) == 2
    assert [user.json("-p", name, "daemon", "status")["home"] for name in ("a", "b")] == [
        str(user.home / "profiles" / name) for name in ("a", "b")
    ]
    user.ok("-p", "a", "memory", "add", "only a knows this")
    assert user.json("-p", "b", "memory", "show")["memory"] == []
    assert user.json("-p", "b", "sessions", "search", "only") == []
    os.kill(pids[0], signal.SIGKILL)
    assert user.json("-p", "b", "daemon", "status")["pid"] == pids[1]
    user.ok("-p", "a", "-z", "say again")
    rows = {row["name"]: row for row in user.json("profile", "list")}
    assert set(rows) == {"default", "a", "b"}
    assert [rows[name]["running"] for name in ("default", "a", "b")] == [False, True, True]


def test_the_one_in_use_is_meant_where_none_is_named(user: Hermes) -> None:
    user.ok("profile", "create", "work")
    user.ok("profile", "use", "work")
    user.ok("memory", "add", "the office is closed on Friday")
    assert len(user.json("-p", "work", "memory", "show")["memory"]) == 1
    assert user.json("-p", "default", "memory", "show")["memory"] == []
    assert [row["name"] for row in user.json("profile", "list") if row["default"]] == ["work"]
    user.environment["HERMES_HOME"] = str(user.home)
    assert user.json("memory", "show")["memory"] == [], "HERMES_HOME goes before it"
    told = user.run("profile", "use", "work")
    assert "HERMES_HOME" in told.stderr
    del user.environment["HERMES_HOME"]
    user.ok("profile", "use", "default")
    assert user.json("memory", "show")["memory"] == []


def test_from_another_it_begins_with_what_that_one_knows(user: Hermes) -> None:
    user.ok("memory", "add", "the ferry leaves at nine")
    skill = user.home / "skills/ferry"
    skill.mkdir(parents=True)
    text = "---\nname: ferry\ndescription: Use when a ferry is asked for.\n---\n1. Look.\n"
    (skill / "SKILL.md").write_text(text)
    (user.home / ".env").write_text("TELEGRAM_BOT_TOKEN=secret\n")
    with (user.home / "config.yaml").open("a") as config:
        config.write("channels:\n  telegram:\n    owners: ['1']\n    enabled: true\n")
    user.ok("-z", "say hi")
    told = user.run("profile", "create", "copy", "--from", "default")
    assert told.returncode == 0, told.stderr
    assert "keys are not copied" in told.stderr
    notes = user.json("-p", "copy", "memory", "show")["memory"]
    assert [note["text"] for note in notes] == ["the ferry leaves at nine"]
    assert "ferry" in named(user.json("-p", "copy", "skills", "list"))
    assert user.json("-p", "copy", "sessions", "list") == []
    home = user.home / "profiles/copy"
    assert not (home / ".env").exists()
    assert user.json("-p", "copy", "config", "get", "channels.telegram.enabled") is not True
    assert "enabled: false" in (home / "config.yaml").read_text()


def test_delete_asks_stops_the_daemon_and_refuses_the_one_in_use(user: Hermes) -> None:
    user.ok("profile", "create", "a")
    user.ok("-p", "a", "-z", "say hi")
    daemon = of(user, "a")
    pid = daemon.daemon_pid()
    assert pid
    assert user.run("profile", "delete", "a").returncode == 2, "it asks, and nobody is there"
    assert daemon.daemon_pid() == pid
    user.ok("profile", "use", "a")
    refused = user.run("profile", "delete", "a", "--yes")
    assert refused.returncode == 2
    assert "profile use default" in refused.stderr
    user.ok("profile", "use", "default")
    user.ok("profile", "delete", "a", "--yes")
    assert daemon.daemon_pid() is None
    assert not (user.home / "profiles/a").exists()
    assert named(user.json("profile", "list")) == ["default"]
    assert user.run("profile", "delete", "default", "--yes").returncode == 2


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "-x", "a b", "ä", "x" * 65, ".default", "default"]
)
def test_a_name_that_cannot_be_one_is_refused(user: Hermes, name: str) -> None:
    assert user.run("profile", "create", "--", name).returncode == 2
    assert not user.home.exists() or named(user.json("profile", "list")) == ["default"]


def test_a_name_is_given_once(user: Hermes) -> None:
    user.ok("profile", "create", "a")
    assert user.run("profile", "create", "a").returncode == 2
    assert user.run("profile", "create", "b", "--from", "nobody").returncode == 2
    assert user.run("profile", "use", "nobody").returncode == 2
    assert named(user.json("profile", "list")) == ["default", "a"]


def test_exported_and_imported_it_is_the_same_under_any_name(user: Hermes, tmp_path: Path) -> None:
    user.ok("profile", "create", "a")
    user.ok("-p", "a", "-z", "say lighthouse")
    user.ok("-p", "a", "memory", "add", "the ferry leaves at nine")
    file = str(tmp_path / "a.tar.gz")
    user.ok("profile", "export", "a", file)
    assert user.run("profile", "import", file).returncode == 2, "there is one of that name"
    user.ok("profile", "import", file, "b")
    for words in (("sessions", "search", "lighthouse"), ("memory", "show"), ("sessions", "list")):
        assert user.json("-p", "a", *words) == user.json("-p", "b", *words)
    user.ok("profile", "delete", "a", "--yes")
    user.ok("profile", "import", file)
    assert user.json("-p", "a", "memory", "show") == user.json("-p", "b", "memory", "show")


def test_from_within_a_profile_the_others_are_seen_too(user: Hermes) -> None:
    user.ok("profile", "create", "a")
    user.ok("-p", "a", "profile", "create", "b")
    assert named(user.json("-p", "b", "profile", "list")) == ["default", "a", "b"]


def test_what_a_killed_command_left_half_made_goes(user: Hermes) -> None:
    for number in range(6):
        command = user.spawn("profile", "create", "a")
        time.sleep(0.03 * number)
        command.kill()
        command.communicate()
        if "a" in named(user.json("profile", "list")):
            assert (user.home / "profiles/a/config.yaml").exists()
            user.ok("profile", "delete", "a", "--yes")
    user.ok("profile", "create", "b")
    assert [path.name for path in (user.home / "profiles").iterdir() if path.is_dir()] == ["b"]


@pytest.mark.parametrize(
    ("set_home", "profile", "chosen", "expected"),
    [
        ("", "", "", ".hermes"),
        ("", "", "work", ".hermes/profiles/work"),
        ("", "a", "work", ".hermes/profiles/a"),
        ("", "default", "work", ".hermes"),
        ("x", "", "work", "x"),
        ("x", "a", "work", "x/profiles/a"),
        ("x", "default", "work", "x"),
    ],
)
def test_both_ways_to_find_the_home_agree(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    set_home: str,
    profile: str,
    chosen: str,
    expected: str,
) -> None:
    for base in (".hermes", "x"):
        (tmp_path / base / "profiles/work").mkdir(parents=True)
        if chosen:
            (tmp_path / base / "profiles/.default").write_text(f"{chosen}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    if set_home:
        monkeypatch.setenv("HERMES_HOME", str(tmp_path / set_home))
    ways: list[Callable[[], str]] = [
        lambda: locate(profile, new=True),
        lambda: str(resolve_home(os.environ, profile).root),
    ]
    assert [way() for way in ways] == [str(tmp_path / expected)] * 2


def test_a_chosen_profile_that_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".hermes/profiles").mkdir(parents=True)
    (tmp_path / ".hermes/profiles/.default").write_text("work\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="work"):
        locate("")
