"""Where a result goes, and the inbox: results that the owner has not seen yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.cron.job import Job
from hermes_home.errors import UsageError
from memory.occurrences import SILENT, Occurrence, Occurrences
from memory.outbox import TERMINAL, Delivery

if TYPE_CHECKING:
    from gateway.app import App

SILENT_MARK = "[SILENT]"
INBOX = "inbox"


def quiet(text: str) -> bool:
    """Whether an answer says that it need not be shown."""
    return text.strip().partition("\n")[0].strip() == SILENT_MARK


def addresses(app: App, deliver: str) -> list[str]:
    """What a job's `deliver` names. UsageError says what is possible."""
    names = [name.strip() for name in deliver.split(",") if name.strip()] or [INBOX]
    return list(dict.fromkeys(app.hub.target(name) for name in names))


async def deliveries(app: App, job: Job | None, text: str) -> list[Delivery]:
    """The rows that carry a result. What cannot go where it was to go waits in the inbox."""
    try:
        places = addresses(app, job.deliver if job else "")
    except UsageError as error:
        places, text = [TERMINAL], f"{text}\n\n(It could not be delivered: {error.message}.)"
    return [
        Delivery(place, part, "job", number)
        for place in places
        for number, part in enumerate(await app.hub.split(place, text))
    ]


def delivery(occurrences: Occurrences, occurrence: Occurrence) -> str:
    """How the delivery of a result stands: none, silent, pending, delivered, in the inbox, seen,
    or failed and why."""
    if occurrence.sent == SILENT:
        return SILENT
    if not occurrence.sent:
        return "none"
    sent = occurrences.sent(occurrence)
    if any(one.state != "final" and one.channel != TERMINAL for one in sent):
        return "pending"
    failed = next((one.failed for one in sent if one.failed), "")
    inbox = [one for one in sent if one.channel == TERMINAL]
    waits = "in the inbox" if any(one.state != "final" for one in inbox) else "seen"
    if failed:
        return f"failed: {failed}" + (f"; {waits}" if inbox else "")
    return waits if inbox and len(inbox) == len(sent) else "delivered"


def shown(job: str, status: str, reason: str, output: str) -> str:
    """What people see of an end; nothing of what was skipped."""
    if status == "failed":
        return f"The job {job} failed: {reason}" + (f"\n\n{output}" if output else "")
    return output if status == "ran" else ""


def undelivered(one: Occurrence, reason: str) -> str:
    """A result for the inbox that its channel did not take."""
    text = shown(one.job, one.status, one.reason, one.output)
    return f"{text}\n\n(It could not be delivered: {reason}.)"


def inbox(app: App, occurrences: Occurrences) -> list[dict[str, Any]]:
    """What waits for the owner's next terminal, the oldest first."""
    rows = []
    for parcel in app.outbox.unseen(TERMINAL):
        if parcel.kind != "job":
            continue
        found = occurrences.of_parcel(parcel.id)
        rows.append(
            {
                "id": parcel.id,
                "job": found.job if found else "",
                "status": found.status if found else "failed",
                "due": stamp(found.due) if found else stamp(parcel.at),
                "session": parcel.session,
                "text": parcel.body,
            }
        )
    return rows


def stamp(at: float) -> str:
    """A time for display and scripts: ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
