"""Keys and passwords: from the environment, else from .env. Their values are never shown."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from hermes_home.errors import SettingsError
from hermes_home.files import put
from hermes_home.paths import Home

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE = re.compile(rf"\s*(?:export\s+)?(?P<name>{_NAME.pattern})\s*=\s*(?P<value>.*)")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ESCAPES = {"n": "\n", "t": "\t"}
_PLAIN = re.compile(r"[A-Za-z0-9_./:+=@%,-]+")
_LARGEST = 256 * 1024


class Secrets:
    """Secrets by their usual names. `warnings` is for the owner."""

    def __init__(
        self,
        file: Mapping[str, str],
        environment: Mapping[str, str],
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._file = file
        self._environment = environment
        self.warnings = warnings

    def get(self, name: str) -> str:
        """The value, or an empty text if it is not set anywhere."""
        return self._environment.get(name) or self._file.get(name, "")

    def names(self) -> list[str]:
        """Those in .env."""
        return list(self._file)

    def source(self, name: str) -> str:
        """`environment`, `.env`, or empty if it is not set."""
        if self._environment.get(name):
            return "environment"
        return ".env" if self._file.get(name) else ""

    def values(self) -> list[str]:
        """Every value in .env and of its names in the environment: what must not leave."""
        names = self._file.keys()
        found = [*self._file.values(), *(self._environment.get(name, "") for name in names)]
        return [value for value in found if value]

    def __repr__(self) -> str:
        return f"Secrets({len(self._file)} in .env)"


def load_secrets(home: Home, environment: Mapping[str, str]) -> Secrets:
    """Read .env, and take other users' access to it. SettingsError names a malformed line."""
    text = _read(home.env)
    values = {name: value for name, value, _ in _entries(text, home.env)}
    return Secrets(values, environment, _close_to_others(home.env))


def write_secret(home: Home, name: str, value: str) -> None:
    """Set one secret in .env; the other lines keep their bytes. SettingsError: not a name, a
    value of several lines, or a file that cannot be understood."""
    if not _NAME.fullmatch(name):
        raise SettingsError("this cannot be a secret's name", "for example: OPENAI_API_KEY")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
        raise SettingsError(f"the value of {name} has several lines or a control character")
    text = _read(home.env)
    line = f"{name}={_quoted(value)}\n"
    lines = text.splitlines(keepends=True)
    numbers = [number for known, _, number in _entries(text, home.env) if known == name]
    if numbers:
        lines[numbers[0] - 1] = line
    else:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(line)
    put(home.env.resolve(), "".join(lines).encode())


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise SettingsError(f"{path} is larger than {_LARGEST // 1024} KiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # `from None`: the exception holds the file's bytes
        raise SettingsError(f"{path} is not UTF-8 text", "save the file as UTF-8") from None


def _entries(text: str, path: Path) -> list[tuple[str, str, int]]:
    """(name, value, 1-based line) of each secret."""
    found: dict[str, tuple[str, str, int]] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        value = _value(match["value"].strip()) if match else None
        if match is None or value is None:
            raise SettingsError(
                f"{path} line {number}: not of the form NAME=value",
                "one secret a line; a value with # or quotes in it stands in quotes",
            )
        if (name := match["name"]) in found:
            raise SettingsError(
                f"{path} line {number}: {name} is set twice (first on line {found[name][2]})",
                "keep one of them",
            )
        found[name] = (name, value, number)
    return list(found.values())


def _value(written: str) -> str | None:
    """What is meant by the right side; None if a quote is left open or text follows it."""
    if written.startswith('"'):
        match = _DOUBLE.fullmatch(written)
        return match and re.sub(
            r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), match[1]
        )
    if written.startswith("'"):
        match = _SINGLE.fullmatch(written)
        return match and match[1]
    value = _COMMENT.sub("", written)
    return None if any(quote in value for quote in "\"'") else value.strip()


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _close_to_others(path: Path) -> tuple[str, ...]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return ()
    if not mode & 0o077:
        return ()
    try:
        path.chmod(mode & 0o700)
    except OSError:
        return (f"{path} can be read by other users; run: chmod 600 {path}",)
    return (f"{path} could be read by other users; its mode is 600 now",)
