"""The rules by which skills are trusted and leave, on simulated homes with noisy outcomes."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from agent.events import SkillState
from agent.learning.evidence import Figures
from skills.lifecycle import LEAST, PATIENCE, Usual, certainty, judge, withheld

USES = 80
"""Matching sessions within which the rules must have decided."""
SHARE = 0.2
BASE = 0.6
"""How often a run succeeds without help."""
EFFECT = {"helpful": 0.25, "neutral": 0.0, "harmful": -0.25}
WRONG, UNKNOWN = 0.1, 0.3
"""Outcomes that are judged wrongly, and that stay unknown."""


@dataclass
class Lived:
    """One skill's life: its state, and when it got there."""

    state: SkillState = "candidate"
    uses: int = 0


def live(kind: str, name: str, chance: random.Random) -> Lived:
    """The skill matches USES sessions; after each run the rules look at its figures."""
    figures, lived = Figures(), Lived()
    usual = Usual(*observed_usual(chance))
    for use in range(USES):
        held = lived.state == "candidate" and withheld(f"s{chance.random()}", name, "v1", SHARE)
        succeeded = chance.random() < BASE + (0 if held else EFFECT[kind])
        succeeded ^= chance.random() < WRONG
        known = chance.random() >= UNKNOWN
        figures = observe(figures, held=held, succeeded=succeeded, known=known)
        if move := judge(lived.state, figures, usual):
            lived = Lived(move.state, use + 1)
        if lived.state == "quarantined":
            break
    return lived


def observed_usual(chance: random.Random) -> tuple[int, int]:
    runs = 40
    rate = BASE * (1 - WRONG) + (1 - BASE) * WRONG
    return sum(chance.random() < rate for _ in range(runs)), runs


def observe(figures: Figures, *, held: bool, succeeded: bool, known: bool) -> Figures:
    side = "without" if held else "with"
    counted = "withheld" if held else "offered"
    changes = {counted: getattr(figures, counted) + 1}
    if known:
        changes |= {
            f"runs_{side}": getattr(figures, f"runs_{side}") + 1,
            f"success_{side}": getattr(figures, f"success_{side}") + succeeded,
        }
    return replace(figures, **changes)


@pytest.mark.slow
def test_the_harmful_leave_and_the_helpful_stay():
    """200 homes with 10 skills of each kind: at least 9 of 10 of the harmful leave within USES
    sessions, and at least 9 of 10 of the helpful stay."""
    chance = random.Random(20)
    homes = 200
    left = {kind: 0 for kind in EFFECT}
    good_homes = 0
    for home in range(homes):
        here = {
            kind: sum(
                live(kind, f"{kind}-{home}-{n}", chance).state == "quarantined" for n in range(10)
            )
            for kind in EFFECT
        }
        good_homes += here["harmful"] >= 9 and here["helpful"] <= 1
        for kind, count in here.items():
            left[kind] += count
    assert left["harmful"] / (10 * homes) >= 0.9
    assert left["helpful"] / (10 * homes) <= 0.05
    assert good_homes / homes >= 0.85


def test_rules_that_never_decide_or_always_would_fail_here():
    """The simulation can fail: without effects, neither of its two bounds would hold."""
    chance = random.Random(21)
    gone = sum(live("neutral", f"n{n}", chance).state == "quarantined" for n in range(300))
    assert 0.05 < gone / 300 < 0.9


@pytest.mark.parametrize("runs", range(LEAST))
def test_nothing_is_decided_on_few_runs(runs: int):
    for successes in (0, runs):
        figures = Figures(offered=runs, runs_with=runs, success_with=successes)
        assert judge("candidate", figures, Usual(30, 40)) is None


def test_a_skill_that_saves_calls_and_harms_nothing_is_trusted():
    figures = Figures(
        offered=12, withheld=4, runs_with=12, success_with=12, runs_without=4, success_without=4
    )
    usual = Usual(20, 20)
    slow = replace(figures, calls_with=10, calls_without=10)
    fast = replace(figures, calls_with=3, calls_without=10)
    assert judge("candidate", slow, usual) is None
    move = judge("candidate", fast, usual)
    assert move is not None
    assert move.state == "active"
    assert "3.0" in move.reason


def test_what_shows_no_use_is_not_kept_for_ever():
    figures = Figures(offered=PATIENCE, runs_with=PATIENCE, success_with=18)
    move = judge("candidate", figures, Usual(27, 40))
    assert move is not None
    assert move.state == "quarantined"
    assert "no use" in move.reason


def test_an_active_skill_leaves_only_on_stronger_evidence():
    usual = Usual(36, 60)
    states = [
        n
        for n in range(1, 40)
        for figures in [Figures(offered=n, runs_with=n, success_with=round(n * 0.35))]
        if judge("candidate", figures, usual) and not judge("active", figures, usual)
    ]
    assert states
    assert judge("active", Figures(offered=40, runs_with=40, success_with=10), usual) is not None


@pytest.mark.parametrize("state", ["stale", "archived", "quarantined"])
def test_what_is_out_of_use_is_not_judged(state: SkillState):
    assert judge(state, Figures(offered=50, runs_with=50), Usual(30, 40)) is None


def test_more_successes_are_never_less_certain():
    usual = Usual(30, 50)
    rising = [certainty(Figures(runs_with=20, success_with=n), usual) for n in range(21)]
    assert rising == sorted(rising)
    assert rising[0] < 0.01
    assert rising[-1] > 0.95


def test_withholding_is_a_pure_function_and_keeps_to_the_share():
    names = [(f"s{n}", f"skill-{n % 7}", f"v{n % 3}") for n in range(4000)]
    held = [withheld(*name, SHARE) for name in names]
    assert held == [withheld(*name, SHARE) for name in names]
    assert 0.17 < sum(held) / len(held) < 0.23
    assert not any(withheld(*name, 0) for name in names)
    # A new text is a new draw.
    other = [withheld(session, skill, "other", SHARE) for session, skill, _ in names]
    assert other != held
