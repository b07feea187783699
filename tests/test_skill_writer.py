"""The writer of skills, through the real door and onto a real disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Literal

import pytest
import skills_ref

from agent.events import AnyEvent, ChangeIntended
from agent.learning.door import Author, Door
from hermes_home.errors import ChangeRefused, ToolError
from hermes_home.history import History
from hermes_home.paths import Home
from skills.draft import RESOURCE_BYTES, RESOURCE_FILES
from skills.library import BUNDLED, Library
from skills.skill import Skill, parse
from skills.twins import TWIN, Profile, compare, likeness
from skills.writer import Edit, Writer
from tests.skill_texts import add_home_skill, add_skill, skill_text

pytestmark = pytest.mark.anyio

AGENT = Author("agent", session="s")
TEA = skill_text(
    "brew-tea",
    "Brew a pot of tea for guests. Use when somebody comes to visit.",
    "# Brew tea\n\n1. Boil `water`.\n2. Wait four minutes.\n3. Pour into cups.",
)


@dataclass
class Desk:
    """A writer over one home; `events` is what the door journalled."""

    home: Home
    bundled: Path | None = None
    extra: tuple[Path, ...] = ()
    mode: Literal["auto", "suggest", "off"] = "auto"
    events: list[AnyEvent] = field(default_factory=list)
    before_write: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.library = Library(self.home, extra=self.extra, bundled=self.bundled)
        self.door = Door(self.home, History(self.home), self._record, self._load, lambda: self.mode)
        self.writer = Writer(self.home, self.library, self.door)

    async def _record(self, event: AnyEvent, session: str, run: str) -> int:
        if isinstance(event, ChangeIntended):
            self.before_write()
        self.events.append(event)
        return len(self.events)

    def _load(self, id: int) -> ChangeIntended | None:
        event = self.events[id - 1]
        return event if isinstance(event, ChangeIntended) else None

    def tree(self) -> dict[str, str]:
        files = (path for path in self.home.skills.rglob("*") if path.is_file())
        return {
            path.relative_to(self.home.skills).as_posix(): path.read_text(encoding="utf-8")
            for path in files
        }


@pytest.fixture
def desk(home: Home) -> Desk:
    return Desk(home)


def tea(desk: Desk) -> Path:
    add_skill(desk.home.skills / "brew-tea", TEA)
    desk.library.refresh()
    return desk.home.skills / "brew-tea"


# -- create -------------------------------------------------------------------------------------


async def test_a_created_skill_is_valid_and_known_at_once(desk: Desk):
    change = await desk.writer.create("brew-tea", TEA, AGENT, category="kitchen")
    assert (change.kind, change.name, change.action) == ("skill", "brew-tea", "create")
    assert change.status == "candidate"
    assert desk.tree() == {"kitchen/brew-tea/SKILL.md": TEA}
    assert skills_ref.validate(desk.home.skills / "kitchen" / "brew-tea") == []
    assert desk.library.skills()["brew-tea"].category == "kitchen"
    assert [skill.name for skill in desk.library.matches("tea for guests")] == ["brew-tea"]


async def test_missing_quotes_are_put_in(desk: Desk):
    text = "---\nname: brew-tea\ndescription: Use when: guests come\n---\n\n1. Boil.\n"
    await desk.writer.create("brew-tea", text, AGENT)
    assert skills_ref.validate(desk.home.skills / "brew-tea") == []
    assert desk.library.skills()["brew-tea"].description == "Use when: guests come"


async def test_an_invalid_skill_is_refused_with_every_problem(desk: Desk):
    text = "---\nname: other\nversion: '1'\n---\n\nBoil\u202e.\n"
    with pytest.raises(ToolError) as raised:
        await desk.writer.create("brew-tea", text, AGENT)
    told = raised.value.message
    for problem in ("'other'", "version", "description is missing", "RIGHT-TO-LEFT"):
        assert problem in told
    assert desk.events == []
    assert desk.tree() == {}


async def test_a_name_that_exists_is_not_created_again(desk: Desk, tmp_path: Path):
    tea(desk)
    with pytest.raises(ToolError, match="brew-tea exists"):
        await desk.writer.create("brew-tea", TEA, AGENT)


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", "/abs", "A", "a b", "-a", "a--b", "a" * 65, "a\n", "a\0", "é", ".x"],
)
async def test_hostile_names_are_refused(desk: Desk, name: str):
    for category in ("", "office"):
        with pytest.raises(ToolError):
            await desk.writer.create(name, TEA, AGENT, category=category)
    assert list(desk.home.root.rglob("*")) == []


@pytest.mark.parametrize("category", ["..", "../..", "a/../b", "/x", ".archive", "a//b", "a/b/c/d"])
async def test_hostile_categories_are_refused(desk: Desk, category: str):
    with pytest.raises(ToolError):
        await desk.writer.create("brew-tea", TEA, AGENT, category=category)
    assert list(desk.home.root.rglob("*")) == []


async def test_a_category_cannot_lead_out_or_be_a_skill(desk: Desk, tmp_path: Path):
    tea(desk)
    (tmp_path / "elsewhere").mkdir()
    (desk.home.skills / "out").symlink_to(tmp_path / "elsewhere")
    text = skill_text("mow-lawn")
    with pytest.raises(ToolError, match="leads out"):
        await desk.writer.create("mow-lawn", text, AGENT, category="out")
    with pytest.raises(ToolError, match="holds the skill brew-tea"):
        await desk.writer.create("mow-lawn", text, AGENT, category="brew-tea")
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_a_folder_that_cannot_be_read_as_a_skill_is_not_overwritten(desk: Desk):
    add_skill(desk.home.skills / "brew-tea", "---\nbroken")
    with pytest.raises(ToolError, match="exists already"):
        await desk.writer.create("brew-tea", TEA, AGENT)
    assert desk.tree() == {"brew-tea/SKILL.md": "---\nbroken"}


# -- twins --------------------------------------------------------------------------------------

TWINS = [
    skill_text("brew-a-tea", "Anything else.", "Other."),
    skill_text("teas-brewing", "Anything else.", "Other."),
    skill_text(
        "serve-tea",
        "Brew a pot of tea for visitors. Use when somebody comes to visit.",
        "# Serve tea\n\n1. Boil `water`.\n2. Wait five minutes.\n3. Pour into cups.",
    ),
]


@pytest.mark.parametrize("text", TWINS, ids=["words of name", "forms of name", "text"])
async def test_a_near_twin_is_refused_and_named(desk: Desk, text: str):
    tea(desk)
    name = parse(text, "x").name
    with pytest.raises(ToolError, match=r"(?s)brew-tea says nearly the same.*patch brew-tea"):
        await desk.writer.create(name, text, AGENT)
    assert list(desk.tree()) == ["brew-tea/SKILL.md"]


TEMPLATE = """\
# {title}

## When to use

- The request is of this kind: {title}.

## Procedure

1. For `.{kind}` files: run `{way} {{file}}`
2. After every file: run the check under Verification; if it fails, try the next way.
3. At the end: run `sh {end}.sh`

## Verification

`{check} {{file}}` exits 0 for every file.
"""


async def test_skills_of_one_template_for_different_work_are_no_twins(desk: Desk):
    works = [
        ("Convert each .dat file in data to csv", "dat", "way-one", "report", "sh check.sh"),
        ("Convert each .log file in logs to json", "log", "gunzip", "sums", "python3 verify.py"),
        ("Import every ledger file", "led", "ledgerctl import", "totals", "ledgerctl verify"),
        ("Import every bank statement", "mt", "bankctl import", "totals", "bankctl verify"),
    ]
    for number, (title, kind, way, end, check) in enumerate(works):
        body = TEMPLATE.format(title=title, kind=kind, way=way, end=end, check=check)
        description = f"{title}. Knows which way works, which does not, and how to check it."
        name = f"work-{number}"
        await desk.writer.create(name, skill_text(name, description, body), AGENT)
    assert len(desk.library.skills()) == len(works)


@pytest.mark.slow
def test_bundled_skills_are_no_twins_of_each_other(home: Home):
    library = Library(home, bundled=BUNDLED)
    profiles = [Profile(skill, library.rarity) for skill in library.skills().values()]
    assert len(profiles) > 3
    near = [
        (a.skill.name, b.skill.name) for a, b in combinations(profiles, 2) if compare(a, b) >= TWIN
    ]
    assert near == []


def reworded(skill: Skill, every: int) -> Skill:
    """The same skill with each so manieth word another one."""

    def changed(text: str, by: str) -> str:
        words = text.split()
        words[::every] = [f"{by}{number}" for number in range(len(words[::every]))]
        return " ".join(words)

    description, body = changed(skill.description, "told"), changed(skill.body, "changed")
    return parse(skill_text("another-name", description, body), "another-name")


@pytest.mark.slow
def test_likeness_falls_as_words_change(home: Home):
    for skill in Library(home, bundled=BUNDLED).skills().values():
        near, far = likeness(skill, reworded(skill, 10)), likeness(skill, reworded(skill, 1))
        assert 1 > near > TWIN > far


# -- edit and patch -----------------------------------------------------------------------------


async def test_a_patch_replaces_its_one_place(desk: Desk):
    tea(desk)
    change = await desk.writer.patch("brew-tea", "four minutes", "five minutes", AGENT)
    assert change.action == "patch"
    assert desk.tree() == {"brew-tea/SKILL.md": TEA.replace("four", "five")}
    assert "five" in desk.library.skills()["brew-tea"].body
    intended = desk.events[0]
    assert isinstance(intended, ChangeIntended)
    (file,) = intended.files
    assert (file.before, file.after) == (TEA, TEA.replace("four", "five"))


async def test_a_patch_needs_a_unique_place(desk: Desk):
    tea(desk)
    with pytest.raises(ToolError, match=r"(?s)occurs \d+ times.*lines \d+, \d+"):
        await desk.writer.patch("brew-tea", "tea", "coffee", AGENT)
    with pytest.raises(ToolError, match=r"(?s)does not occur.*line \d+: 2\. Wait four minutes"):
        await desk.writer.patch("brew-tea", "2. Wait for minutes.", "x", AGENT)
    with pytest.raises(ToolError, match="needs old_text"):
        await desk.writer.patch("brew-tea", "", "x", AGENT)
    with pytest.raises(ToolError, match="nothing changes"):
        await desk.writer.patch("brew-tea", "cups", "cups", AGENT)
    assert desk.tree() == {"brew-tea/SKILL.md": TEA}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name: "brew-tea"', 'name: "other"'),
        ("\n---\n\n#", "\n\n#"),
        ("Boil", "Boil\u200b"),
        ("guests", "guests --- all"),
        ("3. Pour into cups.", "x\n" * 600),
    ],
)
async def test_a_patch_that_would_leave_an_invalid_skill_is_refused(desk: Desk, old: str, new: str):
    tea(desk)
    with pytest.raises(ToolError, match="would not be valid"):
        await desk.writer.patch("brew-tea", old, new, AGENT)
    assert desk.tree() == {"brew-tea/SKILL.md": TEA}


async def test_a_lenient_skill_becomes_valid_when_it_is_patched(desk: Desk):
    text = (
        "\ufeff---\r\nname: brew-tea\r\ndescription: Use when: asked\r\n---\r\nBoil.\r\nPour.\r\n"
    )
    folder = desk.home.skills / "brew-tea"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_bytes(text.encode())
    await desk.writer.patch("brew-tea", "Boil.\nPour.", "Boil, pour.", AGENT)
    assert skills_ref.validate(folder) == []
    assert desk.library.skills()["brew-tea"].body == "Boil, pour."


async def test_an_edit_replaces_the_whole_text(desk: Desk):
    tea(desk)
    text = TEA.replace("1. Boil", "1. Fill the kettle and boil")
    await desk.writer.edit("brew-tea", text, AGENT)
    assert desk.tree() == {"brew-tea/SKILL.md": text}
    with pytest.raises(ToolError, match="would not be valid"):
        await desk.writer.edit("brew-tea", "just words", AGENT)


async def test_a_plan_is_made_anew_when_the_file_changes_under_it(desk: Desk):
    folder = tea(desk)
    saves = iter([TEA.replace("cups", "mugs")])

    def save() -> None:
        if text := next(saves, ""):
            (folder / "SKILL.md").write_text(text)

    desk.before_write = save
    await desk.writer.patch("brew-tea", "four minutes", "five minutes", AGENT)
    assert desk.tree()["brew-tea/SKILL.md"] == TEA.replace("cups", "mugs").replace("four", "five")


async def test_changes_made_by_hand_are_seen_without_a_watcher(desk: Desk):
    add_skill(desk.home.skills / "brew-tea", TEA)
    await desk.writer.patch("brew-tea", "cups", "mugs", AGENT)
    assert "mugs" in desk.library.skills()["brew-tea"].body


# -- files --------------------------------------------------------------------------------------


async def test_files_are_written_patched_and_removed(desk: Desk):
    tea(desk)
    await desk.writer.write_file("brew-tea", "scripts/boil.sh", "echo boil\n", AGENT)
    assert desk.library.read_resource("brew-tea", "scripts/boil.sh") == "echo boil\n"
    await desk.writer.patch("brew-tea", "echo", "printf", AGENT, path="scripts/boil.sh")
    assert desk.tree()["brew-tea/scripts/boil.sh"] == "printf boil\n"
    await desk.writer.remove_file("brew-tea", "scripts/boil.sh", AGENT)
    assert desk.tree() == {"brew-tea/SKILL.md": TEA}
    with pytest.raises(ToolError, match=r"has no file scripts/boil\.sh"):
        await desk.writer.remove_file("brew-tea", "scripts/boil.sh", AGENT)


@pytest.mark.parametrize(
    "path",
    ["SKILL.md", "x.sh", "scripts", "scripts/", "scripts/../SKILL.md", "../x", "/etc/x", "docs/x"]
    + ["scripts/.hidden", "scripts//x", "scripts/a/b/c/d", "scripts/a b", "scripts/x\u202e.py"]
    + ["scripts\\x", "scripts/x\0", "scripts/é", "references/out/x", "scripts/x.tmp", "scripts/x~"],
)
async def test_hostile_paths_are_refused(desk: Desk, tmp_path: Path, path: str):
    folder = tea(desk)
    (folder / "references").mkdir()
    (folder / "references" / "out").symlink_to(tmp_path)
    for action in ("write_file", "remove_file"):
        with pytest.raises(ToolError):
            await desk.writer.apply(Edit(action, "brew-tea", "words", path=path), AGENT)
    assert desk.events == []


@pytest.mark.parametrize("content", ["", " \n", "a\u202eb", "x\U000e0041", "\ud800", "y" * 66_000])
async def test_contents_that_no_file_should_have_are_refused(desk: Desk, content: str):
    tea(desk)
    assert len("y" * 66_000) > RESOURCE_BYTES
    with pytest.raises(ToolError):
        await desk.writer.write_file("brew-tea", "references/x.md", content, AGENT)
    assert desk.tree() == {"brew-tea/SKILL.md": TEA}


async def test_a_skill_has_a_bounded_number_of_files(desk: Desk):
    folder = tea(desk)
    (folder / "assets").mkdir()
    for number in range(RESOURCE_FILES):
        (folder / "assets" / f"{number}.txt").write_text("x")
    with pytest.raises(ToolError, match="files already"):
        await desk.writer.write_file("brew-tea", "assets/more.txt", "x", AGENT)
    await desk.writer.write_file("brew-tea", "assets/3.txt", "another text", AGENT)


# -- layers -------------------------------------------------------------------------------------


async def test_changing_a_bundled_skill_makes_a_whole_copy_that_hides_it(
    home: Home, tmp_path: Path
):
    add_skill(tmp_path / "shipped" / "brew-tea", TEA, references__cups_md="Use the blue ones.\n")
    desk = Desk(home, bundled=tmp_path / "shipped")
    await desk.writer.patch("brew-tea", "cups", "mugs", AGENT)
    assert desk.tree() == {
        "brew-tea/SKILL.md": TEA.replace("cups", "mugs"),
        "brew-tea/references/cups.md": "Use the blue ones.\n",
    }
    assert desk.library.skills()["brew-tea"].layer == "home"
    assert (tmp_path / "shipped" / "brew-tea" / "SKILL.md").read_text() == TEA
    await desk.writer.archive("brew-tea", AGENT)
    assert desk.library.skills()["brew-tea"].layer == "bundled"
    with pytest.raises(ToolError, match="ships with the program"):
        await desk.writer.archive("brew-tea", AGENT)


async def test_skills_of_other_roots_are_not_touched(home: Home, tmp_path: Path):
    add_skill(tmp_path / "extra" / "brew-tea", TEA)
    desk = Desk(home, extra=(tmp_path / "extra",))
    edits = [
        Edit("patch", "brew-tea", old_text="cups", new_text="mugs"),
        Edit("edit", "brew-tea", TEA.replace("cups", "mugs")),
        Edit("write_file", "brew-tea", "x", path="scripts/x.sh"),
        Edit("archive", "brew-tea"),
    ]
    for edit in edits:
        with pytest.raises(ToolError, match="read only"):
            await desk.writer.apply(edit, AGENT)
    assert desk.tree() == {}


async def test_archived_skills_are_kept_and_not_found(desk: Desk):
    for number in (1, 2):
        add_skill(desk.home.skills / "home" / "brew-tea", TEA, scripts__boil_sh="echo\n")
        await desk.writer.archive("brew-tea", AGENT)
        assert f".archive/brew-tea-{number}/scripts/boil.sh" in desk.tree()
        assert desk.tree()[f".archive/brew-tea-{number}/SKILL.md"] == TEA
        assert "brew-tea" not in desk.library.skills()
    assert not [path for path in desk.tree() if not path.startswith(".archive")]


async def test_what_is_not_text_is_archived_too_and_comes_back_as_it_was(desk: Desk):
    picture = b"\x89PNG\xff"
    folder = add_skill(
        desk.home.skills / "brew-tea", TEA, assets__cup_png=picture, scripts__boil_sh="echo\n"
    )
    (folder / "scripts" / "boil.sh").chmod(0o700)
    change = await desk.writer.archive("brew-tea", AGENT)
    archived = desk.home.skills / ".archive" / "brew-tea-1"
    assert (archived / "assets" / "cup.png").read_bytes() == picture
    assert not folder.exists()
    await desk.door.undo(change.id)
    assert (folder / "assets" / "cup.png").read_bytes() == picture
    assert (folder / "scripts" / "boil.sh").stat().st_mode & 0o100
    assert not archived.exists()


async def test_every_change_can_be_undone_byte_for_byte(desk: Desk):
    add_home_skill(desk.home, "mow-lawn")
    states = [desk.tree()]
    changes = [await desk.writer.create("brew-tea", TEA, AGENT)]
    edits = [
        Edit("patch", "brew-tea", old_text="cups", new_text="mugs"),
        Edit("write_file", "brew-tea", "echo\n", path="scripts/boil.sh"),
        Edit("archive", "brew-tea"),
    ]
    for edit in edits:
        states.append(desk.tree())
        changes.append(await desk.writer.apply(edit, AGENT))
    for change, state in zip(reversed(changes), reversed(states), strict=True):
        await desk.door.undo(change.id)
        assert desk.tree() == state


# -- the door's word ----------------------------------------------------------------------------


async def test_a_proposed_change_writes_nothing(desk: Desk):
    tea(desk)
    desk.mode = "suggest"
    change = await desk.writer.patch("brew-tea", "cups", "mugs", AGENT)
    assert change.status == "proposed"
    assert desk.tree() == {"brew-tea/SKILL.md": TEA}
    desk.mode = "off"
    with pytest.raises(ChangeRefused):
        await desk.writer.patch("brew-tea", "cups", "mugs", AGENT)


async def test_an_unknown_skill_or_action_is_told(desk: Desk):
    tea(desk)
    with pytest.raises(ToolError, match="did you mean brew-tea"):
        await desk.writer.patch("tea", "a", "b", AGENT)
    with pytest.raises(ToolError, match="create, patch, edit"):
        await desk.writer.apply(Edit("delete", "brew-tea"), AGENT)
