"""The words of one step as tool calls: one small reader per verb, in a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from agent.providers.offline.plan import Action, Step
from agent.providers.offline.text import is_path, spans

_QUOTED = r"""(?:`[^`\n]+`|"[^"\n]*"|“[^”\n]*”|'[^'\n]*')"""
_VALUE = rf"(?:{_QUOTED}|[^\s,;]+)"
_FORGIVING = re.compile(r"\b(?:ignor\w+|never mind) (?:any |all )?(?:errors?|failures?)\b", re.I)
_TELL = re.compile(
    r"(?:tell|show|report|give|summari[sz]e|print)\b(?: me)?(?: (?:the|a|an|what|it|your))?"
    r"(?: (?:output|results?|it|summary|answer|last|says?|is in it|it says|happened|was done))*\W*",
    re.I,
)
_BACKGROUND = re.compile(r"\s+in the background\b", re.I)
_RUN = re.compile(r"(?:(?:run|execute|do|call|try|start)(?: the)?(?: commands?)?\s*:?\s*)?", re.I)
_OR = re.compile(
    r"[\s,;.(]*(?:or|else|otherwise|if (?:that|it) fails)\b[\s,:]*(?:(?:run|try)\s+)?", re.I
)
_HARMLESS = re.compile(
    r"[\s.,;:)]*(?:(?:(?:to|so that|which|again|once|and (?:show|tell|report|print|note))\b"
    r"|[—–(]).*)?",
    re.I | re.S,
)
_ABOUT_PERSON = re.compile(r"\b(?:i|i'm|i’m|i've|my|me|mine|myself)\b", re.I)

Reader = Callable[[re.Match[str]], tuple[Action, ...] | None]


def step_of(words: str, blocks: tuple[str, ...] = ()) -> Step | None:
    """One step in words, with the fenced blocks that follow it; None if no rule knows it."""
    label = " ".join(words.split())[:200]
    forgiving = bool(_FORGIVING.search(words))
    bare = _FORGIVING.sub("", words).strip(" \n\t.,;()") if forgiving else words.strip()
    bare = re.sub(r"^(?:please|now|also|and)\b,?\s*", "", bare, flags=re.I)
    background = bool(_BACKGROUND.search(bare))
    bare = re.sub(r"(?<=\S)\.$", "", bare)
    ways = _ways(_BACKGROUND.sub("", bare), blocks)
    if ways:
        more = {"background": True} if background else {}
        tries = tuple((Action("shell", {"command": way} | more, way),) for way in ways)
        return Step(label, tries, forgiving)
    if _TELL.fullmatch(bare):
        return Step(label, ((),))
    for pattern, reader in _READERS:
        found = pattern.fullmatch(bare)
        actions = _with_block(found, blocks) or (reader(found) if found else None)
        if actions:
            return Step(label, (actions,), forgiving)
    return None


def shell(command: str, source: str = "", check: bool = False) -> Action:
    return Action("shell", {"command": command}, source or command, check)


def remember(text: str) -> Action:
    """A note: about the person if the words say so, else for everything."""
    target = "user" if _ABOUT_PERSON.search(text) else "memory"
    return Action("memory", {"operations": [{"action": "add", "target": target, "text": text}]})


def unquoted(value: str) -> str:
    pairs = ("``", '""', "“”", "''")
    if len(value) >= 2 and value[0] + value[-1] in pairs:
        return value[1:-1]
    return value


def _ways(bare: str, blocks: tuple[str, ...]) -> list[str]:
    """The commands of "run `a`, or: `b`", "`a`", or "run:" with blocks; none for other verbs, and
    none if words remain that might be a condition."""
    found = [span for span in spans(bare) if span.code.strip()]
    opening = bare[: found[0].start] if found else bare
    runs = _RUN.fullmatch(opening)
    if not found:
        return list(blocks) if runs and opening.strip() else _bare_command(bare)
    if not runs or not _HARMLESS.fullmatch(bare[found[-1].end :]):
        return []
    between = (bare[a.end : b.start] for a, b in zip(found, found[1:], strict=False))
    return [span.code for span in found] if all(map(_OR.fullmatch, between)) else []


def _bare_command(bare: str) -> list[str]:
    found = re.fullmatch(
        r"(?:run|execute)(?: the command)?:?\s+(?!the\b|a\b|an\b|my\b|all\b)(.+)", bare, re.I
    )
    return [found[1]] if found else []


def _with_block(found: re.Match[str] | None, blocks: tuple[str, ...]) -> tuple[Action, ...] | None:
    """`write FILE:` followed by a fenced block."""
    named = found.groupdict() if found else {}
    if not blocks or "file_for_block" not in named:
        return None
    path = unquoted(named["file_for_block"]).rstrip(":")
    return (Action("write_file", {"path": path, "content": blocks[0] + "\n"}),)


def _write(found: re.Match[str]) -> tuple[Action, ...] | None:
    content, path = unquoted(found["text"]), unquoted(found["path"]).rstrip(":")
    return (Action("write_file", {"path": path, "content": content}),) if path else None


def _patch(found: re.Match[str]) -> tuple[Action, ...]:
    arguments: dict[str, Any] = {
        "path": unquoted(found["path"]),
        "old_text": unquoted(found["old"]),
        "new_text": unquoted(found["new"]),
    }
    if found["all"]:
        arguments["all"] = True
    return (Action("patch", arguments),)


def _read(found: re.Match[str]) -> tuple[Action, ...] | None:
    names = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", found["paths"])
    files = [unquoted(name) for name in names if name.strip()]
    sure = found["paths"][:1] in "`\"'" or all(is_path(name) or name.isupper() for name in files)
    return tuple(Action("read_file", {"path": name}) for name in files) if sure else None


def _search(found: re.Match[str]) -> tuple[Action, ...]:
    pattern = unquoted(found["pattern"])
    kind = "name" if found["named"] else "content"
    arguments = {"pattern": pattern, "kind": kind}
    if found["path"]:
        arguments["path"] = unquoted(found["path"])
    return (Action("search_files", arguments),)


def _find_files(found: re.Match[str]) -> tuple[Action, ...] | None:
    pattern = unquoted(found["pattern"])
    if not is_path(pattern):
        return None
    arguments = {"pattern": pattern, "kind": "name"}
    if found["path"]:
        arguments["path"] = unquoted(found["path"])
    return (Action("search_files", arguments),)


def _list(found: re.Match[str]) -> tuple[Action, ...]:
    arguments = {"pattern": "*", "kind": "name"}
    if found["path"]:
        arguments["path"] = unquoted(found["path"])
    return (Action("search_files", arguments),)


def _load(found: re.Match[str]) -> tuple[Action, ...]:
    return (Action("skill_view", {"name": unquoted(found["name"]).lstrip("/")}),)


def _ask(found: re.Match[str]) -> tuple[Action, ...]:
    return (Action("ask", {"question": unquoted(found["text"].strip())}),)


def _remember(found: re.Match[str]) -> tuple[Action, ...]:
    return (remember(found["text"].strip()),)


def _forget(found: re.Match[str]) -> tuple[Action, ...]:
    text = found["text"].strip()
    target = "user" if _ABOUT_PERSON.search(text) else "memory"
    return (forget(unquoted(text), target),)


def forget(text: str, target: str) -> Action:
    return Action(
        "memory", {"operations": [{"action": "remove", "target": target, "old_text": text}]}
    )


def _fetch(found: re.Match[str]) -> tuple[Action, ...]:
    return (Action("web_fetch", {"url": unquoted(found["url"])}),)


def _search_web(found: re.Match[str]) -> tuple[Action, ...]:
    return (Action("web_search", {"query": unquoted(found["query"].strip())}),)


def _rule(pattern: str, reader: Reader) -> tuple[re.Pattern[str], Reader]:
    return re.compile(pattern, re.I | re.S), reader


_IN = rf"(?:\s+(?:in|under|from|of|below)\s+(?:the\s+)?(?:folder\s+)?(?P<path>{_VALUE}))?"
_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    _rule(
        rf"(?:write|create|save)\s+(?:the\s+)?(?:file\s+)?(?P<file_for_block>{_VALUE})(?:\s+with)?\s*:?",
        lambda _: None,
    ),
    _rule(
        rf"(?:write|save|put)\s+(?P<text>{_QUOTED})\s+(?:to|into|in)\s+(?P<path>{_VALUE})", _write
    ),
    _rule(
        rf"(?:write|create|save)\s+(?:the\s+)?(?:file\s+)?(?P<path>[^\s,;]+?|{_QUOTED})"
        rf"(?::|\s+with(?: the text)?:?|\s*:)\s+(?P<text>.+)",
        _write,
    ),
    _rule(
        rf"(?:patch|replace|change)\s+(?P<old>{_QUOTED})\s+(?:with|by|to)\s+(?P<new>{_QUOTED})"
        rf"\s+in\s+(?P<path>{_VALUE})(?P<all>\s+(?:everywhere|\(?all\)?))?",
        _patch,
    ),
    _rule(
        r"(?:fetch|read|show|open|get|visit)\s+(?:me\s+)?(?:the\s+)?(?:web\s*)?(?:page\s+|site\s+)?"
        r"(?P<url>[`\"']?https?://[^\s`\"'<>]+[`\"']?)",
        _fetch,
    ),
    _rule(
        r"(?:search|ask|look at)\s+the\s+(?:web|internet)\s+(?:for|about)\s+(?P<query>.+)",
        _search_web,
    ),
    _rule(
        r"(?:search(?:\s+for)?|find|look\s+up)\s+(?P<query>.+?)\s+(?:on|in)\s+the\s+(?:web|internet)",
        _search_web,
    ),
    _rule(
        rf"(?:read|show|open|cat|print)\s+(?:me\s+)?(?:the\s+)?(?:file\s+)?(?P<paths>{_VALUE}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){_VALUE})*)",
        _read,
    ),
    _rule(rf"(?:list|show)\s+(?:me\s+)?(?:the\s+|all\s+)*files{_IN}", _list),
    _rule(
        rf"(?:find|search(?:\s+for)?)\s+(?:all\s+)?(?P<named>files\s+(?:named|called|like)\s+)(?P<pattern>{_VALUE}){_IN}",
        _search,
    ),
    _rule(
        rf"(?:search|find|grep)(?:\s+for)?\s+(?P<named>(?!))?(?P<pattern>{_QUOTED}){_IN}", _search
    ),
    _rule(rf"(?:find|locate)\s+(?:the\s+)?(?:file\s+)?(?P<pattern>{_VALUE}){_IN}", _find_files),
    _rule(
        rf"(?:search|find|grep)(?:\s+for)?\s+(?P<named>(?!))?(?P<pattern>{_VALUE}){_IN.removesuffix('?')}",
        _search,
    ),
    _rule(r"(?:remember|note)(?:\s+that|\s*:)?\s+(?P<text>.+)", _remember),
    _rule(r"forget(?:\s+that|\s+about|\s*:)?\s+(?P<text>.+)", _forget),
    _rule(rf"(?:load|use)\s+(?:the\s+)?skill\s+(?P<name>{_VALUE})", _load),
    _rule(rf"ask(?:\s+me|\s+the\s+user)?(?:\s+whether|\s+if)?\s*:?\s+(?P<text>{_QUOTED}|.+)", _ask),
)
