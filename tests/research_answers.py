"""Solutions of the research tasks, found from their workspaces alone: they show that each can be
solved from what its prompt says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from gateway.research.tasks.fix_bugs import answers, tests
from gateway.research.tasks.flaky.table import FLAKY
from gateway.research.tasks.programs.table import PROGRAMS

CLEANERS = {
    "contacts": r"""
import csv, re, sys
from datetime import datetime
kept = {}
for line in open(sys.argv[1]).read().splitlines()[1:]:
    name, email, phone, joined = line.split(";")
    email = email.strip().lower()
    if "@" not in email:
        continue
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y"):
        try:
            day = datetime.strptime(joined, form).date().isoformat()
        except ValueError:
            pass
    phone = phone.strip()
    digits = re.sub(r"\D", "", phone)
    if phone.startswith("+"):
        digits = "+" + digits
    elif phone.startswith("00"):
        digits = "+" + digits[2:]
    if email not in kept or day < kept[email][3]:
        kept[email] = [" ".join(name.split()), email, digits, day]
out = csv.writer(open(sys.argv[2], "w", newline=""))
out.writerows([["name", "email", "phone", "joined"], *(kept[e] for e in sorted(kept))])
""",
    "orders": r"""
import csv, sys
rows = []
for line in open(sys.argv[1]).read().splitlines()[1:]:
    if not line.strip() or line.startswith("#"):
        continue
    order, article, amount, currency, state = (cell.strip() for cell in line.split("|"))
    if state.lower() in ("x", "cancelled", "void"):
        continue
    cents = int(amount.replace(".", "").replace(",", ""))
    rows.append([int(order), article, cents, currency.upper() or "EUR"])
out = csv.writer(open(sys.argv[2], "w", newline=""))
out.writerows([["order", "article", "cents", "currency"], *sorted(rows, key=lambda row: row[0])])
""",
    "readings": r"""
import csv, sys
from datetime import datetime, timezone
kept = {}
for line in open(sys.argv[1]).read().splitlines():
    sensor, at, value = line.split("\t")
    if at.isdigit():
        at = datetime.fromtimestamp(int(at), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    number = float(value.rstrip("CF "))
    if number == -999:
        continue
    if value.endswith("F"):
        number = (number - 32) * 5 / 9
    kept[at, sensor] = f"{round(number, 1) + 0:.1f}"
out = csv.writer(open(sys.argv[2], "w", newline=""))
out.writerows([["at", "sensor", "celsius"], *([a, s, kept[a, s]] for a, s in sorted(kept))])
""",
    "stock": r"""
import csv, sys
counts, places = {}, {}
for record in open(sys.argv[1]).read().split("\n\n"):
    pairs = (line.split(": ", 1) for line in record.splitlines() if line)
    fields = {key.lower(): value for key, value in pairs}
    name, count = fields["name"].lower(), fields.get("count", "1")
    if count == "none":
        count = 0
    elif count.endswith("dozen"):
        count = 12 * int(count.split()[0])
    counts[name] = counts.get(name, 0) + int(count)
    places.setdefault(name, set()).update([fields["place"]] if "place" in fields else [])
out = csv.writer(open(sys.argv[2], "w", newline=""))
rows = [[name, counts[name], "+".join(sorted(places[name]))] for name in sorted(counts)]
out.writerows([["name", "count", "places"], *rows])
""",
}


def solve(task: str, kind: str, folder: Path) -> None:
    """Do in a workspace what was asked."""
    _SOLVERS[task](kind, folder)


def _program(kind: str, folder: Path) -> None:
    named = {one.name: one.source for one in (*PROGRAMS, *FLAKY)}
    (folder / f"{kind}.py").write_text(named[kind])


def _tests(kind: str, folder: Path) -> None:
    program = next(one for one in PROGRAMS if one.name == kind)
    probes = program.draw(Random("somebody else's"))
    cases = list(zip(probes, answers(program.source, probes), strict=True))
    (folder / f"test_{kind}.py").write_text(tests(kind, cases))


def _cleaner(kind: str, folder: Path) -> None:
    script = CLEANERS[kind]
    (folder / "clean.py").write_text(script)
    command = [sys.executable, "clean.py", "raw.txt", "clean.csv"]
    subprocess.run(command, cwd=folder, check=True)


def _answer(kind: str, folder: Path) -> None:
    logs = {path.stem: path.read_text().splitlines() for path in (folder / "logs").iterdir()}
    (folder / "answer.json").write_text(json.dumps(_FINDERS[kind](logs)))


Logs = dict[str, list[str]]


def _logins(logs: Logs) -> dict[str, Any]:
    row: dict[tuple[str, str], int] = {}
    for line in logs["auth"]:
        at, what, user, address = re.findall(r"^(\S+) login (\w+) user=(\S+) from=(\S+)", line)[0]
        if what == "failed":
            row[user, address] = row.get((user, address), 0) + 1
            continue
        if row.get((user, address), 0) >= 5:
            return {"user": user, "address": address, "failures": row[user, address], "at": at}
        row[user, address] = 0
    raise AssertionError("nobody")


def _requests(logs: Logs) -> dict[str, Any]:
    seen: dict[str, list[tuple[datetime, str, str]]] = {}
    for service, lines in logs.items():
        for line in lines:
            at, id, what = re.findall(r"^(\S+) request=(\S+) (\w+)", line)[0]
            seen.setdefault(id, []).append((datetime.fromisoformat(at), service, what))
    spans = {id: (max(rows)[0] - min(rows)[0]).total_seconds() for id, rows in seen.items()}
    slow = max(spans, key=lambda id: spans[id])
    services = [service for _, service, what in sorted(seen[slow]) if what == "begin"]
    return {"request": slow, "milliseconds": round(1000 * spans[slow]), "services": services}


def _deploys(logs: Logs) -> dict[str, Any]:
    events = sorted(
        [*logs["deploy"], *logs["web"]], key=lambda line: (line[:20], "deployed" not in line)
    )
    total, errors, version = Counter[str](), dict[str, Counter[str]](), ""
    for line in events:
        at, *rest = line.split()
        if rest[0] == "deployed":
            version = rest[1]
            errors[version] = Counter()
            continue
        total[version] += 1
        if int(rest[1]) >= 500:
            errors[version][rest[0]] += 1
    bad = max(errors, key=lambda one: errors[one].total() / total[one])
    return {"deploy": bad, "errors": errors[bad].total(), "path": errors[bad].most_common(1)[0][0]}


def _disks(logs: Logs) -> dict[str, Any]:
    since: dict[str, str] = {}
    last: dict[str, int] = {}
    for line in logs["disk"]:
        at, host, used = re.findall(r"^(\S+) host=(\S+) disk=(\d+)%", line)[0]
        last[host] = int(used)
        if last[host] > 90:
            since.setdefault(host, at)
        else:
            since.pop(host, None)
    ((host, at),) = since.items()
    return {"host": host, "at": at, "last": last[host]}


_FINDERS: dict[str, Callable[[Logs], dict[str, Any]]] = {
    "logins": _logins,
    "requests": _requests,
    "deploys": _deploys,
    "disks": _disks,
}
_SOLVERS: dict[str, Callable[[str, Path], None]] = {
    "fix_bugs": _program,
    "write_tests": _tests,
    "debug_flaky": _program,
    "clean_data": _cleaner,
    "find_in_logs": _answer,
}
