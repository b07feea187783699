"""What measurements in pairs say: the mean difference, and between what it lies."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import NamedTuple

_T = (
    *(6.3138, 2.9200, 2.3534, 2.1318, 2.0150, 1.9432, 1.8946, 1.8595, 1.8331, 1.8125),
    *(1.7959, 1.7823, 1.7709, 1.7613, 1.7531, 1.7459, 1.7396, 1.7341, 1.7291),
)
"""Student's t that 95 % lie below, for 1, 2, … degrees of freedom."""


class Paired(NamedTuple):
    """The mean of differences, and its interval with a confidence of 90 %."""

    mean: float
    low: float
    high: float


def paired(differences: Sequence[float]) -> Paired:
    """By Student's t. One pair says nothing of others: its interval has no end; none: mean 0."""
    count = len(differences)
    if count < 2:
        return Paired(sum(differences), -inf, inf)
    mean = sum(differences) / count
    variance = sum((one - mean) ** 2 for one in differences) / (count - 1)
    half = _T[min(count - 1, len(_T)) - 1] * sqrt(variance / count)
    return Paired(mean, mean - half, mean + half)
