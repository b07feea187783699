"""Shopping carts: lines of [article, count], and prices in cents."""

from __future__ import annotations

Line = list[str | int]


def add(article: str, count: int, cart: list[Line] | None = None) -> list[Line]:
    """The cart with so many more of an article; without a cart, a new one. The cart that was
    given stays as it was."""
    lines = [list(line) for line in cart or []]
    for line in lines:
        if line[0] == article:
            line[1] = int(line[1]) + count
            return lines
    return [*lines, [article, count]]


def price(cart: list[Line], prices: dict[str, int]) -> int:
    """What the cart costs at these prices; KeyError for an article without one."""
    return sum(prices[str(article)] * int(count) for article, count in cart)


def cheapest(carts: list[list[Line]], prices: dict[str, int]) -> int:
    """The place in the list, from 0, of the cart that costs least; -1 without any."""
    costs = [price(cart, prices) for cart in carts]
    return costs.index(min(costs)) if costs else -1
