"""`hermes status` and `hermes daemon status`: what the daemon is doing, without starting it."""

from __future__ import annotations

import sys

from gateway.cli.arguments import Arguments
from gateway.cli.start import connect
from gateway.cli.wire import NotListening
from hermes_home.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NOT_RUNNING = 4


def main(arguments: Arguments) -> int:
    """Exit 4 when no daemon runs, which `--json` tells as `"pid": null`."""
    try:
        with connect(arguments.home, spawn=False) as wire:
            report = wire.get("/api/status")
    except NotListening:
        return _not_running(arguments)
    report["service"] = service(arguments.home)
    if arguments.on("json"):
        _show_json(report)
    else:
        print("\n".join(lines(report)))
    return 0


def _not_running(arguments: Arguments) -> int:
    about: dict[str, Any] = {"pid": None, "version": VERSION, "home": arguments.home}
    about |= {"sessions": None, "service": service(arguments.home)}
    if arguments.on("json"):
        _show_json(about)
    else:
        print(f"no daemon runs for {arguments.home}\n  hermes daemon start", file=sys.stderr)
        if about["service"]:
            print(f"  its service: {_service(about['service'])}", file=sys.stderr)
    return NOT_RUNNING


def service(home: str) -> dict[str, str] | None:
    """The service that this home's daemon is: manager, name, state; None if it is none."""
    from gateway.service import place

    if not place.installed(home):
        return None
    from gateway.service import manager

    return manager.about(home)


def _service(about: dict[str, str]) -> str:
    return f"{about['manager']}, {about['name']}: {about['state']}"


def _show_json(value: Any) -> None:
    import json

    print(json.dumps(value, ensure_ascii=False))


def lines(report: dict[str, Any]) -> list[str]:
    """The report for a person."""
    model, today = report["model"], report["usage_today"]
    window = f", {model['context_window']:,} tokens" if model.get("context_window") else ""
    limit = f" of {today['limit']:,}" if today.get("limit") else ""
    rows = [
        ("daemon", f"{report['version']}, pid {report['pid']}, up {duration(report['uptime'])}"),
        ("home", report["home"]),
        ("model", f"{model['model']} ({model['provider']}{window})"),
        ("sandbox", report["sandbox"]),
        ("learning", report["learning"]),
        *[("channel", _channel(row)) for row in report["channels"]],
        ("api", f"at {report['api']}" if report.get("api") else "only the Unix socket"),
        ("sessions", str(report["sessions"])),
        ("tokens today", f"{today['prompt'] + today['completion']:,}{limit}"),
    ]
    if report.get("unseen"):
        rows.append(
            ("unseen", f"{report['unseen']}; hermes shows jobs' results, hermes -c answers")
        )
    if report.get("service"):
        rows.append(("service", _service(report["service"])))
    rows += [("working", _work(work)) for work in report["working"]]
    rows += [("warning", text) for text in report["warnings"]]
    return [f"{name:<13} {value}" for name, value in rows]


def _channel(row: dict[str, Any]) -> str:
    """One channel: how it is since when, what was heard and sent last, and its trouble."""
    import time

    now = time.time()
    parts = [f"{row['name']}: {row['state']} for {duration(now - row['since'])}"]
    for what in ("heard", "sent"):
        at = row[f"last_{what}"]
        parts.append(f"{what} {duration(now - at)} ago" if at else f"nothing {what} yet")
    if row["strangers"]:
        parts.append(f"{row['strangers']} from strangers")
    trouble = "\n              ".join((row["error"] or row["notice"]).splitlines())
    return ", ".join(parts) + (f"\n              {trouble}" if trouble else "")


def _work(work: dict[str, Any]) -> str:
    return f"{work['session']}: {work['phase']}, {duration(work['seconds'])}"


def duration(seconds: float) -> str:
    """90 seconds as 1 min 30 s."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
