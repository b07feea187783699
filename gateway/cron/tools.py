"""schedule, as the model sees it. Loaded with the other tools, so it imports nothing large."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from agent.policy import Effect
from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.schema import tool
from gateway.channels.base import Place
from gateway.cron.due import due_text
from gateway.cron.job import Job
from hermes_home.errors import HermesError, ToolError

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.cron.service import Cron

NEXT = 5
"""Due times that are told of a new job."""


def schedule_tools(app: App) -> list[Tool]:
    """The tool that makes jobs and lists them."""

    async def schedule(
        context: ToolContext,
        action: Literal["create", "list", "pause", "resume", "remove"],
        name: str = "",
        when: Annotated[str, "every weekday at 9:00; in 2 hours; 0 9 * * mon"] = "",
        prompt: Annotated[str, "the task, complete in itself"] = "",
        deliver: Annotated[str, "telegram, inbox, ...; else where we talk"] = "",
    ) -> ToolResult:
        """Work that recurs or comes later: the prompt is run then and its answer delivered."""
        try:
            cron = await app.recurring.cron()
            if action == "create":
                where = deliver or here(app, context.session)
                job = Job(schedule=when, prompt=prompt, deliver=where, workspace=str(context.cwd))
                row = await made(cron, job, name)
                details = {"job": row["name"], "next": row["next"]}
                return ToolResult(created(row), details=details)
            return ToolResult(await _ACTIONS[action](cron, name))
        except HermesError as error:
            raise ToolError(error.message, error.hint) from error

    return [tool(schedule, effects=_effects)]


def _effects(arguments: dict[str, Any], context: ToolContext) -> Sequence[Effect]:
    return [Effect("schedule", arguments.get("name", ""))]


async def made(cron: Cron, job: Job, name: str = "") -> dict[str, Any]:
    """A new job, with its next due times."""
    return cron.row((await cron.desk.create(job, name)).name, NEXT)


def created(row: dict[str, Any]) -> str:
    """A new job, for chats and models."""
    dues = "\n".join(f"- {due_text(due)}" for due in row["next"])
    return f"created {row['name']}: {row['description']} ({row['tz']}). Next:\n{dues}"


def here(app: App, session: str) -> str:
    """Where the owner said what is worked on, as a job's `deliver` names it; empty = a terminal."""
    worker = app.router.workers.get(session)
    source = app.inbox.source_of(worker.heard[-1].input) if worker and worker.heard else ""
    return Place.at(source).target if source.count("/") >= 2 else ""


async def _list(cron: Cron, name: str) -> str:
    return "\n".join(told(row) for row in cron.rows()) or "there are no jobs"


async def _pause(cron: Cron, name: str) -> str:
    await cron.desk.pause(name, paused=True)
    return f"paused {name}"


async def _resume(cron: Cron, name: str) -> str:
    await cron.desk.pause(name, paused=False)
    return f"resumed {name}"


async def _remove(cron: Cron, name: str) -> str:
    await cron.desk.remove(name)
    return f"removed {name}"


_ACTIONS: dict[str, Callable[[Cron, str], Awaitable[str]]] = {
    "list": _list,
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
}


def told(row: dict[str, Any]) -> str:
    """A job on one line, for chats."""
    if row["state"] == "broken":
        return f"{row['name']}: broken, it does not run: {row['error']}"
    when = f"next {due_text(row['next'][0])}" if row["next"] else row["state"]
    problem = f"; {row['error']}" if row["error"] else ""
    return f"{row['name']}: {row['description']} ({row['tz']}), {when}{problem}"
