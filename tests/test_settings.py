"""config.yaml: read strictly, explained, and edited without touching what its owner wrote."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from hermes_home.config_edit import set_value
from hermes_home.errors import SettingsError
from hermes_home.explain import explain
from hermes_home.paths import Home
from hermes_home.schema import Option, options
from hermes_home.settings import Settings, all_keys, load_settings

OPTIONS = options(Settings)
NO_ENVIRONMENT: dict[str, str] = {"HOME": "/home/owner"}
FULL = """\
# mine
model:
  provider: openai_chat   # the local one
  default: "qwen3:8b"
  base_url: http://localhost:11434/v1

learning:
    checkpoint_every: 20
    # mode: suggest

skills: {extra_roots: [~/skills, /srv/skills], catalog_tokens: 300}
sandbox:
  network: off
  write:
    - ~/one
    # two is for the builds
    - /two
compaction:
timezone: Europe/Berlin
"""


def load(home: Home, text: str) -> Settings:
    home.config.write_text(text)
    return load_settings(home, NO_ENVIRONMENT)


def refused(home: Home, text: str | bytes) -> str:
    home.config.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as caught:
        load_settings(home, NO_ENVIRONMENT)
    assert str(home.config) in str(caught.value)
    return str(caught.value)


# Reading


def test_a_missing_file_means_the_defaults(home: Home) -> None:
    assert load_settings(home, NO_ENVIRONMENT) == Settings()


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "model:\n", "{}", "\ufeff"])
def test_an_empty_file_or_section_means_the_defaults(home: Home, text: str) -> None:
    assert load(home, text) == Settings()


def test_every_value_of_a_full_file_arrives(home: Home) -> None:
    settings = load(home, FULL)
    assert settings.model.provider == "openai_chat"
    assert settings.model.default == "qwen3:8b"
    assert settings.learning.checkpoint_every == 20
    assert settings.skills.extra_roots == ("/home/owner/skills", "/srv/skills")
    assert settings.sandbox.network == "off"
    assert settings.sandbox.write == ("/home/owner/one", "/two")
    assert settings.timezone == "Europe/Berlin"


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "12:30", "2026-11-21", "1_000", "0x1f"])
def test_words_that_yaml_would_turn_into_something_else_stay_text(home: Home, word: str) -> None:
    assert load(home, f"model:\n  default: {word}\n").model.default == word


@pytest.mark.parametrize("word", ["true", "false", "12", "1.5", "null", "~", "", "-3"])
def test_a_typed_word_is_no_text_without_quotes(home: Home, word: str) -> None:
    assert "model.default must be text" in refused(home, f"model:\n  default: {word}\n")
    assert load(home, f"model:\n  default: '{word}'\n").model.default == word


def test_crlf_and_a_byte_order_mark_are_read(home: Home) -> None:
    home.config.write_bytes(b"\xef\xbb\xbflearning:\r\n  mode: off\r\n")
    assert load_settings(home, NO_ENVIRONMENT).learning.mode == "off"


def test_the_address_loses_its_last_slash(home: Home) -> None:
    assert load(home, "model:\n  base_url: http://x:1/v1/\n").model.base_url == "http://x:1/v1"


# Mistakes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model:\n  provider: opneai", "line 2: model.provider must be one of offline, openai"),
        ("learning:\n  checkpoint_every: often", "line 2: learning.checkpoint_every must be a"),
        ("learning:\n  checkpoint_every: -1", "must be a whole number from 0 to"),
        ("learning:\n  checkpoint_every: 1.5", "not 1.5"),
        ("learning:\n  checkpoint_every: true", "not true"),
        ("compaction:\n  threshold: 0.99", "a number from 0.1 to 0.95, not 0.99"),
        ("compaction:\n  threshold: 0.05", "not 0.05"),
        ("compaction:\n  threshold: .nan", "not '.nan'"),
        ("compaction:\n  threshold: 9.9e999", "not inf"),
        ("model:\n  context_window: 5", "from 1000 to 100000000, or 0, not 5"),
        ("model:\n  base_url: localhost:11434", "an http or https address"),
        ("model:\n  base_url: ftp://x/v1", "an http or https address"),
        ("model:\n  base_url: http://", "an http or https address"),
        ("model:\n  base_url: 'http://[x/v1'", "an http or https address"),
        ("model:\n  base_url: http://x:99999/v1", "an http or https address"),
        ("model:\n  base_url: http://x/v1?key=1", "one with ? or #"),
        ("timezone: Berlin", "an IANA time zone, not 'Berlin'"),
        ("timezone: europe/berlin", "did you mean Europe/Berlin?"),
        ("timezone: Europe", "an IANA time zone"),
        ("timezone: ../../etc/passwd", "an IANA time zone"),
        ("skills:\n  extra_roots: here", "must be a list of folders"),
        ("skills:\n  extra_roots: [here]", "absolute or beginning with ~/, not 'here'"),
        ("skills:\n  extra_roots: [1]", "not 1 (quotes make it a text)"),
        ("skills:\n  extra_roots: [[/a]]", "not a list"),
        ("model: gpt-4", "line 1: model is a section, not a value"),
        ("model: [provider]", "line 1: model is a section, not a value"),
        ("timezone:\n  name: Europe/Berlin", "timezone must be an IANA time zone, not a section"),
        ("model:\n  default:", "line 2: model.default must be text, not empty"),
        ('model:\n  default: "a\\nb"', "several lines or a control character"),
        ("model:\n  default: a\n  default: b", "line 3: 'default' is set twice (first on line 2)"),
        ("model:\n  default: a\nmodel:\n  default: b", "line 3: 'model' is set twice"),
        ("model:\n\tdefault: a", "line 2: begins with a tab"),
        ("- model", "line 1: settings are expected here"),
        ("just words", "line 1: settings are expected here"),
        ("model: {default: x", "not valid YAML"),
        ("model:\n  default: 'x", "not valid YAML"),
        ("model:\n default: x\n  provider: offline", "not valid YAML"),
        ("model: &a {default: x}", "line 1: & and * (anchors)"),
        ("model:\n  default: *a", "line 2: & and * (anchors)"),
        ("model: {default: !!str 1}", "! (a tag)"),
        ("? [a]\n: b", "a key must be a plain word"),
        ("a: 1\n---\nb: 2", "line 2: a second document begins"),
        ("[" * 50_000, "line 1: nested too deeply"),
        ("model:\n  default: a\x07b", "line 2: a character that YAML does not allow"),
        ("x" * 300_000, "is larger than 256 KiB"),
        (b"model:\n  default: \xff\xfe", "line 2: not UTF-8 text"),
        ("model:\n  default: x".encode("utf-16"), "not UTF-8 text"),
        ("model.provider: offline", "write it so:\n  model:\n    provider: offline"),
        ("model:\n  api_key: sk-123456", "secrets belong in .env"),
        ("colour: blue", "known here: agent, api, approvals"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(home: Home, text: str | bytes, expected: str) -> None:
    assert expected in refused(home, text)


def test_a_password_in_an_address_is_refused_and_not_repeated(home: Home) -> None:
    said = refused(home, "model:\n  base_url: https://me:hunter2@x/v1\n")
    assert "keys belong in .env" in said
    assert "hunter2" not in said


def test_a_folder_in_the_place_of_the_file_is_named(home: Home) -> None:
    home.config.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(home, NO_ENVIRONMENT)


def test_a_wrong_type_shows_an_example_that_is_accepted(home: Home) -> None:
    for key, option in OPTIONS.items():
        said = refused(home, nested(key, "{a: b}"))
        assert option.accepts in said
        example = said.partition("for example:\n")[2]
        load(home, re.sub(r"^  ", "", example, flags=re.MULTILINE))


# Unknown keys


def nested(key: str, value: str = "x") -> str:
    names = key.split(".")
    lines = ["  " * depth + f"{name}:" for depth, name in enumerate(names)]
    return "\n".join(lines) + f" {value}\n"


def typos(word: str) -> list[str]:
    middle = len(word) // 2
    return [
        word[:middle] + word[middle + 1 :],
        word[:middle] + word[middle] + word[middle:],
        word[:middle] + "x" + word[middle + 1 :],
        word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :],
        word + "s",
        word.upper(),
        word.replace("_", "-") + "e",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("key", all_keys())
def test_typos_of_a_key_suggest_the_right_one_first(home: Home, key: str) -> None:
    section, _, name = key.rpartition(".")
    for typo in typos(name):
        wrong = f"{section}.{typo}" if section else typo
        if wrong not in OPTIONS:
            assert f"did you mean {key}" in refused(home, nested(wrong)), wrong


@pytest.mark.parametrize("section", sorted({key.split(".")[0] for key in OPTIONS if "." in key}))
def test_typos_of_a_section_suggest_the_right_one_first(home: Home, section: str) -> None:
    for typo in typos(section):
        said = refused(home, f"{typo}:\n  x: 1\n")
        assert re.search(rf"did you mean {section}[ ?]", said), said


def test_a_key_in_the_wrong_section_suggests_the_right_place(home: Home) -> None:
    for key in OPTIONS:
        name = key.rpartition(".")[2]
        places = [other for other in OPTIONS if other.rpartition(".")[2] == name]
        wrong = f"log.{name}" if f"log.{name}" not in OPTIONS else f"agent.{name}"
        said = refused(home, nested(wrong))
        assert any(place in said.partition("did you mean")[2] for place in places), (wrong, said)


# Malformed files, generated


def _without_colon(text: str, chance: random.Random) -> str:
    return _change_line(text, chance, lambda line: line.replace(":", "", 1))


def _tab(text: str, chance: random.Random) -> str:
    return _change_line(text, chance, lambda line: "\t" + line.lstrip())


def _typo(text: str, chance: random.Random) -> str:
    return _change_line(text, chance, lambda line: line.replace(":", "qx:", 1))


def _open_quote(text: str, chance: random.Random) -> str:
    return _change_line(text, chance, lambda line: line.partition(":")[0] + ": 'oops")


def _open_bracket(text: str, chance: random.Random) -> str:
    return _change_line(text, chance, lambda line: line.partition(":")[0] + ": [")


def _twice(text: str, chance: random.Random) -> str:
    return _change_line(text, chance, lambda line: f"{line}\n{line}")


def _wrong_value(text: str, chance: random.Random) -> str:
    values = ["-7", "1e99", "{}", "[[]]", "true", "99999999999999999999", "null"]
    value = chance.choice(values)
    return _change_line(text, chance, lambda line: f"{line.partition(':')[0]}: {value}")


def _control(text: str, chance: random.Random) -> str:
    return _change_line(text, chance, lambda line: line + chr(chance.choice([0, 1, 7, 27, 127])))


def _change_line(text: str, chance: random.Random, change: Callable[[str], str]) -> str:
    lines = text.splitlines()
    inner = [n for n, line in enumerate(lines) if line.startswith("  ") and line[-1] != ":"]
    number = chance.choice(inner)
    lines[number] = change(lines[number])
    return "\n".join(lines) + "\n"


_VALID = {"model.default": "some-model", "model.base_url": "http://localhost:1/v1"}
_BREAKS = [
    _without_colon, _tab, _typo, _open_quote, _open_bracket, _twice, _wrong_value, _control,
]  # fmt: skip


def _some_settings(chance: random.Random) -> str:
    """A valid file with two or three sections."""
    sections = sorted({key.rpartition(".")[0] for key in OPTIONS if "." in key})
    tree: dict[str, Any] = {}
    for section in chance.sample(sections, chance.randint(2, 3)):
        for key, option in OPTIONS.items():
            if key.rpartition(".")[0] == section:
                inside = tree
                for name in section.split("."):
                    inside = inside.setdefault(name, {})
                inside[key.rpartition(".")[2]] = (
                    _VALID.get(key) or option.example.rpartition(": ")[2]
                )
    return _written(tree)


def _written(tree: Mapping[str, Any], depth: int = 0) -> str:
    text = ""
    for name, value in tree.items():
        text += "  " * depth + f"{name}:"
        text += "\n" + _written(value, depth + 1) if isinstance(value, dict) else f" {value}\n"
    return text


@pytest.mark.parametrize("seed", range(200))
def test_a_generated_malformed_file_is_an_error_that_says_where(home: Home, seed: int) -> None:
    chance = random.Random(seed)
    valid = _some_settings(chance)
    expected = load(home, valid)
    neighbour = home.root / "neighbour.yaml"
    neighbour.write_text(valid)
    broken = _BREAKS[seed % len(_BREAKS)](valid, chance)
    assert re.search(r"line \d+: .{10}", refused(home, broken))
    assert neighbour.read_text() == valid
    assert load(home, valid) == expected


# Explaining


@pytest.mark.parametrize("key", all_keys())
def test_every_key_is_explained(home: Home, key: str) -> None:
    explanation = explain(home, NO_ENVIRONMENT, key)
    assert explanation.source == "default"
    assert explanation.value == explanation.default
    assert len(explanation.meaning) > 15
    assert explanation.type == OPTIONS[key].accepts


def test_a_set_key_is_explained_with_its_line(home: Home) -> None:
    home.config.write_text(FULL)
    explanation = explain(home, NO_ENVIRONMENT, "learning.checkpoint_every")
    assert (explanation.value, explanation.default) == (20, 15)
    assert explanation.source == "config.yaml line 8"
    assert "Tool calls between two self-evaluations" in explanation.meaning
    assert explain(home, NO_ENVIRONMENT, "timezone").source == "config.yaml line 19"
    assert explain(home, NO_ENVIRONMENT, "model.context_window").source == "default"


def test_an_unknown_key_is_not_explained_but_a_near_one_is_named(home: Home) -> None:
    with pytest.raises(SettingsError, match="did you mean learning.mode"):
        explain(home, NO_ENVIRONMENT, "learning.mod")


def test_a_secret_is_explained_without_its_value(home: Home) -> None:
    home.env.write_text("OPENAI_API_KEY=sk-hidden\n")
    home.env.chmod(0o600)
    explanation = explain(home, NO_ENVIRONMENT, "OPENAI_API_KEY")
    assert (explanation.value, explanation.source) == ("set", ".env")
    assert "sk-hidden" not in repr(explanation)
    environment = {"OPENAI_API_KEY": "sk-other"}
    assert explain(home, environment, "OPENAI_API_KEY").source == "environment"
    assert explain(home, environment, "NOUS_API_KEY").value == "not set"


# Setting a key


def _value_for(option: Option) -> str:
    return _VALID.get(option.key) or option.example.rpartition(": ")[2]


@pytest.mark.slow
@pytest.mark.parametrize("key", all_keys())
@pytest.mark.parametrize("text", [FULL, "", "# only a comment", FULL.replace("\n", "\r\n")])
def test_setting_a_key_changes_it_and_keeps_every_comment(home: Home, key: str, text: str) -> None:
    home.config.write_bytes(text.encode())
    before = _values(home)
    new = set_value(home, key, _value_for(OPTIONS[key]))
    assert home.config.read_bytes() == text.encode()
    home.config.write_bytes(new.encode())
    after = _values(home)
    assert {other for other in OPTIONS if before[other] != after[other]} <= {key}
    assert explain(home, NO_ENVIRONMENT, key).source.startswith("config.yaml line")
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    if key == "sandbox.write":  # a comment between the items of a list goes with the list
        comments = [line for line in comments if "two is for" not in line]
    assert [line for line in new.splitlines() if line.lstrip().startswith("#")] == comments
    assert new.count("\r\n") == (new.count("\n") if "\r\n" in text else 0)


def _values(home: Home) -> dict[str, object]:
    settings = load_settings(home, NO_ENVIRONMENT)
    return {key: reduce(getattr, key.split("."), settings) for key in OPTIONS}


def test_only_the_line_of_the_key_changes(home: Home) -> None:
    home.config.write_text(FULL)
    new = set_value(home, "model.provider", "offline")
    assert new == FULL.replace("provider: openai_chat ", "provider: offline ")
    new = set_value(home, "learning.mode", "off")
    assert new == FULL.replace("every: 20\n", "every: 20\n    mode: off\n")
    new = set_value(home, "compaction.threshold", "0.5")
    assert new == FULL.replace("compaction:\n", "compaction:\n  threshold: 0.5\n")
    new = set_value(home, "skills.catalog_tokens", "9")
    assert new == FULL.replace("tokens: 300", "tokens: 9")
    new = set_value(home, "sandbox.write", "~/a, /b c")
    assert '  write: [~/a, "/b c"]\ncompaction:' in new


@pytest.mark.parametrize(
    "value",
    ["qwen3:8b", "12", "true", "null", "a: b", "a # b", "'", '"', "ä ö", "- x", "", "[x]", "~"],
)
def test_any_text_survives_being_set(home: Home, value: str) -> None:
    home.config.write_text(set_value(home, "model.default", value))
    assert load_settings(home, NO_ENVIRONMENT).model.default == value


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("learning.mode", "sometimes", "must be one of auto, suggest, off"),
        ("learning.checkpoint_every", "many", "must be a whole number"),
        ("learning.mod", "auto", "did you mean learning.mode"),
        ("model", "x", "there is no setting 'model'"),
        ("skills.extra_roots", "[here]", "absolute"),
        ("skills.extra_roots", "[", "not valid YAML"),
        ("OPENAI_API_KEY", "sk-1", "secrets belong in .env"),
        ("model.default", "a\nb", "several lines"),
    ],
)
def test_a_value_that_cannot_be_set_is_refused(
    home: Home, key: str, value: str, expected: str
) -> None:
    home.config.write_text(FULL)
    with pytest.raises(SettingsError) as caught:
        set_value(home, key, value)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["model: {provider: offline,}\n", "{}\n...\n", "{}\n"],
)
def test_a_file_that_only_a_person_can_edit_is_left_alone(home: Home, text: str) -> None:
    home.config.write_text(text)
    load_settings(home, NO_ENVIRONMENT)
    with pytest.raises(SettingsError, match="edit the file"):
        set_value(home, "model.default", "x")
    assert home.config.read_text() == text


def test_a_broken_file_is_not_edited(home: Home) -> None:
    home.config.write_text("modle:\n  x: 1\n")
    with pytest.raises(SettingsError, match="did you mean model"):
        set_value(home, "model.default", "x")


def test_the_seeded_settings_are_valid_and_every_commented_line_too(home: Home) -> None:
    text = (Path(__file__).parents[1] / "hermes_home" / "seed" / "config.yaml").read_text()
    assert load(home, text) == Settings()
    bare = re.sub(r"^( *)# (?=[ a-z_]+:)", r"\1", text, flags=re.MULTILINE)
    bare = bare.replace("  provider: offline\n", "")
    settings = load(home, bare)
    assert settings.model.provider == "openai_chat"
    assert settings.timezone == "Europe/Berlin"
