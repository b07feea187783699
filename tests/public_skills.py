"""Skills in the likeness of those people publish: how often each oddity occurs is as counted among
3,600 public ones, odd encodings more often."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

ORDINARY = """\
---
name: {name}
description: {description}
{more}---

# {title}

{body}
"""
WORDS = "sort parse fetch build merge audit trace label index clean draft share route probe".split()
THINGS = "logs invoices photos tables notes tickets images feeds queries shapes drafts maps".split()

Odd = Callable[[random.Random, dict[str, str]], None]


def _metadata(dice: random.Random, parts: dict[str, str]) -> None:
    inner = {
        "emoji": "🧭",
        "requires": {"bins": ["jq"], "env": ["API_KEY"]},
        "primaryEnv": "API_KEY",
    }
    kinds = (
        json.dumps({"openclaw": inner}),
        json.dumps({"author": "Ann", "version": "1.0"}),
        "'" + json.dumps({"clawdbot": inner}, ensure_ascii=True) + "'",
        "\n  openclaw:\n    requires:\n      bins: [jq, curl]\n    count: 3",
        '{\n    "openclaw": { "always": true, },\n  }',
    )
    parts["more"] += f"metadata: {dice.choice(kinds)}\n"


def _unknown(dice: random.Random, parts: dict[str, str]) -> None:
    lines = (
        *(
            "version: 1.2.0",
            "author: ann",
            "triggers: [report, weekly]",
            "homepage: https://x.example",
        ),
        *("tags:\n  - a\n  - b", "user-invocable: true", "argument-hint: '[file]'", "model: opus"),
    )
    for line in dice.sample(lines, dice.randint(1, 4)):
        parts["more"] += f"{line}\n"


def _renamed(dice: random.Random, parts: dict[str, str]) -> None:
    parts["folder"] = dice.choice(("skill", parts["name"] + "-main", "My Skill", "v2"))


def _bare(dice: random.Random, parts: dict[str, str]) -> None:
    parts["text"] = f"# {parts['title']}\n\n{parts['description']}\n\n{parts['body']}\n"


def _colon(dice: random.Random, parts: dict[str, str]) -> None:
    parts["description"] = f"Use when: {parts['description']} Note: it asks first"


def _capitals(dice: random.Random, parts: dict[str, str]) -> None:
    parts["name"] = parts["name"].title().replace("-", dice.choice("- _"))


def _tools(dice: random.Random, parts: dict[str, str]) -> None:
    kinds = ("\n  - Bash\n  - Read", " Bash, Read, Write", " [Bash, Read]")
    parts["more"] += f"allowed-tools:{dice.choice(kinds)}\n"


def _long(dice: random.Random, parts: dict[str, str]) -> None:
    parts["description"] = f"{parts['description']} " * 30


def _nameless(dice: random.Random, parts: dict[str, str]) -> None:
    parts["drop"] = dice.choice(("name", "description"))


def _unclosed(dice: random.Random, parts: dict[str, str]) -> None:
    parts["drop"] = "end"


def _encoded(dice: random.Random, parts: dict[str, str]) -> None:
    parts["body"] += "\n\nNaïve café, “quoted” – 10 €.\n"
    parts["encoding"] = dice.choice(("utf-8-sig", "utf-16", "cp1252", "crlf", "cr", "blank"))


ODDITIES: tuple[tuple[Odd, int], ...] = (
    (_metadata, 931),
    (_unknown, 475),
    (_renamed, 363),
    (_bare, 130),
    (_colon, 38),
    (_capitals, 43),
    (_tools, 40),
    (_long, 30),
    (_nameless, 12),
    (_unclosed, 6),
    (_encoded, 300),
)


def public_skill(dice: random.Random) -> tuple[str, bytes]:
    """A folder's name, and the bytes of its SKILL.md; one oddity at least, up to three."""
    name = f"{dice.choice(WORDS)}-{dice.choice(THINGS)}"
    parts = {
        "name": name,
        "folder": name,
        "title": name.replace("-", " ").title(),
        "description": f"Helps to {name.replace('-', ' ')} for a team. Use when asked.",
        "body": "1. Look at the input.\n2. Run `python scripts/run.py`.\n" * dice.randint(1, 40),
        "more": "",
    }
    odd, weights = zip(*ODDITIES, strict=True)
    for oddity in dict.fromkeys(dice.choices(odd, weights, k=dice.choice((1, 1, 2, 3)))):
        oddity(dice, parts)
    text = parts.get("text") or ORDINARY.format(**parts)
    drop = parts.get("drop")
    if drop == "end":
        text = text.replace("\n---\n", "\n", 1)
    elif drop:
        text = "".join(line for line in text.splitlines(True) if not line.startswith(f"{drop}:"))
    return parts["folder"], _bytes(text, parts.get("encoding", "utf-8"))


def _bytes(text: str, encoding: str) -> bytes:
    ends = {"crlf": "\r\n", "cr": "\r"}
    if encoding in ends:
        return text.replace("\n", ends[encoding]).encode()
    if encoding == "blank":
        return b"\n\n" + text.encode()
    return text.encode(encoding, "ignore")
