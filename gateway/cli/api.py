"""`hermes api token`: the token that callers over TCP need."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from gateway.api.token import FIX, NAME, Token
from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_json
from hermes_home.errors import SettingsError
from hermes_home.guard import check_home, seed
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets, write_secret


def token(arguments: Arguments) -> int:
    """Whether there is a token; with --new another one, shown this once. Exit 1 if none is."""
    home = Home(Path(arguments.home))
    if arguments.on("new"):
        return _new(home, arguments)
    source = load_secrets(home, os.environ).source(NAME)
    problem = Token(home, os.environ).problem()
    if arguments.on("json"):
        show_json({"name": NAME, "source": source, "problem": problem})
    elif problem:
        note(f"{problem}\n  {FIX}")
    else:
        print(f"{NAME} is set ({source})")
    return 1 if problem else 0


def _new(home: Home, arguments: Arguments) -> int:
    if os.environ.get(NAME):
        raise SettingsError(f"{NAME} is set in the environment", "Change it there, or unset it.")
    check_home(home)
    seed(home)
    made = secrets.token_urlsafe(32)
    write_secret(home, NAME, made)
    if arguments.on("json"):
        show_json({"name": NAME, "source": ".env", "token": made})
    else:
        print(made)
        note(f"{NAME} is in {home.env}; the one before it is refused from now on")
    return 0
