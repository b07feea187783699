"""The system prompt never changes by itself; what changes rides at the tail, and is bounded."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from agent.prompt import (
    LEARNED,
    LEARNED_CHARS,
    SOUL_CHARS,
    TailParts,
    system_prompt,
    tail,
    version_of,
)

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=1)))


def test_the_system_prompt_is_made_of_the_soul_and_fixed_words():
    one, other = system_prompt("Be kind."), system_prompt("Be brief.")
    assert one.startswith("Be kind.\n\n# How you work")
    assert one.removeprefix("Be kind.") == other.removeprefix("Be brief.")
    assert system_prompt("") == one.removeprefix("Be kind.\n\n") == system_prompt(" \n\t")


def test_a_long_soul_is_cut():
    assert len(system_prompt("x" * 100_000)) <= len(system_prompt("")) + SOUL_CHARS + 2


def test_a_version_names_the_bytes():
    names = {version_of(s, t) for s in ("a", "ab", "") for t in (b"", b"b", b"ab")}
    assert len(names) == 9
    assert version_of("a", b"b") == version_of("a", b"b")


def test_the_tail_tells_the_day_and_never_the_time():
    assert tail(TailParts(NOW, "Europe/Berlin")) == "date: Saturday 2026-11-21, Europe/Berlin"
    assert tail(TailParts(NOW)) == "date: Saturday 2026-11-21"
    later = NOW.replace(hour=23, minute=59)
    assert tail(TailParts(later)) == tail(TailParts(NOW))


def test_the_tail_lists_what_there_is_and_leaves_out_what_there_is_not():
    parts = TailParts(
        NOW,
        cwd="/work",
        notes=("one", "two\nlines"),
        user_notes=("likes tea",),
        catalog="skills that match: brew-tea",
        learned=("skill mow-lawn (create)",),
    )
    assert tail(parts).splitlines()[1:] == [
        "workspace: /work",
        "about the user:",
        "- likes tea",
        "notes:",
        "- one",
        "- two",
        "  lines",
        "skills that match: brew-tea",
        "learned since your last message:",
        "- skill mow-lawn (create)",
    ]


@pytest.mark.parametrize("count", [0, 1, LEARNED, 1_000])
def test_what_was_learned_is_told_in_a_bounded_number_of_words(count):
    learned = [f"note (add): {number} " + "word " * 1_000 for number in range(count)]
    lines = tail(TailParts(NOW, learned=learned)).splitlines()[2:]
    assert len(lines) == min(count, LEARNED)
    assert all(len(line) <= LEARNED_CHARS + 2 for line in lines)
    if count:
        assert f": {count - 1} " in lines[-1]
