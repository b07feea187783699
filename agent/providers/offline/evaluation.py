"""The arguments of `evaluate`: what was reached, by which calls, and what was kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.providers.offline.distil import check_passed
from agent.providers.offline.evidence import Tried, how_it_failed, kinds_text
from agent.providers.offline.facts import Fact
from agent.providers.offline.plan import Action
from agent.providers.offline.review import Asked, Review
from agent.providers.offline.text import as_code

LESSONS = 12


def evaluation(
    review: Review, asked: Asked, kept: Sequence[Action], noted: Sequence[Fact]
) -> Action:
    """The call that ends a checkpoint which wrote `kept`, `noted` among it."""
    lessons = _lessons(review, kept, noted)
    new = [one for one in review.found if one.numbers]
    passed = [one for one in new if one.passed]
    failed = [one for one in new if not one.passed]
    return Action(
        "evaluate",
        {
            "accomplished": _accomplished(review, asked),
            "worked": _sentence(passed) or "nothing to tell from",
            "failed": _sentence(failed) or _failures(review) or "nothing",
            "outcome": _outcome(review),
            "lessons": lessons,
        },
    )


def _accomplished(review: Review, asked: Asked) -> str:
    files = {step.item for step in review.work.steps if step.item} if review.work else set()
    passed = {a.step.item for a in review.progress.attempts if a.passed and a.step.item}
    if files:
        return f"{len(passed)} of {len(files)} files pass the check so far."
    state = "all steps are done" if review.work and review.progress.finished else "work goes on"
    return f"{len(asked.calls)} calls since the last checkpoint; {state}."


def _sentence(found: Sequence[Tried]) -> str:
    parts = []
    for one in found[:LESSONS]:
        how = "passes the check" if one.passed else how_it_failed(one)
        parts.append(f"{as_code(one.command)} {how}{kinds_text([one.kind])}")
    return "; ".join(parts)


def _failures(review: Review) -> str:
    labels = [a.step.label for a in review.progress.attempts if a.done and not a.done[-1].ok]
    return "; ".join(dict.fromkeys(labels[:5]))


def _outcome(review: Review) -> str:
    """By the check alone; without one nothing is known unless a step failed."""
    if review.found or check_passed(review.progress):
        if not any(one.passed for one in review.found) and not check_passed(review.progress):
            return "failure"
        whole = review.progress.finished and not review.progress.unmet and bool(review.work)
        return "success" if whole else "partial"
    return "failure" if review.progress.failed is not None else "unknown"


def _lessons(review: Review, kept: Sequence[Action], noted: Sequence[Fact]) -> list[dict[str, Any]]:
    keep = "skill" if any(write.tool == "skill_manage" for write in kept) else "none"
    lessons: list[dict[str, Any]] = []
    for one in sorted(review.found, key=lambda one: not one.passed):
        if one.numbers:
            how = "passes the check" if one.passed else how_it_failed(one)
            text = f"{as_code(one.command)} {how}{kinds_text([one.kind])}."
            lessons.append({"text": text, "evidence": list(one.numbers), "keep": keep})
    if not review.found and keep == "skill":
        numbers = [n for attempt in review.progress.attempts for n in attempt.numbers]
        text = "These steps reach the goal: the check passed."
        lessons.append({"text": text, "evidence": numbers, "keep": keep})
    return lessons[:LESSONS] + _note_lessons(kept, noted)


def _note_lessons(kept: Sequence[Action], noted: Sequence[Fact]) -> list[dict[str, Any]]:
    evidence = {fact.text: fact.evidence for fact in noted}
    return [
        {
            "text": operation["text"],
            "evidence": list(evidence.get(operation["text"], ())),
            "keep": operation["target"],
        }
        for write in kept
        if write.tool == "memory"
        for operation in write.arguments["operations"]
    ]
