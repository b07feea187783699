"""Secrets come from the environment or .env, and are shown nowhere."""

from __future__ import annotations

import random
import stat
import string

import pytest

from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets, load_secrets, write_secret


def load(home: Home, text: str | bytes, environment: dict[str, str] | None = None) -> Secrets:
    home.env.write_bytes(text.encode() if isinstance(text, str) else text)
    home.env.chmod(0o600)
    return load_secrets(home, environment or {})


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=abc", "abc"),
        ("export KEY=abc", "abc"),
        ("  KEY = abc  ", "abc"),
        ("KEY=abc # a comment", "abc"),
        ("KEY=abc#def", "abc#def"),
        ("KEY=a=b==", "a=b=="),
        ("KEY='a b # c'  # d", "a b # c"),
        ("KEY='a\\n'", "a\\n"),
        ('KEY="a \\"b\\" \\\\ c"', 'a "b" \\ c'),
        ('KEY="a\\nb"', "a\nb"),
        ('KEY=""', ""),
        ("KEY=", ""),
        ("KEY=# nothing", ""),
        ("\ufeffKEY=abc", "abc"),
        ("KEY=abc\r", "abc"),
        ("# c\n\n  # d\nKEY=abc", "abc"),
    ],
)
def test_a_line_is_read(home: Home, line: str, value: str) -> None:
    assert load(home, line + "\n").get("KEY") == value


def test_a_missing_file_has_no_secrets(home: Home) -> None:
    secrets = load_secrets(home, {})
    assert secrets.get("KEY") == ""
    assert secrets.source("KEY") == ""
    assert not home.env.exists()


def test_the_environment_comes_before_the_file_unless_it_is_empty(home: Home) -> None:
    secrets = load(home, "KEY=file\nOTHER=file\n", {"KEY": "env", "OTHER": ""})
    assert (secrets.get("KEY"), secrets.source("KEY")) == ("env", "environment")
    assert (secrets.get("OTHER"), secrets.source("OTHER")) == ("file", ".env")


@pytest.mark.parametrize(
    "line",
    [
        "sk-SECRET",
        "KEY",
        "KEY: SECRET",
        "sk-abc=SECRET",
        "2KEY=SECRET",
        "=SECRET",
        "KEY='SECRET",
        'KEY="SECRET',
        'KEY="SECRET\\"',
        "KEY='SECRET' more",
        "KEY=SEC'RET",
        "export SECRET",
        "KEY=1\nKEY=SECRET",
    ],
)
def test_a_malformed_line_is_named_by_number_and_not_repeated(home: Home, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(home, f"GOOD=1\n{line}\n")
    number = 2 + line.count("\n")
    assert f"{home.env} line {number}:" in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("data", [b"KEY=\xff\xfeSECRET", b"K=SECRET\n" * 40_000])
def test_a_file_that_is_no_text_or_too_large_is_an_error(home: Home, data: bytes) -> None:
    with pytest.raises(SettingsError) as caught:
        load(home, data)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_view_of_the_object_shows_a_value(home: Home) -> None:
    secrets = load(home, "KEY=hunter2\n", {"OTHER": "hunter3"})
    for view in (repr(secrets), str(secrets), f"{secrets}", str([secrets])):
        assert "hunter" not in view


def test_every_value_is_known_to_whoever_keeps_secrets_out_of_exports(home: Home) -> None:
    secrets = load(home, "KEY=file\nEMPTY=\n", {"KEY": "env", "PATH": "/bin"})
    assert sorted(secrets.values()) == ["env", "file"]


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o777])
def test_wide_permissions_are_repaired_and_told(home: Home, mode: int) -> None:
    home.env.write_text("KEY=a\n")
    home.env.chmod(mode)
    secrets = load_secrets(home, {})
    assert "could be read by other users" in secrets.warnings[0]
    assert stat.S_IMODE(home.env.stat().st_mode) & 0o077 == 0
    assert load_secrets(home, {}).warnings == ()


def test_writing_makes_a_private_file(home: Home) -> None:
    write_secret(home, "KEY", "abc")
    assert home.env.read_text() == "KEY=abc\n"
    assert stat.S_IMODE(home.env.stat().st_mode) == 0o600


def test_writing_keeps_every_other_line(home: Home) -> None:
    load(home, "# mine\nexport ONE='1'  # first\n\nKEY=old # was\nTWO = 2")
    write_secret(home, "KEY", "new")
    assert home.env.read_text() == "# mine\nexport ONE='1'  # first\n\nKEY=new\nTWO = 2"
    write_secret(home, "THREE", "3")
    assert home.env.read_text().endswith("TWO = 2\nTHREE=3\n")


def test_whatever_is_written_is_read_again(home: Home) -> None:
    chance = random.Random(7)
    signs = string.printable.strip() + " äß€"
    for _ in range(200):
        value = "".join(chance.choices(signs, k=chance.randint(0, 20)))
        write_secret(home, "KEY", value)
        assert load_secrets(home, {}).get("KEY") == value


@pytest.mark.parametrize("name", ["", "a b", "KEY=x", " KEY", "2KEY", "KEY\n", "export KEY", "é"])
def test_a_name_that_cannot_be_one_is_refused(home: Home, name: str) -> None:
    with pytest.raises(SettingsError):
        write_secret(home, name, "SECRET")
    assert not home.env.exists()


def test_a_value_of_several_lines_is_refused_and_not_repeated(home: Home) -> None:
    with pytest.raises(SettingsError) as caught:
        write_secret(home, "KEY", "SECRET\nOTHER=1")
    assert "SECRET" not in str(caught.value)


def test_a_malformed_file_is_not_written_to(home: Home) -> None:
    home.env.write_text("sk-SECRET\n")
    with pytest.raises(SettingsError):
        write_secret(home, "KEY", "a")
    assert home.env.read_text() == "sk-SECRET\n"


def test_a_linked_file_is_written_where_it_lies(home: Home) -> None:
    real = home.root.parent / "secrets.env"
    real.write_text("ONE=1\n")
    home.env.symlink_to(real)
    write_secret(home, "TWO", "2")
    assert home.env.is_symlink()
    assert real.read_text() == "ONE=1\nTWO=2\n"
