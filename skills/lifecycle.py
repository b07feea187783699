"""When a skill is trusted and when it goes: the rules, and the figures they rest on.

A skill the agent wrote is a candidate until its runs show what it is worth. Runs that were offered
it are compared with runs of the same model from which it was withheld; since those are few, what
usually succeeds in this home counts for up to USUAL_RUNS of them. Only known outcomes count.

| state | becomes | when |
|---|---|---|
| candidate | active | it helps with a certainty of HELPS; or it saves calls and harms nothing |
| candidate | quarantined | it harms with a certainty of HARMS; or PATIENCE runs showed no use |
| active | quarantined | it harms with a certainty of HARMS_ACTIVE |

Nothing is decided before LEAST runs with it. Skills of the owner, of others and of the program are
measured and never moved; neither is one the owner has approved, locked or pinned.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import erf, sqrt

from agent.events import SkillState
from agent.learning.evidence import Figures

LEAST = 8
HELPS, HARMS, HARMS_ACTIVE = 0.85, 0.93, 0.97
PATIENCE = 30
USUAL_RUNS = 20
SAVES = 0.85
"""A skill saves calls if runs with it take at most this share of the calls of those without."""
LEAST_WITHOUT = 3
"""Runs without it before its saving of calls is believed."""


@dataclass(frozen=True, slots=True)
class Usual:
    """How often runs of this home and model succeed, this skill apart: successes of runs."""

    successes: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state that the figures call for, why, and how certain it is, 0 to 1."""

    state: SkillState
    reason: str
    certainty: float


def judge(state: SkillState, figures: Figures, usual: Usual) -> Move | None:
    """What the figures of one version and model say about a skill in this state; None = nothing
    yet."""
    if state not in ("candidate", "active") or figures.runs_with < LEAST:
        return None
    helps = certainty(figures, usual)
    told = _told(figures, usual)
    if 1 - helps >= (HARMS if state == "candidate" else HARMS_ACTIVE):
        return Move("quarantined", f"runs with it succeed less often: {told}", 1 - helps)
    if state == "active":
        return None
    if helps >= HELPS:
        return Move("active", f"runs with it succeed more often: {told}", helps)
    if helps >= 0.5 and _saves_calls(figures):
        return Move("active", f"it saves calls: {_calls(figures)}", helps)
    if figures.runs_with >= PATIENCE and helps < 0.5:
        return Move("quarantined", f"{figures.runs_with} runs showed no use: {told}", 1 - helps)
    return None


def certainty(figures: Figures, usual: Usual) -> float:
    """The probability that runs with the skill succeed more often than those without, by the
    normal approximation of two Beta distributions."""
    rate = (usual.successes + 1) / (usual.runs + 2)
    weight = min(usual.runs, USUAL_RUNS) + 2
    with_mean, with_variance = _beta(
        figures.success_with + 2 * rate, figures.runs_with - figures.success_with + 2 * (1 - rate)
    )
    mean, variance = _beta(
        figures.success_without + weight * rate,
        figures.runs_without - figures.success_without + weight * (1 - rate),
    )
    distance = (with_mean - mean) / sqrt(with_variance + variance)
    return 0.5 * (1 + erf(distance / sqrt(2)))


def withheld(session: str, name: str, version: str, share: float) -> bool:
    """Whether a candidate is left out of this session: always the same for the same three."""
    digest = sha256(f"{session}\0{name}\0{version}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _beta(alpha: float, beta: float) -> tuple[float, float]:
    """Mean and variance."""
    total = alpha + beta
    return alpha / total, alpha * beta / (total * total * (total + 1))


def _saves_calls(figures: Figures) -> bool:
    enough = figures.withheld >= LEAST_WITHOUT and figures.calls_without > 0
    return enough and figures.calls_with <= SAVES * figures.calls_without


def _told(figures: Figures, usual: Usual) -> str:
    without = f"{figures.success_without} of {figures.runs_without} without"
    if usual.runs:
        without += f", {usual.successes} of {usual.runs} usually"
    return f"{figures.success_with} of {figures.runs_with} with it, {without}"


def _calls(figures: Figures) -> str:
    return f"{figures.calls_with:.1f} a run with it, {figures.calls_without:.1f} without"
