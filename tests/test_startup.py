"""What the owner is told in his chat when the daemon starts as another version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chatting_channels import configure, rows
from tests.hermes import ROOT, Hermes
from tests.loopback_platform import Program
from tests.model_server import ModelServer

pytestmark = pytest.mark.slow


@pytest.fixture
def program() -> Iterator[Program]:
    with Program() as program:
        yield program


class Installed:
    """Which version every process of `hermes` is from its start on."""

    def __init__(self, hermes: Hermes, folder: Path) -> None:
        self.hermes = hermes
        self._file = folder / "version.txt"
        (folder / "sitecustomize.py").write_text(
            "import hermes_home.version as it\n"
            f"it.VERSION = open({str(self._file)!r}).read().strip()\n"
        )
        hermes.environment["PYTHONPATH"] = f"{folder}:{ROOT}"

    def update(self, version: str) -> str:
        """What a client of that version says while it has the daemon go on as that version."""
        self._file.write_text(version)
        started = self.hermes.run("daemon", "start")
        assert started.returncode == 0, started.stderr
        return started.stderr

    def version(self) -> str:
        return str(self.hermes.json("status")["version"])


@pytest.fixture
def installed(hermes: Hermes, program: Program, model_server: ModelServer, tmp_path: Path):
    configure(hermes, program, model_server)
    folder = tmp_path / "installed"
    folder.mkdir()
    return Installed(hermes, folder)


def notices(program: Program) -> list[str]:
    return [one.text for one in program.messages if one.silent and not one.gone]


def age_notices(hermes: Hermes, seconds: float) -> None:
    with closing(sqlite3.connect(hermes.home / "state.db")) as connection, connection:
        connection.execute("UPDATE outbox SET at = at - ? WHERE kind = 'startup'", (seconds,))


def test_an_update_and_what_goes_on_is_told_once_an_hour(
    installed: Installed, hermes: Hermes, program: Program, model_server: ModelServer
) -> None:
    installed.update("0.0.8")
    program.say("hello")
    program.until(lambda: len(program.shown()) == 1)
    model_server.script = lambda number, body: {"content": "at last", "delay": 1.5}
    program.say("work  long\nand hard")
    program.until(lambda: len(model_server.runs()) == 2)
    assert "the daemon is 0.0.8, this is 0.0.9" in installed.update("0.0.9")
    program.until(lambda: program.shown() and program.shown()[-1].text == "at last")
    told = "I was updated from 0.0.8 to 0.0.9 and go on with:\n- work long and hard"
    program.until(lambda: notices(program) == [told])

    installed.update("0.1.0")
    assert installed.version() == "0.1.0"
    hermes.ok("daemon", "restart")
    assert len(rows(hermes, "SELECT 1 FROM outbox WHERE kind = 'startup'")) == 1

    hermes.ok("daemon", "stop")
    age_notices(hermes, 3601)
    hermes.ok("daemon", "start")
    program.until(lambda: notices(program) == [told, "I was updated from 0.0.9 to 0.1.0."])
    hermes.ok("daemon", "stop")
    age_notices(hermes, 3601)
    hermes.ok("daemon", "start")
    assert len(rows(hermes, "SELECT 1 FROM outbox WHERE kind = 'startup'")) == 2


def test_nobody_is_told_where_the_owner_has_no_chat(
    installed: Installed, hermes: Hermes, program: Program
) -> None:
    installed.update("0.0.8")
    program.say("hello", chat="c2", sender="g1")
    program.until(lambda: program.shown("c2"))
    installed.update("0.0.9")
    assert installed.version() == "0.0.9"
    assert rows(hermes, "SELECT 1 FROM outbox WHERE kind = 'startup'") == []
