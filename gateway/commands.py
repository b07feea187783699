"""Slash commands, the same in the terminal and every channel. One function each, one table.

A skill's name is a command too, at once when its file appears.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from agent.events import SessionRenamed
from agent.inputs import RunOptions, Said, Stop, input_id
from gateway import reports
from gateway.chats import decisions
from gateway.chats.principals import OWNER
from gateway.cron.command import recurring
from gateway.learning import judging, noted
from gateway.learning.command import DECISIONS, learned
from gateway.slash import THE_OWNER, Call, Done, From, Listed
from hermes_home.errors import UsageError
from memory.chats import Chat

if TYPE_CHECKING:
    from gateway.app import App


Handler = Callable[[Call], Awaitable[Done]]

SHORT_CHARS = 100
"""Of a skill's description in a list."""


async def execute(
    app: App, session: str, text: str, options: RunOptions, by: From = THE_OWNER
) -> Done:
    """Carry out `/name words`; UsageError names the nearest command if there is no such one."""
    name, _, words = text.strip().removeprefix("/").partition(" ")
    name = "help" if by.chat and name == "start" else name  # messengers say it for a new chat
    call = Call(app, session, words.strip(), options, by)
    if name in _TABLE:
        if by.principal != OWNER and name not in _FOR_GUESTS:
            raise UsageError(f"/{name} is the owner's", "/help lists what is open to you.")
        return await _TABLE[name][1](call)
    if skill := app.library.by_slash(name):
        return await _say(call, call.words or f"Use the skill {skill}.", skills=(skill,))
    if reason := app.library.unmet().get(name):
        raise UsageError(f"the skill {name} cannot work here", f"It {reason}.")
    reports.refuse_archived(app, name)
    known = [listed.name for listed in listing(app, by)]
    near = get_close_matches(f"/{name}", known, 1)
    raise UsageError(
        f"there is no command /{name}", f"Did you mean {near[0]}?" if near else "/help lists them."
    )


def addressed(text: str) -> str:
    """`/name@bot words` as `/name words`, as groups write it."""
    name, space, words = text.strip().partition(" ")
    return name.partition("@")[0].lower() + space + words


def listing(app: App, by: From = THE_OWNER) -> list[Listed]:
    """Every command that works here, then every skill."""
    rows = [
        Listed(f"/{name}", summary, "command")
        for name, (summary, _) in _TABLE.items()
        if (by.principal == OWNER or name in _FOR_GUESTS) and (by.chat or name not in _FOR_CHATS)
    ]
    for skill in app.library.usable().values():
        rows.append(Listed(f"/{skill.name}", skill.description, "skill"))
    return rows


async def _help(call: Call) -> Done:
    rows = listing(call.app, call.by)
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
    return await _submit(call, Stop(id=_id(call), principal=call.by.principal))


async def _steer(call: Call) -> Done:
    return await _say(call, _needed(call, "/steer TEXT"))


async def _queue(call: Call) -> Done:
    text = _needed(call, "/queue TEXT")
    said = Said(
        id=_id(call), text=text, mode="queue", options=call.options, principal=call.by.principal
    )
    return await _submit(call, said)


async def _title(call: Call) -> Done:
    title = _needed(call, "/title TEXT")[:200]
    await call.app.record(SessionRenamed(title=title), call.session, "")
    return Done(f"This session is called “{title}”.")


async def _resume(call: Call) -> Done:
    if call.words:
        row = await reports.session_row(call.app, call.words)
        if call.app.journal.principal(row["id"]) not in ("", OWNER):
            raise UsageError("this session is a guest's", "Answer there, or begin one with /new.")
        return Done(f"“{row['title']}”", session=row["id"])
    rows = await reports.sessions(call.app, limit=10)
    return Done("\n".join(f"{row['id']}  {row['title']}" for row in rows))


async def _good(call: Call) -> Done:
    return await _judge(call, good=True)


async def _bad(call: Call) -> Done:
    return await _judge(call, good=False)


async def _judge(call: Call, *, good: bool) -> Done:
    by, why = call.by.principal, call.words
    return Done(await judging.judge(call.app, call.session, good=good, by=by, reason=why))


async def _usage(call: Call) -> Done:
    return Done(await reports.usage_text(call.app, call.session))


async def _approve(call: Call) -> Done:
    return await _decide(call, allow=True)


async def _deny(call: Call) -> Done:
    return await _decide(call, allow=False)


async def _decide(call: Call, *, allow: bool) -> Done:
    key = call.by.key or f"decision {uuid4().hex}"
    decide = decisions.decide
    return Done(await decide(call.app, call.by.principal, call.session, allow, call.words, key))


async def _busy(call: Call) -> Done:
    chat = call.by.chat
    if chat is None:
        raise UsageError("/busy is for chats", "In a terminal, say /steer TEXT or /queue TEXT.")
    if call.words and call.words not in _BUSY:
        raise UsageError("usage: /busy steer|queue|interrupt")
    if call.words:
        await call.app.chats.set_busy(chat.address, chat.principal, call.words)
    busy = call.words or chat.busy or _busy_by_default(call.app, chat)
    return Done(f"While I work on something, a message here {_BUSY[busy]} ({busy}).")


def _busy_by_default(app: App, chat: Chat) -> str:
    section = getattr(app.settings.channels, chat.address.partition("/")[0], None)
    return getattr(section, "busy", "steer")


async def _status(call: Call) -> Done:
    return Done(await status_text(call.app))


async def status_text(app: App) -> str:
    """The state of the home in a few lines."""
    status = await reports.status(app)
    model = status["model"]
    named = " ".join(dict.fromkeys((model["provider"], model["model"])))
    lines = [
        f"model      {named}, {model['context_window']:,} tokens",
        f"sandbox    {status['sandbox']}",
        f"learning   {status['learning']}",
        f"sessions   {status['sessions']}, working: {len(status['working'])}",
    ]
    lines += [f"channel    {row['name']}: {row['state']}" for row in status["channels"]]
    return "\n".join([*lines, *(f"warning    {text}" for text in status["warnings"])])


async def _skills(call: Call) -> Done:
    skills = call.app.library.usable().values()
    lines = [f"/{skill.name}  {_short(skill.description)}" for skill in skills]
    return Done("\n".join(lines) or "There are no skills yet.")


def _short(text: str) -> str:
    return text if len(text) <= SHORT_CHARS else f"{text[: SHORT_CHARS - 1].rstrip()}…"


async def _memory(call: Call) -> Done:
    rows = await noted.notes(call.app)
    parts = []
    for target in ("user", "memory"):
        texts = [f"- {row['text']}" for row in rows[target]] or ["- nothing yet"]
        parts.append("\n".join([f"{target}:", *texts]))
    return Done("\n\n".join(parts))


async def _say(call: Call, text: str, skills: tuple[str, ...] = ()) -> Done:
    options = msgspec.structs.replace(call.options, skills=(*call.options.skills, *skills))
    said = Said(id=_id(call), text=text, options=options, principal=call.by.principal)
    return await _submit(call, said)


async def _submit(call: Call, input: Said | Stop) -> Done:
    source = call.by.chat.address if call.by.chat else "command"
    key = call.by.key
    receipt = await call.app.router.submit(call.session, input, source=source, key=key)
    return Done(input=receipt.id, after=receipt.after_seq)


def _needed(call: Call, usage: str) -> str:
    if not call.words:
        raise UsageError(f"usage: {usage}")
    return call.words


def _id(call: Call) -> str:
    return input_id(call.by.key) if call.by.key else f"i{uuid4().hex[:16]}"


_TABLE: dict[str, tuple[str, Handler]] = {
    "help": ("what can be said here", _help),
    "new": ("a new session", _new),
    "stop": ("end the run now", _stop),
    "steer": ("TEXT: join the run that works", _steer),
    "queue": ("TEXT: after the run", _queue),
    "busy": ("[steer|queue|interrupt]: what a message does while a run works", _busy),
    "approve": ("[NUMBER] [session]: allow what waits for you", _approve),
    "deny": ("[NUMBER] [REASON]: do not allow it", _deny),
    "title": ("TEXT: name this session", _title),
    "resume": ("[SESSION]: go on with an earlier one", _resume),
    "good": ("[WHY]: the last answer was right", _good),
    "bad": ("[WHY]: the last answer was not", _bad),
    "usage": ("tokens of this session and of today", _usage),
    "status": ("model, sandbox, what is working", _status),
    "learned": (f"[ID], or {', '.join(DECISIONS)} ID: what was learned", learned),
    "skills": ("what it knows how to do", _skills),
    "memory": ("what it remembers", _memory),
    "cron": ('[create "WHEN" TASK, or run, pause, resume, remove NAME]: recurring work', recurring),
}

_FOR_GUESTS = frozenset({"help", "new", "stop", "steer", "queue", "busy", "title"})
_BUSY = {
    "steer": "joins it",
    "queue": "waits until it is done",
    "interrupt": "ends it and takes its place",
}
_FOR_CHATS = frozenset({"busy", "approve", "deny"})
