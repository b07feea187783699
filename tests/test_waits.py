"""Reading how long a server asks to wait, as the many servers write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.providers.waits import seconds, told_wait

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", 0),
        ("1.5", 1.5),
        ("-3", 0),
        ("250ms", 0.25),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        (str(int(NOW) + 20), 20),
        (str(int(NOW + 20) * 1000), 20),
        ("Fri, 15 Jan 2027 08:00:10 GMT", 10),
        ("2027-01-15T08:00:10Z", 10),
        ("2027-01-15T09:00:10+01:00", 10),
        ("Fri, 15 Jan 2021 08:00:10 GMT", 0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("5 apples", None),
    ],
)
def test_forms_of_a_wait(text: str, wait: float | None) -> None:
    found = seconds(text, NOW)
    assert found == (wait if wait is None else pytest.approx(wait, abs=0.001))


@given(st.text())
def test_any_text_is_a_wait_or_none(text: str) -> None:
    found = seconds(text)
    assert found is None or found >= 0


def test_retry_after_goes_before_resets() -> None:
    assert told_wait({"Retry-After": "3", "x-ratelimit-reset-requests": "9s"}, None) == 3


def test_without_word_of_what_is_used_up_the_soonest_reset_counts() -> None:
    headers = {"X-RateLimit-Reset-Requests": "9s", "X-RateLimit-Reset-Tokens": "2s"}
    assert told_wait(headers, None) == 2


def test_the_reset_of_what_is_used_up_counts() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "9s",
        "x-ratelimit-remaining-tokens": "10",
        "x-ratelimit-reset-tokens": "2s",
    }
    assert told_wait(headers, None) == 9


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: [error]])
def test_a_wait_in_the_body_counts(wrap) -> None:
    error = {"error": {"details": [{"@type": "x"}, {"retryDelay": "34s"}]}}
    assert told_wait({}, wrap(error)) == 34


@pytest.mark.parametrize("told", [None, "x", [], {"error": "x"}, {"error": {"details": "x"}}])
def test_nothing_told_is_none(told) -> None:
    assert told_wait({"content-type": "text/html"}, told) is None
