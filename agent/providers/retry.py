"""Trying a model request again: what for, how often, how long after."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from agent.providers.base import Delta, Reply, Show
from hermes_home.errors import ProviderError

FURTHER_TRIES = 3
LONGEST_WAIT = 60.0
"""Seconds. A longer wait that an endpoint asks for is told to the caller instead."""

_PATIENT_TRIES = {"timeout": 1}
"""Further tries where each takes minutes."""

_FIRST_WAIT = {"rate": 5.0, "overloaded": 2.0}

Sleep = Callable[[float], Awaitable[None]]


async def with_retries(attempt: Callable[[], Awaitable[Reply]], show: Show, sleep: Sleep) -> Reply:
    """The first reply that `attempt` brings. ProviderError: not worth another try, or the last."""
    for number in range(FURTHER_TRIES):
        try:
            return await attempt()
        except ProviderError as error:
            if not error.retryable or number >= _PATIENT_TRIES.get(error.kind, FURTHER_TRIES):
                raise
            if (error.retry_after or 0.0) > LONGEST_WAIT:
                raise _postponed(error) from error
            wait, reason = _wait(error, number), error.message
        await show(Delta(retry=reason, wait=wait))
        await sleep(wait)
    return await attempt()


def _wait(error: ProviderError, number: int) -> float:
    """Seconds: what was asked for, else doubling; spread out, so that not all come at once."""
    if error.retry_after is not None:
        return error.retry_after + random.uniform(0, 0.25)
    return float(_FIRST_WAIT.get(error.kind, 0.5) * 2**number * random.uniform(1, 1.25))


def _postponed(error: ProviderError) -> ProviderError:
    seconds = error.retry_after or 0.0
    moment = datetime.now().astimezone() + timedelta(seconds=seconds)
    when = f"{moment:%H:%M %Z}" if seconds < 12 * 3600 else f"{moment:%Y-%m-%d %H:%M %Z}"
    return ProviderError(
        f"{error.message}; it asks to wait until {when}, {_span(seconds)} from now",
        error.hint,
        kind=error.kind,
        retryable=True,
        retry_after=seconds,
    )


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
