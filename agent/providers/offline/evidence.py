"""What the calls of a goal show: which way passed the check for which kind of file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.providers.offline.goals import kind_of
from agent.providers.offline.instructions import Rule
from agent.providers.offline.plan import Attempt, Progress
from agent.providers.offline.text import as_code

NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Tried:
    """One way for one kind of file. `exit`: the way's own status when it failed by itself.
    `numbers`: the calls since the last checkpoint that show it."""

    kind: str
    command: str
    passed: bool
    exit: int | None = None
    numbers: tuple[int, ...] = ()
    times: int = 1


def tried(progress: Progress) -> list[Tried]:
    """The ways as they went, those of one kind with the same end counted together."""
    found: dict[tuple[str, str, bool, int | None], Tried] = {}
    for attempt in progress.attempts:
        one = _tried(attempt)
        if one is None:
            continue
        key = (one.kind, one.command, one.passed, one.exit)
        before = found.get(key)
        found[key] = _together(before, one) if before else one
    return list(found.values())


def _tried(attempt: Attempt) -> Tried | None:
    """An attempt that was ended by a check or by its own failure; others show nothing."""
    last = attempt.done[-1] if attempt.done else None
    if attempt.waiting is not None or last is None or last.outcome not in ("ok", "failed"):
        return None
    way = attempt.actions[0]
    pair = len(attempt.actions) == 2 and attempt.actions[-1].check
    if way.check or way.tool != "shell" or not pair:
        return None
    own = last.exit or 1 if len(attempt.done) == 1 and not attempt.passed else None
    return Tried(kind_of(attempt.step.item), way.source, attempt.passed, own, attempt.numbers)


def _together(one: Tried, other: Tried) -> Tried:
    numbers = tuple(dict.fromkeys([*one.numbers, *other.numbers]))
    return Tried(one.kind, one.command, one.passed, one.exit, numbers, one.times + other.times)


def rules_of(found: Sequence[Tried]) -> tuple[Rule, ...]:
    """For each kind of file the ways that passed, the most frequent first."""
    kinds = list(dict.fromkeys(one.kind for one in found if one.passed))
    rules = [Rule(kind, _passing(found, kind)) for kind in kinds]
    if len(rules) > 1 and len({rule.ways for rule in rules}) == 1:
        return (Rule("", rules[0].ways),)
    return tuple(rules)


def _passing(found: Sequence[Tried], kind: str) -> tuple[str, ...]:
    passed = [one for one in found if one.passed and one.kind == kind]
    return tuple(one.command for one in sorted(passed, key=lambda one: -one.times))


def merged_rules(old: Sequence[Rule], found: Sequence[Tried]) -> tuple[Rule, ...]:
    """The rules with what was seen: a way that never passed for a kind leaves its rule."""
    rules = {rule.kind: list(rule.ways) for rule in old}
    for kind in dict.fromkeys(one.kind for one in found):
        passed = _passing(found, kind)
        failed = {one.command for one in found if one.kind == kind} - set(passed)
        ways = rules.get(kind, [])
        if kind not in rules and set(passed) <= set(rules.get("", [])):
            continue
        kept = [way for way in ways if way not in failed] if passed else ways
        new = [way for way in passed if way not in kept]
        if kept or new:
            rules[kind] = [*kept, *new]
    ordered = sorted(rules.items(), key=lambda pair: pair[0] == "")
    return tuple(Rule(kind, tuple(ways)) for kind, ways in ordered)


def pitfalls(found: Sequence[Tried]) -> dict[str, list[str]]:
    """The opening of each pitfall and the kinds of file it is about."""
    lines: dict[str, list[str]] = {}
    for one in found:
        if not one.passed:
            kinds = lines.setdefault(f"{as_code(one.command)} {how_it_failed(one)}", [])
            kinds += [one.kind] if one.kind not in kinds else []
    return lines


def how_it_failed(one: Tried) -> str:
    if one.exit is None:
        return "runs, but does not pass the check"
    if one.exit == NOT_FOUND:
        return "needs a command that was not found"
    return f"fails with exit {one.exit}"


def kinds_text(kinds: Sequence[str]) -> str:
    """`for `.a` and `.b` files`, empty if nothing is known about the kind."""
    listed = named([kind for kind in kinds if kind])
    return f" for {listed} files" if listed else ""


def named(kinds: Sequence[str]) -> str:
    """`.a`, `.b` and `.c`."""
    spans = [as_code(kind) for kind in kinds]
    return " and ".join([", ".join(spans[:-1]), spans[-1]] if len(spans) > 1 else spans)
