"""What a chat server's refusal means: its kind, whether to try again and when, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.providers.chat_json import decode, mapping, text_of
from agent.providers.waits import told_wait
from hermes_home.errors import ProviderError

RETRYABLE = frozenset({"rate", "overloaded", "server", "timeout", "connection"})

_TOO_LONG = (
    "context length",
    "context_length",
    "context size",
    "context window",
    "context_size",
    "maximum context",
    "max_model_len",
    "prompt is too long",
    "input is too long",
    "prompt too long",
    "too many tokens",
    "reduce the length",
    "request too large",
    "maximum number of tokens",
)
_QUOTA = (
    "insufficient_quota",
    "insufficient balance",
    "insufficient_balance",
    "insufficient credits",
    "credit balance",
    "billing_hard_limit",
    "billing_not_active",
    "exceeded_current_quota",
    "payment required",
)
_AUTH = ("api key", "api_key", "apikey", "authentication", "unauthorized", "unauthenticated")
_RATE = ("rate limit", "rate_limit", "ratelimit", "too many requests", "resource_exhausted")
_OVERLOADED = ("overloaded", "loading model", "at capacity", "server is busy", "unavailable")

_BY_WORDS: tuple[tuple[str, frozenset[int], tuple[str, ...]], ...] = (
    ("too_long", frozenset({0, 400, 422, 500}), _TOO_LONG),
    ("too_long", frozenset({429}), ("request too large",)),
    ("quota", frozenset({0, 400, 403, 429}), _QUOTA),
    ("auth", frozenset({0, 400}), _AUTH),
    ("rate", frozenset({0, 400, 403, 500, 503}), _RATE),
    ("overloaded", frozenset({0, 500}), _OVERLOADED),
)
"""Kind, the statuses that may mean it (0 = told inside a stream), words that then say so."""

_BY_STATUS = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "missing",
    408: "timeout",
    409: "server",
    413: "too_long",
    425: "server",
    429: "rate",
    501: "bad_request",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}

_SAYS = {
    "auth": "{host} refused the key for {model}",
    "quota": "{host} reports that no quota is left for {model}",
    "rate": "{host} limits the rate of requests to {model}",
    "overloaded": "{host} is overloaded and cannot run {model}",
    "server": "{host} failed to run {model}",
    "timeout": "{host} took too long to run {model}",
    "too_long": "The request is too long for {model} at {host}",
    "missing": "{host} does not know {model} or this address",
    "bad_request": "{host} refused the request for {model}",
}

_OTHER_MODEL = "Wait a little, or choose another model with `hermes model`."
_HINTS = {
    "auth": "Run `hermes setup` to store a key that is valid for {host}.",
    "quota": "Add credit at the endpoint, or choose another model with `hermes model`.",
    "rate": _OTHER_MODEL,
    "overloaded": _OTHER_MODEL,
    "server": _OTHER_MODEL,
    "timeout": "A smaller model or a shorter conversation (/compress) answers sooner.",
    "too_long": "Shorten the conversation with /compress, or set model.context_window to what "
    "the endpoint serves.",
    "missing": "Choose a model it serves with `hermes model`; model.base_url usually ends in /v1.",
    "bad_request": "Choose another model with `hermes model`; agents need one that calls tools.",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a request went to. `secret` is taken out of everything the endpoint says."""

    host: str
    model: str
    secret: str = field(default="", repr=False)


def refusal(target: Target, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error for an answer whose status is not 200."""
    if 300 <= status < 400:
        return _redirected(target, status, headers)
    try:
        told = decode(body)
    except ValueError:
        told = body.decode("utf-8", "replace")
    kind, detail = _kind(status, told), _detail(target, told)
    wait = told_wait(headers, told) if kind in RETRYABLE else None
    return _error(target, kind, f"HTTP {status}", detail, wait)


def fault_in_stream(target: Target, told: Any) -> ProviderError:
    """The error for an error object inside an answer that began well."""
    code = mapping(told).get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 0
    detail = _detail(target, told)
    return _error(target, _kind(status, told), "in its answer", detail, told_wait({}, told))


def bad_reply(target: Target, what: str, *, retryable: bool = True) -> ProviderError:
    """The error for an answer that is not one."""
    return ProviderError(
        f"{target.host} sent {what} as the answer of {_model(target)}",
        "Check that model.base_url is the address of a chat-completions API, mostly with /v1.",
        kind="bad_reply",
        retryable=retryable,
    )


def _error(target: Target, kind: str, where: str, detail: str, wait: float | None) -> ProviderError:
    names = {"host": target.host, "model": _model(target)}
    says, hint = _SAYS[kind].format(**names), _HINTS[kind].format(**names)
    if kind == "auth" and not target.secret:
        says = f"{target.host} wants a key for {_model(target)}, and none is set"
    return ProviderError(
        f"{says} ({where}{', ' + detail if detail else ''})",
        hint,
        kind="bad_request" if kind == "missing" else kind,
        retryable=kind in RETRYABLE,
        retry_after=wait,
    )


def _redirected(target: Target, status: int, headers: Mapping[str, str]) -> ProviderError:
    place = headers.get("location", "an unnamed address")
    return ProviderError(
        f"{target.host} sends requests on to {place} (HTTP {status})",
        "Set model.base_url to that address; keys are not sent along on their own.",
        kind="bad_request",
    )


def _kind(status: int, told: Any) -> str:
    words = _signs(told)
    for kind, statuses, signs in _BY_WORDS:
        if status in statuses and any(sign in words for sign in signs):
            return kind
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return "bad_request" if 400 <= status < 500 else "server"


def _signs(told: Any) -> str:
    """Where the kind can be read: message and codes, not what the server quotes of the request."""
    told = told[0] if isinstance(told, list) and told else told
    error = mapping(mapping(told).get("error")) or mapping(told)
    codes = [str(error.get(key, "")) for key in ("code", "type", "status")]
    return " ".join([_message(told)[:500], *codes]).lower()


def _detail(target: Target, told: Any) -> str:
    """What the endpoint says, on one line and without the key."""
    text = " ".join(_message(told).split())
    if text.startswith("<"):
        return "a web page instead of an answer"
    if target.secret:
        text = text.replace(target.secret, "[key]")
    return text if len(text) <= 300 else f"{text[:297]}…"


def _message(told: Any) -> str:
    """The message, in the places where servers put it: error.message, error, message, detail."""
    if isinstance(told, list):
        return _message(told[0]) if told else ""
    if isinstance(told, dict):
        for key in ("error", "message", "detail"):
            if message := _message(told.get(key)):
                return message
    return text_of(told)


def _model(target: Target) -> str:
    return target.model or "its model"
