"""Saves a folder in one archive with checksums, and proves that it can be restored."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

MANIFEST = "SHA256SUMS.json"


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entries(root: Path, left_out: list[str]) -> Iterator[tuple[Path, str]]:
    """Everything below a folder with its path from there, sorted; links are not followed."""
    for folder, inner, names in os.walk(root):
        inner.sort()
        here = Path(folder)
        for name in sorted([*inner, *names]):
            path = here / name
            relative = path.relative_to(root).as_posix()
            if any(fnmatch(relative, glob) or fnmatch(f"{relative}/", glob) for glob in left_out):
                if name in inner:
                    inner.remove(name)
                continue
            yield path, relative


def regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def make(root: Path, archive: Path, left_out: list[str]) -> int:
    if archive.resolve().is_relative_to(root.resolve()):
        raise ValueError("the archive lies in the folder it is made of; write it elsewhere")
    if archive.exists():
        raise ValueError(f"{archive} exists; choose another name")
    sums: dict[str, str] = {}
    odd: list[str] = []
    unfinished = archive.with_name(archive.name + ".part")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
        with tarfile.open(fileobj=raw, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
            for path, name in entries(root, left_out):
                odd += _add(tar, path, name, sums)
            data = json.dumps(sums, ensure_ascii=True, indent=0).encode()
            info = tarfile.TarInfo(MANIFEST)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    unfinished.rename(archive)
    print("".join(f"{line}\n" for line in odd), end="")
    size = archive.stat().st_size
    print(f"{len(sums)} files in {archive} ({size / 1e6:.1f} MB), sha256 {digest(archive)}")
    return 1 if odd else 0


def _add(tar: tarfile.TarFile, path: Path, name: str, sums: dict[str, str]) -> list[str]:
    """Adds one entry; what was odd about it."""
    if name == MANIFEST:
        return [f"left out: {name} has the name of our list"]
    try:
        if not regular(path):
            if not (path.is_symlink() or path.is_dir()):
                return [f"left out: {name} is no file, folder or link"]
            tar.add(path, f"data/{name}", recursive=False)
            return []
        before = path.stat()
        sums[name] = digest(path)
        tar.add(path, f"data/{name}", recursive=False)
        after = path.stat()
    except OSError as error:
        sums.pop(name, None)
        return [f"left out: {name}: {error.strerror or error}"]
    same = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    return [] if same else [f"changed while it was read: {name}"]


def unpack(archive: Path, folder: Path, only: list[str]) -> None:
    """Unpacks without following what leads out of the folder."""
    if not hasattr(tarfile, "data_filter"):
        raise ValueError("this Python cannot unpack safely; take 3.11.4 or newer")
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            name = member.name.removeprefix("data/")
            if not only or any(fnmatch(name, glob) for glob in only) or name == MANIFEST:
                tar.extract(member, folder, filter="data")


def verify(archive: Path, against: Path | None, left_out: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="restore-") as place:
        folder = Path(place)
        unpack(archive, folder, [])
        listed = folder / MANIFEST
        ours = listed.is_file() and (folder / "data").is_dir()
        data = folder / "data" if ours else folder
        restored = {name: digest(p) for p, name in entries(data, []) if regular(p)}
        faults = []
        if listed.is_file():
            sums: dict[str, str] = json.loads(listed.read_text())
            if not ours and sums:
                faults.append("there is a list of checksums and no data")
            faults += _compared(sums, restored if ours else {}, "in the list", "in the archive")
        if against is not None:
            now = {name: digest(p) for p, name in entries(against, left_out) if regular(p)}
            faults += _compared(now, restored, f"in {against}", "in the archive")
    print("\n".join(faults) or f"{len(restored)} files restored and equal")
    return 1 if faults else 0


def _compared(one: dict[str, str], other: dict[str, str], here: str, there: str) -> list[str]:
    told = [f"only {here}: {name}" for name in sorted(one.keys() - other.keys())]
    told += [f"only {there}: {name}" for name in sorted(other.keys() - one.keys())]
    same = sorted(one.keys() & other.keys())
    return told + [f"differs: {name}" for name in same if one[name] != other[name]]


def restore(archive: Path, folder: Path, only: list[str]) -> int:
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; restore into a new folder")
    unpack(archive, folder, only)
    (folder / MANIFEST).unlink(missing_ok=True)
    print(f"restored to {folder / 'data' if (folder / 'data').is_dir() else folder}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    making = actions.add_parser("make", help="write an archive")
    making.add_argument("root", type=Path)
    making.add_argument("archive", type=Path)
    verifying = actions.add_parser(
        "verify", help="unpack elsewhere and compare; exit 1 if it differs"
    )
    verifying.add_argument("archive", type=Path)
    verifying.add_argument("--against", type=Path, help="the folder it was made from")
    restoring = actions.add_parser("restore", help="unpack into a new folder")
    restoring.add_argument("archive", type=Path)
    restoring.add_argument("folder", type=Path)
    restoring.add_argument("--only", action="append", default=[], metavar="GLOB")
    for part in (making, verifying):
        part.add_argument("--not", action="append", default=[], dest="left_out", metavar="GLOB")
    arguments = parser.parse_args()
    try:
        if arguments.action == "make":
            if not arguments.root.is_dir():
                raise ValueError(f"{arguments.root} is no folder")
            return make(arguments.root, arguments.archive, arguments.left_out)
        if arguments.action == "verify":
            return verify(arguments.archive, arguments.against, arguments.left_out)
        return restore(arguments.archive, arguments.folder, arguments.only)
    except (OSError, EOFError, ValueError, tarfile.TarError) as error:
        print(f"{arguments.action} failed: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
