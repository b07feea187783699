"""What each skill was worth: tables folded from the journal, figures with an interval, commands."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from math import comb
from time import monotonic

import msgspec
import pytest

import agent.learning.evidence
from agent.checks import checks_in
from agent.events import ChangeIntended, ChangeMade, SkillRef
from agent.learning.evidence import CONFIDENCE, Figures, difference, wilson
from agent.procedures import carries_out, commands_in, followed, hides, verification_in
from hermes_home.paths import Home
from memory.database import Database
from memory.index import Index
from memory.index_file import IndexFile
from memory.journal import Journal
from memory.outcomes.evidence import figures, series
from memory.outcomes.facts import Facts, facts_of, session_facts
from memory.outcomes.outcome import outcome_of
from memory.outcomes.reward import reward_of
from memory.outcomes.task_kinds import nearest, words_of
from tests.random_journal import RandomJournal
from tests.stories import Story

PACK = SkillRef("pack", "aaaaaaaaaaaa")
OLD = SkillRef("pack", "000000000000")
BODY = "# Pack\n\n1. Run `pack {file} --level 9`.\n2. Run `sign {file}`.\n"

# -- the tables ---------------------------------------------------------------------------------


async def stored(home: Home, *stories: Story) -> Journal:
    """A journal that holds these stories, event by event in turn."""
    journal = Journal(database := Database(home))
    waiting = [list(story.events) for story in stories]
    while any(waiting):
        for events in waiting:
            if events:
                one = events.pop(0)
                await journal.append(one.event, session=one.session, run=one.run)
    database.close()
    return journal


@pytest.fixture
def index(home: Home) -> Iterator[IndexFile]:
    with closing(IndexFile(home)) as index:
        yield index


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(2))
async def test_every_row_is_what_its_session_alone_comes_to(home: Home, seed: int) -> None:
    drawn, database = RandomJournal(seed, sessions=4), Database(home)
    journal = Journal(database)
    for _ in range(250):
        event, session = drawn.draw()
        run = drawn.run_of(session) if session else ""
        drawn.stored(event, await journal.append(event, session=session, run=run))
    index = Index(home)
    rows = await index.ask(
        lambda tables: tables.execute(
            "SELECT id, session, facts, outcome, reward, calls, tokens, corrections FROM runs"
            " WHERE last_seq > 0 ORDER BY last_seq"
        ).fetchall()
    )
    wanted: dict[str, Facts] = {}
    for session in {row[1] for row in rows}:
        wanted |= session_facts(journal.read(session))
    assert len(rows) > 3
    assert {row[0] for row in rows} == wanted.keys()
    for id, _, text, outcome, reward, calls, tokens, corrections in rows:
        facts = msgspec.json.decode(text, type=Facts)
        assert facts == wanted[id]
        assert (outcome, reward) == (outcome_of(facts).outcome, reward_of(facts).total)
        assert (calls, tokens, corrections) == (facts.calls, facts.tokens, facts.corrections)
    await index.close()
    database.close()


@pytest.mark.anyio
async def test_figures_are_the_sums_of_their_runs(home: Home, index: IndexFile) -> None:
    chance, stories = random.Random(3), []
    told: list[tuple[str, bool, int]] = []
    for number in range(30):
        story, side = Story(f"s{number}"), chance.choice(("with", "without", "apart"))
        story.begin(
            offered=[PACK] if side == "with" else [],
            withheld=[PACK] if side == "without" else [],
            loaded=[PACK] if side == "apart" else [],
        )
        calls, good = chance.randint(1, 9), chance.random() < 0.6
        for _ in range(calls - 1):
            story.shell("ls")
        story.shell("pytest", 0 if good else 1)
        story.end()
        stories.append(story)
        told.append((side, good, calls))
    await stored(home, *stories)
    found = index.ask(lambda tables: figures(tables, "pack", PACK.version, "m"))
    for side, runs, success, mean in (
        ("with", found.runs_with, found.success_with, found.calls_with),
        ("without", found.runs_without, found.success_without, found.calls_without),
    ):
        mine = [(good, calls) for at, good, calls in told if at == side]
        assert runs == len(mine)
        assert success == sum(good for good, _ in mine)
        assert mean == pytest.approx(sum(calls for _, calls in mine) / len(mine))
    assert (found.offered, found.withheld) == (found.runs_with, found.runs_without)
    assert found.apart == sum(side == "apart" for side, _, _ in told)
    assert found.low < found.difference < found.high


@pytest.mark.anyio
async def test_loading_changes_no_side_and_a_checkpoints_reads_do_not_count(
    home: Home, index: IndexFile
) -> None:
    offered, withheld, found = Story("a"), Story("b"), Story("c")
    offered.begin(offered=[PACK])
    offered.call("skill_view", {"name": "pack"}, text=BODY, loaded=PACK)
    offered.shell("cd x && pack a.txt --level 9")
    offered.end()
    withheld.begin(withheld=[PACK])
    withheld.call("skill_view", {"name": "pack"}, text=BODY, loaded=PACK)
    withheld.end()
    found.begin()
    found.call("skill_view", {"name": "pack"}, text=BODY, loaded=PACK, checkpoint=1)
    found.end()
    await stored(home, offered, withheld, found)
    got = index.ask(lambda tables: figures(tables, "pack", PACK.version, "m"))
    assert (got.offered, got.withheld, got.apart) == (1, 1, 0)
    assert (got.loaded, got.followed) == (1, 1)


@pytest.mark.anyio
async def test_a_named_skill_is_compared_with_nothing(home: Home, index: IndexFile) -> None:
    story = Story()
    preface = f'<skill name="pack" dir="/s">\n{BODY}\n</skill>'
    story.begin(offered=[PACK], loaded=[PACK], preface=preface)
    story.shell("pack a --level 9")
    story.end()
    await stored(home, story)
    (one,) = index.ask(lambda tables: series(tables, "pack"))
    assert (one.figures.offered, one.figures.apart) == (0, 1)
    uses = facts_of(story.events).uses
    assert [(use.side, use.loaded, use.followed) for use in uses] == [("", True, True)]


@pytest.mark.anyio
async def test_another_text_or_model_is_another_series(home: Home, index: IndexFile) -> None:
    stories = []
    for number, (ref, model) in enumerate([(OLD, "m"), (PACK, "m"), (PACK, "n"), (PACK, "n")]):
        story = Story(f"s{number}")
        story.begin(offered=[ref], model=model)
        story.end()
        stories.append(story)
    await stored(home, *stories)
    found = index.ask(lambda tables: series(tables, "pack"))
    assert {(one.version, one.model, one.figures.offered) for one in found} == {
        (OLD.version, "m", 1),
        (PACK.version, "m", 1),
        (PACK.version, "n", 2),
    }
    assert index.ask(lambda tables: figures(tables, "pack", "ffff", "m")) == Figures()
    assert index.ask(lambda tables: series(tables, "other")) == []


@pytest.mark.anyio
async def test_a_run_that_works_is_not_counted_and_a_late_verdict_is(
    home: Home, index: IndexFile
) -> None:
    story = Story()
    story.begin(offered=[PACK])
    story.end()
    run = story.run
    now = figures_after(home, index, story)
    assert (await now("")).runs_with == 0
    story.begin("Thanks, that works", offered=[PACK])
    got = await now("")
    assert (got.offered, got.runs_with, got.success_with) == (1, 1, 1)
    story.judge(good=False, run=run)
    got = await now("")
    assert (got.offered, got.runs_with, got.success_with) == (1, 1, 0)


def figures_after(home: Home, index: IndexFile, story: Story):
    """Stores what is new in the story; the figures then."""
    told = 0

    async def now(_: str) -> Figures:
        nonlocal told
        database = Database(home)
        journal = Journal(database)
        for one in story.events[told:]:
            await journal.append(one.event, session=one.session, run=one.run)
        told = len(story.events)
        database.close()
        return index.ask(lambda tables: figures(tables, "pack", PACK.version, "m"))

    return now


@pytest.mark.anyio
async def test_runs_are_of_one_kind_by_their_words(home: Home, index: IndexFile) -> None:
    story = Story()
    for text in (
        "Convert march.csv to JSON and check the sums",
        "No, that's wrong",
        "please convert the data in 'april 2026.csv' to JSON and check its sums",
        "Write a poem about the sea",
        "ok",
        "Convert https://example.org/may.csv to JSON, checking the sums",
    ):
        story.begin(text)
        story.shell("ls")
        story.end()
    await stored(home, story)

    def kinds(tables: sqlite3.Connection) -> list[int]:
        return [row[0] for row in tables.execute("SELECT kind FROM runs ORDER BY last_seq")]

    assert index.ask(kinds) == [1, 1, 1, 2, 2, 1]


@pytest.mark.anyio
async def test_other_words_are_of_one_kind_if_the_same_skill_was_followed(
    home: Home, index: IndexFile
) -> None:
    learned = ChangeIntended(
        kind="skill", name="pack", action="create", status="candidate", actor="agent", session="s"
    )
    story = Story()
    for text, follows in (
        ("Paint the fence green", False),
        ("Wrap up march.csv for the auditors", False),
        ("Ship the quarterly figures", True),
        ("Get april ready to be sent", True),
        ("Wash the car", False),
        ("Wrap up may.csv for the auditors", False),
    ):
        story.begin(text, loaded=[PACK], preface=f'<skill name="pack">\n{BODY}\n</skill>')
        story.shell("pack a --level 9" if follows else "ls")
        if "march" in text:
            story.tell(ChangeMade(id=story.tell(learned)))
        story.end()
    await stored(home, story)
    found = index.ask(
        lambda tables: tables.execute(
            "SELECT kind, label FROM runs JOIN kinds ON number = kind ORDER BY runs.last_seq"
        ).fetchall()
    )
    assert [number for number, _ in found] == [1, 2, 2, 2, 3, 2]
    assert found[1][1] == "Wrap up march.csv for the auditors"


# -- figures ------------------------------------------------------------------------------------


def test_newcombes_example_comes_out_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10, 95 %."""
    monkeypatch.setattr(agent.learning.evidence, "_Z", 1.959964)
    for first, second, low, high in (
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 10), 0.6075, 1.0),
        ((0, 10), (0, 20), -0.1611, 0.2775),
    ):
        found = difference(*first, *second)
        assert found[1:] == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("runs", [(5, 5), (20, 5), (10, 30)])
def test_the_interval_holds_the_true_difference_as_often_as_it_says(runs: tuple[int, int]) -> None:
    """Over all outcomes, weighted by how probable they are, for many pairs of true rates."""
    found = []
    for first, second in [(a / 10, b / 10) for a in range(1, 10) for b in range(1, 10)]:
        held = 0.0
        for one in range(runs[0] + 1):
            for other in range(runs[1] + 1):
                _, low, high = difference(one, runs[0], other, runs[1])
                weight = binomial(one, runs[0], first) * binomial(other, runs[1], second)
                held += weight * (low <= first - second <= high)
        found.append(held)
    assert sum(found) / len(found) == pytest.approx(CONFIDENCE, abs=0.03)
    assert min(found) >= CONFIDENCE - 0.1


def binomial(successes: int, runs: int, rate: float) -> float:
    return comb(runs, successes) * rate**successes * (1 - rate) ** (runs - successes)


def test_more_runs_make_the_interval_narrower_and_no_runs_say_nothing() -> None:
    widths = []
    for runs in (2, 4, 8, 16, 64):
        _, low, high = difference(runs, runs, runs // 2, runs)
        widths.append(high - low)
        assert -1 <= low <= 0.5 <= high <= 1
    assert widths == sorted(widths, reverse=True)
    assert difference(3, 3, 0, 0) == (0.0, -1.0, 1.0)
    assert wilson(0, 0) == (0.0, 1.0)


# -- what a skill names, and who carries it out ----------------------------------------------------


def test_the_commands_of_a_text() -> None:
    text = """\
# Title

Use `report.csv`. Run `make report` first, then ``x``.

```sh
$ cd out
# a comment
python scripts/check.py {file}
```

## Verification

1. `make check` exits 0.

### More

- `diff -u a b` is empty.

## Notes

Run `make clean`.

1. An indented block:

       make dist
"""
    assert commands_in(text) == [
        *("make report", "cd out", "python scripts/check.py {file}", "make check"),
        *("diff -u a b", "make clean", "make dist"),
    ]
    assert verification_in(text) == ["make check", "diff -u a b"]


SIGNED = "SIGNER=Hermes python3 tools/handin.py 2026-09 --recount"
SCRIPT = "python3 {skill_dir}/scripts/report.py 2026-09"


def test_commands_may_set_variables_first() -> None:
    text = f"## Verification\n\n`{SIGNED}` prints `signed:`, not `A=1 B=2`.\n"
    assert verification_in(text) == commands_in(text) == [SIGNED]
    command = "SIGNER=Ann python3 tools/handin.py 2026-10 --recount"
    assert checks_in(command, verification_in(text)) == ["python tools/handin.py 2026-10 --recount"]
    assert followed(text, [command])


@pytest.mark.parametrize(
    ("named", "command", "carried"),
    [
        ("git show --stat {commit}", "git show HEAD~2 --stat", True),
        ("git show --stat {commit}", "git log -3", False),
        ("python scripts/x.py {file}", "cd /a && python3 /home/s/scripts/x.py a.csv", True),
        ("pytest -q tests", "FLAG=1 .venv/bin/python -m pytest -q tests | tail", True),
        ("make report", "make clean", False),
        ("tar czf <name>.tgz <folder>", "tar czf a.tgz src", True),
        ("{program} run", "anything run", False),
        # Figures are examples, and the next month is another.
        (SIGNED, "SIGNER=Ann python3 tools/handin.py 2026-10 --recount", True),
        (SIGNED, "python3 tools/other.py 2026-09 --recount", False),
        (SIGNED, "python3 -c 'print(1)' --recount", False),
        ("jq . reports/2026-09.json", "jq . reports/2026-11.json", True),
        ("diff out.json reports/2026-09.json", "diff a.txt b.txt", False),
        ("sleep 5", "sleep 5", True),
        ("sleep 5", "sleep 60", False),
        # A skill's own script, wherever the skill lies.
        (SCRIPT, "python3 /home/a/skills/x/scripts/report.py 2026-10", True),
        (SCRIPT, "S=/home/a/skills/x/scripts; ls $S; python3 $S/report.py 2026-10", True),
        (SCRIPT, "python3 ${S}/scripts/report.py 2026-10", True),
        (SCRIPT, "cd /home/a/skills/x && python3 scripts/report.py 2026-10", True),
        (SCRIPT, "python3 -m json.tool a.json", False),
        (SCRIPT, "python3 tools/report.py 2026-09", False),
        (SCRIPT, "python3 $S/tools/report.py 2026-09", False),
        (SCRIPT, "python3 - <<'X'\nprint(1)\nX", False),
        ("python3 {file}", "python3 any.py", False),
    ],
)
def test_a_call_carries_a_command_out(named: str, command: str, carried: bool) -> None:
    assert carries_out(named, command) == carried


def test_a_skill_is_followed_when_a_third_of_its_commands_are_carried_out() -> None:
    commands = [f"step{number} now" for number in range(6)]
    text = "\n".join(f"{number}. `{command}`" for number, command in enumerate(commands))
    assert not followed(text, [])
    assert not followed(text, ["step0 now"])
    assert followed(text, ["step0 now", "ls && step5 now"])
    assert followed("Run `step0 now`", ["step0 now"])
    assert not followed("Be kind.", ["step0 now"])


@pytest.mark.parametrize(
    ("command", "hidden"),
    [
        ("pytest -q", False),
        ("cd src && make && ./x", False),
        ("cd src; echo start; set -e\npytest", False),
        ("a; b; ls; cat x", True),
        ("pytest | tail", True),
        ("pytest || true", True),
        ("for m in 09 10; do python3 x.py $m; done", True),
        ("python3 - <<'X'\nimport os\nprint(1)\nX", False),
        ("cat > a.py <<X && cat >b.py <<-'Y' && python3 a.py\none\nX\ntwo\n  Y", False),
        ("cat > a.py <<X\none\nX\npython3 a.py; ls", True),
        ("grep x <<X\none two\nthree", True),
        ("grep x <<< y", False),
        ("", False),
    ],
)
def test_what_the_exit_status_does_not_tell(command: str, hidden: bool) -> None:
    assert hides(command) == hidden


def test_the_text_of_a_heredoc_is_no_command() -> None:
    written = "cat > check.sh <<'END'\npytest -q\nEND\nls"
    assert checks_in(written) == []
    assert checks_in(f"{written} && pytest") == ["pytest"]
    assert not carries_out("pytest -q", written)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            "Fix the failing test in parser.py",
            "fix the failing tests in src/lexer.py, please",
            True,
        ),
        ("Summarise the folder docs", "Write release notes from the log", False),
        ("把 报告.csv 转换成 JSON", "请把 数据.csv 转换成 JSON", True),
        ("Überweise die Rechnung 17", "überweise die Rechnung 18", True),
        ("x" * 10_000, "y" * 10_000, False),
    ],
)
def test_requests_of_one_kind(one: str, other: str, same: bool) -> None:
    found = nearest(words_of(other), [(7, words_of(one))])
    assert found == (7 if same else None)


def test_a_request_without_words_has_none() -> None:
    for text in ("", "  ", "ok", "12.5", "/tmp/a.txt", "!!!"):
        assert words_of(text) == frozenset()
        assert nearest(words_of(text), [(1, frozenset())]) is None


def test_huge_and_hostile_commands_cost_little() -> None:
    for command in (
        "a " * 100_000,
        "'" * 5_000,
        "x <<A\n" * 50_000,
        "((((" * 20_000,
        "x | " * 50_000,
        "\\\n" * 50_000,
    ):
        begun = monotonic()
        carries_out("a b", command)
        checks_in(command, ["a {file}"])
        assert monotonic() - begun < 1
