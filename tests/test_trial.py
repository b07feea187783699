"""Trials of skills: past cases replayed in copies, with the skill and without it."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.events import ChangeIntended, ChangeMade, RunEnd, SessionOpened, SkillRef, Stored
from agent.pairs import paired
from agent.policy import Effect
from agent.tools.base import ToolContext
from agent.trial_policy import TrialPolicy
from gateway.learning import copies
from gateway.learning.copies import Copies, NotCopied, turned
from hermes_home.paths import Home
from memory.index_file import IndexFile
from memory.outcomes.cases import cases
from tests.explorer import HURRY, Explorer
from tests.hermes import Hermes
from tests.stories import Story
from tests.test_closed_loop import seed_hurry, sit
from tests.test_evidence import stored
from tests.test_whole_message import connect

TEA = "tea-with-kit"


# -- the interval of pairs ----------------------------------------------------------------------


def test_the_interval_of_pairs_is_students():
    """Against the textbook: 90 % of six differences, t = 2.015."""
    values = [4.0, 7.0, 1.0, 5.0, 6.0, 2.0]
    found = paired(values)
    half = 2.015 * statistics.stdev(values) / 6**0.5
    assert found.mean == pytest.approx(statistics.mean(values))
    assert found.high - found.mean == pytest.approx(half, abs=0.01)
    assert found.mean - found.low == pytest.approx(half, abs=0.01)


def test_few_pairs_say_little():
    assert paired([]).mean == 0
    assert (paired([3]).low, paired([3]).high) == (-float("inf"), float("inf"))
    assert paired([3, 3, 3]) == (3, 3, 3)
    assert paired([-1, 4]).low < 0 < paired([-1, 4] * 10).low


# -- cases --------------------------------------------------------------------------------------

PACK = SkillRef("pack", "aaaaaaaaaaaa")


async def asked(home: Home, *stories: Story, limit: int = 20) -> list[str]:
    """The words of the cases for `pack`; each story is of a session of its name."""
    for story in stories:
        opened = SessionOpened(source="api", cwd="/work", system="", tools="", prompt_version="")
        story.events.insert(0, Stored(0, story.session, "", 1.0, opened))
    await stored(home, *stories)
    with closing(IndexFile(home)) as index:
        while index.step():
            pass
        return [case.text for case in index.ask(lambda tables: cases(tables, "pack", limit))]


def told(session: str, text: str, end: RunEnd = "done", **begin: Any) -> Story:
    story = Story(session)
    story.begin(text, **begin)
    story.end(end)
    return story


@pytest.mark.anyio
async def test_cases_are_what_the_owner_opened_sessions_with(home: Home):
    """Those that took the skill up or were denied it first, then those it was offered to."""
    later = told("later", "something else")
    later.begin("pack this too", offered=[PACK])
    later.end()
    stories = [
        told("a", "offered only", offered=[PACK]),
        told("b", "loaded", loaded=[PACK], preface='<skill name="pack" dir="x">\nx\n</skill>'),
        told("c", "withheld", withheld=[PACK]),
        told("d", "withheld ", withheld=[PACK]),  # the same again
        told("e", "stopped", "stopped", withheld=[PACK]),
        told("f", "failed", "limit", withheld=[PACK]),
        told("g", "a guest's", principal="g1", withheld=[PACK]),
        told("h", "another skill's", withheld=[SkillRef("other", "bbbbbbbbbbbb")]),
        later,
    ]
    found = await asked(home, *stories)
    assert sorted(found[:3]) == ["failed", "loaded", "withheld "]
    assert found[3:] == ["offered only"]


@pytest.mark.anyio
async def test_without_any_use_a_case_is_what_it_was_learned_from(home: Home):
    learned = Story("learned")
    learned.begin("find out how to pack")
    intended = ChangeIntended(
        kind="skill", name="pack", action="create", status="candidate", actor="agent"
    )
    learned.tell(ChangeMade(id=learned.tell(intended) + 1))
    learned.end()
    assert await asked(home, learned) == ["find out how to pack"]


# -- copies -------------------------------------------------------------------------------------


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace; copies go to a folder of the test's own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    folder = tmp_path / "person" / "work"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "tool").write_text("#!/bin/sh\n")
    (folder / "deep" / "tool").chmod(0o755)
    return folder


@pytest.fixture
def desk(home: Home) -> Copies:
    home.run.mkdir()
    return Copies(home)


def snapshot(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Everything below a folder: mode, time of change, content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        text = path.read_bytes().hex() if path.is_file() and not path.is_symlink() else ""
        target = str(path.readlink()) if path.is_symlink() else text
        found[path.relative_to(folder).as_posix()] = (status.st_mode, status.st_mtime_ns, target)
    return found


def test_a_copy_is_the_workspace_and_apart_from_it(desk, work, tmp_path):
    (tmp_path / "outside").write_text("theirs")
    (work / "out").symlink_to(tmp_path / "outside")
    (work / "in").symlink_to(work / "deep" / "tool")
    (work / "near").symlink_to("deep")
    os.mkfifo(work / "pipe")
    copy = desk.make(work)
    assert (copy / "deep" / "tool").read_text() == "#!/bin/sh\n"
    assert os.access(copy / "deep" / "tool", os.X_OK)
    assert (copy / "out").readlink() == tmp_path / "outside"
    assert (copy / "in").readlink() == copy / "deep" / "tool"
    assert (copy / "near").readlink() == Path("deep")
    assert not (copy / "pipe").exists()
    assert copy.parent.stat().st_mode & 0o077 == 0
    again = desk.make(work)
    assert again != copy
    assert not copy.exists()


def test_what_a_crash_left_is_removed_and_nothing_else(desk, home, work, tmp_path):
    copy = desk.make(work)
    (copy / "deep").chmod(0o500)
    Copies(home).clear()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (home.run / "trial").exists()
    (home.run / "trial").write_text(str(work))  # not a name of ours
    Copies(home).clear()
    assert work.exists()
    (home.run / "trial").write_text(str(tmp_path / "temporary" / "hermes-trial-gone"))
    Copies(home).clear()
    assert not (home.run / "trial").exists()


def test_what_is_too_large_or_gone_is_not_copied(desk, home, work, tmp_path, monkeypatch):
    with pytest.raises(NotCopied, match="is gone"):
        desk.make(work / "nowhere")
    for more in (home.root.parent, Path("/"), work.parent, home.root / "run"):
        with pytest.raises(NotCopied, match="more than one piece of work"):
            desk.make(more)
    monkeypatch.setattr(copies, "MOST_FILES", 2)
    desk.make(work)
    (work / "third").touch()
    with pytest.raises(NotCopied, match="2 files"):
        desk.make(work)
    monkeypatch.undo()
    with (work / "large").open("wb") as file:
        file.truncate(copies.MOST_BYTES + 1)
    with pytest.raises(NotCopied, match="100 MB"):
        Copies(home).make(work)


def test_paths_of_the_workspace_become_those_of_the_copy(work):
    copy = Path("/copy/work")
    here = str(work)
    texts = {
        f"look into {here}/a.txt, please": "look into /copy/work/a.txt, please",
        f"clean {here}.": "clean /copy/work.",
        "clean ~/work/deep": "clean /copy/work/deep",
        f"not {here}-old, {here}s, {here}.bak": None,
        f"not /mnt{here}/x": None,
        "nothing to see": None,
    }
    for text, wanted in texts.items():
        assert turned(text, work, copy) == (wanted or text)


# -- the gate -----------------------------------------------------------------------------------


def test_the_gate_lets_nothing_out(home, work, tmp_path):
    """Whatever kind of effect there is, and whatever was granted."""
    hidden = home.skills / "tea"
    hidden.mkdir(parents=True)
    outside = tmp_path / "outside"
    (work / "out").symlink_to(outside)

    def judged(effect: Effect, sandbox: str | None = "bubblewrap") -> str:
        policy = TrialPolicy(home, sandbox=sandbox, readable=lambda: [home.skills], hidden=[hidden])
        where = ToolContext("s", "r", "c", work, conversation=None)
        return policy.judge([effect], where, action="x", yolo=True, granted=["x"]).kind

    allowed = [
        Effect("run", "rm -rf *"),
        Effect("read", str(work / "a")),
        Effect("write", str(work / "a")),
        Effect("read", str(home.skills / "other" / "SKILL.md")),
    ]
    refused = [
        *(Effect(kind, "x") for kind in ("fetch", "learn", "recall", "ask", "schedule")),
        Effect("new", "x"),  # type: ignore[arg-type]
        Effect("run", "make", outside=True),
        Effect("read", str(hidden / "SKILL.md")),
        *(Effect(kind, str(outside)) for kind in ("read", "write")),
        *(Effect(kind, str(work / "out")) for kind in ("read", "write")),
        Effect("write", str(work / ".git" / "hooks" / "pre-commit")),
        Effect("write", str(home.skills / "other" / "SKILL.md")),
    ]
    assert [judged(effect) for effect in allowed] == ["allow"] * len(allowed)
    assert [judged(effect) for effect in refused] == ["deny"] * len(refused)
    assert judged(allowed[0], sandbox=None) == "deny"


# -- through the daemon -------------------------------------------------------------------------


@pytest.fixture
def tried(hermes: Hermes, tmp_path: Path) -> Hermes:
    """The command, whose copies go to a folder of the test's own."""
    (tmp_path / "temporary").mkdir()
    hermes.environment["TMPDIR"] = str(tmp_path / "temporary")
    return hermes


def left(hermes: Hermes) -> list[Path]:
    """Copies that are still there."""
    return list(Path(hermes.environment["TMPDIR"]).glob("hermes-trial-*"))


def until(holds: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def trial(hermes: Hermes, name: str, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = hermes.json("skills", "trial", name, "--yes", *more)
    return found


@pytest.mark.slow
def test_a_good_skill_saves_calls_and_nothing_else_is_touched(tried, model_server):
    """What was learned of tea, on the two later teas: the same work in fewer calls. Neither the
    workspace, the evidence, the lists nor the search know of it; the bill does."""
    connect(tried, model_server, learning={"withhold": 0})
    sit(tried, model_server, range(1))
    sit(tried, model_server, range(5, 20, 10))
    before, evidence = snapshot(tried.workspace), tried.json("skills", "evidence", TEA)
    sessions, stats = tried.json("sessions", "list"), tried.json("learning", "stats")
    words = tried.json("sessions", "search", "brew")

    found = trial(tried, TEA, "-n", "2", "--budget", "1000000")
    assert found["state"] == "done"
    assert found["pairs"] == 2
    for row in found["rows"]:
        assert row["with"]["calls"] < row["without"]["calls"]
        assert row["with"]["outcome"] == row["without"]["outcome"] == "success"
    assert found["calls"]["difference"] < 0
    assert found["success"] == {**found["success"], "with": 2, "without": 2, "difference": 0}
    assert found["spent"] == sum(
        row[side]["tokens"] for row in found["rows"] for side in ("with", "without")
    )

    assert snapshot(tried.workspace) == before
    assert left(tried) == []
    assert tried.json("skills", "evidence", TEA) == evidence
    assert tried.json("sessions", "list") == sessions
    assert tried.json("sessions", "search", "brew") == words
    shown = tried.json("sessions", "list", "--all")
    mine = [row for row in shown if row["source"] == "trial"]
    assert len(shown) == len(sessions) + 4
    assert tried.json("sessions", "list", "--source", "trial") == mine
    assert {row["id"] for row in mine} == {
        row[side]["session"] for row in found["rows"] for side in ("with", "without")
    }
    after = tried.json("learning", "stats")
    assert after["kinds"] == stats["kinds"]
    assert after["cost"].pop("trial")["total"] == found["spent"]
    assert after["cost"] == stats["cost"]
    tried.ok("daemon", "stop")
    (tried.home / "index.db").unlink()
    assert tried.json("learning", "stats")["cost"]["trial"]["total"] == found["spent"]


@pytest.mark.slow
def test_a_harmful_skill_fails_where_work_without_it_succeeds(tried, model_server):
    connect(tried, model_server, learning={"withhold": 0})
    seed_hurry(tried, model_server)
    sit(tried, model_server, range(2))
    sit(tried, model_server, range(4, 5))
    for jammed in tried.workspace.glob("*/jammed"):
        jammed.unlink()  # as the owner would
    result = tried.run("skills", "trial", HURRY, "--budget", "1000000", "--yes")
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if "  Please" in line]
    assert len(rows) == 3, result.stdout
    assert all("failure" in row and row.index("failure") < row.index("success") for row in rows)
    assert "Success: 0 of 3 with it, 3 without: -100 points" in result.stdout
    assert "it harms" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines() if "Please" not in line)
    assert not list(tried.workspace.glob("*/jammed"))


class Burglar:
    """A model that in a trial tries every way out of its copy."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.told: list[str] = []
        self.skill = ""

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        note = {"action": "add", "target": "memory", "text": "I was here"}
        return [
            ("shell", {"command": f"echo x > {self.workspace}/kept; cat {self.skill}/*"}),
            ("shell", {"command": "echo x > link/kept"}),
            ("shell", {"command": "echo x > /tmp/kept", "outside": True}),
            ("shell", {"command": "exec 3<>/dev/tcp/127.0.0.1/9 || echo closed"}),
            ("write_file", {"path": str(self.workspace / "kept"), "content": "x"}),
            ("write_file", {"path": "link/kept", "content": "x"}),
            ("read_file", {"path": f"{self.skill}/SKILL.md"}),
            ("skill_view", {"name": TEA}),
            ("skills_search", {"query": "brew a pot of tea"}),
            ("skill_manage", {"action": "archive", "name": TEA}),
            ("memory", {"operations": [note]}),
            ("session_search", {"query": "tea"}),
            ("web_fetch", {"url": "http://127.0.0.1:9/?secret"}),
            ("web_search", {"query": "tea"}),
            ("schedule", {"action": "create", "name": "x", "when": "daily", "prompt": "x"}),
            ("send_file", {"path": "t00/kit"}),
        ]

    def __call__(self, number: int, body: Mapping[str, Any]) -> dict[str, Any]:
        results = [str(m["content"]) for m in body["messages"] if m["role"] == "tool"]
        todo = self.calls()
        if len(results) == len(todo):
            self.told = results
            return {"content": "done"}
        name, arguments = todo[len(results)]
        return {"tool_calls": [{"name": name, "arguments": arguments}]}


@pytest.mark.slow
def test_whatever_the_model_tries_stays_in_the_copy(tried, model_server, tmp_path):
    """And without the skill nothing of it is to be found, not even its file."""
    settings = {"sandbox": {"write": [str(tmp_path / "shared")]}, "learning": {"model": "judge"}}
    connect(tried, model_server, **settings)
    (tmp_path / "shared").mkdir()
    (tried.workspace / "link").symlink_to(tmp_path / "shared")
    sit(tried, model_server, range(1))
    home = {path: (tried.home / path) for path in ("skills", "memories", "cron")}
    before = {name: snapshot(path) for name, path in home.items() if path.exists()}
    work = snapshot(tried.workspace)
    burglar = Burglar(tried.workspace)
    burglar.skill = str(tried.home / "skills" / TEA)
    model_server.script = burglar
    found = trial(tried, TEA, "-n", "1", "--budget", "1000000")
    assert found["state"] == "done", found
    assert model_server.requests[-1].body["model"] == "judge"
    told = burglar.told
    for at, (name, _) in enumerate(burglar.calls()):
        assert re.search(
            "denied|cannot|No such|not here|no skill|Read-only|closed|in no chat"
            "|keeps nothing|refused|Permission",
            told[at],
        ), (name, told[at])
    assert "Run `./kit tea" not in "".join(told)
    assert {name: snapshot(path) for name, path in home.items() if path.exists()} == before
    assert snapshot(tried.workspace) == work
    assert list((tmp_path / "shared").iterdir()) == []


@pytest.mark.slow
def test_a_crash_in_the_middle_leaves_nothing(tried, model_server):
    """kill -9 while a command of the trial works: the next start removes the copy, and the run
    is not gone on with."""
    connect(tried, model_server)
    sit(tried, model_server, range(1))
    before = snapshot(tried.workspace)
    model_server.script = lambda number, body: {
        "tool_calls": [{"name": "shell", "arguments": {"command": "touch t00/begun; sleep 60"}}]
    }
    client = tried.spawn("skills", "trial", TEA, "--yes", "--budget", "1000000")
    until(lambda: [one for one in left(tried) if list(one.glob("*/t00/begun"))])
    pid = tried.daemon_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _, problem = client.communicate(timeout=30)
    assert client.returncode == 4, problem
    asked = len(model_server.requests)
    tried.ok("daemon", "start")
    assert left(tried) == []
    assert not (tried.home / "run" / "trial").exists()
    [session] = tried.json("sessions", "list", "--source", "trial")
    until(lambda: tried.json("sessions", "show", session["id"])["state"] == "idle")
    assert len(model_server.requests) == asked
    assert snapshot(tried.workspace) == before


@pytest.mark.slow
def test_it_ends_by_the_owners_hand_and_by_its_budget(tried, model_server):
    """With what was measured so far. And it says why there is nothing to do."""
    connect(tried, model_server, learning={"withhold": 0, "budget": 0})
    sit(tried, model_server, range(0, 15, 5))
    refused = tried.run("skills", "trial", TEA, "--yes")
    assert refused.returncode == 2
    assert "--budget" in refused.stderr
    assert tried.run("skills", "trial", TEA).returncode == 2  # it asks, and nobody is there

    short = tried.run("skills", "trial", TEA, "--yes", "--json", "--budget", "3000")
    found = json.loads(short.stdout)
    assert (short.returncode, found["state"]) == (3, "spent")
    assert "3,000" in found["why"]
    assert found["pairs"] < 2

    follower = Explorer().work

    def slow(number: int, body: dict[str, Any]) -> Any:
        """The third run hangs in a command."""
        opened = {one.session for one in model_server.requests[first:]}
        if len(opened) < 3:
            return follower(number, body)
        return {"tool_calls": [{"name": "shell", "arguments": {"command": "touch now; sleep 60"}}]}

    first = len(model_server.requests)
    model_server.script = slow
    client = tried.spawn("skills", "trial", TEA, "--yes", "--json", "--budget", "1000000")
    until(lambda: [one for one in left(tried) if list(one.glob("*/now"))])
    client.send_signal(signal.SIGINT)
    stdout, stderr = client.communicate(timeout=30)
    assert client.returncode == 130, stderr
    found = json.loads(stdout)
    assert (found["state"], found["pairs"]) == ("stopped", 1)
    assert left(tried) == []

    unknown = tried.run("skills", "trial", "tls-certificate-check", "--yes", "--budget", "9000")
    assert unknown.returncode == 2
    assert "nothing to replay" in unknown.stderr
    tried.ok("config", "set", "learning.mode", "off")
    off = tried.run("skills", "trial", TEA, "--yes", "--budget", "9000")
    assert off.returncode == 2
    assert "learning is off" in off.stderr
