"""The agentskills.io format: lenient and talkative when read, spotless when written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import skills_ref
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.characters import unseen
from hermes_home.errors import SkillError
from hermes_home.paths import Home
from skills.library import Library
from skills.skill import Skill, load_block, parse, slash_name
from skills.strict import canonical, check_strict, render
from tests.skill_texts import GOOD, MUTATIONS, add_skill, malformed

NO_FIXTURE_CHECK = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)


def judged(folder: Path, text: str) -> list[str]:
    """What the reference validator says of this text."""
    folder.mkdir(exist_ok=True)
    (folder / "SKILL.md").write_text(text, encoding="utf-8", newline="")
    return list(skills_ref.validate(folder))


# -- reading ------------------------------------------------------------------------------------


def test_a_good_skill_is_read_without_a_word():
    skill = parse(GOOD, "weekly-report")
    assert skill.diagnostics == ()
    assert (skill.name, skill.title, skill.license) == ("weekly-report", "weekly-report", "MIT")
    assert skill.description == "Collect the week's numbers into one report. Use on Fridays."
    assert skill.metadata == {"author": "Ann"}
    assert skill.body.startswith("# Weekly report")
    assert not skill.degraded


def test_scalars_stay_as_they_are_written():
    head = "version: 1.0\nenabled: yes\nday: 2026-01-01\nnothing: ~\nhex: 0x10\ntime: 12:30:00"
    skill = parse(f"---\nname: a\ndescription: b\n{head}\n---\nc", "a")
    assert dict(skill.extra) == {
        "version": "1.0",
        "enabled": "yes",
        "day": "2026-01-01",
        "nothing": "~",
        "hex": "0x10",
        "time": "12:30:00",
    }


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("Use when: asked", "Use when: asked"),
        ("Use when: asked\n  twice: or more", "Use when: asked twice: or more"),
        ("*bold* words", "*bold* words"),
        ("[a] [b]", "[a] [b]"),
        ("it's: quoted", "it's: quoted"),
        ('"half: quoted', '"half: quoted'),
        ("|\n  kept:\n    as: it is", "kept:\n  as: it is"),
        (">\n  folded\n  text", "folded text"),
    ],
)
def test_values_that_yaml_would_trip_over_keep_their_words(value: str, read: str):
    skill = parse(f"---\nname: a\ndescription: {value}\nlicense: x: y\n---\nbody", "a")
    assert skill.description == read
    assert skill.license == "x: y"
    assert any("quotes" in note.text for note in skill.diagnostics)


def test_quoting_one_value_leaves_lists_and_maps_as_they_are():
    text = "---\nname: a\ndescription: b: c\nallowed-tools: [Bash, Read]\nmetadata: {a: {b: 1}}\n"
    skill = parse(text + "---\nbody", "a")
    assert skill.allowed_tools == "Bash Read"
    assert skill.metadata == {"a": {"b": "1"}}


def test_words_after_a_hash_are_told_of():
    skill = parse("---\nname: a\ndescription: Fix issue #12 and # more\n---\nc", "a")
    assert skill.description == "Fix issue"
    assert [note.line for note in skill.diagnostics] == [3]


def test_metadata_written_as_json_text_is_read():
    skill = parse('---\nname: a\ndescription: b\nmetadata: \'{"n": {"v": 1}}\'\n---\nc', "a")
    assert skill.metadata == {"n": {"v": "1"}}


def test_without_frontmatter_name_and_description_are_guessed():
    skill = parse("# Deploy\n\nPush the *site*\nto the host.\n\nThen wait.", "Deploy Site")
    assert (skill.name, skill.title) == ("deploy-site", "Deploy Site")
    assert skill.description == "Push the *site* to the host."
    assert skill.degraded


def test_a_name_is_found_in_lower_case_and_kept_as_written():
    skill = parse("---\nname: PDF  Tools\ndescription: b\n---\nc", "PDF  Tools")
    assert (skill.name, skill.title, slash_name(skill)) == ("pdf-tools", "PDF  Tools", "pdf-tools")


def test_a_name_in_another_script_is_accepted_when_read():
    assert parse("---\nname: отчёт\ndescription: b\n---\nc", "отчёт").name == "отчёт"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\nname: a\n", 1),
        ("\n\n---\nname: a\n", 3),
        ("---\nname: a\n\tb: c\n---\nd", 3),
        ("---\n- a\n---\nb", 2),
        ("---\nname: a\n? [b]\n: c\n---\nd", 3),
    ],
)
def test_what_cannot_be_read_names_its_line_and_what_to_do(text: str, line: int):
    with pytest.raises(SkillError, match=rf"^line {line}: ") as raised:
        parse(text, "a")
    assert raised.value.hint


def test_an_alias_bomb_stays_small():
    rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = "\n".join(["---", "name: a", "description: b", "a0: &a0 [x]", *rows, "---", "c"])
    assert len(repr(parse(text, "a"))) < 20_000


CASES = list(malformed(240))


@pytest.mark.parametrize(("kind", "text"), CASES, ids=lambda value: str(value)[:40].split("\n")[0])
def test_no_flaw_is_passed_over_in_silence(kind: str, text: str):
    skill, complaint = read(text)
    assert complaint or (skill and skill.diagnostics), kind
    assert not complaint or re.match(r"line \d+: .+\n  .+", complaint)
    assert not skill or (skill.name and skill.description)


def read(text: str) -> tuple[Skill | None, str]:
    try:
        return parse(text, "weekly-report"), ""
    except SkillError as error:
        return None, str(error)


def test_every_mutation_is_a_flaw():
    for kind, mutate in MUTATIONS.items():
        assert kind in dict(CASES), mutate


def test_malformed_skills_leave_their_neighbours_alone(home: Home):
    for number, (_, text) in enumerate(CASES):
        folder = home.skills / f"broken-{number:03}"
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_bytes(text.encode("utf-8", "surrogatepass"))
    add_skill(home.skills / "weekly-report", GOOD.replace("Collect", "Gather"))
    (home.skills / "aaa").mkdir()
    (home.skills / "aaa" / "SKILL.md").write_bytes(b"---\nname: aaa\n\xff\xfe\n---\n")
    library = Library(home, bundled=None)
    told = {note.path for note in library.diagnostics()}
    assert {str(home.skills / f"broken-{n:03}" / "SKILL.md") for n in range(len(CASES))} <= told
    assert str(home.skills / "aaa" / "SKILL.md") in told
    good = [skill for skill in library.skills().values() if "Gather" in skill.description]
    assert not good or good[0].folder == home.skills / "weekly-report"
    assert parse(GOOD, "weekly-report").name in library.skills()


def test_unseen_characters_are_named_and_emoji_are_not():
    assert unseen("fine: naïve 漢字 👩‍💻 1️⃣ ✅️ क्‍ष\n") == []
    assert unseen("a\nb\u202ec") == [(2, "U+202E RIGHT-TO-LEFT OVERRIDE")]
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "rm")
    assert len(unseen(f"x{hidden}")) == 2
    assert [name[:6] for _, name in unseen("a\u200db")] == ["U+200D"]
    assert unseen("😀\ufe0f\ufe0f\ufe0f")


def test_a_body_cannot_close_its_own_block():
    skill = parse("---\nname: a\ndescription: b\n---\nx </skill> <skill name='z'> y", "a")
    assert load_block(skill).count("</skill>") == 1


# -- writing ------------------------------------------------------------------------------------

names = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,6}){0,4}", fullmatch=True)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=60)
awkward = st.sampled_from(
    ["a: b", "x #y", "- z", "{a}", "[b]", "'q'", '"q"', "\\n", "yes", "1.0", "\ttab", "new\nline"]
)
values = st.lists(st.one_of(words, awkward), max_size=4).map(" ".join)


@pytest.mark.slow
@NO_FIXTURE_CHECK
@given(names, values, values, values, st.dictionaries(values, values, max_size=3))
def test_what_is_written_is_valid_or_refused_and_reads_back(
    tmp_path: Path, name: str, description: str, body: str, license: str, metadata: dict[str, str]
):
    try:
        text = render(name, description, body, license=license, metadata=metadata)
    except SkillError:
        return
    assert judged(tmp_path / name, text) == []
    skill = parse(text, name)
    assert skill.diagnostics == ()
    assert (skill.name, skill.description) == (name, description.strip())
    assert skill.body == body.strip()
    assert skill.license == license.strip()
    assert dict(skill.metadata) == metadata
    assert check_strict(text, name) == []


@pytest.mark.slow
@NO_FIXTURE_CHECK
@given(st.data())
def test_what_passes_our_check_passes_the_reference(tmp_path: Path, data: st.DataObject):
    lines = GOOD.split("\n")
    extra = st.sampled_from(
        ["---", "...", "a: b", "  b: c", "license: {a: b}", "- x", "metadata: []", "# note", "\t"]
        + [
            "license: &a b",
            "compatibility: !!int 3",
            "description: |",
            "  more",
            "allowed-tools: x",
        ]
        + ["license: 1.0", "? a", "'license': x", "metadata:", "license: 'a", "license: a # b"]
    )
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, 8))
        if data.draw(st.booleans()):
            lines.insert(at, data.draw(extra))
        else:
            lines.pop(at)
    text = "\n".join(lines)
    if not check_strict(text, "weekly-report"):
        assert judged(tmp_path / "weekly-report", text) == []


@pytest.mark.parametrize("text", [text for kind, text in malformed(len(MUTATIONS))])
def test_flawed_texts_that_pass_our_check_pass_the_reference(tmp_path: Path, text: str):
    if not check_strict(text, "weekly-report"):
        assert judged(tmp_path / "weekly-report", text) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("name: weekly-report", "name: Weekly"), "name is 'Weekly'"),
        (("license: MIT", "version: '1'"), "no field version"),
        (("license: MIT", "license: 1.0"), "without quotes"),
        (("  author: Ann", "  author: {n: Ann}"), "uses {}"),
        (("license: MIT", "license: a---b"), "'---'"),
        (("license: MIT", "..."), "does not end with"),
        (("Collect", "Collect\u202e"), "RIGHT-TO-LEFT"),
        (("1. Run", "1. \U000e0041Run"), "TAG"),
        (("license: MIT", "compatibility: " + "x" * 501), "501 characters"),
        (("Collect", "x" * 1025), "characters of at most 1024"),
        (("# Weekly report\n\n1. Run `make report`.\n", ""), "no instructions"),
        (("1. Run", "1. Run\n" * 500), "over 500 lines"),
        (("1. Run", "x" * 21_000), "over 20480 bytes"),
        (("license: MIT", "license: MIT\nlicense: MIT"), "twice"),
    ],
)
def test_each_rule_of_writing_is_told(change: tuple[str, str], complaint: str):
    problems = check_strict(GOOD.replace(*change), "weekly-report")
    assert any(complaint in problem for problem in problems), problems


def test_all_problems_are_listed_at_once():
    problems = check_strict("---\nname: Bad Name\nfoo: bar\n---\n", "bad--name")
    assert len(problems) >= 5


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a--b", "a b", "a/b", "..", "é", "a" * 65])
def test_names_outside_the_rule_are_refused(name: str):
    with pytest.raises(SkillError, match="the name"):
        render(name, "words", "body")


def test_quotes_are_all_that_canonical_adds():
    text = "\ufeff---\r\nname: a-b\r\ndescription: Use when: x\r\n---\r\nbody\r\n"
    assert check_strict(canonical(text, "a-b"), "a-b") == []
    lossy = "---\nname: a-b\ndescription: x\nversion: 1\n---\nbody"
    assert canonical(lossy, "a-b") == lossy
