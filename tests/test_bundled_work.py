"""The bundled skills for work with texts and pictures: each script and verification at work, and
every skill of the groups content, development and system found by what people say."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hermes_home.paths import Home
from skills.library import BUNDLED, Library
from skills.words import terms
from tests.bundled import Bundled

pytestmark = pytest.mark.slow

REQUESTS = {
    "csv-report": (
        "which columns of orders.tsv have gaps?",
        "give me the totals of this export.csv",
    ),
    "summarize-folder": (
        "what is all this stuff in ~/old-work about?",
        "erkläre mir dieses Projekt",
    ),
    "markdown-check": (
        "half the anchors in our handbook lead nowhere",
        "gibt es tote Verweise im Markdown unter docs/?",
    ),
    "release-notes": (
        "we ship 2.4 tomorrow, list for customers what is different from 2.3",
        "prepare the CHANGELOG entry for the next version",
    ),
    "meeting-actions": (
        "from yesterday's standup log: who promised what?",
        "extract the todos from minutes.txt",
    ),
    "subtitle-fix": (
        "the captions of this film come two seconds too late",
        "movie.srt has weird characters instead of accents",
    ),
    "translation-check": (
        "put guide.md into German and keep our terminology",
        "did the Spanish version of this text lose any numbers?",
    ),
    "photo-rename": (
        "my camera calls everything DSC0001, give the pictures proper names",
        "sort these holiday photos by the day they were shot",
    ),
    "git-commit-review": ("look over what I changed before I push", "is this diff safe to merge?"),
    "bisect-regression": (
        "the export worked in March, find out which commit spoilt it",
        "since when is test_login red?",
    ),
    "flaky-test": (
        "test_upload passes here but now and then fails on the build server",
        "this spec goes green when I rerun it, why?",
    ),
    "untested-code": (
        "billing.py has no unit tests, add some",
        "how much coverage does parser.py have?",
    ),
    "config-check": (
        "why does the app ignore my settings.yaml?",
        "is this docker-compose yml well-formed?",
    ),
    "api-smoke-test": (
        "try all the endpoints of our REST service after the deploy",
        "write curl checks for the login and items routes",
    ),
    "sqlite-review": (
        "queries on app.db take ages, is an index missing?",
        "what tables are in data.sqlite and are the foreign keys intact?",
    ),
    "safe-rename": (
        "call get_usr fetch_user everywhere in the repo",
        "replace the class name Foo by Bar in all files",
    ),
    "profile-python": (
        "report.py takes three minutes, speed it up",
        "where does my script spend its time?",
    ),
    "hermes-help": ("how do I configure you?", "where does Hermes keep its memory?"),
    "write-a-skill": ("make a skill of what we just did", "improve the skill for invoices"),
    "disk-space": ("No space left on device!", "was frisst den ganzen Platz auf der Platte?"),
    "slow-machine": (
        "the laptop's fan is roaring and everything lags",
        "which process eats all the RAM?",
    ),
    "duplicate-files": (
        "I have the same pictures several times, clean that up",
        "trouve les doublons dans mes téléchargements",
    ),
    "backup-verify": (
        "make a copy of ~/thesis I can rely on before I reinstall",
        "can I still restore from old.tar.gz?",
    ),
    "permission-audit": (
        "somebody did chmod 777 on the whole tree, what is wrong now?",
        "ssh complains my private key is too open",
    ),
    "cron-check": (
        "what does the cron entry 15 3 * * 1-5 mean?",
        "my nightly crontab job never starts",
    ),
}


def test_every_skill_of_these_groups_is_asked_for():
    groups = ("content", "development", "system")
    there = {folder.name for group in groups for folder in (BUNDLED / group).iterdir()}
    assert REQUESTS.keys() == there


@pytest.mark.parametrize(
    ("name", "words"), [(name, words) for name, pair in REQUESTS.items() for words in pair]
)
def test_it_is_among_the_first_three_for_what_people_say(home: Home, name: str, words: str):
    library = Library(home)
    skill = library.require(name)
    assert name in [found.name for found in library.matches(words, 3)]
    asked, said = list(terms(words)), " ".join(terms(skill.description))
    runs = (" ".join(asked[at : at + 4]) for at in range(len(asked) - 3))
    assert not any(run in said for run in runs), "a request that quotes the description"


# -- markdown-check -----------------------------------------------------------------------------

PAGE = """# Guide

See [setup](docs/set%20up.md#first-steps), [below](#whats-new), ![a](pic.png) and [the spec][spec].
`[code](nowhere.md)` is no link, nor is <https://example.org>.

```
[nor](this.md)
```

## What's new?

[spec]: docs/set%20up.md "title"
"""


@pytest.fixture
def pages(tmp_path: Path) -> Bundled:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "set up.md").write_text("# Set up\n\n## First steps\n\n## First steps\n")
    (tmp_path / "pic.png").write_bytes(b"")
    (tmp_path / "README.md").write_text(PAGE)
    return Bundled("markdown-check", tmp_path)


def test_good_markdown_has_no_findings(pages: Bundled):
    done = pages.verify(file=".")
    assert (done.returncode, done.stdout) == (0, "")
    assert "in 2 files" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("pic.png", "gone.png", "README.md:3: image: gone.png is not there"),
        ("docs/set%20up.md#", "docs/setup.md#", "README.md:3: link: docs/setup.md#first-steps"),
        ("#first-steps", "#first-step", "nearest: #first-steps"),
        ("#first-steps", "#first-steps-2", "nearest: #first-steps"),
        ("(#whats-new)", "(#what's-new)", "README.md:3: anchor: #what's-new"),
        ("## What's", "### What's", "README.md:10: heading: level 3 follows level 1"),
        ("[spec]:", "[other]:", "README.md:3: reference: [spec] is not defined"),
        ("```\n\n## ", "\n## ", "README.md:6: fence: this block of code is never closed"),
        ("# Guide", "# ", "README.md:1: heading: is empty"),
    ],
)
def test_broken_markdown_is_found_at_its_line(pages: Bundled, old: str, new: str, finding: str):
    (pages.at / "README.md").write_text(PAGE.replace(old, new, 1))
    done = pages.verify(file="README.md")
    assert done.returncode == 1
    assert finding in done.stdout


def test_markdown_addresses_are_listed_and_nothing_is_said_of_nothing(pages: Bundled):
    (pages.at / "README.md").write_text("[a](https://b.example/x) [a](https://a.example)\n")
    listed = pages.run("check_markdown.py", "README.md", "--urls").stdout.split()
    assert listed == ["https://a.example", "https://b.example/x"]
    (pages.at / "empty").mkdir()
    assert pages.run("check_markdown.py", "empty").returncode == 2
    assert pages.run("check_markdown.py", "none.md").returncode == 2


# -- release-notes ------------------------------------------------------------------------------


@pytest.fixture
def history(tmp_path: Path) -> tuple[Bundled, list[str]]:
    skill = Bundled("release-notes", tmp_path)
    skill.git("init", "-q", "-b", "main")
    first = skill.commit("start", a_py="a = 1\n")
    skill.git("tag", "v1")
    return skill, [first, *(skill.commit(f"work {n}", a_py=f"a = {n}\n") for n in (2, 3))]


def test_release_notes_must_name_every_commit_and_no_other(history: tuple[Bundled, list[str]]):
    skill, (old, two, three) = history
    assert skill.step(1).stdout.strip() == "v1"
    listed = skill.step(2, range="v1..HEAD")
    assert (two in listed.stdout, three in listed.stdout, old in listed.stdout) == (
        True,
        True,
        False,
    )
    notes = skill.at / "notes.md"

    def judged(text: str) -> int:
        notes.write_text(text)
        return skill.verify(range="v1..HEAD", notes="notes.md").returncode

    assert judged(f"- Twice ({two[:7]})\n<!-- left out: {three} CI -->\n") == 0
    assert judged(f"- Twice ({two})\n") == 1, "a lost commit"
    assert judged(f"- Twice ({two}, {three}, {old})\n") == 1, "a commit of before"
    assert judged(f"- ({two}, {three}, 1234567)\n") == 1, "an invented commit"
    assert judged(f"- TODO ({two}, {three})\n") == 1
    assert skill.verify(range="HEAD..HEAD", notes="notes.md").returncode == 1
    assert skill.verify(range="v9..HEAD", notes="notes.md").returncode == 2


# -- meeting-actions ----------------------------------------------------------------------------

NOTES = """Sync, 2026-05-04
Ana: I’ll send Nord the offer by Friday.
Ben: somebody could look at the logs.
Ana: Ben will call the printer, as we agreed.
"""
GOOD = ("1", "Send the offer to Nord", "Ana", "2026-05-08", '"I\'ll send Nord the offer by Friday"')


def actions(*rows: tuple[str, ...]) -> str:
    lines = ["## Actions", "", "| # | What | Who | Due | Said |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), "", "## Open", ""])


@pytest.mark.parametrize(
    ("at", "cell", "exit"),
    [
        (1, "Send the offer to Nord", 0),
        (2, "nobody named", 0),
        (3, "none named", 0),
        (4, "Ben will call the printer", 0),
        (1, "offer", 1),
        (2, "Carla", 1),
        (2, "An", 1),
        (3, "Friday", 1),
        (3, "2026-02-30", 1),
        (4, "I will send the offer to Nord", 1),
        (4, "Nord", 1),
        (4, "", 1),
    ],
)
def test_actions_must_come_from_the_notes(tmp_path: Path, at: int, cell: str, exit: int):
    skill = Bundled("meeting-actions", tmp_path)
    (tmp_path / "notes.txt").write_text(NOTES)
    row = (*GOOD[:at], cell, *GOOD[at + 1 :])
    (tmp_path / "actions.md").write_text(actions(row))
    done = skill.verify(notes="notes.txt", actions="actions.md")
    assert done.returncode == exit, done.stdout


def test_the_same_action_twice_and_no_table_are_faults(tmp_path: Path):
    skill = Bundled("meeting-actions", tmp_path)
    (tmp_path / "notes.txt").write_text(NOTES)
    (tmp_path / "actions.md").write_text(actions(GOOD, ("2", *GOOD[1:])))
    assert (
        "says the same as row 1" in skill.run("check_actions.py", "notes.txt", "actions.md").stdout
    )
    (tmp_path / "actions.md").write_text("- Ana sends the offer\n")
    assert skill.verify(notes="notes.txt", actions="actions.md").returncode == 1


# -- subtitle-fix -------------------------------------------------------------------------------

SUBTITLES = """1
00:00:01,000 --> 00:00:03,500
Good morning.

7
00:00:03,000 --> 00:00:05.0
- It is cold.
- <i>Very.</i>

00:00:09,000 --> 00:00:10,000
CafÃ© closed.
"""


@pytest.fixture
def film(tmp_path: Path) -> Bundled:
    (tmp_path / "a.srt").write_text(SUBTITLES, encoding="utf-8")
    return Bundled("subtitle-fix", tmp_path)


def test_subtitles_are_mended_without_a_word_lost(film: Bundled):
    told = film.run("srt.py", "check", "a.srt")
    assert told.returncode == 1
    for fault in ("cue 2: is numbered 7", "overlaps the next by 0.50 s", "not at all", "encoding"):
        assert fault in told.stdout
    assert film.step(2, file="a.srt", fixed="b.srt").returncode == 0
    assert film.verify(fixed="b.srt", file="a.srt").returncode == 0
    mended = (film.at / "b.srt").read_text(encoding="utf-8")
    assert "2\n00:00:03,000 --> 00:00:05,000\n- It is cold.\n- <i>Very.</i>\n" in mended
    assert "Café" in mended
    assert "--> 00:00:02,960" in mended
    (film.at / "b.srt").write_text(mended.replace("Very", "Quite"), encoding="utf-8")
    assert film.verify(fixed="b.srt", file="a.srt").returncode == 1, "a word was changed"


def test_subtitles_are_moved_and_stretched(film: Bundled):
    def starts(*options: str) -> list[str]:
        assert film.run("srt.py", "fix", "a.srt", "b.srt", *options).returncode == 0
        lines = (film.at / "b.srt").read_text(encoding="utf-8").splitlines()
        return [line.split(" ")[0] for line in lines if "-->" in line]

    assert starts("--shift", "-0.5") == ["00:00:00,500", "00:00:02,500", "00:00:08,500"]
    points = ("--point", "00:00:01=00:00:02", "--point", "00:00:09=00:00:18")
    assert starts(*points) == ["00:00:02,000", "00:00:06,000", "00:00:18,000"]
    assert starts("--point", "1=0:0:2", "--point", "3=0:0:18")[1] == "00:00:06,000"
    assert film.run("srt.py", "fix", "a.srt", "b.srt", "--point", "9=2").returncode == 2
    assert film.run("srt.py", "fix", "a.srt", "a.srt").returncode == 2, "never the original"


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_subtitles_of_any_encoding_become_utf8(film: Bundled, encoding: str):
    text = "1\r\n00:00:01,000 --> 00:00:02,000\r\nDéjà vu\r\n"
    (film.at / "c.srt").write_bytes(text.encode(encoding))
    assert film.run("srt.py", "fix", "c.srt", "d.srt").returncode == 0
    assert (film.at / "d.srt").read_bytes().endswith("Déjà vu\n".encode())


# -- translation-check --------------------------------------------------------------------------

SOURCE = """# Install

Run `make all` and open https://example.org/a; it takes {count} steps and 1,250.5 MB.

- one gateway
- two users

```
code stays
```
"""
TARGET = """# Einrichten

`make all` starten und https://example.org/a öffnen; es sind {count} Schritte und 1.250,5 MB.

- ein Zugang
- zwei Leute

```
code stays
```
"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("", "", ""),
        ("# Ein", "## Ein", "block 1: heading level 1 became 2"),
        ("make all", "mache alles", "block 2: code lost: `make all`"),
        ("{count}", "{anzahl}", "block 2: placeholder lost: {count}"),
        ("1.250,5", "1.205,5", "block 2: number lost: 12505"),
        ("org/a", "org/de", "block 2: link lost: https://example.org/a"),
        ("- zwei Leute\n", "", "block 3: 2 list items became 1"),
        ("code stays", "Code bleibt", "block 4: code lost"),
        ("Zugang", "Tor", "block 3: 'gateway' is not said as 'Zugang' or 'Gateway'"),
        ("- ein Zugang\n- zwei Leute\n\n", "", "4 blocks became 3"),
    ],
)
def test_a_translation_must_lose_nothing(tmp_path: Path, old: str, new: str, fault: str):
    skill = Bundled("translation-check", tmp_path)
    (tmp_path / "a.md").write_text(SOURCE)
    (tmp_path / "b.md").write_text(TARGET.replace(old, new, 1))
    (tmp_path / "terms.csv").write_text("term,translation\ngateway,Zugang|Gateway\n")
    files = ("a.md", "b.md", "--glossary", "terms.csv")
    done = skill.run("check_translation.py", *files)
    assert done.returncode == bool(fault), done.stdout
    assert fault in done.stdout
    if "gateway" not in fault:
        assert skill.verify(source="a.md", target="b.md").returncode == bool(fault)


def test_what_was_not_translated_is_told(tmp_path: Path):
    skill = Bundled("translation-check", tmp_path)
    (tmp_path / "a.md").write_text("This is a whole sentence.\n\nOK\n")
    assert skill.verify(source="a.md", target="a.md").returncode == 1
    told = skill.run("check_translation.py", "a.md", "a.md", "--same-ok", "1")
    assert told.returncode == 0


# -- photo-rename -------------------------------------------------------------------------------


def picture(path: Path, taken: str, camera: str = "X100", order: str = "<") -> None:
    """A JPEG that is nothing but its EXIF block."""
    date, model = taken.encode() + b"\0", camera.encode() + b"\0"
    inner = 8 + 2 + 2 * 12 + 4
    data = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8)
    data += struct.pack(order + "H", 2)
    data += struct.pack(order + "HHII", 0x0110, 2, len(model), inner + 18)
    data += struct.pack(order + "HHIII", 0x8769, 4, 1, inner, 0)
    data += struct.pack(order + "HHHII", 1, 0x9003, 2, len(date), inner + 18 + len(model))
    data += struct.pack(order + "I", 0) + model + date
    path.write_bytes(b"\xff\xd8\xff\xe1\0\0Exif\0\0" + data + path.name.encode())


@pytest.fixture
def album(tmp_path: Path) -> Bundled:
    photos = tmp_path / "photos"
    photos.mkdir()
    picture(photos / "IMG_2.JPG", "2026:05:01 14:22:33", order=">")
    picture(photos / "IMG_1.JPG", "2026:05:01 14:22:33")
    picture(photos / "DSC9.jpg", "2026:05:02 09:00:00", "Other")
    (photos / "IMG_1.xmp").write_text("beside it")
    (photos / "PXL_20260503_101112.png").write_bytes(b"\x89PNG")
    (photos / "scan.jpg").write_bytes(b"\xff\xd8 nothing")
    return Bundled("photo-rename", tmp_path)


def names(skill: Bundled) -> list[str]:
    return sorted(path.name for path in (skill.at / "photos").iterdir())


def test_photos_get_their_dates_and_can_have_their_names_back(album: Bundled):
    before = names(album)
    planned = album.step(1, root="photos")
    assert planned.returncode == 0, planned.stderr
    assert "no date: photos/scan.jpg" in planned.stdout
    assert names(album) == before, "a plan changes nothing"
    assert album.verify().returncode == 1
    assert album.run("photos.py", "apply", "photo-plan.tsv").returncode == 0
    assert names(album) == [
        "2026-05-01_142233-2.jpg",
        "2026-05-01_142233.jpg",
        "2026-05-01_142233.xmp",
        "2026-05-02_090000.jpg",
        "2026-05-03_101112.png",
        "scan.jpg",
    ]
    assert b"IMG_1" in (album.at / "photos/2026-05-01_142233.jpg").read_bytes()
    assert album.verify().returncode == 0
    (album.at / "photos/2026-05-02_090000.jpg").write_bytes(b"other")
    assert album.verify().returncode == 1
    assert album.run("photos.py", "plan", "photos", "again.tsv").stdout.startswith("no date")
    assert (album.at / "again.tsv").read_text().count("\n") == 1, "a second run changes nothing"
    assert album.run("photos.py", "undo", "photo-plan.tsv").returncode == 0
    assert names(album) == before


def test_photos_are_never_written_over_and_clocks_can_be_set(album: Bundled):
    options = ("--camera", "other", "--hours", "1", "--form", "%Y/%H")
    assert album.run("photos.py", "plan", "photos", "p.tsv", *options).returncode == 0
    assert "photos/2026/10.jpg" in (album.at / "p.tsv").read_text()
    (album.at / "photos" / "2026").mkdir()
    (album.at / "photos" / "2026" / "10.jpg").write_text("was there")
    before = names(album)
    refused = album.run("photos.py", "apply", "p.tsv")
    assert (refused.returncode, names(album)) == (1, before)
    assert "exists already" in refused.stderr


# -- those whose answer is words -----------------------------------------------------------------


def test_paths_of_a_summary_must_be_there(tmp_path: Path):
    skill = Bundled("summarize-folder", tmp_path)
    (tmp_path / "src").mkdir()
    assert skill.verify({"PATH…": "src"}).returncode == 0
    assert skill.verify({"PATH…": "src docs"}).returncode != 0


def test_files_of_a_finding_must_be_in_the_commit(tmp_path: Path):
    skill = Bundled("git-commit-review", tmp_path)
    skill.git("init", "-q")
    skill.commit("one", a_py="a\n")
    assert skill.verify({"FILE": "a.py"}, commit="HEAD").returncode == 0
    assert skill.verify({"FILE": "b.py"}, commit="HEAD").returncode != 0


def test_commands_of_an_answer_must_be_on_the_page(tmp_path: Path):
    skill = Bundled("hermes-help", tmp_path)
    assert skill.verify({"COMMAND": "hermes learning list"}).returncode == 0
    assert skill.verify({"COMMAND": "hermes learning frobnicate"}).returncode == 1
