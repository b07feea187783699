"""The slash command /learned: what was learned, and the owner's word on it."""

from __future__ import annotations

from gateway.learning import change_text, deciding
from gateway.learning import learned as changes
from gateway.slash import Call, Done
from hermes_home.errors import UsageError

DECISIONS = ("undo", "redo", "approve", "reject", "forget")
LISTED = 20
_USAGE = f"usage: /learned, /learned ID, or /learned {', '.join(DECISIONS)} ID"


async def learned(call: Call) -> Done:
    """/learned lists, /learned ID shows, /learned VERB ID decides."""
    verb, _, id = call.words.rpartition(" ")
    if not call.words:
        return Done(change_text.timeline(await changes.timeline(call.app, limit=LISTED)))
    if not id.isdigit():
        raise UsageError(_USAGE)
    if not verb:
        row = await changes.change(call.app, int(id))
        return _told(call, change_text.about(row), change_text.written(row))
    if verb not in DECISIONS:
        raise UsageError(_USAGE)
    row = await deciding.decided(call.app, int(id), verb)
    texts = change_text.written(row) if verb in change_text.WRITING else []
    return _told(call, change_text.decided(row, verb, int(id)), texts)


def _told(call: Call, lines: list[str], texts: list[str]) -> Done:
    return Done(change_text.said(lines, texts, chat=call.by.chat is not None))
