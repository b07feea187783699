"""What one channel needs, asked of a person or taken from the command line, tried, and saved."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from dataclasses import dataclass, field
from typing import Any

from gateway.channels.guides import Field, Guide
from gateway.channels.table import CHANNELS
from gateway.cli import menu
from gateway.cli import start as starting
from gateway.cli.arguments import Arguments
from gateway.cli.output import note
from gateway.load import load
from hermes_home.config_edit import put_value
from hermes_home.errors import HermesError, UsageError
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets, write_secret
from hermes_home.settings import check_settings, load_settings, read_config

CHECK_SECONDS = 60.0
MADE_BYTES = 20
TRIES = 3
"""How often in a row nothing may be said to something that is needed."""


@dataclass
class Setup:
    """One channel on its way. values: what was answered, by the field's key; only what is new is
    in it. before: what was answered and did not work. asks: there is somebody to ask."""

    home: Home
    name: str
    guide: Guide
    asks: bool
    values: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)

    def now(self, wanted: Field) -> str:
        """What is set already."""
        if wanted.secret:
            return load_secrets(self.home, os.environ).get(wanted.key)
        value = getattr(self.section(), wanted.key)
        return ", ".join(value) if isinstance(value, tuple) else str(value)

    def value(self, key: str) -> str:
        fields = [one for one in self.guide.fields if one.key == key]
        return self.values[key] if key in self.values else self.now(fields[0]) if fields else ""

    def section(self) -> Any:
        return getattr(load_settings(self.home, os.environ).channels, self.name)

    def settings(self) -> dict[str, str]:
        return {key: value for key, value in self.values.items() if not key.isupper()}

    def secrets(self) -> dict[str, str]:
        return {key: value for key, value in self.values.items() if key.isupper()}


# -- what is asked ------------------------------------------------------------------------------


def given_by(arguments: Arguments, guide: Guide) -> dict[str, str]:
    """What the command line says: settings as KEY=VALUE, the first secret by its own option."""
    given = {}
    for word in arguments.words[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{word!r} is not KEY=VALUE", "for example: owners=12345")
        if key.isupper():
            raise UsageError(
                "a secret on the command line is seen by others", "--token - reads standard input"
            )
        given[key] = value
    if token := _token(arguments):
        wanted = next((one.key for one in guide.fields if one.secret and not one.made), "")
        if not wanted:
            raise UsageError(f"{guide.title} takes no token", "leave --token and --token-env away")
        given[wanted] = token
    return given


def _token(arguments: Arguments) -> str:
    if arguments.on("token"):
        if arguments.text("token") != "-":
            raise UsageError(
                "a token on the command line is seen by others", "--token - reads standard input"
            )
        return sys.stdin.readline().strip()
    if name := arguments.text("token-env"):
        if not os.environ.get(name):
            raise UsageError(f"{name} is not set in the environment", "export it first")
        return os.environ[name].strip()
    return ""


def collect(setup: Setup) -> None:
    """Everything the channel needs into `setup.values`; UsageError if nobody can be asked."""
    for wanted in setup.guide.fields:
        if wanted.key in setup.values or not matters(setup, wanted):
            continue
        now = setup.now(wanted)
        if wanted.made:
            value = now or secrets.token_hex(MADE_BYTES)
        elif setup.asks:
            value = _answer(wanted, setup.before.get(wanted.key) or now or wanted.default)
        else:
            value = now or wanted.default
        if not value and not wanted.optional:
            raise UsageError(f"{wanted.ask} is missing", _how(setup.name, wanted))
        if value != now:
            setup.values[wanted.key] = value


def matters(setup: Setup, field: Field) -> bool:
    """Whether it matters, by what was answered before."""
    return not (
        (field.after and not setup.value(field.after))
        or (field.unless and setup.value(field.unless))
    )


def _answer(wanted: Field, known: str) -> str:
    """What a person says; asked again if it is needed and nothing came."""
    for _ in range(TRIES):
        if (said := _asked(wanted, known)) or wanted.optional:
            return said
        note(f"{wanted.ask} is needed (Ctrl-C leaves, and nothing is saved)")
    return ""


def _asked(wanted: Field, known: str) -> str:
    """What a person says; nothing means `known`, and a dash none where there may be none."""
    if wanted.where:
        print(f"  ({wanted.where})")
    none = known and wanted.optional
    if wanted.secret:
        kept = "; Enter keeps it" + (", - for none" if none else "") if known else ""
        said = menu.secret(f"{wanted.ask}, not shown{kept}")
    else:
        kept = f" [{known}]" + (", - for none" if none else "") if known else ""
        said = menu.ask(wanted.ask + kept)
    return "" if none and said == "-" else said or known


def _how(name: str, wanted: Field) -> str:
    command = f"hermes gateway setup {name}"
    if wanted.secret:
        return f"{command} --token-env VARIABLE, or --token - with it on standard input"
    return f"{command} {wanted.key}=…"


# -- trying and saving --------------------------------------------------------------------------


def checked(setup: Setup) -> str:
    """The account that the channel connects as; empty if it does not and the person gave up."""
    while True:
        note("Trying it …")
        try:
            return asyncio.run(_account(setup))
        except HermesError as error:
            if not setup.asks:
                raise
            note(str(error))
        if menu.ask("answer again? [Y/n]").lower() in ("n", "no"):
            return ""
        setup.before |= setup.values
        setup.values.clear()
        collect(setup)


async def _account(setup: Setup) -> str:
    """Connect as the daemon would, with the new answers. HermesError."""
    environment = {**os.environ, **setup.secrets()}
    channel = load(CHANNELS[setup.name])(
        _candidate(setup), load_secrets(setup.home, environment), setup.home
    )
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await channel.connect()
        return str(channel.title)
    except TimeoutError:
        raise HermesError(f"{setup.guide.title} did not answer in time") from None
    finally:
        await channel.disconnect()


def _candidate(setup: Setup) -> Any:
    """The channel's settings as they will be. SettingsError."""
    text, name = read_config(setup.home), str(setup.home.config)
    for key, value in setup.settings().items():
        several = isinstance(getattr(setup.section(), key, ""), tuple)
        listed = tuple(part.strip() for part in value.split(",") if part.strip())
        text = put_value(text, name, f"channels.{setup.name}.{key}", listed if several else value)
    return getattr(check_settings(text, setup.home, os.environ).channels, setup.name)


def save(setup: Setup) -> None:
    """On disk when this returns. Switched off meanwhile, so that it connects with all of it."""
    prefix = f"channels.{setup.name}"
    with starting.connect(str(setup.home.root)) as wire:
        if setup.section().enabled:
            wire.ask("PUT", "/api/config", {"key": f"{prefix}.enabled", "value": "false"})
        for key, value in setup.secrets().items():
            write_secret(setup.home, key, value)
            if os.environ.get(key, value) != value:
                note(f"{key} of the environment counts before the one in .env")
        for key, value in {**setup.settings(), "enabled": "true"}.items():
            wire.ask("PUT", "/api/config", {"key": f"{prefix}.{key}", "value": value})
