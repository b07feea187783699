"""Upkeep of the library: by age, by use, twins; what is held stays; through the daemon, too."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agent.events import AnyEvent, ChangeIntended, ChangeMade, SkillMoved, SkillState
from hermes_home.paths import Home
from skills.curation import ARCHIVE_DAYS, STALE_DAYS, Step, plan
from skills.library import Library
from skills.states import States
from tests.hermes import Hermes
from tests.model_server import ModelServer, calls
from tests.skill_texts import add_home_skill, skill_text
from tests.test_learning_daemon import created, keeps
from tests.test_whole_message import connect, echo, oneshot

DAY = 86_400.0
NOW = 1_000 * DAY
WORDS = {
    "brew-tea": "Brew a pot of green tea for visitors.",
    "mow-lawn": "Cut the grass behind the house with the red mower.",
    "file-taxes": "Fill in the yearly tax form and send it off.",
}


class Shelf:
    """Skills of a home and what the journal says of them."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.states = States()
        self.loaded: dict[str, float] = {}
        self.held: set[str] = set()
        self._seq = 0

    def tell(self, event: AnyEvent, days_ago: float) -> int:
        self._seq += 1
        self.states.take(self._seq, event, NOW - days_ago * DAY)
        return self._seq

    def learn(self, name: str, days_ago: float, text: str = "", by: str = "agent") -> None:
        add_home_skill(self.home, name, text or WORDS[name], f"1. Run `{name} {text}`.")
        intended = ChangeIntended(
            kind="skill", name=name, action="create", status="candidate", actor=by
        )
        self.tell(ChangeMade(id=self.tell(intended, days_ago)), days_ago)

    def move(self, name: str, state: SkillState, days_ago: float) -> None:
        self.tell(SkillMoved(name=name, state=state, by="evidence"), days_ago)

    def plan(self) -> list[Step]:
        library = Library(self.home, bundled=None)
        skills = list(library.skills().values())
        return plan(skills, self.states, self.loaded, self.held.__contains__, NOW)

    def actions(self) -> dict[str, str]:
        return {step.skill: step.action for step in self.plan()}


@pytest.fixture
def shelf(home: Home) -> Shelf:
    return Shelf(home)


@pytest.mark.parametrize("days", [0, 1, STALE_DAYS - 1, STALE_DAYS, STALE_DAYS + 200])
def test_what_is_not_used_becomes_stale(shelf: Shelf, days: int):
    shelf.learn("brew-tea", days)
    assert shelf.actions() == ({"brew-tea": "stale"} if days >= STALE_DAYS else {})
    shelf.loaded["brew-tea"] = NOW - DAY
    assert shelf.actions() == {}


@pytest.mark.parametrize("state", ["stale", "quarantined"])
@pytest.mark.parametrize("days", [ARCHIVE_DAYS - 1, ARCHIVE_DAYS])
def test_what_is_out_of_use_is_archived_in_time(shelf: Shelf, state: SkillState, days: int):
    shelf.learn("brew-tea", 400)
    shelf.move("brew-tea", state, days)
    assert shelf.actions() == ({"brew-tea": "archive"} if days >= ARCHIVE_DAYS else {})


def test_what_is_used_again_is_measured_again(shelf: Shelf):
    shelf.learn("brew-tea", 400)
    shelf.move("brew-tea", "stale", 90)
    shelf.loaded["brew-tea"] = NOW - 2 * DAY
    assert shelf.actions() == {"brew-tea": "candidate"}


def test_only_what_the_agent_wrote_is_moved_and_nothing_that_is_held(shelf: Shelf):
    shelf.learn("brew-tea", 400, by="owner")
    shelf.learn("mow-lawn", 400)
    add_home_skill(shelf.home, "file-taxes", WORDS["file-taxes"])
    assert shelf.actions() == {"mow-lawn": "stale"}
    shelf.held.add("mow-lawn")
    assert shelf.actions() == {}


def test_of_twins_the_worse_is_proposed(shelf: Shelf):
    text = "Brew a pot of green tea for visitors who come to the house."
    shelf.learn("brew-tea", 3, text)
    shelf.learn("brew-a-tea", 2, text)
    shelf.learn("mow-lawn", 2)
    shelf.move("brew-tea", "active", 1)
    assert [(step.skill, step.action) for step in shelf.plan()] == [("brew-a-tea", "propose")]
    assert "brew-tea" in shelf.plan()[0].reason


# -- through the daemon -------------------------------------------------------------------------


def learn(hermes: Hermes, server: ModelServer, name: str, text: str) -> dict[str, Any]:
    server.script = calls(15, "shell", echo)
    number = sum(request.kind == "checkpoint" for request in server.requests)
    answers = keeps(created(name, skill_text(name, text)))
    server.checkpoint = lambda at, body: answers[0] if at == number else None
    return oneshot(hermes, "work through it")


@pytest.mark.slow
def test_the_owner_runs_pauses_pins_archives_and_restores(hermes: Hermes, model_server):
    connect(hermes, model_server)
    learn(hermes, model_server, "brew-tea", WORDS["brew-tea"])
    asked = len(model_server.requests)
    status = hermes.json("curator", "status")
    assert status["states"] == {"brew-tea": "candidate"}
    assert (status["paused"], status["ran"]) == (False, 0)

    assert "nothing to do" in hermes.ok("curator", "run")
    hermes.ok("curator", "pause")
    status = hermes.json("curator", "status")
    assert status["paused"]
    assert status["ran"] > 0
    hermes.ok("daemon", "restart")
    assert hermes.json("curator", "status")["paused"]
    hermes.ok("curator", "resume")

    hermes.ok("curator", "pin", "brew-tea")
    refused = hermes.run("curator", "archive", "brew-tea")
    assert refused.returncode != 0
    assert "pinned" in refused.stderr
    assert "hermes curator unpin brew-tea" in refused.stderr
    hermes.ok("learning", "lock", "brew-tea")
    told = hermes.ok("curator", "status")
    assert re.findall(r"^(\w+) +brew-tea$", told, re.M) == ["candidate", "locked", "pinned"]
    hermes.ok("learning", "unlock", "brew-tea")
    hermes.ok("curator", "unpin", "brew-tea")
    hermes.ok("memory", "add", "The kettle is red.")
    noted = str(hermes.json("memory", "show")["memory"][0]["change"])
    assert "the note “The kettle is red.”: locked" in hermes.ok("learning", "lock", noted)
    status = hermes.json("curator", "status")
    assert (status["rights"], status["locked_notes"]) == ({}, 1)
    file = hermes.home / "skills" / "brew-tea" / "SKILL.md"
    before = file.read_bytes()
    hermes.ok("curator", "archive", "brew-tea")
    assert not file.exists()
    assert hermes.json("curator", "status")["archived"] == ["brew-tea"]
    for words in (("skills", "view", "brew-tea"), ("chat", "-q", "/brew-tea")):
        assert "hermes curator restore brew-tea" in hermes.run(*words).stderr
    hermes.ok("curator", "restore", "brew-tea")
    assert file.read_bytes() == before
    unknown = hermes.run("curator", "restore", "brew-coffee")
    assert "no skill 'brew-coffee'" in unknown.stderr
    # All this asked no model.
    assert len(model_server.requests) == asked


@pytest.mark.slow
def test_of_twins_the_owner_is_asked_and_nothing_is_archived_before(hermes: Hermes, model_server):
    connect(hermes, model_server)
    learn(hermes, model_server, "brew-tea", WORDS["brew-tea"])
    learn(hermes, model_server, "mow-lawn", WORDS["mow-lawn"])
    skills = hermes.home / "skills"
    text = (skills / "brew-tea" / "SKILL.md").read_text()
    (skills / "mow-lawn" / "SKILL.md").write_text(text.replace("brew-tea", "mow-lawn"))
    (line,) = hermes.json("curator", "run")["report"]
    assert "archive proposed" in line
    assert (skills / "brew-tea").exists()
    assert (skills / "mow-lawn").exists()
    assert hermes.json("curator", "run")["report"] == []
    (proposal,) = [row for row in hermes.json("learning", "list") if row["status"] == "proposed"]
    hermes.ok("learning", "approve", str(proposal["id"]))
    assert not (skills / proposal["name"]).exists()
    hermes.ok("curator", "restore", proposal["name"])
    assert (skills / proposal["name"]).exists()


@pytest.mark.slow
def test_a_lock_by_name_or_by_change_holds_against_the_agent(hermes: Hermes, model_server):
    connect(hermes, model_server)
    first = learn(hermes, model_server, "brew-tea", WORDS["brew-tea"])
    (change,) = first["learned"]
    hermes.ok("learning", "lock", str(change["id"]))
    file = hermes.home / "skills" / "brew-tea" / "SKILL.md"
    before = file.read_bytes()
    model_server.script = calls(15, "shell", echo)
    patch = {"action": "patch", "name": "brew-tea", "old_text": "green", "new_text": "black"}
    model_server.checkpoint = lambda at, body: keeps(("skill_manage", patch))[0]
    assert oneshot(hermes, "work through it again")["learned"] == []
    assert file.read_bytes() == before
    hermes.ok("learning", "unlock", "brew-tea")
    assert len(oneshot(hermes, "and again")["learned"]) == 1
    assert file.read_bytes() != before
