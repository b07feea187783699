"""The bytes of a SKILL.md as text: UTF-8, or what else people save; the oddity is told."""

from __future__ import annotations

import codecs

from hermes_home.errors import SkillError
from skills.diagnostic import Diagnostic

_MARKED = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(data: bytes) -> tuple[str, tuple[Diagnostic, ...]]:
    """The text, and what is odd about its encoding. SkillError, with the line, if it is none."""
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    encoding = next((name for mark, name in _MARKED if data.startswith(mark)), "cp1252")
    if encoding == "cp1252" and b"\0" in data:
        raise _unreadable(line)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise _unreadable(line) from None
    return text, (Diagnostic("warning", f"is not UTF-8; read as {encoding}", line),)


def _unreadable(line: int) -> SkillError:
    return SkillError(f"line {line}: is not UTF-8", "save the file as UTF-8")
