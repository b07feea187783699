"""Lists files and folders whose permissions are too wide or too narrow, with the chmod for each."""

from __future__ import annotations

import argparse
import csv
import grp
import os
import pwd
import re
import shlex
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

SECRET_NAME = re.compile(
    r"(id_(rsa|dsa|ecdsa|ed25519)|.*\.(pem|key|p12|pfx|kdbx|ppk|keystore|jks)|\.env(\..+)?"
    r"|\.netrc|\.pgpass|\.htpasswd|\.git-credentials|credentials(\.json)?|authorized_keys)",
    re.I,
)
HARMLESS = re.compile(r".*\.(pub|example|sample|template|dist)$|.*\bpublic\b.*", re.I)
SECRET_TEXT = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY")
SKIPPED = {".git", "node_modules", "__pycache__", "proc", "sys"}
ORDER = ("secret", "open", "setuid", "reach", "owner", "run")

Finding = tuple[str, Path, str, str]
"""Kind, path, what is wrong, the command that mends it ('' if a person must decide)."""


def walk(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything below and with a folder; links and what cannot be read are left out."""
    yield root, root.lstat()
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if name not in SKIPPED)
        for name in sorted([*inner, *names]):
            path = Path(folder, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            if not stat.S_ISLNK(status.st_mode):
                yield path, status


def findings(path: Path, status: os.stat_result) -> Iterator[Finding]:
    mode, name = status.st_mode, shlex.quote(str(path))
    folder, file = stat.S_ISDIR(mode), stat.S_ISREG(mode)
    if file:
        yield from _of_file(path, mode, name)
    if mode & stat.S_IWOTH and not (folder and mode & stat.S_ISVTX):
        yield "open", path, "anybody may change it", f"chmod o-w {name}"
    if folder:
        for who, read, enter in (("u", 0o400, 0o100), ("g", 0o40, 0o10), ("o", 0o4, 0o1)):
            if mode & read and not mode & enter:
                yield "reach", path, "can be listed but not entered", f"chmod {who}+X {name}"
    if path.name == ".ssh" and folder and mode & 0o077:
        yield "secret", path, "ssh refuses keys in a folder others can enter", f"chmod 700 {name}"
    yield from _owner(path, status)


def _of_file(path: Path, mode: int, name: str) -> Iterator[Finding]:
    start = _start(path)
    named = SECRET_NAME.fullmatch(path.name) and not HARMLESS.match(path.name)
    if mode & 0o077 and (SECRET_TEXT.search(start) or (named and _private(path, start))):
        yield "secret", path, "others can read or change it", f"chmod 600 {name}"
    if mode & (stat.S_ISUID | stat.S_ISGID) and mode & 0o111:
        yield "setuid", path, "runs as its owner or group", f"chmod ug-s {name}"
    script = start.startswith(b"#!")
    if script and not mode & 0o111:
        yield "run", path, "begins with #! and may not be executed", f"chmod +x {name}"
    plain = path.suffix.lower() in (
        ".txt",
        ".md",
        ".json",
        ".csv",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
    )
    if plain and mode & 0o111 and not script:
        yield "run", path, "is no program and may be executed", f"chmod a-x {name}"


def _private(path: Path, start: bytes) -> bool:
    """A file with the name of a secret that is one: a certificate alone is public."""
    return (
        bool(start) and b"-----BEGIN CERTIFICATE" not in start and b"PUBLIC KEY-----" not in start
    )


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def _owner(path: Path, status: os.stat_result) -> Iterator[Finding]:
    try:
        pwd.getpwuid(status.st_uid)
    except KeyError:
        yield "owner", path, f"belongs to the unknown account {status.st_uid}", ""
    if status.st_uid == 0 and os.getuid() and path.is_relative_to(Path.home()):
        yield "owner", path, "belongs to root in your home", ""


def shown(status: os.stat_result) -> str:
    try:
        group = grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        group = str(status.st_gid)
    return f"{stat.filemode(status.st_mode)} group {group}"


def save(root: Path, output: Path) -> int:
    with output.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows = [(oct(stat.S_IMODE(status.st_mode)), path) for path, status in walk(root)]
        table.writerows(rows)
    print(f"the modes of {len(rows)} paths are in {output}")
    return 0


def back(saved: Path) -> int:
    with saved.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = [(int(mode, 8), Path(path)) for mode, path in csv.reader(file, delimiter="\t")]
    changed = 0
    for mode, path in reversed(rows):
        if path.exists() and stat.S_IMODE(path.lstat().st_mode) != mode:
            path.chmod(mode)
            changed += 1
    print(f"{changed} modes are as they were")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--save", type=Path, metavar="FILE", help="only write down all modes")
    parser.add_argument("--back", type=Path, metavar="FILE", help="only set the modes saved")
    parser.add_argument("--commands", action="store_true", help="only the chmod commands")
    parser.add_argument("--most", type=int, default=200, help="findings shown")
    arguments = parser.parse_args()
    try:
        if arguments.back:
            return back(arguments.back)
        if arguments.save:
            return save(arguments.root, arguments.save)
        found = [
            (f, status) for path, status in walk(arguments.root) for f in findings(path, status)
        ]
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    found.sort(key=lambda item: (ORDER.index(item[0][0]), item[0][1]))
    for (kind, path, what, command), status in found[: arguments.most]:
        if not arguments.commands:
            print(f"{kind}: {path} ({shown(status)}): {what}" + (f"; {command}" if command else ""))
        elif command:
            print(command)
    print(f"{len(found)} findings", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
