"""The OpenAPI document is valid and tells of every route there is, and of no other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route

from gateway.api.doors import Door
from gateway.api.openapi import document
from gateway.api.server import ROUTES

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def told() -> Any:
    return msgspec.json.decode(msgspec.json.encode(document(ROUTES)))


@pytest.mark.slow
def test_the_document_is_valid(told):
    assert list(OpenAPIV31SpecValidator(told).iter_errors()) == []


def test_it_tells_of_every_route(told):
    real = {
        (route.path_format, method.lower())
        for route in ROUTES
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    listed = {(path, method) for path, item in told["paths"].items() for method in item}
    assert listed == real
    assert all(method in METHODS for _, method in listed)


def test_operations_have_names_of_their_own_and_say_what_they_do(told):
    operations = [one for item in told["paths"].values() for one in item.values()]
    ids = [one["operationId"] for one in operations]
    assert len(set(ids)) == len(ids)
    assert all(one["summary"] for one in operations)


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if isinstance(one, Door) and one.takes], ids=lambda r: r.path
)
def test_what_a_route_takes_is_described_field_by_field(told, route):
    body = told["paths"][route.path_format][route.method.lower()]["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fields = told["components"]["schemas"][name]["properties"]
    assert set(fields) == set(route.takes.__struct_encode_fields__)


@pytest.mark.slow
def test_the_daemon_gives_it(hermes, owner, told):
    owner.start()
    owner.wait()
    assert owner.ask("GET", "/openapi.json")["paths"] == told["paths"]
