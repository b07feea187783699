"""Commits as text: what git is told to make them, and what it prints about them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hermes_home.tracked import Content

BRANCH = "refs/heads/main"
LOG_FORMAT = "%x1e%H%x1f%ct%x1f%B%x1f"
"""For `git log -z --name-only`; read by `parse_log`."""
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_AUTHOR = "Hermes <hermes@localhost>"


@dataclass(frozen=True, slots=True)
class Commit:
    """One batch of changes. change: the id of the learned change, 0 for any other."""

    id: str
    at: datetime
    actor: str
    session: str
    reason: str
    change: int
    paths: tuple[str, ...]


def message(paths: Sequence[str], trailers: Mapping[str, str]) -> str:
    """A commit's message: the reason as its subject, then one line for each trailer."""
    lines = {key: " ".join(_UNPRINTABLE.sub(" ", text).split()) for key, text in trailers.items()}
    subject = lines.get("Reason") or f"changed {', '.join(paths[:3])}"
    return f"{subject[:100]}\n\n" + "".join(f"{key}: {lines[key]}\n" for key in lines if lines[key])


def commit_text(
    message: str, at: datetime, changes: Mapping[str, Content | None], *, follows: bool
) -> bytes:
    """One commit in fast-import's language. follows: the branch has a commit from before this
    stream."""
    text = message.encode("utf-8", "replace")
    head = f"commit {BRANCH}\ncommitter {_AUTHOR} {int(at.timestamp())} +0000\n"
    parts = [head.encode(), b"data %d\n" % len(text), text, b"\n"]
    if follows:
        parts.append(f"from {BRANCH}^0\n".encode())
    # Removals first: a folder may have become a file of the same name.
    for path in sorted(changes, key=lambda path: changes[path] is not None):
        content = changes[path]
        if content is None:
            parts.append(b"D %s\n" % _quoted(path))
        else:
            parts.append(b"M %s inline %s\n" % (content.mode.encode(), _quoted(path)))
            parts += [b"data %d\n" % len(content.data), content.data, b"\n"]
    return b"".join(parts)


def parse_log(output: str) -> list[Commit]:
    return [_commit(record) for record in output.split("\x1e")[1:]]


def _commit(record: str) -> Commit:
    id, at, message, names = record.split("\x1f", 3)
    subject, _, rest = message.partition("\n")
    trailers: dict[str, str] = {}
    for line in rest.splitlines():
        key, separator, value = line.partition(": ")
        if separator:
            trailers[key] = value
    change = trailers.get("Change", "")
    return Commit(
        id=id,
        at=datetime.fromtimestamp(int(at), UTC),
        actor=trailers.get("Actor", "owner"),  # without one it was committed by hand
        session=trailers.get("Session", ""),
        reason=trailers.get("Reason", subject),
        change=int(change) if change.isdecimal() else 0,
        paths=tuple(name for name in names.lstrip("\0\n").split("\0") if name),
    )


def _quoted(path: str) -> bytes:
    text = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + text.replace(b"\n", b"\\n") + b'"'
