"""`hermes skills publish` and `snapshot`: skills of this home for others, or for another home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_json
from gateway.cli.sharing import place, post, whole
from hermes_home.errors import UsageError


def publish(arguments: Arguments) -> int:
    from gateway.cli import sharing_told as told
    from gateway.cli.sessions import confirmed

    to = arguments.text("to")
    if not to:
        raise UsageError("--to says where: github or wellknown")
    output, repository = arguments.text("output"), arguments.text("repo")
    body = {
        "name": arguments.word(0),
        "to": to,
        "output": whole(output) if output else "",
        "repository": place(repository) if repository else "",
        "branch": arguments.text("branch"),
        "allow_private": arguments.on("allow-private"),
    }
    row = post(arguments, "publish", body)
    note("\n".join(told.publication(row)))
    asking, refused = _question(to, row)
    if asking and not arguments.on("yes") and not confirmed(asking):
        note(refused)
        return 1
    if to == "wellknown" or row["changes"]:
        shown = {key: row[key] for key in ("commit", "at") if key in row}
        row = post(arguments, "publish", {**body, **shown, "do": True})
    if arguments.on("json"):
        show_json(row)
    else:
        print(told.published(row))
    return 0


def _question(to: str, row: dict[str, Any]) -> tuple[str, str]:
    """What is asked before it is published, and what is said after a no; "" = nothing is asked."""
    if to == "github":
        return ("push this?" if row["changes"] else ""), "nothing was pushed"
    doubtful = any(flag["kind"] == "word" for flag in row["flags"])
    return ("publish it with that?" if doubtful else ""), "nothing was published"


def snapshot(arguments: Arguments) -> int:
    file = whole(arguments.word(0))
    row = post(arguments, "snapshot", {"file": file})
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"{row['file']}: {', '.join(row['skills'])}; {row['bytes']:,} bytes")
        if row["left_out"]:
            note(f"left out, as copies of skills that ship: {', '.join(row['left_out'])}")
        note(f"elsewhere: hermes skills install {Path(file).name} --all")
    return 0
