"""Plots in a terminal and as a picture, whatever there is to show."""

from __future__ import annotations

import importlib.util
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import bars
from gateway.cli.output import one_line, width, wrapped
from gateway.cli.picture import draw
from gateway.cli.progress import meaning, told

OUTCOMES = sorted(bars.MARKS)
numbers = st.lists(st.integers(0, 10_000), max_size=300)


@given(numbers, st.integers(1, 80))
def test_groups_hold_every_value_once_in_order(values, most):
    groups = bars.groups(values, most)
    assert [value for group in groups for value in group] == values
    assert len(groups) == min(len(values), most)
    sizes = {len(group) for group in groups}
    assert not sizes or max(sizes) - min(sizes) <= 1


@given(numbers)
def test_a_higher_value_has_no_lower_block(values):
    shown = bars.spark(values, most=1000)
    levels = [bars.LEVELS.index(sign) for sign in shown]
    pairs = sorted(zip(values, levels, strict=True))
    assert [level for _, level in pairs] == sorted(levels)
    assert not values or not max(values) or max(levels) == 7


@pytest.mark.slow
@given(st.lists(st.sampled_from(OUTCOMES), max_size=60))
def test_each_outcome_has_its_sign(outcomes):
    assert bars.marks(outcomes) == "".join(bars.MARKS[outcome] for outcome in outcomes)


def test_many_outcomes_share_a_sign():
    assert bars.marks(["success"] * 300 + ["failure"] * 300, most=2) == "●○"
    assert bars.marks(["success", "failure"] * 100, most=1) == "◐"
    assert bars.marks(["unknown"] * 50, most=1) == "·"


def stats(kinds: int, runs: int) -> dict[str, Any]:
    chance = random.Random(kinds * runs)
    labels = (
        "short",
        "$5 and \\ and _x_ ^2",
        "日本語のタスク" * 9,
        "word " * 40,
        "",
        "a\tb\x1b[31m",
    )
    return {
        "kinds": [
            {
                "label": labels[number % len(labels)],
                "runs": [
                    {"calls": chance.randint(1, 90), "outcome": chance.choice(OUTCOMES)}
                    for _ in range(runs)
                ],
            }
            for number in range(kinds)
        ],
        "cost": {
            purpose: {"total": chance.randrange(10**9)}
            for purpose in ("run", "checkpoint", "curator", "compaction", "trial")
            if kinds
        },
    }


@pytest.mark.parametrize("kinds", [0, 1, 7, 20])
@pytest.mark.parametrize("runs", [1, 2, 59, 500])
def test_the_report_fits_into_80_columns(kinds, runs):
    found = stats(kinds, runs)
    told_lines = told(found)
    lines = [part for line in told_lines for part in wrapped(line, 80, 2)]
    assert max(map(width, lines)) <= 80
    assert all("\x1b" not in line for line in lines)
    for kind in found["kinds"][:8]:
        assert any(line.startswith(one_line(kind["label"])) for line in told_lines)


texts = st.text(st.sampled_from("ab -+日\u0301"), max_size=120)


@given(texts, st.integers(20, 90), st.integers(0, 99))
def test_a_line_is_broken_between_its_words_and_loses_none(text, room, hang):
    parts = wrapped(text, room, hang)
    assert max(map(width, parts)) <= room
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert text.startswith(parts[0])
    for one, other in pairwise(parts):
        words = text.split()
        assert one.split()[-1:] == [] or one.split()[-1] in words or max(map(width, words)) > room
        assert other.startswith(" " * min(hang, room // 2))


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="matplotlib is missing")
@pytest.mark.parametrize(("kinds", "runs"), [(0, 1), (1, 1), (6, 200)])
def test_a_picture_of_anything_can_be_drawn(kinds, runs, tmp_path: Path):
    draw(stats(kinds, runs), str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("low", "high", "known", "word"),
    [
        (0.1, 0.5, 9, "helps"),
        (-0.5, -0.1, 9, "harms"),
        (-0.1, 0.5, 9, "too few"),
        (0, 0, 0, "noth"),
    ],
)
def test_what_a_row_means(low, high, known, word):
    row = {"version": "a" * 12, "model": "m", "difference": (low + high) / 2}
    row |= {"low": low, "high": high, "runs_with": 3, "runs_without": known}
    row |= dict.fromkeys(("offered", "loaded", "followed", "withheld", "apart"), 2)
    first, second = meaning(row)
    assert word in first
    assert "withheld 2" in second
