"""Forgets or purges a change and dies by SIGKILL on the way:
`python -m tests.forgetter HOME VERB ID POINT`, where POINT names a function that is not reached."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

from gateway.app import App
from gateway.learning import deciding
from hermes_home.paths import Home


def _die(*arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _forget(home: Home, verb: str, id: int, point: str) -> None:
    module, _, name = point.partition(":")
    app = await App.open(home, {"HOME": str(home.root.parent), "PATH": os.environ["PATH"]})
    setattr(import_module(module), name, _die)
    await deciding.decide(app, id, verb)


if __name__ == "__main__":
    root, verb, id, point = sys.argv[1:]
    asyncio.run(_forget(Home(Path(root)), verb, int(id), point))
