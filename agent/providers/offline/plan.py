"""A plan of steps, replayed over the results so far: what comes next and what has failed.

Nothing is kept between requests; the same messages always lead to the same next call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.providers.offline.transcript import Done

MOST_AT_ONCE = 8
READS = frozenset(
    {
        "read_file",
        "search_files",
        "session_search",
        "skill_view",
        "skills_search",
        "web_fetch",
        "web_search",
    }
)


@dataclass(frozen=True, slots=True)
class Action:
    """One call to make. `source`: the command before its placeholders were filled. `check`: it
    only looks whether the goal is reached, so it may be run again."""

    tool: str
    arguments: dict[str, Any]
    source: str = ""
    check: bool = False

    def matches(self, done: Done) -> bool:
        return done.tool == self.tool and done.arguments == self.arguments


Try = tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to reach. Its tries are made in order until every action of one succeeds;
    `forgiving`: going on even if none does. `item`: the file it is for; a file that nothing works
    for does not keep the others from their turn, only the steps `after_all`."""

    label: str
    tries: tuple[Try, ...]
    forgiving: bool = False
    item: str = ""
    after_all: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try as it went. `waiting`: the action that has no result yet."""

    step: Step
    actions: Try
    done: tuple[Done, ...]
    passed: bool = False
    waiting: Action | None = None
    cut: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(done.number for done in self.done if done.number)


@dataclass(slots=True)
class Progress:
    """Where a plan stands: calls to make now, or a step that failed, or neither = finished."""

    attempts: list[Attempt] = field(default_factory=list)
    next: tuple[Action, ...] = ()
    failed: Step | None = None
    unmet: list[Step] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return not self.next and self.failed is None


def replay(steps: Sequence[Step], results: Sequence[Done]) -> Progress:
    """Go through the steps with the results, in order; results of other calls are passed over."""
    queue = deque(done for done in results if done.outcome != "skipped")
    progress = Progress()
    for position, step in enumerate(steps):
        if step.after_all and progress.unmet:
            break
        _replay_step(step, queue, progress)
        if progress.next:
            progress.next = _with_reads(progress, steps[position:])
            return progress
        if progress.failed is not None:
            return progress
    return progress


def _replay_step(step: Step, queue: deque[Done], progress: Progress) -> None:
    tries = deque(step.tries)
    while tries:
        actions = tries.popleft()
        attempt = _attempt(step, actions, queue)
        progress.attempts.append(attempt)
        if attempt.waiting is not None:
            progress.next = (attempt.waiting,)
            return
        if attempt.passed:
            return
        if attempt.cut and _has_check(actions):
            tries.appendleft(actions)
        elif attempt.cut:
            break
    if step.item and step.forgiving:
        progress.unmet.append(step)
    elif not step.forgiving:
        progress.failed = step


def _attempt(step: Step, actions: Try, queue: deque[Done]) -> Attempt:
    """One try. An interrupted command may have done its work: the check that follows tells; an
    interrupted check is made again."""
    done: list[Done] = []
    cut = False
    for position, action in enumerate(actions):
        result = _result_of(action, queue)
        while result is not None and result.outcome == "interrupted" and action.check:
            result = _result_of(action, queue)
        if result is None:
            return Attempt(step, actions, tuple(done), waiting=action)
        done.append(result)
        if result.outcome == "interrupted":
            cut = True
            if _has_check(actions[position:]):
                continue
        if not result.ok:
            return Attempt(step, actions, tuple(done), cut=cut)
    return Attempt(step, actions, tuple(done), passed=True)


def _result_of(action: Action, queue: deque[Done]) -> Done | None:
    while queue:
        done = queue.popleft()
        if action.matches(done):
            return done
    return None


def _has_check(actions: Try) -> bool:
    return any(action.check for action in actions)


def _with_reads(progress: Progress, steps: Sequence[Step]) -> tuple[Action, ...]:
    """Reads do not depend on one another: those that come next go into one reply."""
    if not _only_reads(steps[0]):
        return progress.next
    reads = list(steps[0].tries[0][len(progress.attempts[-1].done) :])
    for step in steps[1:]:
        if not _only_reads(step) or len(reads) >= MOST_AT_ONCE:
            break
        reads += step.tries[0]
    return tuple(reads)


def _only_reads(step: Step) -> bool:
    return len(step.tries) == 1 and all(action.tool in READS for action in step.tries[0])
