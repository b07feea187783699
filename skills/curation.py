"""What upkeep of the library calls for: the rules, by use and by age. Nothing is ever deleted.

| a skill the agent wrote | becomes |
|---|---|
| candidate or active, not loaded for STALE_DAYS | stale: still offered, and marked |
| stale, and loaded since | candidate: it is measured again |
| stale for ARCHIVE_DAYS more, or quarantined for as long | archived, and can be restored |
| nearly the same as a better one | the owner is asked whether to archive it |

What is locked or pinned stays as it is; so does what the owner, a hub or the program brought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from skills.skill import Skill
from skills.states import Standing, States
from skills.twins import pairs

STALE_DAYS = 30
ARCHIVE_DAYS = 60
MOST_COMPARED = 200
"""Of more skills than this only the newest are looked at for twins."""

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do about a skill. `propose` asks the owner whether to archive it."""

    skill: str
    action: Literal["stale", "candidate", "archive", "propose"]
    reason: str


def plan(
    skills: Sequence[Skill],
    states: States,
    loaded: Mapping[str, float],
    held: Callable[[str], bool],
    now: float,
) -> list[Step]:
    """What the rules call for. loaded: when each skill was last loaded; now: both in seconds since
    the epoch. held: whether the owner locked or pinned a skill."""
    learned = [
        skill
        for skill in skills
        if skill.layer == "home" and states.of(skill.name).learned and not held(skill.name)
    ]
    steps = [
        step
        for skill in learned
        if (step := _by_age(skill.name, states.of(skill.name), loaded.get(skill.name, 0.0), now))
    ]
    leaving = {step.skill for step in steps if step.action == "archive"}
    staying = [skill for skill in learned if skill.name not in leaving]
    return [*steps, *_twins(staying, states, loaded)]


def _by_age(name: str, standing: Standing, loaded: float, now: float) -> Step | None:
    days = (now - max(loaded, standing.since)) / _DAY
    if standing.state == "stale" and loaded > standing.since:
        return Step(name, "candidate", "it was used again")
    if standing.state in ("stale", "quarantined"):
        gone = (now - standing.since) / _DAY
        why = f"{standing.state} for {gone:.0f} days"
        return Step(name, "archive", why) if gone >= ARCHIVE_DAYS else None
    if standing.state in ("candidate", "active") and days >= STALE_DAYS:
        return Step(name, "stale", f"not used for {days:.0f} days")
    return None


def _twins(skills: Sequence[Skill], states: States, loaded: Mapping[str, float]) -> Iterator[Step]:
    """One step for each skill that has a better twin."""
    ranked = sorted(skills, key=lambda skill: _worth(skill, states, loaded), reverse=True)
    proposed: set[str] = set()
    for better, worse in pairs(ranked[:MOST_COMPARED]):
        if worse.name not in proposed:
            proposed.add(worse.name)
            yield Step(worse.name, "propose", f"it says nearly the same as {better.name}")


def _worth(
    skill: Skill, states: States, loaded: Mapping[str, float]
) -> tuple[bool, float, float, str]:
    standing = states.of(skill.name)
    return standing.state == "active", loaded.get(skill.name, 0.0), standing.since, skill.name
