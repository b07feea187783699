"""Profiles: homes in profiles/ of the base home, each with a daemon, socket and lock of its own.

Every function takes the base home. A change holds one lock, and what is half made has a name that
no profile can have.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from hermes_home.config_edit import set_value
from hermes_home.errors import UsageError
from hermes_home.files import PREFIX, make_folders, put, scratch_path, sync_folder
from hermes_home.guard import (
    BASE,
    DEFAULT_FILE,
    check_home,
    check_profile_name,
    default_profile,
    seed,
)
from hermes_home.paths import Home
from hermes_home.settings import load_settings
from hermes_home.tracked import files_below, read

COPIED = ("config.yaml", "SOUL.md", "skills", "memories")
"""What a profile made from another one begins with: how it works and what it knows, but no keys, no
sessions and no jobs, which would run twice."""


def base_of(home: Home) -> Home:
    """The base home of a home that may be a profile's."""
    inside = home.root.parent.name == "profiles"
    return Home(home.root.parent.parent) if inside else home


def home_of(base: Home, name: str) -> Home:
    """UsageError if there is no such profile."""
    if name == BASE:
        return base
    check_profile_name(name)
    home = Home(base.profiles / name)
    if not home.root.is_dir():
        raise UsageError(
            f"there is no profile {name!r}", f"there are: {', '.join([BASE, *names(base)])}"
        )
    return home


def names(base: Home) -> list[str]:
    """Every profile but the base itself."""
    if not base.profiles.is_dir():
        return []
    folders = (path for path in base.profiles.iterdir() if path.is_dir())
    return sorted(path.name for path in folders if not path.name.startswith("."))


def use(base: Home, name: str) -> None:
    """From now on this one is meant where none is named."""
    home_of(base, name)
    with _changing(base):
        if name == BASE:
            (base.profiles / DEFAULT_FILE).unlink(missing_ok=True)
        else:
            put(base.profiles / DEFAULT_FILE, f"{name}\n".encode())


def create(base: Home, name: str, fill: Callable[[Home], None]) -> Home:
    """A new profile, whole or not at all. `fill` completes the seeded home before it has its name;
    if it raises there is no profile."""
    if name == BASE:
        raise UsageError(f"{BASE} is the base home itself", "choose another name")
    check_profile_name(name)
    check_home(base)
    with _changing(base):
        home = Home(base.profiles / name)
        if os.path.lexists(home.root):
            raise UsageError(f"there is a profile {name!r} already", "choose another name")
        half = Home(scratch_path(home.root, ".profile"))
        try:
            seed(half)
            fill(half)
            half.root.rename(home.root)
        except BaseException:
            shutil.rmtree(half.root, ignore_errors=True)
            raise
        sync_folder(base.profiles)
    return home


def copy_from(source: Home) -> Callable[[Home], None]:
    """Fills a new home with what `source` knows. Channels are off in it: two daemons that listen
    to one account would take each other's messages."""

    def fill(home: Home) -> None:
        for name in (name for top in COPIED for name in files_below(source, top)):
            content = read(source.root / name)
            if content is not None and content.mode != "120000":
                make_folders((home.root / name).parent)
                put(home.root / name, content.data, int(content.mode[-3:], 8) & 0o700)
        settings = load_settings(home, os.environ)
        for channel in fields(settings.channels):
            if getattr(getattr(settings.channels, channel.name), "enabled", False):
                text = set_value(home, f"channels.{channel.name}.enabled", "false")
                put(home.config, text.encode())

    return fill


def check_deletable(base: Home, name: str) -> Home:
    """UsageError if this profile cannot be deleted."""
    if name == BASE:
        raise UsageError("the base home is no profile", f"remove {base.root} by hand if you must")
    home = home_of(base, name)
    if default_profile(base) == name:
        raise UsageError(
            f"{name} is the profile that is used when none is named",
            "choose another one first: hermes profile use default",
        )
    return home


def delete(base: Home, name: str) -> None:
    """Remove a profile and everything in it. The caller has stopped its daemon, and holds its
    lock so that no other one starts."""
    with _changing(base):
        home = check_deletable(base, name)
        gone = scratch_path(home.root, ".profile")
        home.root.rename(gone)
        sync_folder(base.profiles)
        shutil.rmtree(gone)


@contextmanager
def _changing(base: Home) -> Iterator[None]:
    """One change at a time; what a killed one left half made goes first."""
    make_folders(base.profiles)
    with (base.profiles / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in base.profiles.glob(f"{PREFIX}*.profile"):
            _remove(left)
        yield


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
