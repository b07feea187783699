"""Search before create: the same job in other words is refused and the skill that does it is named;
other work of the same field is let in. Figures: `python -m tests.test_twins`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pytest

from agent.learning.door import Author, Door
from hermes_home.errors import ToolError
from hermes_home.history import History
from hermes_home.paths import Home
from skills.library import BUNDLED, Library
from skills.skill import Skill, parse
from skills.strict import render
from skills.twins import TWIN, likeness, pairs, twin
from skills.writer import Writer
from tests.skill_texts import add_skill
from tests.twin_cases import HELD_OUT, LATER, UNSEEN, Job, fields, neighbours, twins

FIELDS = fields()
TEN = [name for name in FIELDS if name not in (*LATER, *UNSEEN)]


def jobs_of(names: Iterable[str]) -> list[Job]:
    return [job for name in names for job in FIELDS[name]]


def same(names: Iterable[str]) -> list[tuple[Skill, Skill]]:
    return twins(jobs_of(names))


def other(names: Iterable[str]) -> list[tuple[Skill, Skill]]:
    return [pair for name in names for pair in neighbours(FIELDS[name])]


def text_of(skill: Skill) -> str:
    return render(skill.name, skill.description, skill.body)


def caught(cases: list[tuple[Skill, Skill]]) -> float:
    """The share of pairs that count as twins."""
    return sum(likeness(one, two) >= TWIN for one, two in cases) / len(cases)


def test_there_are_200_of_each():
    assert len(same(TEN)) == len(other(TEN)) == 200
    assert len(same(HELD_OUT)) == len(other(HELD_OUT)) == 80


def test_the_same_job_in_other_words_is_a_twin():
    assert caught(same(TEN)) >= 0.95
    assert caught(same(HELD_OUT)) >= 0.88
    assert caught(same(LATER)) >= 0.75
    assert caught(same(UNSEEN)) >= 0.5


def test_other_work_of_the_same_field_is_none():
    for names in (TEN, HELD_OUT, LATER, UNSEEN):
        assert caught(other(names)) <= 0.05, names


def test_likeness_has_no_direction_and_ends_at_one():
    for one, other in same(TEN)[::7]:
        assert likeness(one, other) == pytest.approx(likeness(other, one))
        assert 0 <= likeness(one, other) <= 1
        assert likeness(one, one) == 1


def test_bundled_skills_are_found_when_they_are_written_again(home: Home):
    library = Library(home, bundled=BUNDLED)
    again = {
        "csv-report": (
            "look-into-tables",
            "Look into a CSV file and report its columns, types, missing values and totals.",
            "Count the rows / Types and gaps of each column / Totals and ranges / Say what is odd",
        ),
        "git-commit-review": (
            "check-my-diff",
            "Examine a commit or the working diff for bugs, missing tests, secrets and leftovers.",
            "`git show --stat` / Read the whole diff / Wrong logic first, then style / One verdict",
        ),
        "summarize-folder": (
            "explain-this-directory",
            "Give an overview of an unknown folder or project: what it holds, sizes, what is new.",
            "`ls -la` / `du -d 1` / Kinds of files / Read the README / Five short parts",
        ),
    }  # fmt: skip
    for name, (other, description, steps) in again.items():
        body = "\n".join(f"{n}. {step}" for n, step in enumerate(steps.split(" / "), 1))
        near = twin(library, parse(render(other, description, body), other))
        assert near is not None, name
        assert near.name == name


def test_pairs_names_each_two_that_say_the_same():
    jobs = FIELDS["docker"]
    skills = [job[0] for job in jobs] + [jobs[0][1]]
    assert [(a.name, b.name) for a, b in pairs(skills)] == [
        ("dockerfile-review", "check-dockerfile")
    ]


# -- through the writer, in a library that holds all of them ------------------------------------


def shelf(home: Home, skills: list[Skill], bundled: Path | None = BUNDLED) -> Library:
    for skill in skills:
        add_skill(home.skills / skill.name, text_of(skill))
    return Library(home, bundled=bundled)


@pytest.mark.anyio
@pytest.mark.slow
async def test_the_writer_names_the_skill_to_patch_among_all_its_neighbours(home: Home):
    async def record(event: object, session: str, run: str) -> int:
        return 1

    library = shelf(home, [job[0] for job in jobs_of(TEN)])
    door = Door(home, History(home), record, lambda id: None, lambda: "auto")
    writer, agent = Writer(home, library, door), Author("agent", session="s")
    named = 0
    for job in jobs_of(TEN):
        for again in job[1:]:
            try:
                await writer.create(again.name, text_of(again), agent)
            except ToolError as error:
                named += f"patch {job[0].name} with what is new" in error.hint
            else:
                await writer.archive(again.name, agent)
    assert named >= 0.95 * 2 * len(jobs_of(TEN))


@pytest.mark.slow
def test_new_work_is_let_in_beside_all_its_neighbours(tmp_path: Path):
    """Harder than pair by pair: each has some to be mistaken for."""
    new, blocked = 0, []
    for half in (0, 1):
        there = [job[0] for name in TEN for job in FIELDS[name][half::2]]
        library = shelf(Home(tmp_path / str(half)), there, bundled=None)
        for name in TEN:
            for skill in chain.from_iterable(FIELDS[name][1 - half :: 2]):
                new += 1
                blocked += [skill.name] if twin(library, skill) else []
    assert new == 150
    assert len(blocked) <= 0.1 * new, blocked


def report() -> None:
    """The figures: of the ten fields, of those held out, of those written later, of the last."""
    groups = {"ten fields": TEN, "held out": HELD_OUT, "later": LATER, "unseen": UNSEEN}
    for title, names in groups.items():
        twin_pairs, neighbour_pairs = same(names), other(names)
        print(
            f"{title}: {caught(twin_pairs):.1%} of {len(twin_pairs)} twins,"
            f" {caught(neighbour_pairs):.1%} of {len(neighbour_pairs)} neighbours"
        )


if __name__ == "__main__":
    report()
