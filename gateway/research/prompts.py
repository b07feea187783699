"""The prompts of a batch, read from a file with one JSON object a line.

    {"prompt": "...", "id": "...", "workspace": "folder"}

`workspace` names the folder that the prompt's own is a copy of, from the file's folder on. Other
fields ride along into the result as `data`. A line without an id is named by its content, so ids
do not hang on the order of the lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from hermes_home.errors import UsageError

ID_CHARS = 200
NAMED = 10
"""So many faulty ids are named in a message."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One line. `template` is absolute, empty if there is none; `data` is what else it held."""

    id: str
    text: str
    template: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no prompt, numbered from 1, and why."""

    line: int
    problem: str


def read_prompts(path: Path, template: str = "") -> tuple[list[Prompt], list[Malformed]]:
    """The prompts in the order of the lines, and the lines that are none. `template`: for those
    that name no workspace. UsageError: the file cannot be read, or an id stands there twice."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    prompts: list[Prompt] = []
    malformed: list[Malformed] = []
    made: dict[str, int] = {}
    placed: dict[str, list[int]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _row(line)
            prompt = _prompt(row, path.parent, template)
        except ValueError as error:
            malformed.append(Malformed(number, str(error)))
            continue
        if not prompt.id:
            prompt = _named(prompt, row, made)
        placed.setdefault(prompt.id, []).append(number)
        prompts.append(prompt)
    _check_ids(path, placed)
    return prompts, malformed


def shard_of(id: str, count: int) -> int:
    """Which of `count` shards a prompt belongs to, from 1: a function of its id alone."""
    return int.from_bytes(sha256(id.encode("utf-8", "replace")).digest()[:8]) % count + 1


def order_of(id: str, seed: int) -> bytes:
    """Where a prompt stands when a seed decides."""
    return sha256(f"{seed}/{id}".encode("utf-8", "replace")).digest()


def seed_of(id: str, seed: int) -> int:
    """The seed of one prompt's requests: 31 bits, never 0."""
    return int.from_bytes(order_of(id, seed)[:4]) >> 1 or 1


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse)
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair, which is no character") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError("it is not a JSON object")
    return row


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _prompt(row: dict[str, Any], folder: Path, template: str) -> Prompt:
    """The prompt a row stands for, its id empty if it names none; ValueError says what is wrong."""
    text, id, place = row.get("prompt"), row.get("id", ""), row.get("workspace", "")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("`prompt` is missing, or no text")
    if isinstance(id, int) and not isinstance(id, bool):
        id = str(id)
    if not isinstance(id, str) or len(id) > ID_CHARS or not id.isprintable():
        raise ValueError(f"`id` is no text of at most {ID_CHARS} printable characters")
    if not isinstance(place, str):
        raise ValueError("`workspace` is no path")
    named = str((folder / Path(place).expanduser()).resolve()) if place else template
    if named and not Path(named).is_dir():
        raise ValueError(f"there is no folder {named}")
    rest = {key: value for key, value in row.items() if key not in ("prompt", "id", "workspace")}
    return Prompt(id, text, named, rest)


def _named(prompt: Prompt, row: dict[str, Any], made: dict[str, int]) -> Prompt:
    """Named by its content; the same again gets a number behind it."""
    text = json.dumps(row, sort_keys=True, ensure_ascii=True)
    name = f"p-{sha256(text.encode()).hexdigest()[:12]}"
    made[name] = made.get(name, 0) + 1
    id = name if made[name] == 1 else f"{name}-{made[name]}"
    return Prompt(id, prompt.text, prompt.template, prompt.data)


def _check_ids(path: Path, placed: dict[str, list[int]]) -> None:
    double = {id: lines for id, lines in placed.items() if len(lines) > 1}
    if not double:
        return
    named = [
        f"{id!r} on lines {', '.join(map(str, lines))}"
        for id, lines in list(double.items())[:NAMED]
    ]
    more = f", and {len(double) - NAMED} more" if len(double) > NAMED else ""
    raise UsageError(
        f"{path} has ids more than once: {'; '.join(named)}{more}",
        "Give each prompt an id of its own, or none.",
    )
