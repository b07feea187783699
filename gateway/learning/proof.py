"""What the doors tell of evidence and progress. Plain data, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agent.learning.evidence import CONFIDENCE
from gateway.reports import stamp
from memory.outcomes import evidence, progress
from memory.usage import spent_ever

if TYPE_CHECKING:
    from gateway.app import App

Row = dict[str, Any]


async def skill_evidence(app: App, name: str) -> Row:
    """Every series of a skill: one row per version of its files and model. ToolError if there is
    neither such a skill nor a run that had to do with it."""
    found = await app.index.ask(lambda tables: evidence.series(tables, name))
    skill = app.library.get(name) if found else app.library.require(name)
    if skill is not None and not found:
        name = skill.name
        found = await app.index.ask(lambda tables: evidence.series(tables, name))
    current = app.library.ref(skill).version if skill is not None else ""
    rows = [
        {
            "version": one.version,
            "current": one.version == current,
            "model": one.model,
            "first_at": stamp(one.first_at),
            "last_at": stamp(one.last_at),
            **asdict(one.figures),
        }
        for one in found
    ]
    return {"name": name, "confidence": CONFIDENCE, "series": rows}


async def learning_stats(app: App) -> Row:
    """Runs of each kind of task over time, and what all requests cost by purpose."""
    kinds = await app.index.ask(lambda tables: progress.kinds(tables))
    spent = await app.index.ask(lambda tables: spent_ever(tables))
    return {
        "kinds": [
            {
                "label": kind.label,
                "runs": [{**asdict(point), "at": stamp(point.at)} for point in kind.points],
            }
            for kind in kinds
        ],
        "cost": {
            purpose: {
                "requests": spent.requests_by_purpose[purpose],
                "prompt": usage.prompt,
                "cached": usage.cached,
                "completion": usage.completion,
                "total": usage.total,
            }
            for purpose, usage in spent.by_purpose.items()
        },
    }
