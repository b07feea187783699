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
    if arguments.on("json"):
        _show_json(report)
    else:
        print("\n".join(lines(report)))
    return 0


def _not_running(arguments: Arguments) -> int:
    if arguments.on("json"):
        _show_json({"pid": None, "version": VERSION, "home": arguments.home, "sessions": None})
    else:
        print(f"no daemon runs for {arguments.home}\n  hermes daemon start", file=sys.stderr)
    return NOT_RUNNING


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
        ("channels", ", ".join(report["channels"]) or "none"),
        ("sessions", str(report["sessions"])),
        ("tokens today", f"{today['prompt'] + today['completion']:,}{limit}"),
    ]
    if report.get("unseen"):
        rows.append(("unseen", f"{report['unseen']} answers; hermes -c shows them"))
    rows += [("working", _work(work)) for work in report["working"]]
    rows += [("warning", text) for text in report["warnings"]]
    return [f"{name:<13} {value}" for name, value in rows]


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
