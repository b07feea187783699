"""The answer to a self-evaluation request: what the calls show, kept as a skill and notes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.messages import Message
from agent.providers.offline.actions import remember
from agent.providers.offline.distil import check_passed, name_of, revised, skill_text
from agent.providers.offline.evaluation import evaluation
from agent.providers.offline.facts import Fact, facts
from agent.providers.offline.instructions import difference
from agent.providers.offline.plan import Action
from agent.providers.offline.review import Asked, Review, asked_of, review_of
from agent.providers.offline.scene import scene_of
from agent.providers.offline.text import plain
from agent.providers.offline.transcript import Loaded, finished, skills_in
from agent.providers.offline.work import best_match

FIRST_LINE = "[self-evaluation checkpoint]"
WORTHWHILE_CALLS = 5
"""Fewer calls than this, all of which worked at once, teach nothing."""

_REMEMBER = re.compile(
    r"(?i)(?:^|[.;,\n]\s*|\band )(?:please )?remember(?: that|:)?\s+([^\n.;]{3,300})"
)


def answer(messages: Sequence[Message], index: int, offered: frozenset[str]) -> list[Action]:
    """The calls that answer the checkpoint message at `index`; none when it was answered."""
    asked = asked_of(messages[index].text)
    before, after = messages[:index], finished(messages[index + 1 :])
    if any(done.tool == "evaluate" and done.ok for done in after) or "evaluate" not in offered:
        return []
    review = review_of(scene_of(before, offered), asked)
    name = _existing(review, asked)
    views = [done for done in after if done.tool == "skill_view"]
    if name and not views and "skill_view" in offered and _teaches(review, asked):
        return [Action("skill_view", {"name": name})]
    current = next(iter(skills_in(views[-1].text)), None) if views else None
    if any(done.tool in ("skill_manage", "memory") for done in after):
        return [evaluation(review, asked, [], [])]
    skill = _skill(review, asked, current)
    covering = name or next((str(write.arguments["name"]) for write in skill), "")
    new = facts(review, asked, covering)
    kept = [write for write in [*skill, *_notes(review, new)] if write.tool in offered]
    return [*kept, evaluation(review, asked, kept, new)]


def _existing(review: Review, asked: Asked) -> str:
    """The skill that covers this work: the one followed, else one of the catalog."""
    if review.work is None or review.work.goal is None:
        return ""
    if review.work.skill is not None:
        return review.work.skill.name
    name = name_of(review.work.goal)
    same = next((entry for entry in asked.skills if entry.name == name), None)
    entry = same or best_match(review.work.goal.title, asked.skills)
    return entry.name if entry else ""


def _teaches(review: Review, asked: Asked) -> bool:
    """A check passed since the last checkpoint, and not at once."""
    if review.work is None or review.work.goal is None or not review.work.goal.title:
        return False
    new = [one for one in review.found if one.numbers]
    passed = any(one.passed for one in new) or (not review.found and check_passed(review.progress))
    failed = any(
        not attempt.passed and attempt.waiting is None for attempt in review.progress.attempts
    )
    return passed and (failed or len(asked.calls) >= WORTHWHILE_CALLS)


def _skill(review: Review, asked: Asked, current: Loaded | None) -> list[Action]:
    """The skill to create, or the patch of the one that is there."""
    goal = review.work.goal if review.work else None
    if goal is None or not _teaches(review, asked):
        return []
    if current is not None:
        new = revised(current.body, goal, review.found)
        if new == current.body:
            return []
        old_text, new_text = difference(current.body, new)
        change = {"old_text": old_text, "new_text": new_text}
        return [Action("skill_manage", {"action": "patch", "name": current.name} | change)]
    text = skill_text(goal, review.progress, review.found)
    if not text or _existing(review, asked):
        return []
    return [Action("skill_manage", {"action": "create", "name": name_of(goal), "content": text})]


def _notes(review: Review, new: Sequence[Fact]) -> list[Action]:
    """What the user asked to remember and was not noted yet, and what the calls show."""
    operations: list[dict[str, str]] = []
    if not any(done.tool == "memory" for done in review.scene.results):
        for found in _REMEMBER.finditer(review.scene.spoken.words[:5000]):
            operations += remember(plain(found[1], 300)).arguments["operations"]
    operations += [fact.operation() for fact in new]
    return [Action("memory", {"operations": operations})] if operations else []
