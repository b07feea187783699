"""Accounts, and what was booked: [day, account, cents]. Amounts are whole cents."""

from __future__ import annotations

Booking = tuple[int, str, int]


def balances(bookings: list[Booking]) -> dict[str, int]:
    """What each account holds after all bookings, by name in order; accounts at zero are left
    out."""
    held: dict[str, int] = {}
    for _, account, cents in bookings:
        held[account] = held.get(account, 0) + cents
    return {name: held[name] for name in sorted(held) if held[name]}


def lowest(bookings: list[Booking], account: str) -> int:
    """The least the account ever held at the end of a day, at most 0, the balance before its first
    day. Bookings may be in any order."""
    held = least = 0
    days = sorted({day for day, name, _ in bookings if name == account})
    for today in days:
        held += sum(c for day, name, c in bookings if day == today and name == account)
        least = min(least, held)
    return least


def split(cents: int, shares: list[int]) -> list[int]:
    """An amount divided in proportion to the shares, which sum up to it exactly: each gets its
    part rounded down, and the cents that are left go one each to the first ones with a share.
    ValueError if there is no share, one is negative, or the amount is."""
    whole = sum(shares)
    if whole <= 0 or min(shares) < 0 or cents < 0:
        raise ValueError("an amount from 0 and shares from 0, not all of them 0")
    parts = [cents * share // whole for share in shares]
    left = cents - sum(parts)
    for at, share in enumerate(shares):
        if left and share:
            parts[at] += 1
            left -= 1
    return parts


def interest(cents: int, per_mille: int, days: int) -> int:
    """Interest on an amount in a year of 360 days, rounded to the nearest cent, halves up. A debt,
    or a span of no days, bears none."""
    if cents <= 0 or days <= 0:
        return 0
    return (2 * cents * per_mille * days + 360_000) // 720_000


def overdrawn(bookings: list[Booking], limit: int) -> list[str]:
    """The accounts that ended some day below -limit, by name in order."""
    names = sorted({account for _, account, _ in bookings})
    return [name for name in names if lowest(bookings, name) < -limit]
