"""Slash commands, the same in the terminal and every channel. One function each, one table.

A skill's name is a command too, at once when its file appears.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from agent.events import SessionRenamed
from agent.inputs import RunOptions, Said, Stop
from gateway import reports
from hermes_home.errors import UsageError

if TYPE_CHECKING:
    from gateway.app import App


class Done(msgspec.Struct):
    """What a command did. `session`: switch there; `input`: it started or steered a run, whose
    events follow `after`."""

    text: str = ""
    session: str = ""
    input: str = ""
    after: int = 0


class Listed(msgspec.Struct):
    name: str
    summary: str
    kind: str


@dataclass(frozen=True)
class Call:
    """One use of a command: where, with what words behind it, and how a run would be made."""

    app: App
    session: str
    words: str
    options: RunOptions


Handler = Callable[[Call], Awaitable[Done]]


async def execute(app: App, session: str, text: str, options: RunOptions) -> Done:
    """Carry out `/name words`; UsageError names the nearest command if there is no such one."""
    name, _, words = text.strip().removeprefix("/").partition(" ")
    call = Call(app, session, words.strip(), options)
    if name in _TABLE:
        return await _TABLE[name][1](call)
    if skill := app.library.by_slash(name):
        return await _say(call, call.words or f"Use the skill {skill}.", skills=(skill,))
    known = [listed.name for listed in listing(app)]
    near = get_close_matches(f"/{name}", known, 1)
    raise UsageError(
        f"there is no command /{name}", f"Did you mean {near[0]}?" if near else "/help lists them."
    )


def listing(app: App) -> list[Listed]:
    """Every command that works here, then every skill."""
    rows = [Listed(f"/{name}", summary, "command") for name, (summary, _) in _TABLE.items()]
    for row in reports.skills(app):
        rows.append(Listed(f"/{row['name']}", row["description"], "skill"))
    return rows


async def _help(call: Call) -> Done:
    rows = listing(call.app)
    commands = [f"{row.name:<12} {row.summary}" for row in rows if row.kind == "command"]
    skills = [row.name for row in rows if row.kind == "skill"]
    more = f"\nSkills: {', '.join(skills[:40])}" if skills else ""
    return Done("\n".join(commands) + more)


async def _new(call: Call) -> Done:
    row = await reports.session_row(call.app, call.session)
    cwd = Path(call.options.cwd or row["cwd"])
    id = await call.app.router.open_session(row["source"], cwd, call.words)
    return Done("A new session.", session=id)


async def _stop(call: Call) -> Done:
    return await _submit(call, Stop(id=_id()))


async def _steer(call: Call) -> Done:
    return await _say(call, _needed(call, "/steer TEXT"))


async def _queue(call: Call) -> Done:
    text = _needed(call, "/queue TEXT")
    return await _submit(call, Said(id=_id(), text=text, mode="queue", options=call.options))


async def _title(call: Call) -> Done:
    title = _needed(call, "/title TEXT")[:200]
    await call.app.record(SessionRenamed(title=title), call.session, "")
    return Done(f"This session is called “{title}”.")


async def _resume(call: Call) -> Done:
    if call.words:
        row = await reports.session_row(call.app, call.words)
        return Done(f"“{row['title']}”", session=row["id"])
    rows = await reports.sessions(call.app, limit=10)
    return Done("\n".join(f"{row['id']}  {row['title']}" for row in rows))


async def _usage(call: Call) -> Done:
    return Done(await reports.usage_text(call.app, call.session))


async def _status(call: Call) -> Done:
    status = await reports.status(call.app)
    model = status["model"]
    lines = [
        f"model      {model['provider']} {model['model']}, {model['context_window']:,} tokens",
        f"sandbox    {status['sandbox']}",
        f"learning   {status['learning']}",
        f"sessions   {status['sessions']}, working: {len(status['working'])}",
    ]
    return Done("\n".join([*lines, *(f"warning    {text}" for text in status["warnings"])]))


async def _learned(call: Call) -> Done:
    rows = await reports.changes(call.app)
    lines = [
        f"{row['id']:>6}  {row['kind']:<7}{row['action']:<10}{row['status']:<10}{row['name']}"
        for row in rows[:20]
    ]
    return Done("\n".join(lines) or "Nothing was learned yet.")


async def _skills(call: Call) -> Done:
    rows = reports.skills(call.app)
    lines = [f"/{row['name']}  {row['description'][:100]}" for row in rows]
    return Done("\n".join(lines) or "There are no skills yet.")


async def _memory(call: Call) -> Done:
    rows = await reports.notes(call.app)
    parts = []
    for target in ("user", "memory"):
        parts.append(f"{target}:")
        parts += [f"- {row['text']}" for row in rows[target]] or ["- nothing yet"]
    return Done("\n".join(parts))


async def _say(call: Call, text: str, skills: tuple[str, ...] = ()) -> Done:
    options = msgspec.structs.replace(call.options, skills=(*call.options.skills, *skills))
    return await _submit(call, Said(id=_id(), text=text, options=options))


async def _submit(call: Call, input: Said | Stop) -> Done:
    receipt = await call.app.router.submit(call.session, input, source="command")
    return Done(input=receipt.id, after=receipt.after_seq)


def _needed(call: Call, usage: str) -> str:
    if not call.words:
        raise UsageError(f"usage: {usage}")
    return call.words


def _id() -> str:
    return f"i{uuid4().hex[:16]}"


_TABLE: dict[str, tuple[str, Handler]] = {
    "help": ("what can be said here", _help),
    "new": ("a new session", _new),
    "stop": ("end the run now", _stop),
    "steer": ("TEXT: join the run that works", _steer),
    "queue": ("TEXT: after the run", _queue),
    "title": ("TEXT: name this session", _title),
    "resume": ("[SESSION]: go on with an earlier one", _resume),
    "usage": ("tokens of this session and of today", _usage),
    "status": ("model, sandbox, what is working", _status),
    "learned": ("what was learned lately", _learned),
    "skills": ("what it knows how to do", _skills),
    "memory": ("what it remembers", _memory),
}
