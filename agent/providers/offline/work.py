"""What the last words ask for, compiled into steps: explicit steps, a goal, a skill to follow."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from agent.providers.offline import goals, instructions
from agent.providers.offline.actions import forget
from agent.providers.offline.goals import Goal, goal_of
from agent.providers.offline.instructions import Procedure
from agent.providers.offline.plan import Action, Progress, Step, replay
from agent.providers.offline.steps import Words, listed, understood
from agent.providers.offline.text import paths, placeholders, shared
from agent.providers.offline.transcript import Done, Entry, Loaded, Spoken, skills_in

HALF = 0.5
_NAMED = re.compile(r"/([a-z0-9][a-z0-9-]{0,63})(?:\s+|$)")
_DERIVED = ("name", "stem", "suffix", "folder")


@dataclass(frozen=True, slots=True)
class Work:
    """Steps to do. `first`: what must be looked at before the steps are known. `skill`: whose
    instructions are followed. `strange`: steps no rule knows. `missing`: inputs without a value.
    `single`: one plain request, answered with its output."""

    steps: tuple[Step, ...] = ()
    first: tuple[Step, ...] = ()
    goal: Goal | None = None
    skill: Loaded | None = None
    strange: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    single: bool = False

    def progress(self, results: Sequence[Done]) -> Progress:
        """Where the work stands after these results."""
        looks = [action for step in self.first for way in step.tries for action in way]
        seen = [done for done in results if any(look.matches(done) for look in looks)]
        begun = replay(self.first, seen)
        if not begun.finished:
            return begun
        return replay(self.steps, [done for done in results if done not in seen])


def work_of(
    spoken: Spoken, earlier: Sequence[Loaded], results: Sequence[Done], offered: Collection[str]
) -> Work | None:
    """The work the words ask for, as far as the results so far tell; None if they ask for none.

    earlier: skills loaded before these words. results: the calls made since.
    """
    goal = goal_of(spoken.words)
    if spoken.skills:
        return _followed(goal, spoken, spoken.skills[-1], results)
    if goal is None:
        return _listed_work(spoken) or _matching(None, spoken, earlier, results, offered)
    return _matching(goal, spoken, earlier, results, offered) or _goal_work(goal, None, results)


def _listed_work(spoken: Spoken) -> Work | None:
    items = listed(spoken.words)
    steps, strange = understood(items or [Words(spoken.words)])
    known = tuple(_named_note(step, spoken) for step in steps)
    if not any(way for step in known for way in step.tries):
        return None
    return Work(known, strange=tuple(item.text for item in strange), single=not items)


def _named_note(step: Step, spoken: Spoken) -> Step:
    """To forget something is to remove the note that says it, in the note's own words."""
    action = step.tries[0][0] if step.tries[0] else None
    old = action.arguments["operations"][0].get("old_text") if action and _notes(action) else None
    if old is None:
        return step
    fitting = [note for note in spoken.notes if shared(old, note.text)[1] >= HALF]
    if len(fitting) != 1:
        return step
    return replace(step, tries=((forget(fitting[0].text, fitting[0].target),),))


def _notes(action: Action) -> bool:
    return action.tool == "memory"


def _matching(
    goal: Goal | None,
    spoken: Spoken,
    earlier: Sequence[Loaded],
    results: Sequence[Done],
    offered: Collection[str],
) -> Work | None:
    """The work as a skill describes it, if one matches: it is loaded first unless it is there."""
    title = goal.title if goal else spoken.words
    if goal is None and (len(title) > 2000 or "?" in title):
        return None
    named = [Entry(skill.name, skill.body[:600]) for skill in earlier]
    entry = _named(spoken.words) or best_match(title, [*spoken.catalog, *named], goal is None)
    if entry is None:
        return None
    have = next((skill for skill in reversed(earlier) if skill.name == entry.name), None)
    if have is not None:
        return _followed(goal, spoken, have, results)
    if "skill_view" not in offered:
        return None
    view = Step(
        f"load the skill {entry.name}", ((Action("skill_view", {"name": entry.name}),),), True
    )
    seen = [done for done in results if view.tries[0][0].matches(done)]
    if not seen:
        return Work(first=(view,), goal=goal)
    loaded = next(iter(skills_in(seen[-1].text)), None)
    work = _followed(goal, spoken, loaded, results) if loaded else _goal_work(goal, None, results)
    return replace(work, first=(view, *work.first)) if work else None


def _named(words: str) -> Entry | None:
    """`/name …` asks for the skill of that name."""
    found = _NAMED.match(words)
    return Entry(found[1], "") if found else None


def best_match(request: str, entries: Sequence[Entry], strict: bool = False) -> Entry | None:
    """The catalog's entry that shares most of the request's words, if it shares enough of them."""
    least, share = (3, 0.75) if strict else (2, 0.6)
    best: tuple[float, Entry] | None = None
    for entry in entries:
        common, part = shared(request, f"{entry.name} {entry.description}")
        if common >= least and part >= share and (best is None or part > best[0]):
            best = (part, entry)
    return best[1] if best else None


def _goal_work(
    goal: Goal | None, procedure: Procedure | None, results: Sequence[Done]
) -> Work | None:
    """The goal's steps; its patterns are listed first."""
    if goal is None:
        return None
    if not goal.globs:
        return Work(tuple(goals.steps_for(goal, goal.items, procedure)), goal=goal)
    action = goals.listing(goal)
    look = Step("list the files", ((action,),))
    seen = [done for done in results if action.matches(done) and done.ok]
    if not seen:
        return Work(first=(look,), goal=goal)
    files = goals.listed_files(goal, seen[-1])
    steps = goals.steps_for(goal, files, procedure) if files else []
    if files and not steps:
        return Work(goal=goal)
    return Work(tuple(steps), (look,), replace(goal, items=files))


def _followed(
    goal: Goal | None, spoken: Spoken, skill: Loaded, results: Sequence[Done]
) -> Work | None:
    """The skill's procedure with its inputs filled in from the words."""
    procedure = instructions.read(skill.body)
    words = _NAMED.sub("", spoken.words)
    meant = _goal_from(goal.title if goal else words, procedure, skill.folder)
    goal = goal or meant
    if not (goal.items or goal.globs):
        goal = replace(goal, items=meant.items, globs=meant.globs, values=meant.values)
    own = (("skill_dir", skill.folder),) if skill.folder else ()
    goal = replace(goal, check=goal.check or procedure.check, values=(*goal.values, *own))
    if procedure.rules:
        missing = () if goal.items or goal.globs else ("file",)
        if missing and "file" in placeholders(" ".join(procedure.all_ways)):
            return Work(goal=goal, skill=skill, missing=missing)
        work = _goal_work(goal, procedure, results)
        return replace(work, skill=skill) if work else None
    if not procedure.steps:
        base = _goal_work(goal, procedure, results) if goal.ways else None
        return replace(base, skill=skill) if base else Work(goal=goal, skill=skill)
    return _generic(goal, procedure, skill, results)


def _goal_from(words: str, procedure: Procedure, folder: str) -> Goal:
    """What the words mean to a skill: `key: value` pairs, and paths in the order of its inputs.
    `{skill_dir}` is the skill's own folder."""
    values = goals.values_in(words) | ({"skill_dir": folder} if folder else {})
    found = [path for path in paths(words) if path not in values.values()]
    takes_files = bool({"file", "path", *_DERIVED} & set(procedure.inputs)) or bool(procedure.rules)
    if takes_files and not {"file", "path"} & set(values):
        globs = tuple(path for path in found if "*" in path or "?" in path)
        items = tuple(path for path in found if path not in globs)
        return Goal(words, items=items, globs=globs, values=tuple(values.items()))
    free = [name for name in procedure.inputs if name not in values]
    values |= dict(zip(free, found, strict=False))
    return Goal(words, values=tuple(values.items()))


def _generic(
    goal: Goal, procedure: Procedure, skill: Loaded, results: Sequence[Done]
) -> Work | None:
    """A skill of plain numbered steps: those in prose are left to the reader, and said."""
    steps, strange = understood(list(procedure.steps))
    known = set(dict(goal.values)) | (
        {"file", "path", *_DERIVED} if goal.items or goal.globs else set()
    )
    wanted = _wanted(procedure, steps)
    missing = tuple(name for name in wanted if name not in known)
    left = tuple(item.text for item in strange)
    if missing or not steps:
        return Work(goal=goal, skill=skill, strange=left, missing=missing)
    filled = replace(goal, steps=tuple(steps))
    work = _goal_work(filled, replace(procedure, rules=()), results)
    return replace(work, skill=skill, strange=left) if work else None


def _wanted(procedure: Procedure, steps: Sequence[Step]) -> list[str]:
    """The inputs that the steps and the check use."""
    texts = [str(action.arguments) for step in steps for way in step.tries for action in way]
    used = placeholders(" ".join([*texts, procedure.check]))
    return [name for name in used if name in procedure.inputs]
