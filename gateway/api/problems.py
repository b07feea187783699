"""Errors: RFC 9457 problem documents, and below /v1 the shape OpenAI's clients read."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.api.telling import RunFailed
from hermes_home.errors import (
    BudgetError,
    HermesError,
    StoreError,
    ToolError,
    UnavailableError,
    UsageError,
)

_STATUS: tuple[tuple[type[HermesError], int], ...] = (
    (UsageError, 400),
    (ToolError, 409),
    (BudgetError, 429),
    (UnavailableError, 503),
    (StoreError, 500),
    (RunFailed, 502),
)
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
NOT_AGAIN = {"x-should-retry": "false"}
"""The run that failed is over; a client that asks again by itself would only start another."""

log = logging.getLogger(__name__)


class Problem(msgspec.Struct):
    """What went wrong, and in `hint` what to do next (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    hint: str


class Refused(UsageError):
    """A request in OpenAI's shape that cannot be taken: which field of it, and OpenAI's word."""

    def __init__(
        self, message: str, hint: str = "", *, param: str = "", code: str = "", status: int = 400
    ) -> None:
        super().__init__(message, hint)
        self.param = param or None
        self.code = code or None
        self.status = status


def status_of(error: HermesError) -> int:
    if isinstance(error, Refused):
        return error.status
    return next((code for kind, code in _STATUS if isinstance(error, kind)), 422)


def openai_error(error: HermesError) -> dict[str, Any]:
    """The body of an error as OpenAI's clients read it."""
    status = status_of(error)
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    message = f"{error.message}. {error.hint}" if error.hint else error.message
    code = getattr(error, "code", None) or (
        "limit_reached" if isinstance(error, BudgetError) else None
    )
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": getattr(error, "param", None),
            "code": code,
        }
    }


def problem(
    path: str,
    status: int,
    title: str,
    error: HermesError,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error in the shape that callers of `path` read."""
    if path.startswith("/v1/"):
        shown = Refused(error.message, error.hint, status=status)
        shown.param, shown.code = getattr(error, "param", None), getattr(error, "code", None)
        body = openai_error(error if status_of(error) == status else shown)
        return Response(json.dumps(body), status, headers, "application/json")
    document = Problem("about:blank", title, status, error.message, error.hint)
    body_bytes = msgspec.json.encode(document)
    return Response(body_bytes, status, headers, "application/problem+json")


def on_hermes_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HermesError)
    headers = NOT_AGAIN if isinstance(error, RunFailed | BudgetError) else None
    return problem(request.url.path, status_of(error), type(error).__name__, error, headers)


def on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = HermesError(error.detail or "")
    return problem(request.url.path, error.status_code, "HTTP error", told, error.headers)


def on_bad_body(request: Request, error: Exception) -> Response:
    told = HermesError(f"the body is not what this door takes: {error}")
    return problem(request.url.path, 400, "Bad request", told)


def on_departure(request: Request, error: Exception) -> Response:
    """Nobody is there any more to read this."""
    return Response(status_code=400)


def on_fault(request: Request, error: Exception) -> Response:
    log.error("request %s failed", request.url.path, exc_info=error)
    told = HermesError(repr(error), "The traceback is in logs/daemon.log.")
    return problem(request.url.path, 500, "Internal error", told)


HANDLERS: dict[Any, Any] = {
    HermesError: on_hermes_error,
    HTTPException: on_http_error,
    msgspec.ValidationError: on_bad_body,
    msgspec.DecodeError: on_bad_body,
    ClientDisconnect: on_departure,
    Exception: on_fault,
}
