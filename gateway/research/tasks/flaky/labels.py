"""Labels of things, and what they have in common."""

from __future__ import annotations


def common(one: list[str], other: list[str]) -> list[str]:
    """The labels in both, each once, in the order in which they first stand in `one`."""
    return [label for label in dict.fromkeys(one) if label in other]


def line(labels: list[str]) -> str:
    """Every label once, in alphabetical order, with commas between them."""
    return ", ".join(sorted(set(labels)))


def first(labels: list[list[str]]) -> str:
    """The alphabetically first label that every list holds; "" if there is none."""
    shared = set.intersection(*map(set, labels)) if labels else set()
    return min(shared, default="")
