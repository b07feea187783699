"""What the built-in model keeps at a checkpoint, and that it makes the next task cheaper."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from skills_ref import validate

from agent.learning.origin import tainted
from agent.messages import ToolCall
from gateway.demo_task import Kind, make_task
from skills.strict import check_strict
from tests.offline_bench import Bench, body_of

pytestmark = pytest.mark.anyio

KINDS: list[Kind] = ["exports", "logs"]
PACK = """Pack the weekly papers.
For each of: one.a, two.a, three.b
Ways: `nosuchcommand {file}`, `test {stem} = three && cp {file} {stem}.z`, `cp {file} {stem}.z`
Check: `test -f {stem}.z`"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    for name in ("one.a", "two.a", "three.b", "four.a", "five.b"):
        (work / name).write_text(name)
    return work


def section(body: str, title: str) -> str:
    return body.split(f"## {title}\n", 1)[1].split("\n## ")[0]


def valid(folder: Path, name: str, text: str) -> list[str]:
    """What the reference implementation and our own reader object to."""
    (folder / name).mkdir(parents=True)
    (folder / name / "SKILL.md").write_text(text)
    return [*validate(folder / name), *check_strict(text, name)]


# -- the two demo tasks -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
async def test_the_second_task_of_a_kind_needs_clearly_fewer_calls(tmp_path, kind, seed):
    library: dict[str, str] = {}
    calls: list[int] = []
    for number in (2 * seed, 2 * seed + 1):
        bench = Bench(tmp_path / str(number), library)
        task = make_task(bench.folder, number, kind)
        answer = await bench.say(task.prompt)
        assert bench.execute(ToolCall("v", "shell", json.dumps({"command": task.verify})))[1] == 0
        assert answer.startswith("Done")
        assert all(path.exists() for path in task.check_paths)
        assert bench.evaluations[-1]["outcome"] == "success"
        calls.append(len(bench.calls))
    assert calls[0] > 15
    assert calls[1] <= 0.6 * calls[0]
    alone = Bench(tmp_path / "alone")
    await alone.say(make_task(alone.folder, 2 * seed + 1, kind).prompt)
    assert calls[1] <= 0.6 * len(alone.calls)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_skill_of_a_demo_task_is_valid_and_rests_on_the_users_words(tmp_path, kind):
    bench = Bench(tmp_path / "work")
    task = make_task(bench.folder, 7, kind)
    await bench.say(task.prompt)
    [(name, text)] = bench.library.items()
    assert valid(tmp_path / "skills", name, text) == []
    sources = [(m.role != "tool", m.text) for m in bench.messages]
    sources += [(True, call.arguments) for m in bench.messages for call in m.tool_calls]
    ordered = [
        (True, task.prompt),
        *[(trusted, words) for trusted, words in sources if not trusted],
    ]
    assert tainted(text, ordered) == []
    assert [change["action"] for change in bench.learned][0] == "create"
    files = [path.name for path in (bench.folder / "inbox").iterdir()]
    assert not any(file in text for file in files)


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_follows_from_its_seed_and_differs_by_seed(tmp_path, kind):
    def files(folder: Path, seed: int) -> dict[str, bytes]:
        make_task(folder, seed, kind)
        return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    first, again, other = (files(tmp_path / n, s) for n, s in (("1", 1), ("2", 1), ("3", 2)))
    assert first == again
    assert first != other
    assert set(first) != set(other)


# -- what a skill holds -------------------------------------------------------------------------


async def test_what_worked_is_the_procedure_and_what_failed_a_pitfall(folder, tmp_path):
    bench = Bench(folder)
    answer = await bench.say(PACK)
    assert answer.startswith("Done: 3 of 3 files")
    assert list(bench.library) == ["pack-weekly-papers"]
    text = bench.library["pack-weekly-papers"]
    assert valid(tmp_path / "skills", "pack-weekly-papers", text) == []
    body = body_of(text)
    procedure, pitfalls = section(body, "Procedure"), section(body, "Pitfalls")
    assert "1. For `.a` files: run `cp {file} {stem}.z`" in procedure
    assert "2. For `.b` files: run `test {stem} = three && cp {file} {stem}.z`" in procedure
    assert "nosuchcommand" not in procedure
    assert "- `nosuchcommand {file}` needs a command that was not found for `.a`" in pitfalls
    assert "`test {stem} = three && cp {file} {stem}.z` fails with exit 1 for `.a`" in pitfalls
    assert "`test -f {stem}.z` exits 0" in section(body, "Verification")
    assert "`{file}`" in section(body, "Inputs")


async def test_the_evidence_names_the_calls_that_show_it(folder):
    bench = Bench(folder)
    await bench.say(PACK)
    for evaluation in bench.evaluations:
        for lesson in evaluation["lessons"]:
            assert lesson["evidence"]
            cited = [bench.calls[number - 1] for number in lesson["evidence"]]
            failed = [one for one in cited if one.status == "failed"]
            assert bool(failed) == ("passes" not in lesson["text"])
    [lesson] = [
        one
        for one in bench.evaluations[0]["lessons"]
        if "cp {file} {stem}.z` passes" in one["text"] and ".a" in one["text"]
    ]
    ways = [bench.calls[number - 1].call.parsed()["command"] for number in lesson["evidence"]]
    assert ways == ["cp one.a one.z", "test -f one.z", "cp two.a two.z", "test -f two.z"]


async def test_a_command_this_machine_lacks_becomes_a_dated_note(folder):
    bench = Bench(folder)
    await bench.say(PACK)
    text = "On this machine `nosuchcommand` is not installed (seen 2026-11-21); "
    text += "`cp` does the same work."
    assert {"action": "add", "target": "memory", "text": text} in bench.notes
    [kept] = [one for e in bench.evaluations for one in e["lessons"] if one["keep"] == "memory"][:1]
    assert kept["text"] == text
    assert all(bench.calls[n - 1].status in ("ok", "failed") for n in kept["evidence"])
    assert str(bench.notes).count("is not installed") == 1
    again = Bench(folder)
    await again.say(PACK, notes=bench.noted())
    assert again.notes == []


DIFFER = "Pack the weekly papers: the way that works depends on the kind of file, seen for"
KNOWS = "; the skill `pack-weekly-papers` tells which."


async def test_a_way_that_fits_one_kind_of_file_and_not_another_becomes_a_note(folder):
    bench = Bench(folder)
    await bench.say(PACK)
    assert f"{DIFFER} `.a` and `.b`{KNOWS}" in bench.noted()
    [kept] = [o for e in bench.evaluations for o in e["lessons"] if o["text"].startswith(DIFFER)]
    cited = [bench.calls[number - 1] for number in kept["evidence"]]
    assert "test two = three && cp two.a two.z" in str([one.call for one in cited])
    assert {one.status for one in cited} == {"ok", "failed"}


async def test_that_note_grows_with_the_kinds_that_were_seen(folder):
    (folder / "six.c").write_text("six")
    bench = Bench(folder)
    await bench.say(PACK)
    later = Bench(folder, bench.library, notes=list(bench.notes))
    more = PACK.replace("one.a, two.a, three.b", "three.b, six.c")
    await later.say(more, notes=bench.noted())
    assert f"{DIFFER} `.a`, `.b` and `.c`{KNOWS}" in later.noted()
    assert f"{DIFFER} `.a` and `.b`{KNOWS}" not in later.noted()


async def test_that_note_grows_within_one_session_too(tmp_path):
    bench = Bench(tmp_path / "work")
    await bench.say(make_task(bench.folder, 1, "exports").prompt)
    assert [operation["action"] for operation in bench.notes] == ["add", "replace"]
    [note] = bench.noted()
    assert "`.dat`, `.exp`, `.lst` and `.out`" in note


async def test_ways_that_fit_every_kind_of_file_are_no_note(folder):
    bench = Bench(folder)
    await bench.say(PACK.replace("test {stem} = three &&", "false &&"))
    assert bench.library
    assert not any(note.startswith(DIFFER) for note in bench.noted())


async def test_what_the_user_asked_to_remember_on_the_way_is_noted(folder):
    bench = Bench(folder)
    await bench.say("Remember that I like short reports.\n" + PACK)
    assert {"action": "add", "target": "user", "text": "I like short reports"} in bench.notes


async def test_steps_with_a_check_become_a_procedure_without_what_failed(folder, tmp_path):
    bench = Bench(folder)
    words = """Archive the paper one.a safely.
1. run `mkdir -p store`
2. run `badcopy one.a store/` or `cp one.a store/one.bak`
3. run `ls store`
4. run `touch store/stamp`
Check: `test -f store/one.bak`"""
    await bench.say(words)
    [(name, text)] = bench.library.items()
    assert valid(tmp_path / "skills", name, text) == []
    procedure = section(body_of(text), "Procedure")
    assert "2. Run `cp {file} store/{stem}.bak`" in procedure
    assert "badcopy" not in procedure
    assert "`test -f store/{stem}.bak`" in section(body_of(text), "Verification")
    later = Bench(folder, bench.library)
    answer = await later.say("Archive the paper four.a safely.\nCheck: `test -f store/four.bak`")
    assert answer.startswith("Done")
    assert (folder / "store" / "four.bak").exists()


async def test_a_skill_that_was_followed_is_patched_when_something_differed(folder):
    bench = Bench(folder)
    await bench.say(PACK)
    before = bench.library["pack-weekly-papers"]
    later = Bench(folder, bench.library)
    await later.say(PACK.replace("one.a, two.a, three.b", "five.b, four.a"))
    assert [change["action"] for change in later.learned] == ["patch"]
    after = bench.library["pack-weekly-papers"]
    rule = "For `.b` files: run `cp {file} {stem}.z`"
    assert rule not in before
    assert rule in after
    assert (
        "`test {stem} = three && cp {file} {stem}.z` fails with exit 1 for `.a` and `.b`" in after
    )
    assert "four" not in after


async def test_a_skill_that_worked_as_written_is_left_alone(folder):
    bench = Bench(folder)
    await bench.say(PACK)
    later = Bench(folder, bench.library)
    (folder / "one.z").unlink()
    await later.say(PACK.replace("one.a, two.a, three.b", "one.a, four.a"))
    assert later.learned == []
    assert later.evaluations[-1]["outcome"] == "success"


async def test_a_skill_by_another_hand_keeps_its_words_and_gets_a_pitfall(folder):
    text = (
        '---\nname: pack-papers\ndescription: "Pack the weekly papers."\n---\n\n# Pack\n\n'
        "Mind the paper.\n\n## Procedure\n\n1. Run `nosuchcommand {file}`\n\n"
        "## Notes\n\nThe owner's own words.\n"
    )
    bench = Bench(folder, {"pack-papers": text})
    await bench.say(PACK)
    [patch] = bench.learned
    assert (patch["action"], patch["name"]) == ("patch", "pack-papers")
    after = bench.library["pack-papers"]
    assert text.rstrip() in after
    assert "`cp {file} {stem}.z` worked instead for `.a` files." in section(after, "Pitfalls")


# -- nothing worth keeping ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("1. run `echo a`\n2. run `echo b`", "unknown"),
        ("1. run `echo a`\n2. run `false`", "failure"),
        ("Get it. Ways: `true` Check: `true`", "success"),
        ("Get it. Ways: `true`, `false` Check: `false`", "failure"),
    ],
)
async def test_without_a_check_that_passed_or_effort_nothing_is_kept(folder, words, outcome):
    bench = Bench(folder)
    await bench.say(words)
    assert bench.learned == []
    assert bench.evaluations[-1]["outcome"] == outcome
    assert all(lesson["keep"] == "none" for lesson in bench.evaluations[-1]["lessons"])


async def test_a_refused_write_does_not_keep_the_checkpoint_from_ending(folder):
    bench = Bench(folder)
    bench.execute = lambda call: ("denied: no", None)  # type: ignore[method-assign]
    bench.messages.clear()
    await bench.checkpoint()
    assert bench.evaluations
