"""Skills of others as text for people: what is in one, what is newer, what was changed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gateway.cli.output import clean, note, one_line, show_difference, table

Row = dict[str, Any]

MOST_ADVICE = 30
MOST_FILES = 20


def described(row: Row) -> list[str]:
    """Everything about a fetched skill but its text."""
    lines = [f"{row['name']}: {one_line(row['description'])}", f"from {_source(row)}"]
    facts = [("license", row["license"]), ("needs", row["compatibility"])]
    facts.append(("asks for the tools", row["allowed_tools"]))
    lines += [f"{name}: {one_line(text)}" for name, text in facts if text]
    lines += _files(row["files"])
    lines += [f"odd: {one_line(text)}" for text in row["diagnostics"]]
    if row["strict"]:
        lines.append(f"a strict reader would object: {one_line('; '.join(row['strict']))}")
    lines += [f"note: {one_line(text)}" for text in row["notes"]]
    lines += advice(row["advice"])
    if row["refused"]:
        lines.append(f"it cannot be installed: {row['refused']}")
    return lines


def _source(row: Row) -> str:
    pin = row["commit"][:12] or row["digest"][:19] or row["tree"][:12]
    was = f", which was from {row['was']}" if row["was"] else ""
    return f"{row['source']} ({pin}){was}"


def _files(files: list[Row]) -> list[str]:
    total = sum(one["size"] for one in files)
    lines = [f"{len(files)} file{'s' * (len(files) != 1)}, {total:,} bytes"]
    for one in files[:MOST_FILES]:
        runs = "  may be run" if one["runs"] else ""
        lines.append(f"  {clean(one['path'])}  {one['size']:,}  {one['sha256'][:12]}{runs}")
    if more := len(files) - MOST_FILES:
        lines += [f"  and {more} more"] if more > 0 else []
    return lines


def advice(found: list[Row]) -> list[str]:
    """What to look at, what matters most first. It is advice: good skills hold some of it too."""
    if not found:
        return ["nothing in it stood out; that does not make it safe"]
    counts = Counter(one["level"] for one in found)
    several = ", ".join(f"{counts[level]} {level}" for level in counts)
    lines = [f"look at these lines before you use it ({several}):"]
    for one in found[:MOST_ADVICE]:
        place = f"{clean(one['file'])}:{one['line']}" if one["line"] else clean(one["file"])
        quoted = " (quoted)" if one["quoted"] else ""
        lines.append(f"  {one['level']}  {place}  {one['rule']}: {one['meaning']}{quoted}")
        if one["text"]:
            lines.append(f"      {clean(one['text'])}")
    if (more := len(found) - MOST_ADVICE) > 0:
        lines.append(f"  and {more} more; --json has them all")
    return lines


def standings(rows: list[Row]) -> None:
    """How installed skills stand, a row each; below that what was changed in them."""
    cells = [[row["name"], row["status"], _version(row), row.get("source", "")] for row in rows]
    table(cells, ["name", "status", "version", "source"])
    for row in rows:
        if row["problem"]:
            note(f"{row['name']}: {row['problem']}")
        for path, edit in row.get("edited", {}).items():
            note(f"{row['name']}: {clean(path)} {'is' if edit == 'missing' else 'was'} {edit} here")
        dangers = [one for one in row.get("advice", []) if one["level"] == "danger"]
        if row["status"] != "newer" and dangers:
            note(f"{row['name']}:")
            note("\n".join(advice(dangers)))
    if any(row["status"] == "newer" for row in rows):
        note("hermes skills update [NAME]   shows what is newer and takes it")


def _version(row: Row) -> str:
    digest = row.get("digest", "").removeprefix("sha256:")
    pin = row.get("commit") or digest or row.get("version") or row.get("tree", "")
    return str(pin)[:12]


def news(row: Row, handling: str, *, quiet: bool) -> None:
    """What an update would bring, with this handling of files changed here; on stderr alone if
    `quiet`."""
    from gateway.cli.skills import differing

    told = f"{row['name']}: {row['commit'][:12]} → {row['new_commit'][:12]}"
    note(told if row["commit"] else f"{row['name']}: from {row['source']}")
    if not quiet:
        show_difference(differing(row["files"]))
    yours = [one["path"] for one in row["files"] if one["yours"]]
    if yours and handling == "refuse":
        note(f"you have changed {', '.join(yours)}: --edits keep leaves that, replace takes theirs")
    kept = [path for path, edit in row["edited"].items() if edit != "added"]
    if kept and handling == "keep":
        note(f"what you have changed stays: {', '.join(map(clean, kept))}")
    if row["advice"]:
        note("new in it:")
        note("\n".join(advice(row["advice"])))


def publication(row: Row) -> list[str]:
    """What is about to be published, and what its owner may not want to."""
    lines = []
    for flag in row["flags"]:
        what = {"word": "looks like a secret", "path": "names a place on this machine"}
        lines.append(f"{flag['file']}:{flag['line']} {what[flag['kind']]}")
    if row["to"] == "wellknown":
        return [*lines, f"{row['index']}: {row['name']} as {row['url']}, {row['digest'][:19]}"]
    parent = row["parent"][:12] or "nothing: the branch is new"
    lines.append(f"{row['repository']}, branch {row['branch']}, on top of {parent}")
    lines += [f"  {verb}  {clean(path)}" for path, verb in row["changes"].items()]
    return [*lines, *([row["command"]] if row["command"] else [])]


def published(row: Row) -> str:
    if row["to"] == "wellknown":
        return f"{row['name']} is in {row['index']}"
    if not row["done"]:
        return f"{row['name']} is published there already"
    return f"{row['name']} is published; hermes skills install {row['address']}"
