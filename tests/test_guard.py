"""Which folder is the home; what is left alone; what a new one starts with."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hermes_home.errors import HomeError
from hermes_home.guard import check_home, resolve_home, seed
from hermes_home.mounts import network_kind
from hermes_home.paths import APPLICATION_ID, Home
from hermes_home.settings import Settings, load_settings


def database(home: Home, application_id: int) -> None:
    connection = sqlite3.connect(home.state_db)
    connection.execute(f"pragma application_id = {application_id}")
    connection.execute("create table t (x)")
    connection.close()


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(root).as_posix(): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
        )
        for path in sorted(root.rglob("*"))
    }


# Where the home is


def test_the_home_is_named_by_the_environment_else_below_the_users_folder() -> None:
    assert resolve_home({"HOME": "/u"}).root == Path("/u/.hermes")
    assert resolve_home({"HOME": "/u", "HERMES_HOME": ""}).root == Path("/u/.hermes")
    assert resolve_home({"HOME": "/u", "HERMES_HOME": "/x/../y/"}).root == Path("/y")
    assert resolve_home({"HOME": "/u", "HERMES_HOME": "~/agent"}).root == Path("/u/agent")


def test_a_relative_home_is_below_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_home({"HERMES_HOME": "agent"}).root == tmp_path / "agent"


def test_a_profile_lives_in_the_default_home() -> None:
    assert resolve_home({"HOME": "/u"}, "work-2").root == Path("/u/.hermes/profiles/work-2")
    assert resolve_home({"HERMES_HOME": "/x"}, "a").root == Path("/x/profiles/a")


@pytest.mark.parametrize("name", ["..", "a/b", "/a", ".a", "-a", "a b", "a\n", "ä", "a" * 65, "~"])
def test_a_name_that_is_no_folder_name_is_no_profile(name: str) -> None:
    with pytest.raises(HomeError, match="cannot be a profile's name"):
        resolve_home({"HOME": "/u"}, name)


# Homes of other programs


@pytest.mark.parametrize("application_id", [0, 1, APPLICATION_ID + 1])
def test_another_programs_database_is_recognised_and_untouched(
    home: Home, application_id: int
) -> None:
    database(home, application_id)
    (home.skills / "x").mkdir(parents=True)
    before = contents(home.root)
    with pytest.raises(HomeError, match=r"state.db was not made by this program") as caught:
        check_home(home)
    assert "HERMES_HOME" in caught.value.hint
    assert contents(home.root) == before


@pytest.mark.parametrize("data", [b"not a database", b"SQLite format 3\0", b"\0" * 200])
def test_a_state_file_that_is_no_database_of_ours_is_left_alone(home: Home, data: bytes) -> None:
    home.state_db.write_bytes(data)
    with pytest.raises(HomeError, match=r"state.db"):
        check_home(home)


@pytest.mark.parametrize(
    "text",
    [
        "_config_version: 33\n",
        "model: x\n_config_version: 33\n",
        "model: x\r\n_config_version : 1\r\n",
        '"_config_version": 1\n',
        "'_config_version': 1\n",
        "{_config_version: 1}\n",
    ],
)
def test_another_programs_settings_are_recognised_and_untouched(home: Home, text: str) -> None:
    home.config.write_text(text)
    before = contents(home.root)
    with pytest.raises(HomeError, match="_config_version"):
        check_home(home)
    assert contents(home.root) == before


def test_what_is_ours_to_complete_is_accepted(home: Home) -> None:
    check_home(Home(home.root / "not" / "yet"))
    check_home(home)
    home.skills.mkdir()
    (home.skills / "SKILL.md").write_text("_config_version: 1")
    home.soul.write_text("I am somebody else's.")
    home.env.write_text("KEY=1")
    home.config.write_text("# _config_version: 1\nmodel:\n  default: _config_version\n")
    home.state_db.touch()
    check_home(home)
    home.state_db.unlink()
    database(home, APPLICATION_ID)
    check_home(home)


# Places where no home can be


def test_a_file_in_the_place_of_the_home_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(HomeError, match="file is not a folder"):
            check_home(Home(root))


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(HomeError, match="link is not a folder"):
        check_home(Home(tmp_path / "link"))


def test_the_root_of_the_file_system_is_refused() -> None:
    with pytest.raises(HomeError, match="cannot be a home"):
        check_home(Home(Path("/")))


@pytest.mark.parametrize("place", ["/usr/hermes", "{private}/home"])
def test_a_place_that_cannot_be_written_or_looked_into_is_refused(
    tmp_path: Path, place: str
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    private.chmod(0o000)
    code = (
        "import os, sys; from pathlib import Path; from hermes_home.guard import check_home;"
        "from hermes_home.paths import Home; os.getuid() or os.setuid(65534);"
        "check_home(Home(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, place.format(private=private)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert "HomeError" in done.stderr
    assert "cannot be written by this user" in done.stderr
    assert "chown" in done.stderr


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home/net rw - nfs4 server:/export rw,vers=4.2
31 30 8:2 / /home/net/local rw master:1 - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/with\\040space rw - cifs //server/share rw
33 22 0:42 / /mnt/c rw - 9p drvfs rw,aname=drvfs;path=C:\\;uid=1000
34 22 0:43 / /mnt/guest rw - 9p host rw,trans=virtio
35 22 0:44 / /home/u/far rw - fuse.sshfs far:/ rw
36 22 8:3 / /over rw - ext4 /dev/sdc rw
37 36 0:45 / /over rw - nfs server:/over rw
this line is broken
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/u/.hermes", ""),
        ("/home/net", "nfs4"),
        ("/home/net/u/.hermes", "nfs4"),
        ("/home/network", ""),
        ("/home/net/local/u", ""),
        ("/mnt/with space/u", "cifs"),
        ("/mnt/c/Users", "9p"),
        ("/mnt/guest/u", ""),
        ("/home/u/far/.hermes", "fuse.sshfs"),
        ("/over/u", "nfs"),
    ],
)
def test_a_network_file_system_is_recognised(tmp_path: Path, folder: str, kind: str) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert network_kind(Path(folder), tmp_path / "mountinfo") == kind
    assert network_kind(Path(folder), tmp_path / "missing") == ""


def test_a_home_on_a_network_file_system_is_refused_with_the_fix(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "mountinfo").write_text(f"30 22 0:40 / {tmp_path} rw - nfs4 server:/export rw\n")
    with pytest.raises(HomeError, match="network file system") as caught:
        check_home(Home(home.root / "new"), tmp_path / "mountinfo")
    assert "local disk" in caught.value.hint
    assert "HERMES_HOME" in caught.value.hint


# A new home


def test_a_new_home_is_complete_private_and_valid(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    seed(home)
    for folder in (home.root, home.run, home.skills, home.memories, home.files, home.logs):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.config.stat().st_mode) == 0o600
    assert load_settings(home, {}) == Settings()
    assert 0 < len(home.soul.read_bytes()) < 600
    check_home(home)


def test_seeding_again_changes_nothing(home: Home) -> None:
    seed(home)
    home.config.write_text("learning:\n  mode: off\n")
    home.soul.write_text("")
    before = contents(home.root)
    seed(home)
    assert contents(home.root) == before


def test_seeding_completes_a_home_that_only_holds_skills(home: Home) -> None:
    home.skills.mkdir()
    (home.skills / "SKILL.md").write_text("x")
    seed(home)
    assert (home.skills / "SKILL.md").read_text() == "x"
    assert home.config.exists()


def test_the_owners_links_are_not_overwritten(home: Home, tmp_path: Path) -> None:
    home.config.symlink_to(tmp_path / "nowhere.yaml")
    seed(home)
    assert home.config.is_symlink()
    assert not (tmp_path / "nowhere.yaml").exists()


def test_an_open_home_is_closed_to_others_but_not_a_folder_of_other_things(home: Home) -> None:
    home.root.chmod(0o755)
    seed(home)
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    home.root.chmod(0o755)
    (home.root / "holiday.jpg").touch()
    seed(home)
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o755
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


def test_a_file_in_the_place_of_a_folder_is_an_error_that_names_it(home: Home) -> None:
    home.skills.write_text("x")
    with pytest.raises(HomeError, match="skills"):
        seed(home)


def test_processes_racing_to_seed_a_home_make_one(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    code = (
        "import sys; from pathlib import Path; from hermes_home.guard import seed;"
        "from hermes_home.paths import Home; sys.stdin.read(1); seed(Home(Path(sys.argv[1])))"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", code, str(home.root)], stdin=subprocess.PIPE)
        for _ in range(6)
    ]
    for racer in racers:
        racer.communicate(b"x")
    assert [racer.returncode for racer in racers] == [0] * 6
    assert load_settings(home, {}) == Settings()
    assert not list(home.root.glob(".hermes-*"))
