"""The bundled skills for the machine: scripts and verifications on good and bad input."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.bundled import Bundled

pytestmark = pytest.mark.slow

# -- disk-space ---------------------------------------------------------------------------------

MB = b"x" * 1_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Bundled:
    root = tmp_path / "root"
    for name in ("films/a.bin", "app/node_modules/x/y.js", "app/target/z.o", "app/src/main.rs"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(MB)
    (root / "app" / "Cargo.toml").write_text("")
    (root / "notes" / "target").mkdir(parents=True)
    (root / "notes" / "target" / "goals.txt").write_bytes(MB)
    os.link(root / "films" / "a.bin", root / "films" / "b.bin")
    with (root / "sparse.img").open("wb") as file:
        file.truncate(50_000_000)
    return Bundled("disk-space", tmp_path)


def test_what_fills_a_folder_is_told_by_what_it_occupies(disk: Bundled):
    done = disk.step(3, root="root")
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first.startswith("4.8M in root"), "links once, holes not at all"
    again = [line for line in lines if line.startswith("again: ")]
    assert [line.split()[2] for line in again] == ["root/app/node_modules", "root/app/target"]
    assert not any("sparse.img" in line for line in lines)
    assert any(line.endswith("root/notes/target/goals.txt") for line in lines)
    assert disk.run("space.py", "nowhere").returncode == 2


def test_deleted_files_still_held_open_are_told(disk: Bundled):
    with (disk.at / "gone.log").open("wb") as file:
        file.write(MB)
        file.flush()
        (disk.at / "gone.log").unlink()
        told = disk.run("space.py", "root").stdout
    assert f"{disk.at}/gone.log (deleted) by process {os.getpid()}" in told


def test_enough_free_space_is_a_matter_of_the_amount(disk: Bundled):
    assert disk.verify({"2G": "1K"}, root="root").returncode == 0
    assert disk.verify({"2G": "9000T"}, root="root").returncode == 1
    assert disk.verify({"2G": "much"}, root="root").returncode == 2


# -- slow-machine -------------------------------------------------------------------------------


def test_the_busiest_process_is_named(tmp_path: Path):
    skill = Bundled("slow-machine", tmp_path)
    spin = subprocess.Popen([sys.executable, "-c", "while True: sum(range(10000))"])
    try:
        done = skill.run("pressure.py", "--seconds", "0.6")
    finally:
        spin.kill()
        spin.wait()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("short: ")
    row = next(line for line in done.stdout.splitlines() if line.split()[:1] == [str(spin.pid)])
    assert float(row.split()[2]) > 3


def proc(root: Path, idle: int, waiting: int, available: int, swapped: int = 0) -> None:
    """A /proc of one moment; ticks of a processor, kB of memory."""
    (root / "7").mkdir(parents=True, exist_ok=True)
    (root / "stat").write_text(
        f"cpu  {1000 - idle - waiting} 0 0 {idle} {waiting} 0 0 0 0 0\nprocesses 9\n"
    )
    (root / "meminfo").write_text(f"MemTotal: 1000 kB\nMemAvailable: {available} kB\n")
    (root / "vmstat").write_text(f"pswpin {swapped}\npswpout 0\n")
    (root / "loadavg").write_text("0.10 0.20 0.30 1/2 3\n")
    (root / "7" / "stat").write_text(
        "7 (a (b) c) S 1 1 1 0 -1 0 0 0 0 0 5 5 0 0 20 0 1 0 9 9 50 0\n"
    )


@pytest.mark.parametrize(
    ("idle", "waiting", "available", "short"),
    [
        (900, 50, 600, []),
        (20, 0, 600, ["processor"]),
        (500, 450, 600, ["disk"]),
        (900, 50, 20, ["memory"]),
        (10, 0, 20, ["memory", "processor"]),
    ],
)
def test_what_is_short_is_read_from_the_figures(
    tmp_path: Path, idle: int, waiting: int, available: int, short: list[str]
):
    skill = Bundled("slow-machine", tmp_path)
    proc(tmp_path / "now", idle, waiting, available)
    (tmp_path / "judge.py").write_text(
        "import pressure, pathlib\n"
        "two = pressure.sample(pathlib.Path('now'))\n"
        "one = pressure.Sample(two.at - 1, [0] * 10, two.vm, two.memory, 0, '', {})\n"
        "print(*(kind for kind, _ in pressure.verdicts(one, two, 0)))\n"
        "assert two.processes[7][:2] == ('a (b) c', 'S'), two.processes\n"
    )
    command = [sys.executable, "judge.py"]
    env = {
        **os.environ,
        "PYTHONPATH": str(skill.folder / "scripts"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    told = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert told.stdout.split() == short, told.stderr


def test_the_machine_is_calm_when_nothing_is_short(tmp_path: Path):
    skill = Bundled("slow-machine", tmp_path)
    words = {"--seconds 5": "--seconds 0.2 --proc now"}
    proc(tmp_path / "now", 900, 0, 600)
    calm = skill.verify(words)
    assert (calm.returncode, "short: nothing" in calm.stdout) == (0, True), calm.stdout
    proc(tmp_path / "now", 900, 0, 20)
    assert skill.verify(words).returncode == 1
    proc(tmp_path / "now", 900, 0, 600)
    (tmp_path / "now" / "pressure").mkdir()
    stalls = "some avg10=50.00 avg60=1.00 total=1\nfull avg10=12.00 avg60=1.00 total=1\n"
    (tmp_path / "now" / "pressure" / "io").write_text(stalls)
    assert "short: disk: " in skill.verify(words).stdout
    assert skill.verify({"--seconds 5": "--proc nowhere"}).returncode == 2


# -- duplicate-files ----------------------------------------------------------------------------


@pytest.fixture
def heap(tmp_path: Path) -> Bundled:
    for folder, name, text in [
        ("a", "one.txt", "same"),
        ("a", "one (1).txt", "same"),
        ("b", "uno.txt", "same"),
        ("b", "same-size.txt", "diff"),
        ("b", "empty", ""),
        ("a", "empty", ""),
        ("a/.git", "one.txt", "same"),
    ]:
        (tmp_path / "heap" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "heap" / folder / name).write_text(text)
    os.link(tmp_path / "heap/a/one.txt", tmp_path / "heap/a/linked.txt")
    (tmp_path / "heap" / "b" / "link.txt").symlink_to(tmp_path / "heap" / "a" / "one.txt")
    return Bundled("duplicate-files", tmp_path)


def everything(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_copies_are_put_aside_and_can_come_back(heap: Bundled):
    before = everything(heap.at / "heap")
    planned = heap.step(1, root="heap")
    assert planned.stdout.startswith("1 groups, 2 copies"), planned.stdout
    rows = [line.split("\t") for line in (heap.at / "duplicates.tsv").read_text().splitlines()[1:]]
    assert {row[3] for row in rows if row[0] == "aside"} == {"heap/a/one (1).txt", "heap/b/uno.txt"}
    assert heap.verify().returncode == 1, "nothing was moved yet"
    moved = heap.run("duplicates.py", "apply", "duplicates.tsv")
    assert (moved.returncode, "2 copies moved" in moved.stdout) == (0, True)
    assert heap.verify().returncode == 0
    assert before.keys() - everything(heap.at / "heap").keys() == {"a/one (1).txt", "b/uno.txt"}
    (heap.at / "heap" / "a" / "one.txt").write_text("lost")
    assert heap.verify().returncode == 1, "the kept one was damaged"
    (heap.at / "heap" / "a" / "one.txt").write_text("same")
    assert heap.run("duplicates.py", "undo", "duplicates.tsv").returncode == 0
    assert everything(heap.at / "heap") == before


def test_what_changed_since_the_plan_is_left_and_a_plan_must_keep_one(heap: Bundled):
    heap.step(1, root="heap")
    (heap.at / "heap" / "b" / "uno.txt").write_text("now other")
    done = heap.run("duplicates.py", "apply", "duplicates.tsv")
    assert (done.returncode, "left where it is: heap/b/uno.txt" in done.stderr) == (1, True)
    assert (heap.at / "heap" / "b" / "uno.txt").read_text() == "now other"
    plan = heap.at / "duplicates.tsv"
    plan.write_text(plan.read_text().replace("keep", "aside"))
    refused = heap.run("duplicates.py", "apply", "duplicates.tsv")
    assert (refused.returncode, "is kept" in refused.stderr) == (2, True)
    plan.write_text(plan.read_text().replace("aside", "delete"))
    assert heap.run("duplicates.py", "apply", "duplicates.tsv").returncode == 2


# -- backup-verify ------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path: Path) -> Bundled:
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "ä b.txt").write_text("text")
    (root / ".env").write_text("KEY=1")
    (root / "link").symlink_to("inner")
    skill = Bundled("backup-verify", tmp_path)
    made = skill.step(2, root="root", archive="save.tar.gz")
    assert made.returncode == 0, made.stderr
    assert "2 files in save.tar.gz" in made.stdout
    assert (tmp_path / "save.tar.gz").stat().st_mode & 0o077 == 0
    return skill


def test_a_backup_is_proved_by_restoring_it(saved: Bundled):
    assert saved.verify(archive="save.tar.gz", root="root").returncode == 0
    assert saved.run("backup.py", "restore", "save.tar.gz", "back").returncode == 0
    assert (saved.at / "back" / "data" / "inner" / "ä b.txt").read_text() == "text"
    assert (saved.at / "back" / "data" / "link").is_symlink()
    assert saved.run("backup.py", "restore", "save.tar.gz", "back").returncode == 2, "not over it"
    one = saved.run("backup.py", "restore", "save.tar.gz", "one", "--only", "inner/*")
    assert one.returncode == 0
    assert not (saved.at / "one" / "data" / ".env").exists()


@pytest.mark.parametrize("fault", ["changed", "new", "gone", "cut", "forged"])
def test_a_backup_that_does_not_hold_is_told(saved: Bundled, fault: str):
    file, archive = saved.at / "root" / ".env", saved.at / "save.tar.gz"
    if fault == "changed":
        file.write_text("KEY=2")
    elif fault == "new":
        (saved.at / "root" / "more").write_text("")
    elif fault == "gone":
        file.unlink()
    elif fault == "cut":
        archive.write_bytes(archive.read_bytes()[:-40])
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(saved.at / "x", filter="data")
        (saved.at / "x" / "data" / ".env").write_text("KEY=3")
        with tarfile.open(archive, "w:gz") as tar:
            for part in ("data", "SHA256SUMS.json"):
                tar.add(saved.at / "x" / part, part)
    assert saved.verify(archive="save.tar.gz", root="root").returncode != 0
    alone = saved.run("backup.py", "verify", "save.tar.gz").returncode
    assert (alone == 0) == (fault in ("changed", "new", "gone"))


def test_archives_of_others_are_compared_as_well_and_cannot_lead_out(saved: Bundled):
    with tarfile.open(saved.at / "plain.tar", "w") as tar:
        tar.add(saved.at / "root", ".")
    assert saved.verify(archive="plain.tar", root="root").returncode == 0
    with tarfile.open(saved.at / "evil.tar", "w") as tar:
        info = tarfile.TarInfo("../evil.txt")
        tar.addfile(info)
    assert saved.run("backup.py", "verify", "evil.tar").returncode == 2
    inside = saved.run("backup.py", "make", "root", "root/in.tar.gz")
    assert (inside.returncode, "elsewhere" in inside.stderr) == (2, True)
    left = saved.run("backup.py", "make", "root", "less.tar.gz", "--not", "inner/*")
    assert "1 files in less.tar.gz" in left.stdout


# -- permission-audit ---------------------------------------------------------------------------

PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def tree(tmp_path: Path) -> Bundled:
    root = tmp_path / "tree"
    (root / ".ssh").mkdir(parents=True)
    root.chmod(0o755)
    (root / ".ssh").chmod(0o700)
    for name, text, mode in [
        (".ssh/id_ed25519", PEM, 0o600),
        (".ssh/id_ed25519.pub", "ssh-ed25519 AAAA", 0o644),
        ("cert.pem", "-----BEGIN CERTIFICATE-----\n", 0o644),
        (".env", "KEY=1", 0o600),
        ("run.sh", "#!/bin/sh\n", 0o755),
        ("notes.txt", "text", 0o644),
    ]:
        (root / name).write_text(text)
        (root / name).chmod(mode)
    return Bundled("permission-audit", tmp_path)


def test_good_permissions_have_no_findings(tree: Bundled):
    done = tree.verify(root="tree")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("path", "mode", "finding", "mended"),
    [
        (".ssh/id_ed25519", 0o640, "secret: tree/.ssh/id_ed25519 (-rw-r-----", 0o600),
        (".env", 0o644, "secret: tree/.env", 0o600),
        (".ssh", 0o755, "secret: tree/.ssh (drwxr-xr-x", 0o700),
        ("notes.txt", 0o666, "open: tree/notes.txt", 0o664),
        ("", 0o777, "open: tree (drwxrwxrwx", 0o775),
        ("run.sh", 0o4755, "setuid: tree/run.sh", 0o755),
        ("run.sh", 0o644, "run: tree/run.sh", 0o755),
        ("notes.txt", 0o755, "run: tree/notes.txt", 0o644),
        (".ssh", 0o600, "", 0o700),
    ],
)
def test_wrong_permissions_are_found_and_mended_by_the_command(
    tree: Bundled, path: str, mode: int, finding: str, mended: int
):
    if not finding and os.getuid():
        pytest.skip("only root sees into such a folder")
    saved = tree.run("permissions.py", "tree", "--save", "modes.tsv")
    assert saved.returncode == 0
    place = tree.at / "tree" / path
    before = place.stat().st_mode
    place.chmod(mode)
    done = tree.verify(root="tree")
    assert (done.returncode, finding in done.stdout) == (1, True), done.stdout
    commands = tree.run("permissions.py", "tree", "--commands").stdout
    subprocess.run(["sh", "-ec", commands], cwd=tree.at, check=True)
    assert place.stat().st_mode & 0o7777 == mended
    assert tree.verify(root="tree").returncode == 0
    assert tree.run("permissions.py", "tree", "--back", "modes.tsv").returncode == 0
    assert place.stat().st_mode == before


def test_a_sticky_folder_may_be_open_and_a_folder_that_is_not_there_is_no_success(tree: Bundled):
    (tree.at / "tree").chmod(0o1777)
    assert tree.verify(root="tree").returncode == 0
    assert tree.verify(root="nowhere").returncode == 2


# -- cron-check ---------------------------------------------------------------------------------


def crontab(at: Path, *lines: str, end: str = "\n") -> Bundled:
    (at / "my.cron").write_text("\n".join(lines) + end)
    return Bundled("cron-check", at)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("30 8 * * 1-5 /usr/bin/x", ""),
        ("@daily /usr/bin/x", ""),
        ("@reboot /usr/bin/x", ""),
        ("*/15 0,12 1 jan-mar,dec sun /usr/bin/x", ""),
        ("0 5 * * *", "too few fields"),
        ("60 5 * * * /usr/bin/x", "minute '60' is not within 0-59"),
        ("0 5 * * mo /usr/bin/x", "weekday 'mo' is no number"),
        ("0 5 31 2 * /usr/bin/x", "never runs"),
        ("*/7 * * * * /usr/bin/x", "minute */7 is not even"),
        ("* 5 * * * /usr/bin/x", "every minute of that hour"),
        ("0 5 * * * /usr/bin/x $(date +%F)", "has a % that ends the command"),
        ("0 5 * * * /usr/bin/x $(date +\\%F)", ""),
        ("0 5 * * * mytool --all", "mytool is looked for in /usr/bin:/bin only"),
        ("0 5 * * * /usr/bin/x ./file", "has a relative path"),
        ("0 5 * * * cd /srv && ./x", ""),
        ("PATH=$HOME/bin", "holds a $"),
        ("0 5-1 * * * /usr/bin/x", "is not within"),
        ("0/0 5 * * * /usr/bin/x", "is not within"),
    ],
)
def test_what_keeps_a_cron_job_from_running_is_found(tmp_path: Path, line: str, fault: str):
    done = crontab(tmp_path, "# mine", "0 1 * * * /usr/bin/other", line).verify(file="my.cron")
    assert done.returncode == bool(fault), done.stdout
    assert fault in done.stdout


def test_the_next_times_are_those_of_cron(tmp_path: Path):
    skill = crontab(tmp_path, "30 2 * * * /usr/bin/x", "0 9 13 * fri /usr/bin/y")
    options = ("--zone", "Europe/Berlin", "--start", "2026-03-27T12:00", "--next", "3")
    told = skill.run("cron_check.py", "my.cron", *options).stdout
    times = [
        line.strip()[4:20] for line in told.splitlines() if line.startswith("    ") and "-" in line
    ]
    assert times == [
        "2026-03-28 02:30",
        "2026-03-30 02:30",
        "2026-03-31 02:30",
        "2026-04-03 09:00",
        "2026-04-10 09:00",
        "2026-04-13 09:00",
    ], "the clocks go forward on the 29th"
    assert "either of its two days is enough" in told


def test_the_form_of_the_file_is_checked(tmp_path: Path):
    line = "0 5 * * * /usr/bin/x"
    assert "no newline" in crontab(tmp_path, line, end="").verify(file="my.cron").stdout
    assert "as on Windows" in crontab(tmp_path, line + "\r").verify(file="my.cron").stdout
    assert crontab(tmp_path, "# nothing").verify(file="my.cron").returncode == 1
    assert crontab(tmp_path, "PATH=/opt", "0 5 * * * mytool").verify(file="my.cron").returncode == 0
    system = crontab(tmp_path, "0 5 * * * root /usr/bin/x")
    assert system.run("cron_check.py", "my.cron", "--system").returncode == 0
    assert system.run("cron_check.py", "my.cron", "--zone", "Nowhere").returncode == 2
