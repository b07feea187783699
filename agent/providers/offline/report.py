"""What a finished or stopped piece of work answers."""

from __future__ import annotations

from collections.abc import Sequence

from agent.providers.offline.plan import Attempt, Progress, Step
from agent.providers.offline.text import as_code
from agent.providers.offline.transcript import Done
from agent.providers.offline.work import Work

OUTPUT_CHARS = 4000
"""The most of an output that an answer repeats."""


def report(work: Work, progress: Progress, results: Sequence[Done]) -> str:
    """The closing words: what was done, what was not, and the last output."""
    if progress.failed is not None:
        return _stopped(work, progress, progress.failed)
    if work.single:
        return _single(results)
    if not work.steps and work.goal is not None:
        return f"Nothing to do: no file matches {' '.join(map(as_code, work.goal.globs))}."
    reached = not progress.unmet
    parts = [_files(work, progress, len(results)) if _by_file(work) else _steps(work, progress)]
    if work.skill is not None:
        parts.append(f"The skill {as_code(work.skill.name)} was followed.")
    if work.strange:
        parts.append("Left to you, since it is no command:\n" + _bullets(work.strange))
    output = quoted(results[-1].text) if results and reached else ""
    return "\n\n".join([*parts, f"Last output:\n{output}"] if output else parts)


def quoted(text: str, limit: int = OUTPUT_CHARS) -> str:
    """An output, its end if it is long."""
    clean = text.strip()
    return clean if len(clean) <= limit else "…" + clean[-limit:]


def _single(results: Sequence[Done]) -> str:
    notes = [_noted(done) for done in results if done.tool == "memory"]
    text = "\n".join(notes) or quoted("\n\n".join(done.text for done in results))
    return text or "Done; there is no output."


def _noted(done: Done) -> str:
    """What was noted or forgotten, and what the tool said about it."""
    operations = done.arguments.get("operations")
    first = operations[0] if isinstance(operations, list) and operations else {}
    if not isinstance(first, dict) or not done.ok:
        return quoted(done.text)
    if "old_text" in first:
        return f"Forgotten: {first['old_text']} ({quoted(done.text, 200)})"
    return f"Noted: {first.get('text', '')} ({quoted(done.text, 200)})"


def _by_file(work: Work) -> bool:
    return bool(work.goal and work.goal.items and any(step.item for step in work.steps))


def _steps(work: Work, progress: Progress) -> str:
    passed = {id(attempt.step) for attempt in progress.attempts if attempt.passed}
    lines = [
        f"{number}. {step.label}" + ("" if id(step) in passed else " (failed, as allowed)")
        for number, step in enumerate(work.steps, start=1)
    ]
    return "Done:\n" + "\n".join(lines)


def _files(work: Work, progress: Progress, calls: int) -> str:
    """For each way the files it worked for, then those that nothing worked for."""
    files: dict[str, list[str]] = {}
    for attempt in progress.attempts:
        if attempt.passed and attempt.step.item:
            names = files.setdefault(attempt.actions[0].source, [])
            if attempt.step.item not in names:
                names.append(attempt.step.item)
    total = list(dict.fromkeys(step.item for step in work.steps if step.item))
    unmet = {step.item for step in progress.unmet}
    check = work.goal.check if work.goal else ""
    passes = f"pass {as_code(check)}" if check else "are done"
    head = "Done" if not unmet else "Not done"
    lines = [f"{head}: {len(total) - len(unmet)} of {len(total)} files {passes}, in {calls} calls."]
    lines += [f"- {as_code(way)}: {', '.join(names)}" for way, names in files.items()]
    lines += [f"- no way works for {item}{_why(progress, item)}" for item in total if item in unmet]
    return "\n".join(lines)


def _why(progress: Progress, item: str) -> str:
    last = [a for a in progress.attempts if a.step.item == item and a.done]
    return f": {_tail(last[-1].done[-1].text)}" if last else ""


def _stopped(work: Work, progress: Progress, step: Step) -> str:
    attempts = [attempt for attempt in progress.attempts if attempt.step is step]
    last = attempts[-1] if attempts else None
    steps = (*work.first, *work.steps)
    number = steps.index(step) + 1
    which = "This" if work.single else f"Step {number} of {len(steps)}"
    text = f"{which} {_ending(last)}: {step.label}"
    if len(attempts) > 1:
        text += f"\nAll {len(attempts)} ways were tried."
    if last and last.done:
        text += "\n\n" + quoted(last.done[-1].text, 1500)
    left = len(steps) - number
    if left and not work.single:
        rest = "1 more step was" if left == 1 else f"{left} more steps were"
        text += f"\n\n{rest} not run. Say `go on` to run it again from here."
    return text


def _ending(attempt: Attempt | None) -> str:
    outcome = attempt.done[-1].outcome if attempt and attempt.done else "failed"
    words = {
        "denied": "was denied",
        "interrupted": "was interrupted, and whether it took effect is unknown",
        "skipped": "was skipped",
    }
    return words.get(outcome, "failed")


def _tail(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " / ".join(lines[-2:])[:300]


def _bullets(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
