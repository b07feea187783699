"""The slash command /cron: recurring work, made and kept from a chat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway import reports
from gateway.channels.base import Place
from gateway.cron.job import Job
from gateway.cron.tools import created, made, told
from gateway.slash import Call, Done
from hermes_home.errors import UsageError

if TYPE_CHECKING:
    from gateway.cron.service import Cron

_JOB = re.compile(r'["“”](?P<when>[^"“”]+)["“”]\s+(?P<prompt>\S.*)', re.S)
_USAGE = 'usage: /cron [list], /cron create "WHEN" TASK, or /cron run, pause, resume, remove NAME'


async def recurring(call: Call) -> Done:
    verb, _, name = call.words.partition(" ")
    cron = await call.app.recurring.cron()
    if verb == "create":
        return Done(await _job(call, cron, name))
    if verb in ("", "list"):
        return Done("\n".join(told(row) for row in cron.rows()) or "There are no jobs yet.")
    if verb in ("pause", "resume"):
        await cron.desk.pause(name.strip(), paused=verb == "pause")
    elif verb == "remove":
        await cron.desk.remove(name.strip())
    elif verb == "run":
        await cron.desk.run(name.strip())
        row = cron.row(name.strip())
        where = "the inbox" if row["error"] else row["deliver"] or "the inbox"
        return Done(f"run: {name.strip()}, its result comes to {where}")
    else:
        raise UsageError(_USAGE)
    return Done(f"{verb}: {name.strip()}")


async def _job(call: Call, cron: Cron, words: str) -> str:
    """A new job, whose results come where it was asked for."""
    found = _JOB.fullmatch(words.strip())
    if found is None:
        raise UsageError(_USAGE)
    row = await reports.session_row(call.app, call.session)
    job = Job(
        schedule=found["when"],
        prompt=found["prompt"].strip().strip('"“”'),
        deliver=Place.at(call.by.chat.address).target if call.by.chat else "",
        workspace=call.options.cwd or row["cwd"],
    )
    return created(await made(cron, job))
