"""Which folder is the home, whether it may be ours, and what a new one starts with."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from hermes_home.errors import HomeError
from hermes_home.files import create
from hermes_home.mounts import MOUNTINFO, network_kind
from hermes_home.paths import APPLICATION_ID, Home

_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_OTHERS_VERSION = re.compile(rb"""^\s*\{?\s*["']?_config_version["']?\s*:""", re.MULTILINE)
BASE = "default"
"""The name by which the base home can be meant where a profile is asked for."""
DEFAULT_FILE = ".default"
"""In profiles/: which one is meant when none is named."""
_SQLITE_MAGIC = b"SQLite format 3\0"
_OWN_PREFIXES = (".git", ".hermes-", "state.db", "index.db")
_ELSEWHERE = "set HERMES_HOME to another folder, for example: export HERMES_HOME=~/.hermes-daemon"


def resolve_home(environment: Mapping[str, str], profile: str = "") -> Home:
    """$HERMES_HOME, else ~/.hermes; a profile's home is profiles/NAME inside it, and `default` the
    base itself. Where neither is named it is the profile chosen by `hermes profile use`.

    HomeError if `profile` cannot be a folder's name.
    """
    owner = Path(environment.get("HOME") or Path.home())
    named = environment.get("HERMES_HOME", "")
    if named.startswith("~/") or named == "~":
        named = f"{owner}{named[1:]}"
    root = Path(os.path.abspath(named or owner / ".hermes"))  # noqa: PTH100 - also folds ".."
    if not named and not profile:
        profile = default_profile(Home(root))
    if profile:
        check_profile_name(profile)
    return Home(root if profile in ("", BASE) else root / "profiles" / profile)


def check_profile_name(profile: str) -> None:
    """HomeError if a folder of profiles/ cannot have this name."""
    if not _PROFILE_NAME.fullmatch(profile):
        raise HomeError(
            f"{profile!r} cannot be a profile's name",
            "use letters, digits, - and _, at most 64, beginning with a letter or digit",
        )


def default_profile(base: Home) -> str:
    """The profile that `hermes profile use` chose; empty if it is the base home itself."""
    try:
        return (base.profiles / DEFAULT_FILE).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def check_home(home: Home, mountinfo: Path = MOUNTINFO) -> None:
    """HomeError, naming the way out, if this folder cannot or should not be our home.

    Reads only. Only for the time before state.db is opened: closing any descriptor of a database
    drops the locks SQLite holds on it in the same process.
    """
    folder = _nearest_folder(home.root)
    if home.root == Path(home.root.anchor):
        raise HomeError(f"{home.root} cannot be a home", _ELSEWHERE)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise HomeError(
            f"{folder} cannot be written by this user",
            f"run: sudo chown -R $(id -un) {folder}   or {_ELSEWHERE}",
        )
    if kind := network_kind(folder.resolve(), mountinfo):
        raise HomeError(
            f"{home.root} is on a network file system ({kind}), where a database loses its locks",
            f"put the home on a local disk: {_ELSEWHERE}",
        )
    if trace := _foreign(home):
        raise HomeError(
            f"{home.root} belongs to another program: {trace}; nothing in it was changed",
            f"{_ELSEWHERE}; or move that folder away.\n"
            f"  Its skills, notes and jobs: hermes import {home.root}",
        )


def seed(home: Home) -> None:
    """Complete a home: what is missing is made, what is there is left as it is.

    May run in several processes at once. OSError as HomeError.
    """
    private = (home.skills, home.memories, home.cron, home.files, home.logs, home.run)
    try:
        home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in private:
            folder.mkdir(mode=0o700, exist_ok=True)
        _close_to_others(home)
        for path in (home.config, home.soul):
            if not os.path.lexists(path):
                create(path, seed_text(path.name))
    except OSError as error:
        raise HomeError(
            f"{home.root} cannot be made a home: {error.filename}: {error.strerror}", _ELSEWHERE
        ) from error


def _nearest_folder(root: Path) -> Path:
    """`root`, or the folder in which it will be made."""
    for folder in (root, *root.parents):
        if os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises where one may not look
            return folder
        if os.path.lexists(folder):
            raise HomeError(f"{folder} is not a folder", f"move it away, or {_ELSEWHERE}")
    raise HomeError(f"{root} has no place to be made in", _ELSEWHERE)


def _foreign(home: Home) -> str:
    """What shows that another program made this home; empty if nothing does. A folder that only
    holds skills or notes is ours to complete."""
    try:
        header = _start_of(home.state_db, 100)
        if header and not _ours(header):
            return "its state.db was not made by this program"
        if _OTHERS_VERSION.search(_start_of(home.config, 1 << 20)):
            return "its config.yaml bears _config_version"
    except OSError as error:
        raise HomeError(f"{error.filename} cannot be read: {error.strerror}", _ELSEWHERE) from error
    return ""


def made_by_us(home: Home) -> bool:
    """Whether this folder's state.db is one of ours."""
    return _ours(_start_of(home.state_db, 100))


def made_by_others(home: Home) -> bool:
    """Whether something in this folder shows that another program made it."""
    return bool(_foreign(home))


def _ours(header: bytes) -> bool:
    return header.startswith(_SQLITE_MAGIC) and header[68:72] == APPLICATION_ID.to_bytes(4)


def _start_of(path: Path, size: int) -> bytes:
    """The first bytes of a file; none if there is no such file."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return b""


def _close_to_others(home: Home) -> None:
    """Take other users' access to the home and to run/, unless the root is a shared folder such
    as /tmp or holds more than a home."""
    for folder in (home.root, home.run):
        found = folder.stat()
        exclusive = folder == home.run or _only_ours(home)
        if found.st_uid == os.getuid() and found.st_mode & 0o077 and exclusive:
            folder.chmod(stat.S_IMODE(found.st_mode) & 0o700)


def _only_ours(home: Home) -> bool:
    known = {path.name for path in (home.skills, home.memories, home.cron, home.files, home.logs)}
    known |= {path.name for path in (home.run, home.profiles, home.config, home.env, home.soul)}
    names = {path.name for path in home.root.iterdir()}
    return all(name in known or name.startswith(_OWN_PREFIXES) for name in names)


def seed_text(name: str) -> bytes:
    """What a new home's file of this name holds."""
    return resources.files("hermes_home").joinpath("seed", name).read_bytes()
