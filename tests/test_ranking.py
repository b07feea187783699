"""BM25 over skills: the right one first, the same after updates as after building anew."""

from __future__ import annotations

import random

import pytest

from skills.ranking import Index, Terms, weigh
from skills.words import stem, terms

SKILLS = {
    "invoice-export": ("Export the month's invoices as one PDF.", "Run the export. Mail it."),
    "photo-sort": ("Sort photos into folders by date.", "Read the date of each photo."),
    "tax-return": ("Prepare the yearly tax return.", "Collect every invoice first, then sum."),
    "backup-check": ("Check that backups can be restored.", "Restore one file. Compare it."),
}


def weights(skills: dict[str, tuple[str, str]]) -> dict[str, Terms]:
    return {name: weigh(name, *texts) for name, texts in skills.items()}


@pytest.fixture
def index() -> Index:
    return Index().updated(weights(SKILLS))


def found(index: Index, text: str, limit: int = 10) -> list[str]:
    return [hit.key for hit in index.search(text, limit)]


def test_name_and_description_count_more_than_the_body(index: Index):
    assert found(index, "please export my invoices") == ["invoice-export"]
    assert found(index, "invoices") == ["invoice-export", "tax-return"]


def test_the_body_is_searched_too(index: Index):
    assert found(index, "compare two files after one was restored")[0] == "backup-check"


def test_one_passing_word_in_a_body_is_no_match(index: Index):
    assert "invoice-export" not in found(index, "what should I mail to my grandmother")


def test_common_words_and_strange_words_match_nothing(index: Index):
    assert found(index, "what is the and of it") == []
    assert found(index, "xylophone") == []
    assert found(index, "") == []


def test_ties_are_broken_by_name():
    same = {name: weigh("x", "walk the dog", "") for name in "cab"}
    assert found(Index().updated(same), "dog walking") == ["a", "b", "c"]


def test_the_limit_keeps_the_best(index: Index):
    assert found(index, "invoices", 1) == ["invoice-export"]


@pytest.mark.parametrize(
    "family",
    [
        ["report", "reports", "reported", "reporting"],
        ["city", "cities"],
        ["file", "files", "filing", "filed"],
        ["stop", "stopped", "stopping"],
        ["box", "boxes"],
        ["class", "classes"],
        ["install", "installed", "installing", "installs"],
    ],
)
def test_forms_of_a_word_meet(family: list[str]):
    assert len({stem(word) for word in family}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("us", "use"), ("sing", "s"), ("red", "r"), ("css", "cs")]
)
def test_short_words_are_left_alone(one: str, other: str):
    assert stem(one) != stem(other)


def test_other_scripts_are_searched():
    skills = weights({
        "cn": ("每月导出发票并发送邮件", ""),
        "ru": ("Выгрузка счетов за месяц", ""),
        "de": ("Rechnungen für den Monat ausführen", ""),
    })  # fmt: skip
    index = Index().updated(skills)
    assert found(index, "导出发票") == ["cn"]
    assert found(index, "ВЫГРУЗКА") == ["ru"]
    assert found(index, "fu\u0308r rechnungen") == ["de"]


def test_names_are_taken_apart_at_hyphens_and_underscores():
    assert list(terms("pdf_to-text")) == ["pdf", "text"]


def test_an_updated_index_equals_one_built_anew():
    dice = random.Random(4)
    vocabulary = [f"word{number}" for number in range(60)]

    def text() -> str:
        return " ".join(dice.choices(vocabulary, k=12))

    current: dict[str, Terms] = {}
    index = Index()
    for _ in range(40):
        added = {f"s{dice.randrange(15)}": weigh("s", text(), text()) for _ in range(3)}
        removed = [name for name in current if dice.random() < 0.2 and name not in added]
        current = {k: v for k, v in current.items() if k not in removed} | added
        index = index.updated(added, removed)
        query = text()
        assert index.search(query, 20) == Index().updated(current).search(query, 20)
        assert len(index) == len(current)


def test_an_older_index_is_untouched_by_an_update(index: Index):
    before = index.search("invoices", 10)
    index.updated({"tax-return": weigh("tax-return", "other words", "")}, ["invoice-export"])
    assert index.search("invoices", 10) == before


def test_a_thousand_skills_do_not_bury_the_one_meant():
    dice = random.Random(7)
    verbs = ["export", "sort", "check", "mail", "print", "merge", "clean", "rename"]
    things = [f"thing{number}" for number in range(200)]
    crowd = {
        f"s-{n}": (f"{dice.choice(verbs)} {dice.choice(things)} files", dice.choice(things) * 3)
        for n in range(1000)
    }
    index = Index().updated(weights(SKILLS | crowd))
    assert found(index, "export the invoices of May as a PDF", 1) == ["invoice-export"]
    long = "Here is what I did today. " * 200 + "Sort my photos by date, please."
    assert found(index, f"Sort my photos by date, please. {long}", 1) == ["photo-sort"]
