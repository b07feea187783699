"""`hermes backup`: a home as one file."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.cli import start as starting
from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_json
from gateway.cli.wire import NotListening, Wire
from gateway.moving import snapshot
from gateway.service.place import profile_of
from hermes_home.archive import About, pack
from hermes_home.errors import HermesError, HomeError, UnavailableError, UsageError
from hermes_home.files import scratch
from hermes_home.guard import check_home, seed
from hermes_home.paths import Home
from hermes_home.version import VERSION

LONG = 3600.0
"""Seconds the daemon may take for a snapshot."""


def main(arguments: Arguments) -> int:
    home = Home(Path(arguments.home))
    file = Path(arguments.word(0, _name(home))).absolute()
    told = write(home, file, secrets=arguments.on("secrets"))
    if arguments.on("json"):
        show_json(told)
        return 0
    print(f"{file}: {told['files']} files, {told['bytes']:,} bytes")
    tell_skipped(told)
    if told["secrets"]:
        note("it holds the keys of .env: keep it where only you can read it")
    elif home.env.exists():
        note("the keys of .env are not in it; --secrets takes them too")
    return 0


def tell_skipped(told: dict[str, Any]) -> None:
    for item in told["skipped"]:
        note(f"not in it: {item['name']}: {item['reason']}")


def _name(home: Home) -> str:
    profile = profile_of(str(home.root))
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"hermes-{profile}-{stamp}.tar.gz" if profile else f"hermes-{stamp}.tar.gz"


def write(home: Home, file: Path, *, secrets: bool) -> dict[str, Any]:
    """Back `home` up to `file`; what it holds."""
    if not home.root.is_dir():
        raise HomeError(
            f"there is no home {home.root}", "hermes profile list shows those there are"
        )
    check_home(home)
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already", "name another file, or remove that one")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent}", "make it first")
    seed(home)
    with alone(home):
        taken = _snapshot(home, secrets=secrets)
        folder = Path(taken["folder"])
        try:
            profile = profile_of(str(home.root))
            created = datetime.now(UTC).isoformat(timespec="seconds")
            about = About(VERSION, taken["schema"], profile, created, (folder / ".env").exists())
            manifest = pack(file, about, _items(home, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    told = {"file": str(file), "files": len(manifest["files"]), "bytes": file.stat().st_size}
    return {**told, **asdict(about), "skipped": taken["skipped"]}


def _items(home: Home, folder: Path) -> Iterator[tuple[str, Path]]:
    """The snapshot's files, then files/, whose files never change."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path
    for name in files_of(home):
        yield name, home.root / name


def files_of(home: Home) -> list[str]:
    """What is in files/, without links and half-made ones."""
    found = [path for path in home.files.rglob("*") if not path.is_symlink() and path.is_file()]
    return sorted(p.relative_to(home.root).as_posix() for p in found if not scratch(p.name))


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """One backup or import of a home at a time."""
    with (home.run / "backup.lock").open("ab") as lock:
        if not starting.taken(lock.fileno()):
            raise UnavailableError("a backup or import of this home is under way", "wait for it")
        yield


def _snapshot(home: Home, *, secrets: bool) -> dict[str, Any]:
    """By the daemon if one runs, else by this process in its place."""
    try:
        starting.connect(str(home.root), spawn=False).close()
        with Wire(starting.socket_path(str(home.root)), LONG) as wire:
            taken: dict[str, Any] = wire.post("/api/backup", {"secrets": secrets})
            return taken
    except NotListening:
        return _at_rest(home, secrets=secrets)


def _at_rest(home: Home, *, secrets: bool) -> dict[str, Any]:
    try:
        with owning(home):
            return asdict(asyncio.run(snapshot.take_at_rest(home, secrets=secrets)))
    except OSError as error:
        raise HermesError(f"the home could not be copied: {error}", "free some space") from error


@contextmanager
def owning(home: Home) -> Iterator[None]:
    """This process owns the home for a while, as a daemon does."""
    with home.lock.open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnavailableError(
                f"{home.root} is owned by a process that does not answer", "hermes logs shows why"
            ) from None
        yield
