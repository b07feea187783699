"""A home as one file, and back: with the daemon running or not, killed or not, and never more than
was asked for."""

from __future__ import annotations

import ast
import gzip
import io
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils

from gateway.cli import backup
from hermes_home import archive, unpacking
from hermes_home.errors import HermesError, UsageError
from hermes_home.paths import APPLICATION_ID, Home
from memory import migrations
from memory.database import SCHEMA_VERSION
from tests.hermes import ROOT, Hermes

pytestmark = pytest.mark.slow
SOAK = bool(os.environ.get("HERMES_SOAK"))
SKILL = "---\nname: {0}\ndescription: Use when {0} is asked for.\n---\n1. Do {0}.\n"
WORDS = ("harbour", "lighthouse", "invoice", "gardener")


@pytest.fixture(scope="module")
def model_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with sessions, notes, a skill, a job, a long output and a secret, at rest."""
    workspace = tmp_path_factory.mktemp("work")
    hermes = Hermes(workspace / "home", workspace)
    with closing(hermes):
        for word in WORDS:
            hermes.ok("-z", f"say {word} and nothing else")
        hermes.ok("memory", "add", "the ferry leaves at nine")
        skill = hermes.home / "skills/travel/ferry"
        (skill / "scripts").mkdir(parents=True)
        (skill / "SKILL.md").write_text(SKILL.format("ferry"))
        (skill / "scripts/run.sh").write_text("#!/bin/sh\necho ferry\n")
        (skill / "scripts/run.sh").chmod(0o700)
        (hermes.home / "files" / "abc").write_bytes(bytes(range(256)) * 400)
        (hermes.home / ".env").write_text("OPENAI_API_KEY=sk-very-secret\n")
        (hermes.home / ".env").chmod(0o600)
        hermes.ok("config", "set", "timezone", "Europe/Berlin")
    return hermes.home


@pytest.fixture
def lived_in(hermes: Hermes, model_home: Path) -> None:
    """The home is one in which somebody has lived."""
    shutil.copytree(model_home, hermes.home, symlinks=True)


def fresh(hermes: Hermes, name: str) -> Hermes:
    return Hermes(hermes.workspace.parent / name, hermes.workspace)


def found(hermes: Hermes) -> list[Any]:
    return [hermes.json("sessions", "search", word) for word in WORDS]


def same(one: Path, two: Path) -> None:
    """What is kept of a home is the same in both."""
    for top in ("skills", "memories", "cron", "files", "SOUL.md", "config.yaml"):
        assert content(one / top) == content(two / top), top


def content(path: Path) -> dict[str, tuple[bytes, int]]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {
        str(file.relative_to(path.parent)): (file.read_bytes(), file.stat().st_mode & 0o100)
        for file in files
    }


def members(file: Path) -> list[str]:
    with tarfile.open(file) as tar:
        return tar.getnames()


@pytest.fixture
def other(hermes: Hermes) -> Iterator[Hermes]:
    """Another home of the same user."""
    command = fresh(hermes, "other")
    yield command
    command.close()


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.usefixtures("lived_in")
def test_a_backup_in_an_empty_home_gives_equal_search_results(
    hermes: Hermes, other: Hermes, tmp_path: Path, running: bool
) -> None:
    before = found(hermes)
    assert all(before)
    commits = log(hermes)
    if not running:
        hermes.ok("daemon", "stop")
    told = hermes.json("backup", str(tmp_path / "b.tar.gz"))
    assert (hermes.daemon_pid() is not None) == running
    assert told["schema"] == SCHEMA_VERSION
    assert told["secrets"] is False
    other.ok("import", told["file"])
    same(hermes.home, other.home)
    assert found(other) == before
    assert {row["id"] for row in other.json("sessions", "list")} == {
        row["id"] for row in hermes.json("sessions", "list")
    }
    assert other.json("memory", "show") == hermes.json("memory", "show")
    assert log(other)[-len(commits) :] == commits, "the history came too"
    assert not (other.home / ".env").exists()
    other.ok("-z", "say anything")


def log(hermes: Hermes) -> list[str]:
    told = subprocess.run(
        ["git", "--git-dir", str(hermes.home / ".git"), "log", "--format=%H"],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.split()


@pytest.mark.usefixtures("lived_in")
def test_after_kill_9_a_backup_holds_what_was_committed(
    hermes: Hermes, other: Hermes, tmp_path: Path
) -> None:
    before = found(hermes)
    pid = hermes.daemon_pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    hermes.ok("backup", str(tmp_path / "b.tar.gz"))
    other.ok("import", "backup", str(tmp_path / "b.tar.gz"))
    assert found(other) == before


@pytest.mark.usefixtures("lived_in")
def test_what_must_not_be_in_it_is_not_in_it(hermes: Hermes, tmp_path: Path) -> None:
    (hermes.home / "skills/out").symlink_to("/etc")
    told = hermes.json("backup", str(tmp_path / "b.tar.gz"))
    names = members(tmp_path / "b.tar.gz")
    assert not [name for name in names if name.split("/")[0] in ("run", "logs", "profiles", ".git")]
    assert not [name for name in names if name.startswith(("index.db", ".env", "skills/out"))]
    assert b"sk-very-secret" not in gzip.decompress((tmp_path / "b.tar.gz").read_bytes())
    assert told["skipped"] == [{"name": "skills/out", "reason": "a link to /etc"}]
    assert {"state.db", "files/abc", "skills/travel/ferry/SKILL.md", "history.bundle"} <= {*names}
    assert not list((hermes.home / "run").glob(".hermes-*")), "the snapshot is gone"


@pytest.mark.usefixtures("lived_in")
def test_keys_come_along_only_when_asked_for(hermes: Hermes, other: Hermes, tmp_path: Path) -> None:
    told = hermes.run("backup", str(tmp_path / "b.tar.gz"), "--secrets")
    assert told.returncode == 0
    assert "keys" in told.stderr
    assert stat.S_IMODE((tmp_path / "b.tar.gz").stat().st_mode) == 0o600
    other.ok("import", str(tmp_path / "b.tar.gz"))
    assert (other.home / ".env").read_text() == "OPENAI_API_KEY=sk-very-secret\n"
    assert stat.S_IMODE((other.home / ".env").stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_written_over(hermes: Hermes, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_text("mine")
    assert hermes.run("backup", str(tmp_path / "b.tar.gz")).returncode == 2
    assert (tmp_path / "b.tar.gz").read_text() == "mine"


def test_a_home_in_use_is_refused_and_a_way_out_named(
    hermes: Hermes, other: Hermes, tmp_path: Path
) -> None:
    hermes.ok("-z", "say hi")
    hermes.ok("backup", str(tmp_path / "b.tar.gz"))
    other.ok("-z", "say mine")
    for stopped in (False, True):
        refused = other.run("import", str(tmp_path / "b.tar.gz"))
        assert refused.returncode == 2
        assert "-p NAME" in refused.stderr
        assert len(other.json("sessions", "list")) == 1
        if not stopped:
            other.ok("daemon", "stop")
    other.ok("-p", "spare", "import", str(tmp_path / "b.tar.gz"))
    profile = Hermes(other.home / "profiles/spare", other.workspace)
    assert found(profile) == found(hermes)
    profile.close()


def test_a_seeded_home_whose_daemon_runs_is_fresh(
    hermes: Hermes, other: Hermes, tmp_path: Path
) -> None:
    hermes.ok("-z", "say hi")
    hermes.ok("backup", str(tmp_path / "b.tar.gz"))
    other.ok("daemon", "start")
    other.ok("import", str(tmp_path / "b.tar.gz"))
    assert len(other.json("sessions", "list")) == 1


# -- killed in the middle -----------------------------------------------------------------------


def killed_after(command: subprocess.Popen[str], seconds: float) -> None:
    time.sleep(seconds)
    command.kill()
    command.communicate()


@pytest.mark.usefixtures("lived_in")
def test_a_backup_killed_anywhere_leaves_no_half_file(hermes: Hermes, tmp_path: Path) -> None:
    (hermes.home / "files" / "large").write_bytes(os.urandom(8 << 20))
    began = time.monotonic()
    hermes.ok("backup", str(tmp_path / "whole.tar.gz"))
    whole = time.monotonic() - began
    tries = 40 if SOAK else 6
    for number in range(tries):
        file = tmp_path / f"{number}.tar.gz"
        command = hermes.spawn("backup", str(file))
        killed_after(command, whole * (number + 1) / tries)
        if file.exists():
            unpacking.unpack(file, make(tmp_path / f"out{number}"))
    file = tmp_path / "0.tar.gz"
    file.unlink(missing_ok=True)
    hermes.ok("backup", str(file))
    assert not file.with_name("0.tar.gz.part").exists()


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("profile", [False, True])
@pytest.mark.usefixtures("lived_in")
def test_an_import_killed_anywhere_is_whole_or_nothing(
    hermes: Hermes, tmp_path: Path, profile: bool
) -> None:
    before = found(hermes)
    (hermes.home / "files" / "large").write_bytes(os.urandom(4 << 20))
    for number in range(60):
        path = hermes.home / f"skills/s{number}"
        path.mkdir()
        (path / "SKILL.md").write_text(SKILL.format(f"s{number}"))
    file = str(tmp_path / "b.tar.gz")
    hermes.ok("backup", file)
    words = ("profile", "import", file, "new") if profile else ("import", file)
    began = time.monotonic()
    first = fresh(hermes, "first")
    first.ok(*words)
    whole = time.monotonic() - began
    tries = 60 if SOAK else 4
    outcomes = set()
    for number in range(tries):
        base = fresh(hermes, f"home{number}")
        command = base.spawn(*words)
        killed_after(command, whole * (0.3 + 0.7 * (number + 1) / tries))
        put = base.home / "profiles/new" if profile else base.home
        target = Hermes(put, hermes.workspace)
        if profile and not put.exists():
            assert [row["name"] for row in base.json("profile", "list")] == ["default"]
            outcomes.add("nothing")
            base.ok(*words)
        elif target.json("sessions", "list") == []:
            outcomes.add("nothing")
            assert not any((put / "skills").iterdir())
            target.ok("import", file)
        else:
            outcomes.add("whole")
        same(hermes.home, put)
        assert found(target) == before
        assert not (put / "run/import").exists()
        target.close()
    assert outcomes


@pytest.mark.usefixtures("lived_in")
def test_an_import_that_was_ready_is_completed_by_the_next_daemon(
    hermes: Hermes, tmp_path: Path
) -> None:
    """Killed before and after each rename."""
    before = found(hermes)
    file = tmp_path / "b.tar.gz"
    hermes.ok("backup", str(file))
    codes = []
    for moved in range(12):
        other = fresh(hermes, f"other{moved}")
        if moved % 2:
            other.ok("daemon", "start")
            other.ok("daemon", "stop")
        killed = subprocess.run(
            [*other.python, "-c", KILLED, str(file), str(moved)],
            env=other.environment,
            cwd=other.workspace,
            check=False,
        )
        codes.append(killed.returncode)
        assert found(other) == before
        same(hermes.home, other.home)
        other.close()
        if killed.returncode == 0:
            break
    assert codes[-1] == 0, "it was never carried through"
    assert set(codes[:-1]) == {-signal.SIGKILL}
    assert len(codes) > 5


KILLED = """
import os, signal, sys
from pathlib import Path
from hermes_home import placing
from hermes_home.paths import Home
from gateway.cli.importing import put_back
left = [int(sys.argv[2])]
replace = placing._replace
def counted(*arguments):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    replace(*arguments)
placing._replace = counted
put_back(Home(Path(os.environ["HERMES_HOME"])), Path(sys.argv[1]))
"""


# -- what an archive may not be -----------------------------------------------------------------


def handmade(
    file: Path,
    files: dict[str, bytes] | None = None,
    extra: Callable[..., None] | None = None,
    **about: Any,
) -> Path:
    """An archive as anybody could write it; its manifest tells of `files`."""
    told = {
        "version": "9",
        "schema": SCHEMA_VERSION,
        "profile": "",
        "created": "",
        "secrets": False,
    }
    told |= {"format": 1, **about}
    listed = {}
    with tarfile.open(file, "w:gz") as tar:
        put(tar, "about.json", json.dumps(told).encode())
        for name, data in (files or {}).items():
            put(tar, name, data)
            digest = sha256(data).hexdigest()
            listed[name] = {"size": len(data), "mode": 0o600, "sha256": digest}
        if extra:
            extra(tar)
        put(tar, "manifest.json", json.dumps({"files": listed}).encode())
    return file


def put(tar: tarfile.TarFile, name: str, data: bytes = b"", **fields: Any) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    for key, value in fields.items():
        setattr(entry, key, value)
    tar.addfile(entry, io.BytesIO(data))


BAD_NAMES = [
    "/etc/passwd", "../out", "skills/../../out", "skills//x", "skills/./x", "run/daemon.lock",
    "profiles/x/config.yaml", "index.db", "logs/x", ".git/config", "skills/a/.git/config",
    "skills/a/.GIT/hooks/x", "skills", "state.db/x", "config.yaml/x", "skills/a\\b",
    "skills/" + "d/" * 40 + "x", "skills/" + "n" * 1200, "hooks/x", "", "manifest.json/x",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_file_of_a_wrong_name_is_refused(tmp_path: Path, name: str) -> None:
    file = handmade(tmp_path / "b.tar.gz", {name: b"x"})
    with pytest.raises(UsageError):
        unpacking.unpack(file, make(tmp_path / "out"))
    assert not (tmp_path / "out/out").exists()


KINDS = [
    {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
    {"type": tarfile.SYMTYPE, "linkname": "other"},
    {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
    {"type": tarfile.LNKTYPE, "linkname": "about.json"},
    {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    {"type": tarfile.BLKTYPE},
    {"type": tarfile.FIFOTYPE},
    {"type": tarfile.DIRTYPE},
]


@pytest.mark.parametrize("fields", KINDS)
def test_only_plain_files_are_taken(tmp_path: Path, fields: dict[str, Any]) -> None:
    file = handmade(
        tmp_path / "b.tar.gz", extra=lambda tar: put(tar, "skills/a/SKILL.md", **fields)
    )
    with pytest.raises(UsageError):
        unpacking.unpack(file, make(tmp_path / "out"))
    assert not any((tmp_path / "out").iterdir())


def test_files_twice_missing_and_more_than_listed_are_refused(tmp_path: Path) -> None:
    both = {"config.yaml": b"a"}
    cases: list[Callable[[tarfile.TarFile], None]] = [
        lambda tar: put(tar, "config.yaml", b"b"),
        lambda tar: put(tar, "SOUL.md", b"not listed"),
    ]
    for number, case in enumerate(cases):
        file = handmade(tmp_path / f"{number}.tar.gz", both, case)
        with pytest.raises(UsageError):
            unpacking.unpack(file, make(tmp_path / f"out{number}"))


ODD_MANIFESTS = [b"[]", b"7", b"{}", b'{"files": []}', b'{"files": {"x": 1}}', b"{", b"[" * 90_000]


@pytest.mark.parametrize("manifest", ODD_MANIFESTS)
@pytest.mark.parametrize("name", ["manifest.json", "about.json"])
def test_odd_words_about_itself_are_refused(tmp_path: Path, name: str, manifest: bytes) -> None:
    file = tmp_path / "b.tar.gz"
    about = {"version": "9", "schema": 1, "profile": "", "created": "", "secrets": False}
    with tarfile.open(file, "w:gz") as tar:
        told = json.dumps({**about, "format": 1}).encode()
        put(tar, "about.json", manifest if name == "about.json" else told)
        put(tar, "config.yaml", b"x")
        put(tar, "manifest.json", manifest)
    with pytest.raises(UsageError):
        unpacking.unpack(file, make(tmp_path / "out"))


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "FREELY", 1 << 20)
    file = handmade(tmp_path / "b.tar.gz", {"files/zeros": bytes(64 << 20)})
    with pytest.raises(UsageError, match="unpacks to more than"):
        unpacking.unpack(file, make(tmp_path / "out"))
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert written < 16 << 20


def test_a_huge_header_is_refused(tmp_path: Path) -> None:
    def huge(tar: tarfile.TarFile) -> None:
        put(tar, "x", bytes(40 << 20), type=tarfile.XHDTYPE)

    with pytest.raises(UsageError):
        unpacking.unpack(handmade(tmp_path / "b.tar.gz", extra=huge), make(tmp_path / "out"))


def test_a_newer_archive_is_refused_by_name(hermes: Hermes, tmp_path: Path) -> None:
    newer = handmade(tmp_path / "s.tar.gz", schema=SCHEMA_VERSION + 1, version="77.1")
    refused = hermes.run("import", str(newer))
    assert refused.returncode != 0
    assert f"schema {SCHEMA_VERSION + 1}" in refused.stderr
    other = handmade(tmp_path / "f.tar.gz", format=2, version="77.1")
    refused = hermes.run("import", str(other))
    assert "77.1" in refused.stderr
    assert not hermes.home.exists()


def test_a_database_that_is_newer_than_it_says_is_refused(
    hermes: Hermes, other: Hermes, tmp_path: Path
) -> None:
    hermes.ok("-z", "say hi")
    hermes.ok("backup", str(tmp_path / "b.tar.gz"))
    unpacking.unpack(tmp_path / "b.tar.gz", make(tmp_path / "out"))
    with closing(sqlite3.connect(tmp_path / "out/state.db")) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    repacked = handmade(
        tmp_path / "c.tar.gz", {"state.db": (tmp_path / "out/state.db").read_bytes()}
    )
    refused = other.run("import", str(repacked))
    assert refused.returncode != 0
    assert "schema" in refused.stderr
    assert other.json("sessions", "list") == []


def test_an_older_database_is_brought_up_to_date(hermes: Hermes, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        steps = migrations.migrations
        steps.apply(sqlite_utils.Database(db), stop_before="m002_channels")
        db.execute("INSERT INTO blobs VALUES ('a', 'kept')")
    file = handmade(tmp_path / "b.tar.gz", {"state.db": old.read_bytes()}, schema=1)
    hermes.ok("import", str(file))
    hermes.ok("-z", "say hi")
    hermes.ok("daemon", "stop")
    with closing(sqlite3.connect(hermes.home / "state.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        assert db.execute("SELECT text FROM blobs WHERE hash = 'a'").fetchone() == ("kept",)


@pytest.mark.usefixtures("lived_in")
def test_damage_anywhere_is_seen(hermes: Hermes, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    hermes.ok("backup", str(file))
    data = file.read_bytes()
    step = max(1, len(data) // (120 if SOAK else 24))
    for number, at in enumerate(range(20, len(data), step)):
        broken = tmp_path / f"{number}.tar.gz"
        broken.write_bytes(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])
        cut = tmp_path / f"{number}.cut.tar.gz"
        cut.write_bytes(data[:at])
        for case in (broken, cut):
            out = make(tmp_path / "out")
            with pytest.raises(HermesError):
                unpacking.unpack(case, out)
            shutil.rmtree(out)
            case.unlink()


def test_what_is_no_archive_is_refused(hermes: Hermes, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").touch()
    with tarfile.open(tmp_path / "tar", "w:gz") as tar:
        put(tar, "config.yaml", b"x")
    for name in ("text", "empty", "tar", "not-there"):
        refused = hermes.run("import", str(tmp_path / name))
        assert refused.returncode == 2, refused.stderr
        assert not hermes.home.exists()


def test_the_name_of_a_file_in_files_may_be_odd(tmp_path: Path) -> None:
    home = Home(make(tmp_path / "home"))
    (make(home.files) / "ü b\udcff").write_bytes(b"x")
    assert backup.files_of(home) == ["files/ü b\udcff"]
    about = archive.About("1", SCHEMA_VERSION, "", "", False)
    archive.pack(
        tmp_path / "b.tar.gz", about, [(name, home.root / name) for name in backup.files_of(home)]
    )
    unpacking.unpack(tmp_path / "b.tar.gz", make(tmp_path / "out"))
    assert (tmp_path / "out/files/ü b\udcff").read_bytes() == b"x"


# -- one process, one pool ----------------------------------------------------------------------

ROOMS = ("hermes_home", "agent", "skills", "memory", "gateway")
OPENERS = {
    "memory/database.py": "the one that writes",
    "memory/index_file.py": "reads it for the index",
    "memory/backup.py": "copies it",
    "memory/purge.py": "reads all of it, beside everything else",
    "gateway/moving/source.py": "opens a copy of another program's",
    "gateway/research/ledger.py": "opens a batch's ledger, which lies in no home",
}
NAMERS = {"hermes_home/paths.py", "hermes_home/guard.py", "gateway/cli/doctor.py"}
"""Name the file besides: the guard reads its header before it is opened, the doctor its mode."""


def test_no_code_but_the_pool_opens_the_database() -> None:
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            name = file.relative_to(ROOT).as_posix()
            tree = ast.parse(file.read_text(encoding="utf-8"))
            attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            imports = {
                alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            # The scripts of bundled skills run in the sandbox, on the user's own files.
            if name not in OPENERS and not name.startswith("skills/bundled/"):
                assert not ("sqlite3" in imports and "connect" in attributes), name
                assert "state_db" not in attributes or name in NAMERS or room == "memory", name


def test_backups_while_it_is_written_and_killed_lose_nothing(
    hermes: Hermes, tmp_path: Path
) -> None:
    """Notes are added all the while; each backup holds at least what was acknowledged before it."""
    noted: list[str] = []
    hermes.ok("daemon", "start")
    for number in range(40 if SOAK else 6):
        writer = hermes.spawn("memory", "add", f"fact {number}-a")
        backup = hermes.spawn("backup", str(tmp_path / f"{number}.tar.gz"))
        _, told = backup.communicate(timeout=120)
        assert backup.returncode == 0, told
        writer.communicate(timeout=120)
        assert writer.returncode == 0
        out = make(tmp_path / f"out{number}")
        unpacking.unpack(tmp_path / f"{number}.tar.gz", out)
        with closing(sqlite3.connect(out / "state.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            made = {row[0] for row in db.execute("SELECT body FROM events").fetchall()}
        notes = (out / "memories/MEMORY.md").read_text() if noted else ""
        for fact in noted:
            assert fact in notes
            assert any(fact in body for body in made)
        noted.append(f"fact {number}-a")
        if number % 2 and (pid := hermes.daemon_pid()):
            os.kill(pid, signal.SIGKILL)
    texts = [note["text"] for note in hermes.json("memory", "show")["memory"]]
    assert texts == noted
