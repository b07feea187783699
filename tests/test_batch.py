"""`hermes batch`: what is read, how the ledger keeps it, and what happens to what fails."""

from __future__ import annotations

import fcntl
import json
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.inputs import RunOptions
from agent.policy import own_homes
from gateway.cli.batch import summary
from gateway.research import batch as whole_batch
from gateway.research.batch import Asked, work_through
from gateway.research.compress import FIRST, LAST, compressed, shortened, tokens_of
from gateway.research.engine import Died
from gateway.research.figures import statistics
from gateway.research.foreman import (
    GRACE_SECONDS,
    MOST_DEATHS,
    MOST_STARTS,
    SILENCE_SECONDS,
    Foreman,
    Plan,
)
from gateway.research.frames import Beat, Frames, Ready, Report, Result, Task, framed
from gateway.research.frozen import freeze
from gateway.research.ledger import SCHEMA, Ledger, safe_name, session_file
from gateway.research.one import Done
from gateway.research.prompts import Prompt, read_prompts, seed_of, shard_of
from gateway.research.slot import result_of
from hermes_home.errors import BudgetError, HermesError, UsageError
from hermes_home.guard import seed
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets
from hermes_home.settings import load_settings
from memory.database import Database
from memory.journal import Journal
from memory.trajectory import Call, Step, Trajectory
from skills.states import States
from tests.clock import Clock
from tests.hermes import Hermes
from tests.model_server import ModelServer, results_since_answer

# -- the file of prompts -------------------------------------------------------------------------


def written(folder: Path, *lines: str) -> Path:
    path = folder / "prompts.jsonl"
    path.write_bytes("\n".join(lines).encode())
    return path


def test_lines_that_are_no_prompts_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    bad = [
        '{"prompt": "cut off',
        '["prompt"]',
        '{"id": "a"}',
        '{"prompt": " "}',
        '{"prompt": "x", "id": ["a"]}',
        '{"prompt": "x", "workspace": "nowhere"}',
        '{"prompt": "\\ud800"}',
        '{"prompt": "x", "score": NaN}',
    ]
    lines = [line for one in bad for line in (one, "", json.dumps({"prompt": f"good {one}"}))]
    prompts, malformed = read_prompts(written(tmp_path, *lines))
    assert [one.line for one in malformed] == [3 * number + 1 for number in range(len(bad))]
    assert all(one.problem for one in malformed)
    assert [one.text for one in prompts] == [f"good {one}" for one in bad]


def test_ids_do_not_hang_on_the_order_of_the_lines(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{number % 7}", "level": number % 3} for number in range(60)]
    lines = [json.dumps(row) for row in rows]
    first = {one.id: one for one in read_prompts(written(tmp_path, *lines))[0]}
    assert len(first) == 60
    random.Random(1).shuffle(lines)
    assert {one.id: one for one in read_prompts(written(tmp_path, *lines))[0]} == first


def test_an_id_that_stands_twice_is_refused_with_its_lines(tmp_path: Path) -> None:
    lines = ('{"prompt": "a", "id": 7}', '{"prompt": "b"}', '{"prompt": "c", "id": "7"}')
    with pytest.raises(UsageError, match="'7' on lines 1, 3"):
        read_prompts(written(tmp_path, *lines))


def test_shards_together_are_everything_once() -> None:
    ids = [f"p-{number}" for number in range(2_000)]
    for count in (1, 3, 8):
        parts = [[id for id in ids if shard_of(id, count) == part + 1] for part in range(count)]
        assert sorted(id for part in parts for id in part) == sorted(ids)
        assert min(map(len, parts)) > len(ids) / count * 0.8


def test_every_id_has_a_file_of_its_own() -> None:
    ids = ["a", "A", "a/b", "a b", "..", "é", "x" * 200, "x" * 199, "a-b", "-"]
    names = [safe_name(id) for id in ids]
    assert len({name.lower() for name in names}) == len(ids)
    assert all("/" not in name and len(name) < 100 for name in names)


# -- the copy of a home --------------------------------------------------------------------------


def test_a_copy_holds_what_is_known_and_hides_the_original(home: Home, tmp_path: Path) -> None:
    """Settings however they are written, states of skills, keys where they are; no session."""
    seed(home)
    home.config.write_text('{"learning": {"mode": "suggest"}, "agent": {"max_turns": 7}}')
    home.env.write_text("OPENAI_API_KEY=sk-original\n")
    (home.skills / "one").mkdir()
    (home.skills / "one" / "SKILL.md").write_text("---\nname: one\ndescription: d\n---\n")
    moved = '{"name": "one", "state": "quarantined", "by": "evidence", "reason": "r"}'
    with closing(Database(home)) as database:
        for kind, body in (("SkillMoved", moved), ("SessionOpened", "{}")):
            database.connection.execute(
                "INSERT INTO events (session, run, kind, at, body) VALUES ('', '', ?, 0, ?)",
                (kind, body),
            )
    copy = Home(tmp_path / "copy")
    freeze(home, copy, beside=tmp_path / "slots")
    settings = load_settings(copy, {})
    assert (settings.learning.mode, settings.agent.max_turns) == ("suggest", 7)
    assert settings.learning.withhold == 0
    assert (copy.skills / "one" / "SKILL.md").exists()
    assert load_secrets(copy, {}).get("OPENAI_API_KEY") == "sk-original"
    assert b"sk-original" not in b"".join(_files(copy.root))
    assert {home.root, tmp_path / "slots", copy.root} <= set(own_homes(copy))
    with closing(Database(copy)) as database:
        changes = Journal(database).changes()
    states = States()
    for stored in changes:
        states.take(stored.seq, stored.event, stored.at)
    assert states.named("quarantined") == ["one"]
    assert len(changes) == 1


def _files(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path.read_bytes()


# -- frames --------------------------------------------------------------------------------------


def test_frames_come_through_in_pieces_of_any_size() -> None:
    sent = [Ready(), Result("a", 1, True, "done", file=bytes(range(256)) * 40), Beat()]
    data = b"".join(map(framed, sent))
    for size in (1, 3, 1_000, len(data)):
        frames: Frames[Report] = Frames(Report)
        pieces = [data[place : place + size] for place in range(0, len(data), size)]
        assert [one for piece in pieces for one in frames.feed(piece)] == sent
    with pytest.raises(ValueError, match="not a frame"):
        list(Frames[Report](Report).feed(b"Traceback (most recent call last)"))


# -- trajectories that are too long --------------------------------------------------------------


def session(seed: int) -> Trajectory:
    chance = random.Random(seed)
    steps = [Step(1, "user", "the task " * chance.randrange(1, 300))]
    for number in range(2, chance.randrange(4, 40)):
        calls = [
            Call(
                f"c{number}-{one}",
                "shell",
                {"command": "x" * chance.randrange(2_000), "n": 1},
                chance.choice([None, "y" * chance.randrange(9_000)]),
            )
            for one in range(chance.randrange(3))
        ]
        steps.append(Step(number, "assistant", "words " * chance.randrange(400), "", calls))
    return Trajectory(task="t", system="s" * 400, trajectory=steps)


@pytest.mark.parametrize("seed", range(40))
def test_a_shortened_trajectory_keeps_its_shape_and_both_its_ends(seed: int) -> None:
    whole = session(seed)
    target = tokens_of(whole) // random.Random(seed).randrange(1, 9)
    cut, told = compressed(whole, target)
    one, two = whole.trajectory, cut.trajectory
    assert [_shape(step) for step in one] == [_shape(step) for step in two]
    assert one[:FIRST] == two[:FIRST]
    assert one[len(one) - LAST :] == two[len(two) - LAST :]
    assert told == {"target": target, "before": tokens_of(whole), "after": tokens_of(cut)}
    again, _ = compressed(whole, tokens_of(whole))
    assert again == whole
    if cut != whole:
        assert "characters left out" in str(two)
        assert told["after"] < told["before"]


def _shape(step: Step) -> tuple[object, ...]:
    calls = [(call.id, call.name, call.observation is None) for call in step.tool_calls]
    return step.step, step.role, calls


def test_a_text_is_never_longer_for_being_shortened() -> None:
    for length in range(400):
        assert len(shortened("x" * length, 80)) <= length


# -- the ledger and the foreman ------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        yield ledger


class Bench:
    """An engine whose workers do what a table says: for each prompt, what becomes of its tries."""

    def __init__(self, acts: dict[str, list[str]], clock: Clock, *, durable: bool = True) -> None:
        self.durable = durable
        self.acts = acts
        self.clock = clock
        self.alive: dict[str, Task | None] = {}
        self.heard: list[tuple[str, Report | Died]] = []
        self.began: list[tuple[str, int]] = []
        self.most = 0

    def start(self, slot: str, task: Task | None) -> None:
        assert slot not in self.alive
        self.alive[slot] = None
        self.most = max(self.most, len(self.alive))
        self.heard.append((slot, Ready()))

    def give(self, slot: str, task: Task) -> None:
        assert self.alive[slot] is None
        self.began.append((task.id, task.attempt))
        self.alive[slot] = task
        acts = self.acts.get(task.id, [])
        act = acts.pop(0) if acts else "done"
        if act == "die":
            del self.alive[slot]
            self.heard.append((slot, Died("killed")))
        elif act in ("done", "fail"):
            self.alive[slot] = None
            whole, reason = act == "done", "done" if act == "done" else "failed"
            result = Result(
                task.id, task.attempt, whole, reason, file=act.encode(), prompt_tokens=10
            )
            self.heard += [(slot, result), (slot, result)]  # said twice, it counts once

    def wait(self, seconds: float) -> list[tuple[str, Report | Died]]:
        heard, self.heard = self.heard, []
        if not heard:
            self.clock.now += seconds
            beating = [slot for slot, task in self.alive.items() if self._beats(task)]
            heard = [(slot, Beat()) for slot in beating]
        return heard

    def _beats(self, task: Task | None) -> bool:
        return task is None or task.id != "hung"

    def kill(self, slot: str) -> None:
        del self.alive[slot]

    def leave(self, slot: str) -> None:
        assert self.alive.pop(slot) is None

    def close(self) -> None:
        pass


def work(ledger: Ledger, engine: Bench, ids: list[str], **plan: Any) -> dict[str, Any]:
    with ledger.turn():
        ledger.add([Prompt(id, f"do {id}") for id in ids], plan.get("seed", 0))
        ledger.try_again(held=engine.durable)
    planned: dict[str, Any] = {"workers": 3, "retries": 1, "seconds": 100.0} | plan
    folder = ledger.path.parent
    Foreman(
        ledger, engine, Plan(folder, options=RunOptions(), **planned), lambda: None, engine.clock
    ).run()
    assert not engine.alive
    return {row["id"]: dict(row) for row in ledger.ask("SELECT * FROM prompts")}


def test_every_prompt_ends_whatever_its_workers_do(ledger: Ledger, clock: Clock) -> None:
    acts = {
        "a": ["fail", "done"],
        "b": ["fail", "fail", "done"],
        "c": ["die", "die", "done"],
        "d": ["die"] * 20,
        "late": ["stay", "stay"],
        "hung": ["stay", "done"],
    }
    engine = Bench(acts, clock)
    rows = work(ledger, engine, [*acts, *(f"p{number}" for number in range(30))])
    assert {row["state"] for id, row in rows.items() if id[0] == "p"} == {"done"}
    told = {id: (rows[id]["state"], rows[id]["attempt"]) for id in acts}
    assert told == {
        "a": ("done", 2),
        "b": ("failed", 2),
        "c": ("done", 1),  # its slot went on with it
        "d": ("failed", 2),
        "late": ("failed", 2),
        "hung": ("done", 1),
    }
    assert engine.began.count(("d", 1)) == engine.began.count(("d", 2)) == MOST_DEATHS
    assert "100 s" in rows["late"]["error"]
    assert engine.most == 3
    files = {path.name for path in ledger.path.parent.glob("session_*")}
    assert files == {session_file(id) for id, row in rows.items() if row["file"]}
    assert clock.now - Clock.now > 2 * (100 + GRACE_SECONDS) > SILENCE_SECONDS


def test_where_a_lost_worker_loses_its_home_its_prompt_begins_anew(
    ledger: Ledger, clock: Clock
) -> None:
    acts = {"a": ["die", "die", "done"], "b": ["die", "fail", "done"], "d": ["die"] * 20}
    engine = Bench(acts, clock, durable=False)
    rows = work(ledger, engine, ["a", "b", "c", "d"])
    assert {id: (rows[id]["state"], rows[id]["attempt"]) for id in rows} == {
        "a": ("done", 3),
        "b": ("done", 3),
        "c": ("done", 1),
        "d": ("failed", 2 * MOST_DEATHS),
    }


def test_what_failed_gets_its_tries_again_and_what_is_done_stays_done(
    ledger: Ledger, clock: Clock
) -> None:
    work(ledger, Bench({"a": ["fail", "fail"]}, clock), ["a", "b"])
    engine = Bench({"a": ["fail", "done"]}, clock)
    rows = work(ledger, engine, ["a", "b", "new"])
    assert [(one, rows[one]["attempt"]) for one in rows] == [("a", 4), ("b", 1), ("new", 1)]
    assert [id for id, _ in engine.began] == ["a", "new", "a"]


def test_a_seed_decides_the_order_and_what_each_request_says(ledger: Ledger, clock: Clock) -> None:
    ids = [f"p{number}" for number in range(20)]
    engine = Bench({}, clock)
    work(ledger, engine, ids, seed=5, workers=1)
    order = [id for id, _ in engine.began]
    assert order != ids
    assert sorted(order) == sorted(ids)
    assert len({seed_of(id, 5) for id in ids}) == 20
    assert all(0 < seed_of(id, 5) < 2**31 for id in ids)


def test_a_days_tokens_end_the_batch_and_the_rest_waits(ledger: Ledger, clock: Clock) -> None:
    engine = Bench({}, clock)
    with pytest.raises(BudgetError, match="50 tokens"):
        work(ledger, engine, [f"p{number}" for number in range(20)], budget=50)
    counts = ledger.counts()
    assert 5 <= counts["done"] <= 5 + 2  # 10 tokens each; others may be under way
    assert counts["pending"] == 20 - counts["done"]
    assert not engine.alive


def test_workers_that_never_come_up_end_the_batch(ledger: Ledger, clock: Clock) -> None:
    class Broken(Bench):
        starts = 0

        def start(self, slot: str, task: Task | None) -> None:
            self.starts += 1
            self.heard.append((slot, Died("no such module")))

    engine = Broken({}, clock)
    with pytest.raises(HermesError, match="no such module"):
        work(ledger, engine, ["a"])
    assert engine.starts <= MOST_STARTS


def test_an_id_that_now_means_another_prompt_is_refused(ledger: Ledger) -> None:
    with ledger.turn():
        assert ledger.add([Prompt("a", "one")], 0) == 1
        assert ledger.add([Prompt("a", "one"), Prompt("b", "one")], 0) == 1
    with pytest.raises(UsageError, match="'a' is not what it was"), ledger.turn():
        ledger.add([Prompt("c", "x"), Prompt("a", "two")], 0)
    assert ledger.counts()["pending"] == 2


def test_what_was_interrupted_is_counted_of_what_is_done(tmp_path: Path) -> None:
    """Also in a ledger from before it was noted."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(SCHEMA)
        old.execute("ALTER TABLE prompts DROP COLUMN interrupted")
    errors = ["interrupted", None, "failed, exit 1", "interrupted"]
    calls = [Call(f"c{n}", "shell", {}, "x", error) for n, error in enumerate(errors)]
    done = Done(Trajectory(trajectory=[Step(1, "assistant", "", "", calls)]), "done", "", 1.0, 4)
    done.trajectory.usage.update(prompt=1, completion=1)
    with closing(Ledger(path)) as ledger:
        with ledger.turn():
            ledger.add([Prompt(id, "x") for id in ("a", "b", "c")], 0)
            for id, state in (("a", "done"), ("b", "failed"), ("c", "done")):
                claimed = ledger.claim("01")
                assert claimed is not None
                task = Task(id, "x", 1, "", "", RunOptions(), 1.0, 0)
                result = result_of(task, done) if id != "c" else Result(id, 1, True, "done")
                ledger.finish(result, "done" if state == "done" else "failed", "")
        told = statistics(ledger)
    assert told["interrupted"] == {"calls": 2, "prompts": 1}
    told |= {"malformed": [{}], "this_run": {"done": 2, "seconds": 1.0, "rate": 2.0}}
    lines = summary(told, tmp_path)
    assert "left out    1 of the input's lines" in lines
    assert "interrupted 2 of the calls, in 1 of those done" in lines


# -- what is refused -----------------------------------------------------------------------------


def asked(folder: Path, input: Path | None, engine: str = "local", **kept: Any) -> Asked:
    return Asked(folder, input, 1, 0, input is None, engine, kept)


@pytest.mark.parametrize(
    ("lines", "engine", "kept", "problem"),
    [
        (['{"prompt": "x"}'], "ray", {"learn": True}, "--learn goes with"),
        (['{"prompt": "x"}'], "ray", {}, "Ray, which is not installed"),
        (["{cut off", "[]"], "local", {}, "holds no prompt"),
        ([], "local", {}, "holds no prompt"),
        (['{"prompt": "x"}'], "local", {"options": {"skills": ["nope"]}}, "no skill 'nope'"),
    ],
)
def test_a_folder_whose_batch_is_refused_is_free(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[str],
    engine: str,
    kept: dict[str, Any],
    problem: str,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    folder = tmp_path / "out"
    with pytest.raises(UsageError, match=problem):
        work_through(home, asked(folder, written(tmp_path, *lines), engine, **kept), lambda _: None)
    with closing(Ledger(folder / "ledger.db")) as ledger:
        assert ledger.settings() == {}
        assert sum(ledger.counts().values()) == 0
    assert not (folder / "statistics.json").exists()


def test_to_go_on_with_nothing_makes_no_folder(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no batch"):
        work_through(home, asked(tmp_path / "out", None), lambda _: None)
    assert not (tmp_path / "out").exists()


def test_who_waits_for_another_batch_says_so_once(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(whole_batch, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(whole_batch, "SILENT_SECONDS", 0.05)
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another batch is at work"):
            work_through(home, asked(tmp_path, written(tmp_path, "{}")), lambda _: None)
    assert capsys.readouterr().err.count("waiting") == 1


# -- the command ---------------------------------------------------------------------------------


def rows(path: Path) -> dict[str, Any]:
    return {one.name: json.loads(one.read_text()) for one in path.glob("session_*.json")}


@pytest.mark.slow
def test_the_command_tells_what_became_of_each_prompt(
    hermes: Hermes, model_server: ModelServer
) -> None:
    """Failures, a time limit, workspaces and malformed lines, all in one batch; then again."""
    mended = False

    def script(number: int, body: dict[str, Any]) -> dict[str, Any]:
        asked = next(one["content"] for one in body["messages"] if one["role"] == "user")
        if asked.startswith("broken") and not mended:
            return {"status": 400, "error": "no"}
        if asked.startswith("slow") and not mended:
            return {"delay": 30}
        if results_since_answer(body["messages"]):
            return {"content": "done"}
        command = "cat given.txt; echo mine > given.txt; ls"
        return {"tool_calls": [{"name": "shell", "arguments": {"command": command}}]}

    model_server.script = script
    template = hermes.workspace / "template"
    template.mkdir()
    (template / "given.txt").write_text("the template's\n")
    named: list[Any] = [
        {"id": f"ok-{n}", "prompt": "go", "workspace": "template", "n": n} for n in range(4)
    ]
    bad: list[Any] = [{"id": "broken", "prompt": "broken"}, {"id": "slow", "prompt": "slow"}]
    path = written(hermes.workspace, *map(json.dumps, named + bad), "{nonsense")
    words = ("batch", "--input", str(path), "--checkpoint", "out", "--workers", "2")
    model = ("--base-url", model_server.url, "--model", "m", "--seed", "3", "--timeout", "2")
    first = hermes.run(*words, *model, "--json")
    assert first.returncode == 1, first.stderr
    told = json.loads(first.stdout)
    assert (told["done"], told["failed"], told["attempts"]) == (4, 2, 8)
    assert told["malformed"][0]["line"] == 7
    assert "line 7 was left out" in first.stderr
    assert told == json.loads((hermes.workspace / "out" / "statistics.json").read_text())
    assert any("400" in error for error in told["errors"])
    assert any("took longer than 2 s" in error for error in told["errors"])
    found = rows(hermes.workspace / "out")
    for number in range(4):
        one = found[f"session_ok-{number}.json"]
        assert one["prompt"]["data"] == {"n": number}
        calls = [call for step in one["trajectory"] for call in step["tool_calls"]]
        assert calls[0]["observation"] == "the template's\ngiven.txt\n"
    assert (template / "given.txt").read_text() == "the template's\n"
    seeds = {request.body["seed"] for request in model_server.runs()}
    assert seeds == {seed_of(id, 3) for id in (*(f"ok-{n}" for n in range(4)), "broken", "slow")}

    mended = True
    before = len(model_server.runs())
    path.write_text("\n".join(map(json.dumps, named + bad)))
    assert hermes.run(*words).returncode == 2
    again = hermes.run("batch", "--checkpoint", "out", "--resume", "--input", str(path), "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["this_run"]["done"] == 2
    assert len(model_server.runs()) == before + 4
    assert hermes.daemon_pid() is None


@pytest.mark.slow
def test_what_a_prompt_learns_nobody_knows_unless_the_home_is_to_learn(
    hermes: Hermes, model_server: ModelServer
) -> None:
    note = {"action": "add", "target": "memory", "text": "The zebra report lives in zoo.csv."}

    def script(number: int, body: dict[str, Any]) -> dict[str, Any]:
        if results_since_answer(body["messages"]):
            return {"content": "done"}
        return {"tool_calls": [{"name": "memory", "arguments": {"operations": [note]}}]}

    model_server.script = script
    text = "Remember this: the zebra report lives in zoo.csv."
    lines = [json.dumps({"id": str(n), "prompt": text, "take": n}) for n in range(2)]
    path = written(hermes.workspace, *lines)
    model = ("--base-url", model_server.url, "--model", "m", "--workers", "1")
    hermes.ok("batch", "--input", str(path), "--checkpoint", "out", *model)
    for one in rows(hermes.workspace / "out").values():
        call = one["trajectory"][1]["tool_calls"][0]
        assert call["error"] is None, call
    opening = [request.session for request in model_server.runs()]
    assert "zebra" not in "".join(one.split(text)[1] for one in opening)
    notes = hermes.home / "memories" / "MEMORY.md"
    assert not notes.exists()

    learning = ("--learn", *model)
    hermes.ok("batch", "--input", str(path), "--checkpoint", "learned", *learning)
    assert {one["prompt"]["reason"] for one in rows(hermes.workspace / "learned").values()} == {
        "done"
    }
    assert notes.read_text().count("zebra") == 1
    assert len(hermes.json("sessions", "list", "--source", "batch")) == 2
    assert hermes.json("sessions", "search", "zebra") == []
