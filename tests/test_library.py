"""The library: found by walk, layered, refreshed by what changed, bounded in the prompt."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hermes_home.errors import ToolError
from hermes_home.paths import Home
from skills.catalog import BYTES_LIMIT, ENTRIES_LIMIT
from skills.diagnostic import Diagnostic
from skills.library import Library
from skills.scan import MOST_FOLDERS
from tests.skill_texts import add_home_skill, add_skill, skill_text


def bare(home: Home, **more: object) -> Library:
    return Library(home, bundled=None, **more)  # type: ignore[arg-type]


def about(library: Library, path: Path) -> list[Diagnostic]:
    return [note for note in library.diagnostics() if note.path.startswith(str(path))]


def test_a_skills_version_covers_all_of_its_files(home: Home):
    add_home_skill(home, "brew-tea")
    library = bare(home)

    def version() -> str:
        library.refresh([script])
        return library.ref(library.require("brew-tea")).version

    script = home.skills / "brew-tea" / "scripts" / "timer.py"
    alone = version()
    assert alone == library.require("brew-tea").digest[:12], "as journals name it"
    script.parent.mkdir()
    script.write_text("print(1)\n")
    first = version()
    assert first != alone
    before = script.stat()
    script.write_text("print(2)\n")
    second = version()
    assert len({alone, first, second}) == 3
    # What a run leaves behind is none of its files; what looks the same is not read again.
    (script.parent / "__pycache__").mkdir()
    (script.parent / "__pycache__" / "timer.pyc").write_bytes(b"1")
    assert version() == second
    os.utime(script, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert version() == first
    script.rename(script.with_name("clock.py"))
    assert version() not in (alone, first, second)
    script.with_name("clock.py").unlink()
    assert version() == alone


# -- finding ------------------------------------------------------------------------------------


def test_skills_are_found_with_and_without_categories(home: Home):
    add_home_skill(home, "one")
    add_skill(home.skills / "office" / "two", skill_text("two"))
    add_skill(home.skills / "a" / "b" / "c" / "three", skill_text("three"))
    library = bare(home)
    assert {n: s.category for n, s in library.skills().items()} == {
        "one": "",
        "two": "office",
        "three": "a/b/c",
    }
    two = library.get("two")
    assert two
    assert (two.folder, two.layer) == (home.skills / "office" / "two", "home")


def test_hidden_archived_and_foreign_folders_are_left_out(home: Home):
    for folder in (".archive/x-1", ".git/x", "node_modules/x", "a/b/c/d/x"):
        add_skill(home.skills / folder, skill_text("x"))
    add_home_skill(home, "outer")
    add_skill(home.skills / "outer" / "references" / "inner", skill_text("inner"))
    assert list(bare(home).skills()) == ["outer"]


def test_no_skills_at_all_is_nothing_to_say(home: Home):
    library = bare(home)
    assert (dict(library.skills()), library.diagnostics()) == ({}, ())
    assert library.catalog("anything", 500).text == ""


def test_links_that_lead_out_are_refused_and_told(home: Home, tmp_path: Path):
    outside = add_skill(tmp_path / "elsewhere" / "leak", skill_text("leak"))
    add_home_skill(home, "inside")
    (home.skills / "leak").symlink_to(outside)
    (home.skills / "again").mkdir()
    (home.skills / "again" / "SKILL.md").symlink_to(outside / "SKILL.md")
    (home.skills / "ring").symlink_to(home.skills / "ring")
    (home.skills / "nothing").mkdir()
    (home.skills / "nothing" / "SKILL.md").symlink_to(tmp_path / "gone")
    library = bare(home)
    assert list(library.skills()) == ["inside"]
    for name in ("leak", "again", "nothing"):
        assert "leads out" in about(library, home.skills / name)[0].text


def test_links_that_circle_do_not_catch_the_walk(home: Home):
    add_home_skill(home, "one")
    (home.skills / "loop").mkdir()
    (home.skills / "loop" / "back").symlink_to(home.skills)
    assert "one" in bare(home).skills()


def test_more_folders_than_allowed_are_told(home: Home):
    for number in range(MOST_FOLDERS + 5):
        (home.skills / f"f{number:04}").mkdir(parents=True)
    assert "more than" in bare(home).diagnostics()[0].text


def test_a_skill_in_the_root_itself_is_told(home: Home):
    add_skill(home.skills, skill_text("skills"))
    library = bare(home)
    assert not library.skills()
    assert "lies in the root" in library.diagnostics()[0].text


def test_a_lower_case_file_name_is_read_and_told(home: Home):
    folder = add_home_skill(home, "one")
    (folder / "SKILL.md").rename(folder / "skill.md")
    library = bare(home)
    assert library.skills()["one"].file == "skill.md"
    assert "exactly SKILL.md" in about(library, folder)[0].text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_named_like_a_skill_does_not_block(home: Home):
    (home.skills / "pipe").mkdir(parents=True)
    os.mkfifo(home.skills / "pipe" / "SKILL.md")
    assert "regular file" in bare(home).diagnostics()[0].text


# -- layers -------------------------------------------------------------------------------------


def test_earlier_roots_win_and_the_others_are_told(home: Home, tmp_path: Path):
    workspace, extra, bundled = tmp_path / "work", tmp_path / "extra", tmp_path / "bundled"
    places = [home.skills, workspace / ".agents" / "skills", extra, bundled]
    for at, root in enumerate(places):
        for later in places[at:]:
            name = f"from-{later.name}-{places.index(later)}"
            add_skill(root / name, skill_text(name, f"Layer {at}."))
    library = Library(
        home, workspace=workspace, extra=[extra], bundled=bundled, trusted=lambda folder: True
    )
    assert {s.description for s in library.skills().values()} == {"Layer 0."}
    assert len(about(library, extra)) == 2
    assert {note.level for note in about(library, bundled)} == {"info"}
    assert {note.level for note in about(library, extra)} == {"warning"}


def test_a_workspace_counts_only_while_it_is_trusted(home: Home, tmp_path: Path):
    add_skill(tmp_path / ".agents" / "skills" / "deploy", skill_text("deploy"))
    assert "deploy" not in bare(home, workspace=tmp_path).skills()
    trust = {tmp_path}
    library = bare(home, workspace=tmp_path, trusted=trust.__contains__)
    assert library.skills()["deploy"].layer == "workspace"
    trust.clear()
    assert library.refresh()
    assert "deploy" not in library.skills()


def test_a_trusted_workspace_cannot_point_elsewhere(home: Home, tmp_path: Path):
    add_skill(tmp_path / "foreign" / "deploy", skill_text("deploy"))
    workspace = tmp_path / "work"
    (workspace / ".agents").mkdir(parents=True)
    (workspace / ".agents" / "skills").symlink_to(tmp_path / "foreign")
    library = bare(home, workspace=workspace, trusted=lambda folder: True)
    assert not library.skills()
    assert "leads out" in library.diagnostics()[0].text


def test_a_home_skill_hides_a_bundled_one_until_it_is_gone(home: Home, tmp_path: Path):
    add_skill(tmp_path / "shipped" / "one", skill_text("one", "Shipped."))
    folder = add_home_skill(home, "one", "Mine.")
    library = Library(home, bundled=tmp_path / "shipped")
    assert library.skills()["one"].description == "Mine."
    (folder / "SKILL.md").unlink()
    library.refresh()
    assert library.skills()["one"].description == "Shipped."
    assert [s.name for s in library.matches("shipped")] == ["one"]


def test_what_ships_is_there_in_an_empty_home(home: Home):
    library = Library(home)
    assert "hermes-help" in library.skills()
    assert library.diagnostics() == ()
    assert "scripts/profile_csv.py" in library.resources("csv-report")


# -- refreshing ---------------------------------------------------------------------------------


def test_a_dropped_skill_appears_and_a_removed_one_goes(home: Home):
    library = bare(home)
    first = library.fingerprint
    folder = add_home_skill(home, "one", "Brew some tea.")
    assert library.refresh({folder / "SKILL.md"})
    assert [s.name for s in library.matches("tea brewing")] == ["one"]
    assert library.by_slash("one") == "one"
    (folder / "SKILL.md").unlink()
    assert library.refresh({folder / "SKILL.md"})
    assert (library.fingerprint, dict(library.skills())) == (first, {})
    assert library.matches("tea") == []


def test_an_edit_is_taken_over_even_with_the_same_size_and_date(home: Home):
    folder = add_home_skill(home, "one", "Make tea.")
    file = folder / "SKILL.md"
    library = bare(home)
    date = file.stat().st_mtime_ns
    with file.open("r+", encoding="utf-8") as opened:
        text = opened.read().replace("tea", "jam")
        opened.seek(0)
        opened.write(text)
    os.utime(file, ns=(date, date))
    assert library.refresh({file})
    assert library.skills()["one"].description == "Make jam."


def test_unchanged_skills_are_not_read_again(home: Home):
    add_home_skill(home, "one")
    add_home_skill(home, "two")
    library = bare(home)
    before = library.skills()
    add_home_skill(home, "three")
    assert library.refresh()
    assert all(library.skills()[name] is skill for name, skill in before.items())
    assert "three" not in before


def test_changes_elsewhere_are_none_of_its_business(home: Home, tmp_path: Path):
    library = bare(home)
    add_home_skill(home, "one")
    assert not library.refresh({tmp_path / "other.txt", home.root / "config.yaml"})
    assert not library.skills()
    assert library.refresh({home.skills / "one"})
    assert not library.refresh()


def test_a_skill_that_breaks_is_told_and_comes_back_when_mended(home: Home):
    file = add_home_skill(home, "one") / "SKILL.md"
    library = bare(home)
    good = file.read_text()
    file.write_text("---\nname: one\n")
    library.refresh()
    assert "one" not in library.skills()
    assert about(library, file)[0].level == "error"
    file.write_text(good)
    library.refresh()
    assert "one" in library.skills()
    assert not about(library, file)


def test_readers_see_whole_snapshots_while_it_is_refreshed(home: Home):
    for number in range(20):
        add_home_skill(home, f"s-{number}", "Stir soup.")
    library = bare(home)
    wrong: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.wait(0.001):
            if len(library.matches("soup", 50)) not in (20, 21):
                wrong.append(1)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(15):
        folder = add_home_skill(home, "extra", "Stir soup.")
        library.refresh()
        (folder / "SKILL.md").unlink()
        library.refresh()
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong


# -- the prompt ---------------------------------------------------------------------------------


def test_the_catalog_shows_whole_descriptions_of_what_matches(home: Home):
    long = "Brew tea for guests. " + "Mind the water. " * 40
    add_home_skill(home, "brew-tea", long[:900])
    add_home_skill(home, "mow-lawn", "Mow the lawn; rake the leaves.\nUse in autumn.")
    catalog = bare(home).catalog("please brew some tea and mow the lawn", 500)
    assert catalog.text.startswith("skills that match (of 2): ")
    assert catalog.text.endswith(" (skill_view loads one)")
    assert set(catalog.names) == {"brew-tea", "mow-lawn"}
    assert "mow-lawn — Mow the lawn; rake the leaves. Use in autumn." in catalog.entries
    tea = next(entry for entry in catalog.entries if entry.startswith("brew-tea — "))
    assert tea.endswith(" Mind the water.…")
    assert len(tea.encode()) > BYTES_LIMIT // 4
    assert "\n" not in catalog.text


def test_excluded_skills_make_room_for_the_next(home: Home):
    for number in range(ENTRIES_LIMIT + 3):
        add_home_skill(home, f"soup-{number:02}", "Stir onion soup for guests.")
    library = bare(home)
    names = library.catalog("stir onion soup for the guests", 500).names
    rest = library.catalog("stir onion soup for the guests", 500, exclude=names[:2]).names
    assert len(names) == len(rest) == ENTRIES_LIMIT
    assert rest[: ENTRIES_LIMIT - 2] == names[2:]


def test_what_hardly_matches_is_shown_up_to_the_third(home: Home):
    for number in range(ENTRIES_LIMIT):
        add_home_skill(home, f"soup-{number:02}", "Stir onion soup for guests.")
    request = "onion soup, then the weather, trains, taxes and music"
    assert len(bare(home).catalog(request, 500).names) == 3


def test_without_a_match_only_the_count_is_told(home: Home):
    add_home_skill(home, "brew-tea")
    catalog = bare(home).catalog("zebra", 500)
    assert (catalog.names, catalog.total) == ((), 1)
    assert catalog.text == "skills: 1, none matches by its words"


@pytest.mark.parametrize("tokens", [0, 1, 5, 12, 20, 40, 100, 511, 512, 5000])
def test_the_catalog_never_takes_more_than_its_room(home: Home, tokens: int):
    for number in range(30):
        add_home_skill(home, f"käse-{number}".replace("ä", "ae"), "Käse prüfen. " * number + "Ja.")
    catalog = bare(home).catalog("Käse", tokens)
    assert len(catalog.text.encode()) <= min(tokens * 4, BYTES_LIMIT)
    assert len(catalog.names) == len(catalog.entries)


@pytest.mark.slow
def test_a_thousand_skills_cost_the_prompt_no_more_than_ten(home: Home):
    def shown() -> str:
        return bare(home).catalog("export the invoices of this month as a pdf", 500).text

    for number in range(10):
        add_home_skill(home, f"invoice-export-{number:04}", "Export the invoices of a month.")
    few = shown()
    for number in range(10, 1000):
        add_home_skill(home, f"invoice-export-{number:04}", "Export the invoices of a month.")
    many = shown()
    assert many == few.replace("(of 10)", "(of 1000)")


# -- resources ----------------------------------------------------------------------------------


def test_resources_are_listed_and_read(home: Home):
    folder = add_skill(
        home.skills / "one", skill_text("one"), scripts__run_sh="echo", assets__a_bin=b"\xff\x00"
    )
    (folder / ".secret").write_text("x")
    library = bare(home)
    assert library.resources("one") == ["assets/a.bin", "scripts/run.sh"]
    assert library.read_resource("ONE", "scripts/run.sh") == "echo"
    assert library.read_resource("one", "assets/a.bin") == b"\xff\x00"


@pytest.mark.parametrize(
    "path", ["../two/SKILL.md", "/etc/passwd", "scripts/../../../x", "out", "out/hosts", "a\0b"]
)
def test_resources_outside_the_skill_are_refused(home: Home, path: str):
    folder = add_home_skill(home, "one")
    add_home_skill(home, "two")
    (folder / "out").symlink_to("/etc")
    with pytest.raises(ToolError, match="outside"):
        bare(home).read_resource("one", path)


def test_a_missing_resource_names_those_there_are(home: Home):
    add_skill(home.skills / "one", skill_text("one"), scripts__run_sh="echo")
    with pytest.raises(ToolError, match=r"(?s)no file.*scripts/run\.sh"):
        bare(home).read_resource("one", "scripts/go.sh")


def test_a_missing_skill_names_the_nearest(home: Home):
    add_home_skill(home, "brew-tea")
    with pytest.raises(ToolError, match="did you mean brew-tea"):
        bare(home).require("tea-brewing")
    with pytest.raises(ToolError, match="no skill 'nope'") as caught:
        bare(home).require("nope")
    assert "hermes skills search WORDS" in caught.value.hint
