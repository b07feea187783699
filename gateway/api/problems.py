"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

import json
import logging
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

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
)

log = logging.getLogger(__name__)


def problem(status: int, title: str, detail: str, hint: str = "") -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "hint": hint}
    return Response(json.dumps(body), status, media_type="application/problem+json")


def on_hermes_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HermesError)
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 422)
    return problem(status, type(error).__name__, error.message, error.hint)


def on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, "HTTP error", error.detail or "", "")


def on_bad_body(request: Request, error: Exception) -> Response:
    return problem(400, "Bad request", f"the body is not what this door takes: {error}")


def on_fault(request: Request, error: Exception) -> Response:
    log.error("request %s failed", request.url.path, exc_info=error)
    return problem(500, "Internal error", repr(error), "The traceback is in logs/daemon.log.")


HANDLERS: dict[Any, Any] = {
    HermesError: on_hermes_error,
    HTTPException: on_http_error,
    msgspec.ValidationError: on_bad_body,
    msgspec.DecodeError: on_bad_body,
    Exception: on_fault,
}
