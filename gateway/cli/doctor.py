"""`hermes doctor`: everything that must be right, and the fix where it is not."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.api.token import FIX, Token
from gateway.cli import endpoint
from gateway.cli.arguments import Arguments
from gateway.cli.output import Paint, show_json
from gateway.cli.start import connect
from gateway.cli.wire import NotListening
from hermes_home.errors import HermesError
from hermes_home.guard import check_home
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets
from hermes_home.settings import Settings, load_settings
from hermes_home.version import VERSION

LITTLE, TOO_LITTLE = 1 << 30, 100 << 20
"""Bytes of free disk space."""
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True)
class Check:
    """status: ok, warn or fail. fix: what to do, where something is to be done."""

    name: str
    status: str
    text: str
    fix: str = ""


def main(arguments: Arguments) -> int:
    """Exit 1 if any check fails. Starts nothing."""
    checks = list(_checks(Home(Path(arguments.home))))
    if arguments.on("json"):
        show_json([asdict(check) for check in checks])
    else:
        paint = Paint(sys.stdout)
        for check in checks:
            print(
                f"{paint(COLOURS[check.status], f'{check.status:<4}')} {check.name}: {check.text}"
            )
            if check.fix:
                print("".join(f"       {line}\n" for line in check.fix.split("\n")), end="")
    return 1 if any(check.status == "fail" for check in checks) else 0


def _checks(home: Home) -> Iterator[Check]:
    yield _home(home)
    settings = None
    try:
        settings = load_settings(home, os.environ)
        load_secrets(home, os.environ)
        yield Check("settings", "ok", str(home.config) if home.config.exists() else "the defaults")
    except HermesError as error:
        yield Check("settings", "fail", error.message, error.hint)
    yield from _permissions(home)
    yield _git()
    yield _sandbox(settings or Settings())
    yield _disk(home)
    yield _daemon(home)
    yield from _copies(home)
    if settings is not None:
        yield _api(home, settings)
        yield _model(home, settings)


def _home(home: Home) -> Check:
    try:
        check_home(home)
    except HermesError as error:
        return Check("home", "fail", error.message, error.hint)
    made = home.root.is_dir()
    return Check("home", "ok", str(home.root) if made else f"{home.root}, made at the first start")


def _permissions(home: Home) -> Iterator[Check]:
    """Others must read neither the home's secrets nor its socket."""
    for path in (home.root, home.run, home.env, home.state_db):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            wanted = "700" if path.is_dir() else "600"
            text = f"{path} can be read by other users"
            yield Check("permissions", "warn", text, f"chmod {wanted} {path}")
            return
    yield Check("permissions", "ok", "for this user only")


def _git() -> Check:
    if not shutil.which("git"):
        return Check("git", "fail", "there is no git", "install git: it keeps the home's history")
    told = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False)
    status = "fail" if told.returncode else "ok"
    return Check("git", status, (told.stdout or told.stderr).strip())


def _sandbox(settings: Settings) -> Check:
    from agent.sandbox.choose import probe

    mode = settings.sandbox.mode
    if mode == "off":
        return Check("sandbox", "warn", "off: every command asks", "sandbox.mode: auto")
    kind = asyncio.run(probe(mode))
    if kind is None:
        fix = "install bubblewrap, and allow user namespaces; until then every command asks"
        return Check("sandbox", "warn", "commands cannot be confined here", fix)
    return Check("sandbox", "ok", f"{kind} confines commands")


def _disk(home: Home) -> Check:
    folder = next(folder for folder in (home.root, *home.root.parents) if folder.is_dir())
    free = shutil.disk_usage(folder).free
    status = "fail" if free < TOO_LITTLE else "warn" if free < LITTLE else "ok"
    fix = "" if status == "ok" else f"make room on the disk of {folder}"
    return Check("disk", status, f"{free / (1 << 30):.1f} GiB free", fix)


def _daemon(home: Home) -> Check:
    try:
        with connect(str(home.root), spawn=False) as wire:
            about = wire.get("/health")
    except NotListening:
        return Check("daemon", "ok", "not running; started when it is needed")
    except HermesError as error:
        fix = "hermes logs shows why; hermes daemon restart"
        return Check("daemon", "fail", error.message, fix)
    text = f"version {about['version']}, pid {about['pid']}"
    if about["version"] != VERSION:
        return Check("daemon", "warn", f"{text}; this is {VERSION}", "hermes daemon restart")
    return Check("daemon", "ok", text)


def _copies(home: Home) -> Iterator[Check]:
    """Copies of bundled skills that keep a newer text from being used; the daemon knows them."""
    from gateway.cli.skills import conflict

    try:
        with connect(str(home.root), spawn=False) as wire:
            rows = wire.get("/api/skills")
    except HermesError:
        return
    if names := [row["name"] for row in rows if conflict(row)]:
        fix = "hermes skills diff NAME; then hermes skills reset NAME, or keep NAME"
        yield Check("skills", "warn", f"the bundled text differs from: {', '.join(names)}", fix)


def _api(home: Home, settings: Settings) -> Check:
    if not settings.api.listen:
        return Check("api", "ok", "only the Unix socket")
    if problem := Token(home, os.environ).problem():
        return Check("api", "fail", f"{problem}: {settings.api.listen} stays closed", FIX)
    return Check("api", "ok", f"with a token at {settings.api.listen}")


def _model(home: Home, settings: Settings) -> Check:
    model = settings.model
    if model.provider == "offline":
        return Check("model", "ok", "the built-in one, offline")
    if not (model.base_url and model.default):
        return Check("model", "fail", "no endpoint or no model is set", "hermes setup")
    try:
        key = endpoint.key_for(str(home.root), model.base_url)
        names = [found.id for found in asyncio.run(endpoint.models_of(model.base_url, key))]
    except HermesError as error:
        return Check("model", "fail", error.message, error.hint or "hermes setup")
    if names and model.default not in names:
        return Check(
            "model", "warn", f"{model.base_url} does not list {model.default}", "hermes model"
        )
    return Check("model", "ok", f"{model.default} at {model.base_url}")
