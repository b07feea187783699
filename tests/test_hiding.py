"""What is taken out of a text that is to be forgotten, and what stays."""

from __future__ import annotations

import json
import random

import pytest

from agent.learning.hiding import SIGN, Words, plain_lines

NOTE = "The mill in Lisbon sends its figures on Fridays."


def note(*texts: str) -> Words:
    return Words(texts)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (NOTE, NOTE),
        (NOTE, "the MILL in  Lisbon\nsends its figures on fridays"),
        (NOTE, "Remember: the Lisbon mill sends figures every Friday."),
        (NOTE, "- The mill in Lisbon sends its figures on Fridays. (in ~/work)"),
        ("Likes green tea", "I like green tea, by the way."),
        ("The user's sister is Ana Lopez", "I have a sister. Her name is Ana Lopez."),
        ("vegan", "She is VEGAN now"),
        ("用户喜欢喝绿茶", "记住：用户喜欢喝绿茶。"),
        ("Le serveur de test écoute sur le port 9042", "le serveur de test écoute sur 9042"),
        ("Tools: ask Ann", '{"text": "Tools: ask Ann"}'),
    ],
)
def test_what_says_it_is_hidden(entry: str, said: str) -> None:
    hidden = note(entry).out_of(f"before\n{said}\nafter")
    assert SIGN in hidden
    assert hidden.startswith("before\n")
    assert hidden.endswith("\nafter")
    for word in entry.split():
        if len(word) > 6:
            assert word not in hidden
    assert note(entry).out_of(hidden) == hidden


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (NOTE, "Please fix the build on Friday."),
        (NOTE, "The figures of the Lisbon office are late."),
        (NOTE, "Is there a mill near Porto?"),
        ("Likes green tea", "The tea is ready."),
        ("Likes green tea", "A green field, and a house with teapots."),
        ("The user's sister is Ana Lopez", "My sister comes tomorrow."),
        ("vegan", "a vegetarian, not a vegans club"),
        ("用户喜欢喝绿茶", "用户今天休息。"),
        ("yes", "yes and no"),
        ("Le serveur de test écoute sur le port 9042", "le serveur de production est arrêté"),
    ],
)
def test_what_says_something_else_stays(entry: str, said: str) -> None:
    assert note(entry).out_of(said) == said


def test_only_the_sentence_that_says_it_goes() -> None:
    text = "I moved the tests. The mill in Lisbon sends figures on Fridays. Then I had lunch."
    assert note(NOTE).out_of(text) == f"I moved the tests. {SIGN} Then I had lunch."


def test_of_a_line_without_sentences_only_a_part_goes() -> None:
    dice = random.Random(5)
    noise = [f"w{dice.randrange(10**6)}" for _ in range(400)]
    line = " ".join([*noise[:200], "mill Lisbon sends figures Fridays", *noise[200:]])
    hidden = note(NOTE).out_of(line)
    assert "Lisbon" not in hidden
    assert hidden.startswith(" ".join(noise[:150]))
    assert hidden.endswith(" ".join(noise[250:]))
    scattered = " ".join(
        w for pair in zip(noise[:100], NOTE.split() * 20, strict=False) for w in pair
    )
    spread = " ".join(
        word
        for at, part in enumerate(NOTE.split())
        for word in (*noise[at * 40 : at * 40 + 40], part)
    )
    assert note(NOTE).out_of(spread) == spread
    assert note(NOTE).out_of(scattered) != scattered


def test_in_json_every_string_is_looked_at_and_it_stays_json() -> None:
    asked = {"operations": [{"action": "add", "text": NOTE}], "n": 3, "of": ["x", NOTE]}
    hidden = json.loads(note(NOTE).out_of_arguments(json.dumps(asked)))
    assert hidden == {"operations": [{"action": "add", "text": SIGN}], "n": 3, "of": ["x", SIGN]}
    untouched = '{"command" : "ls"}'
    assert note(NOTE).out_of_arguments(untouched) == untouched
    assert note(NOTE).out_of_arguments(f"no json: {NOTE}") == f"no json: {SIGN}"


SKILL = """\
---
name: grind-coffee
description: Grind coffee beans for the espresso machine.
---

## Steps

1. Fill the hopper with the roasted beans.
2. Run `ls`.
"""


def test_of_a_skill_its_lines_its_description_and_its_name_go() -> None:
    words = Words(
        ("Grind coffee beans for the espresso machine.",), plain_lines([SKILL]), "grind-coffee"
    )
    hidden = words.out_of(f"I loaded it:\n{SKILL}\nand /grind-coffee ran `ls`.")
    for gone in ("hopper", "espresso", "grind-coffee"):
        assert gone not in hidden
    for kept in ("I loaded it:", "## Steps", "2. Run `ls`.", "ran `ls`."):
        assert kept in hidden
    others = "Please grind the coffee, and fill in the form.\n1. Fill the kettle with water."
    assert words.out_of(others) == others
    assert words.out_of("re-grind-coffee-2") == "re-grind-coffee-2"


def test_random_texts_that_share_no_telling_words_are_never_touched() -> None:
    dice = random.Random(11)
    syllables = "ka mo ri tel van dor lis pem gu sha nor bit".split()
    known = ["".join(dice.choices(syllables, k=3)) + "q" for _ in range(40)]
    for _ in range(300):
        entry = " ".join(dice.sample(known, dice.randrange(3, 9)))
        words = note(entry)
        other = " ".join(
            "".join(dice.choices(syllables, k=3)) + "z" for _ in range(dice.randrange(1, 30))
        )
        assert words.out_of(other) == other
        said = f"{other} {entry.upper()}"
        assert entry.split()[0].upper() not in words.out_of(said)
