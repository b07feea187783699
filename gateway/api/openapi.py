"""GET /openapi.json: every route as an OpenAPI 3.1 document, read off the routes themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.api.doors import Door, Row, answer
from gateway.api.problems import Problem
from hermes_home.version import VERSION

_REF = "#/components/schemas/{name}"
_ABOUT = (
    "The daemon's HTTP API. The Unix socket needs no token; over TCP every request needs one."
    " The model is called `hermes`."
)


class OpenAIError(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIProblem(msgspec.Struct):
    """What is wrong, as OpenAI's clients read it."""

    error: OpenAIError


async def show(request: Request) -> Response:
    """This document."""
    return answer(document(request.app.routes))


def document(routes: Iterable[BaseRoute]) -> Row:
    """The OpenAPI document of these routes."""
    doors = [
        (route, method)
        for route in routes
        if isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"})  # which goes without saying
    ]
    types = [Problem, OpenAIProblem, Row]
    for route, _ in doors:
        types += [kind for kind in (_takes(route), _gives(route)) if kind is not None]
    found, components = msgspec.json.schema_components(types, ref_template=_REF)
    schemas = {repr(kind): schema for kind, schema in zip(types, found, strict=True)}
    paths: dict[str, Row] = {}
    for route, method in doors:
        operations = paths.setdefault(route.path_format, {})
        operations[method.lower()] = _operation(route, method, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hermes", "version": VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _takes(route: Route) -> Any:
    return route.takes if isinstance(route, Door) else None


def _gives(route: Route) -> Any:
    return route.gives if isinstance(route, Door) else Row


def _operation(route: Route, method: str, schemas: dict[str, Row]) -> Row:
    about = inspect.getdoc(route.endpoint) or ""
    tag = route.endpoint.__module__.rpartition(".")[2]
    operation: Row = {
        "operationId": f"{tag}_{route.endpoint.__name__}",
        "tags": [tag],
        "summary": about.partition("\n")[0] or route.endpoint.__name__.replace("_", " "),
        "description": about,
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
    }
    if (takes := _takes(route)) is not None:
        content = {"application/json": {"schema": schemas[repr(takes)]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(route: Route) -> list[Row]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in route.param_convertors
    ]
    for place, named in (
        ("query", route.query if isinstance(route, Door) else {}),
        ("header", route.headers if isinstance(route, Door) else {}),
    ):
        parameters += [
            {"name": name, "in": place, "description": means, "schema": {"type": "string"}}
            for name, means in named.items()
        ]
    return parameters


def _responses(route: Route, schemas: dict[str, Row]) -> Row:
    status, media, events = 200, "application/json", False
    if isinstance(route, Door):
        status, media, events = route.status, route.media, route.events
    content: Row = {media: {"schema": schemas[repr(_gives(route))]}}
    if events:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    good = {"description": "all is well", "content": content}
    if route.path.startswith("/v1/"):
        wrong = {"application/json": {"schema": schemas[repr(OpenAIProblem)]}}
    else:
        wrong = {"application/problem+json": {"schema": schemas[repr(Problem)]}}
    return {str(status): good, "default": {"description": "what is wrong", "content": wrong}}


ROUTES = [Door("GET", "/openapi.json", show)]
