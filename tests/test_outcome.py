"""What came of a run, and what it is worth: computed from its events and what was said after it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.checks import checks_in
from agent.events import CallEnd, Lesson, SkillRef
from memory.outcomes.facts import Facts, facts_of, session_facts
from memory.outcomes.outcome import Result, outcome_of
from memory.outcomes.reward import WEIGHTS, reward_of
from tests.stories import Story


def result(story: Story) -> Result:
    """Of the first run."""
    return outcome_of(next(iter(session_facts(story.events).values())))


# -- the order of grounds -----------------------------------------------------------------------

ENDS = ("done", "stopped", "failed", "limit", "blocked", "parked")
CHECKS: dict[str, dict[str, Any]] = {
    "none": {},
    "passed": {"passed": (3,)},
    "failed": {"failed": (4,)},
    "both": {"passed": (3,), "failed": (4,)},
}
WORDS = ("", "accepted", "corrected")
EVALUATED = ("", "success", "partial", "failure", "unknown")
EVERY = list(product(("", "good", "bad"), ENDS, CHECKS, WORDS, EVALUATED))


def facts(judged: str, end: str, checks: str, words: str, evaluated: str) -> Facts:
    return Facts(
        judged=judged,  # type: ignore[arg-type]
        judged_at=1 if judged else 0,
        end=end,  # type: ignore[arg-type]
        end_at=2,
        words=words,  # type: ignore[arg-type]
        words_at=5 if words else 0,
        evaluated=evaluated,  # type: ignore[arg-type]
        evaluated_at=6 if evaluated else 0,
        **CHECKS[checks],
    )


def test_the_owners_verdict_stands_above_everything():
    for judged, *others in EVERY:
        if judged:
            found = outcome_of(facts(judged, *others))
            assert found.outcome == ("success" if judged == "good" else "failure")
            assert (found.ground, found.evidence) == ("judged", (1,))


def test_a_run_that_did_not_come_to_its_end_is_no_success():
    for judged, end, checks, words, evaluated in EVERY:
        found = outcome_of(facts(judged, end, checks, words, evaluated))
        if not judged and end in ("failed", "limit", "blocked"):
            assert found.outcome == ("partial" if checks == "passed" else "failure")
            assert found.ground == "end"
            assert 2 in found.evidence


def test_checks_stand_above_words_and_words_above_the_evaluation():
    for judged, end, checks, words, evaluated in EVERY:
        if judged or end != "done":
            continue
        found = outcome_of(facts(judged, end, checks, words, evaluated))
        if checks != "none":
            assert found.ground == "checks"
            wanted = {"passed": "success", "failed": "failure", "both": "partial"}[checks]
            agreed = {"passed": "accepted", "failed": "corrected"}.get(checks, words)
            assert found.outcome == (wanted if words in ("", agreed) else "partial")
        elif words:
            assert (found.ground, found.evidence) == ("words", (5,))
            assert found.outcome == ("success" if words == "accepted" else "failure")
        elif evaluated in ("", "unknown"):
            assert found == Result("unknown", "none")
        else:
            assert found == Result(evaluated, "evaluation", (6,))  # type: ignore[arg-type]


def test_a_run_that_was_stopped_is_judged_by_words_only():
    for judged, end, checks, words, evaluated in EVERY:
        if not judged and end in ("stopped", "parked"):
            found = outcome_of(facts(judged, end, checks, words, evaluated))
            assert found.ground == ("words" if words else "none")


def test_what_is_known_has_its_evidence():
    for one in EVERY:
        found = outcome_of(facts(*one))
        assert (found.outcome == "unknown") == (found.evidence == ())


# -- checks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    """\
pytest -q
cd src && .venv/bin/python -m pytest tests/test_a.py
python3 -m unittest
make
make test
make -j4 check
npm run build
npm test
cargo build --release
go test ./...
ruff check .
mypy src
tsc --noEmit
git diff --check
bash -n install.sh
./run_tests.sh --fast
python scripts/check_links.py docs
python manage.py test shop
./tool check
sudo nginx -t
timeout 60 pytest && echo passed
set -o pipefail; pytest | tail -3
FLAG=1 uv run pytest""".splitlines(),
)
def test_a_command_that_checks(command):
    assert checks_in(command)


@pytest.mark.parametrize(
    "command",
    """\
ls tests
cat check.txt
grep -rn test src
echo test
make install
npm install
ruff format .
git checkout main
test -e done
pytest | tail -3
pytest || true
pytest; echo $?
pytest &
python main.py
cd tests
mkdir build
pip install pytest""".splitlines(),
)
def test_a_command_whose_exit_status_says_nothing_of_the_work(command):
    assert checks_in(command) == []


def test_the_last_result_of_a_check_counts():
    story = Story()
    story.begin()
    story.shell("pytest tests/test_a.py", 1)
    passed = story.shell("python -m pytest -q")
    story.end()
    assert result(story) == Result("success", "checks", (passed,))


@pytest.mark.parametrize("hidden", ["pytest; git status", "pytest | tail -3", "pytest || true"])
def test_a_check_that_ran_again_unseen_says_nothing_any_more(hidden: str):
    story = Story()
    story.begin()
    story.shell("pytest", 1)
    assert result_after(story) == "failure"
    assert result_after(story, hidden) == "unknown"
    story.shell(hidden)
    story.shell("cd src && pytest -q")
    assert result_after(story) == "success"


def test_of_two_checks_one_may_fail():
    story = Story()
    story.begin()
    passed = story.shell("pytest")
    failed = story.shell("mypy .", 1)
    story.end()
    assert result(story) == Result("partial", "checks", (passed, failed))


def test_a_command_that_failed_and_passed_unchanged_is_a_check():
    story = Story()
    story.begin()
    story.shell("curl -sf localhost:8000", 7)
    assert result_after(story, "curl -sf localhost:9000") == "unknown"
    story.shell("curl -sf localhost:8000")
    assert result_after(story) == "success"
    story.shell("curl -sf localhost:8000", 7)
    assert result_after(story) == "failure"


def result_after(story: Story, command: str = "") -> str:
    """The outcome if the run ended here."""
    copy = Story()
    copy.events, copy.run, copy.calls = list(story.events), story.run, story.calls
    if command:
        copy.shell(command)
    copy.end()
    return result(copy).outcome


@pytest.mark.parametrize("status", ["interrupted", "denied", "skipped", "invalid"])
def test_a_check_that_did_not_run_to_its_end_says_nothing(status: CallEnd):
    story = Story()
    story.begin()
    story.shell("pytest", 1, status)
    story.end()
    assert result(story).outcome == "unknown"


def test_the_verification_of_a_loaded_skill_is_a_check():
    body = "# Pack\n\n1. Run `pack {file}`.\n\n## Verification\n\n`unpack -t {file}.zip` exits 0."
    story = Story()
    story.begin()
    story.shell("unpack -t a.zip", 1)
    assert result_after(story) == "unknown"
    story.call("skill_view", {"name": "pack"}, text=body, loaded=SkillRef("pack", "1"))
    assert result_after(story) == "unknown"
    story.shell("unpack -l b.zip", 1)
    assert result_after(story) == "unknown"
    story.shell("cd out && unpack -t b.zip")
    assert result_after(story) == "success"
    story.shell("unpack -t c.zip", 9)
    assert result_after(story) == "partial"


def test_a_checkpoints_own_calls_are_no_part_of_it():
    story = Story()
    story.begin()
    story.shell("pytest")
    story.call("shell", {"command": "pytest"}, "denied", checkpoint=1)
    story.call("skill_view", {"name": "x"}, "failed", checkpoint=1)
    story.reply(5000, 100, checkpoint=1)
    story.end()
    (found,) = session_facts(story.events).values()
    assert outcome_of(found).outcome == "success"
    assert (found.calls, found.errors, found.tokens, found.turns) == (1, 0, 0, 0)


# -- words --------------------------------------------------------------------------------------


def said_after(text: str, principal: str = "owner", answer: str = "Done.") -> str:
    story = Story()
    story.begin()
    story.end(answer=answer)
    story.begin(text, principal=principal)
    story.end()
    return result(story).outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Thanks, that works", "success"),
        ("Perfect! Now the next one", "success"),
        ("No, use tabs", "failure"),
        ("That's wrong", "failure"),
        ("Oh great, another error", "unknown"),
        ("is that right?", "unknown"),
        ("now the second file", "unknown"),
    ],
)
def test_the_next_message_accepts_or_corrects(text, outcome):
    assert said_after(text) == outcome


def test_guests_words_count_for_nothing():
    assert said_after("That's wrong", principal="g1") == "unknown"
    story = Story()
    story.begin(principal="g1")
    story.say("That's wrong", principal="g1")
    story.end()
    assert next(iter(session_facts(story.events).values())).corrections == 0


def test_the_same_request_again_is_no_verdict():
    story = Story()
    for _ in range(3):
        story.begin("Don't forget the mail: list what came in")
        story.end()
    outcomes = [outcome_of(one).outcome for one in session_facts(story.events).values()]
    assert outcomes == ["unknown"] * 3


def test_a_bare_no_answers_the_question_that_was_asked():
    assert said_after("No", answer="Done. Shall I delete the old one?") == "unknown"
    assert said_after("No") == "failure"
    assert said_after("That's wrong", answer="Shall I go on?") == "failure"


def test_only_the_first_message_after_it_judges_a_run():
    story = Story()
    story.begin()
    story.end()
    story.begin("now the second file")
    story.end()
    story.begin("Thanks")
    story.end()
    assert [outcome_of(one).outcome for one in session_facts(story.events).values()] == [
        "unknown",
        "success",
        "unknown",
    ]


def test_words_of_a_run_stand_until_more_is_done():
    story = Story()
    story.begin()
    story.shell("ls")
    said = story.say("No, that's wrong")
    assert outcome_of(facts_of(story.events)) == Result("failure", "words", (said,))
    story.shell("ls -l")
    found = facts_of(story.events)
    assert outcome_of(found).outcome == "unknown"
    assert found.corrections == 1


def test_the_last_good_or_bad_counts_and_the_next_message_does_not_undo_it():
    story = Story()
    story.begin()
    story.shell("pytest", 1)
    story.end()
    story.judge(good=False)
    good = story.judge(good=True)
    story.begin("That's wrong")
    story.end("failed")
    assert result(story) == Result("success", "judged", (good,))


# -- reward -------------------------------------------------------------------------------------

whole = st.builds(
    Facts,
    end=st.sampled_from(ENDS),
    passed=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    failed=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    words=st.sampled_from(WORDS),
    judged=st.sampled_from(["", "good", "bad"]),
    evaluated=st.sampled_from(EVALUATED),
    claims=st.integers(2, 5),
    borne_out=st.integers(0, 2),
    turns=st.integers(0, 500),
    invalid=st.integers(0, 20),
    errors=st.integers(0, 20),
    recovered=st.integers(0, 20),
    tokens=st.integers(0, 10**7),
)


@given(whole)
def test_every_part_is_between_0_and_1_and_the_total_is_their_weighted_sum(one):
    reward = reward_of(one)
    parts = {name: getattr(reward, name) for name in WEIGHTS}
    assert all(0 <= value <= 1 for value in parts.values())
    total = sum(WEIGHTS[name] * value for name, value in parts.items())
    assert reward.total == pytest.approx(total, abs=1e-3)
    assert 0 <= reward.total <= 1
    for name in reward.unknown:
        assert parts[name] == 0.5
    assert ("task_completion" in reward.unknown) == (outcome_of(one).outcome == "unknown")


def test_the_weights_come_to_one():
    assert sum(WEIGHTS.values()) == pytest.approx(1)


@given(whole, st.integers(1, 5))
def test_more_of_what_is_bad_is_never_worth_more(one, more):
    def worth(**changed: int) -> float:
        return reward_of(replace(one, **changed)).total

    now = worth()
    assert worth(invalid=one.invalid + more) <= now
    assert worth(turns=one.turns + more) <= now
    assert worth(tokens=one.tokens + 1000 * more) <= now
    assert worth(recovered=one.recovered + more) >= now


def test_calls_that_were_no_use_and_errors_that_were_got_over():
    story = Story()
    story.begin()
    story.call("no_such_tool", {}, "invalid")
    story.shell("gcc a.c", 1)
    story.shell("gcc a.c", 1)
    story.shell("gcc -I. a.c")
    story.call("read_file", {"path": "a"}, "failed")
    story.call("read_file", {"path": "b"})
    story.end()
    found = facts_of(story.events)
    assert (found.invalid, found.errors, found.recovered) == (2, 4, 2)
    reward = reward_of(found)
    assert reward.tool_accuracy == pytest.approx(0.6)
    assert reward.error_recovery == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("failed", "later", "worth"),
    [
        ("ls -la; python3 -m unittest", "python3 -m unittest", 1.0),
        ("cd src && pytest -q | tail -3", "pytest -q", 1.0),
        ("ls -la; python3 -m unittest", "ls -la", 0.0),
        ("ls nowhere", "ls", 1.0),
        ("python3 -m unittest", "python3 -m unittest && python3 - <<'E'\nimport a\na.b()\nE", 1.0),
    ],
)
def test_an_error_is_got_over_by_the_program_that_it_was_about(failed, later, worth):
    story = Story()
    story.begin()
    story.shell(failed, 1)
    story.shell(later)
    story.end()
    assert reward_of(facts_of(story.events)).error_recovery == worth


def test_without_an_error_there_is_nothing_to_recover_from():
    story = Story()
    story.begin()
    story.shell("ls")
    story.end()
    assert reward_of(facts_of(story.events)).error_recovery == 1


def test_lessons_without_evidence_are_claims_not_borne_out():
    story = Story()
    story.begin()
    ran = story.shell("ls")
    story.evaluate("unknown", Lesson("a", (1,), events=(ran - 1,)), Lesson("b"))
    story.end()
    reward = reward_of(facts_of(story.events))
    assert reward.goal_alignment == 0.5
    assert reward.unknown == ("task_completion",)


def test_a_loaded_skills_verification_is_the_check_it_names():
    """Calling it by the skill's own words is the same check as calling it otherwise."""
    body = "# Mend\n\n## Verification\n\n`python3 -m pytest -v tests` passes."
    story = Story()
    story.begin()
    story.call("skill_view", {"name": "mend"}, text=body, loaded=SkillRef("mend", "1"))
    story.shell("pytest -q", 1)
    story.shell("python3 -m pytest -v tests")
    assert result_after(story) == "success"
