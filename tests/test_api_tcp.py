"""The TCP port: nothing is done for whoever has no right to it, whatever he tries."""

from __future__ import annotations

import json
import socket
import time
from bisect import bisect_left
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from gateway.api.guard import Rate
from tests.api_door import TOKEN, ApiDoor, chat, drain, frame, status
from tests.model_server import ModelServer

pytestmark = pytest.mark.slow

BODY = chat("do something")
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def model() -> Any:
    with ModelServer(lambda number, body: {"content": "done"}) as server:
        yield server


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Any:
    """One daemon for all that is refused: at the end nothing has reached the model."""
    from tests.hermes import Hermes  # noqa: PLC0415 - beside the fixture of that name

    folder = tmp_path_factory.mktemp("api")
    (folder / "work").mkdir()
    hermes = Hermes(folder / "home", folder / "work")
    with closing(hermes):
        made = ApiDoor(hermes, model, origins=["https://app.example"], hosts=["hermes.example"])
        made.start()
        yield made


def heads(door: ApiDoor, **changed: str | None) -> dict[str, str]:
    """The headers of a good request, but for what is changed; None: left out."""
    given = {"Host": door.address, "Authorization": f"Bearer {TOKEN}"}
    named = {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in {**given, **named}.items() if value is not None}


FORGED: dict[str, Callable[[ApiDoor], bytes]] = {
    "no token": lambda d: frame(CHAT, BODY, heads(d, Authorization=None)),
    "an empty one": lambda d: frame(CHAT, BODY, heads(d, Authorization="Bearer ")),
    "no scheme": lambda d: frame(CHAT, BODY, heads(d, Authorization=TOKEN)),
    "another scheme": lambda d: frame(CHAT, BODY, heads(d, Authorization=f"Basic {TOKEN}")),
    "a wrong one": lambda d: frame(CHAT, BODY, heads(d, Authorization="Bearer " + "x" * 32)),
    "its beginning": lambda d: frame(CHAT, BODY, heads(d, Authorization=f"Bearer {TOKEN[:-1]}")),
    "more than it": lambda d: frame(CHAT, BODY, heads(d, Authorization=f"Bearer {TOKEN}x")),
    "other case": lambda d: frame(CHAT, BODY, heads(d, Authorization=f"Bearer {TOKEN.upper()}")),
    "no ASCII": lambda d: frame(CHAT, BODY, heads(d, Authorization="Bearer \u00e9" + "x" * 31)),
    "two": lambda d: frame(
        CHAT, BODY, heads(d, Authorization=None) | {"Authorization": "Bearer x\r\nAuthorization: x"}
    ),
    "in the query": lambda d: frame(
        f"{CHAT}?token={TOKEN}&access_token={TOKEN}", BODY, heads(d, Authorization=None)
    ),
    "in a cookie": lambda d: frame(
        CHAT, BODY, heads(d, Authorization=None, Cookie=f"token={TOKEN}")
    ),
    "in other headers": lambda d: frame(
        CHAT, BODY, heads(d, Authorization=None, X_API_Key=TOKEN, Api_Key=TOKEN)
    ),
    "with scopes": lambda d: frame(
        CHAT,
        BODY,
        heads(d, Authorization="Bearer guest", X_Scope="owner", X_Hermes_Principal="owner"),
    ),
    "as a proxy would": lambda d: frame(
        CHAT, BODY, heads(d, Authorization=None, X_Forwarded_For="127.0.0.1", X_Real_IP="::1")
    ),
    "a hostile page": lambda d: frame(CHAT, BODY, heads(d, Origin="https://evil.example")),
    "a page without a name": lambda d: frame(CHAT, BODY, heads(d, Origin="null")),
    "a page of this machine": lambda d: frame(CHAT, BODY, heads(d, Origin="http://localhost")),
    "a page whose name begins so": lambda d: frame(
        CHAT, BODY, heads(d, Origin="https://app.example.evil.example")
    ),
    "two pages": lambda d: frame(
        CHAT, BODY, heads(d) | {"Origin": "https://app.example\r\nOrigin: https://evil.example"}
    ),
    "a rebound name": lambda d: frame(CHAT, BODY, heads(d, Host=f"evil.example:{d.port}")),
    "a rebound name and the page of it": lambda d: frame(
        CHAT, BODY, heads(d, Host="evil.example", Origin="http://evil.example")
    ),
    "a name that ends so": lambda d: frame(CHAT, BODY, heads(d, Host="x.localhost.evil")),
    "no name": lambda d: frame(CHAT, BODY, heads(d, Host="")),
}


@pytest.mark.parametrize("case", FORGED)
def test_whoever_may_not_is_refused_before_his_body_is_read(door, model, case):
    before = len(model.requests)
    answer = door.raw(FORGED[case](door))
    assert status(answer) in (400, 401, 403), answer
    assert b"connection: close" in answer.lower()
    assert b"access-control-allow-origin" not in answer.lower()
    assert len(model.requests) == before
    assert door.hermes.json("sessions", "list") == []


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/api/status", "/none", "/v1/models"])
def test_no_door_opens_without_the_token(door, path):
    assert door.send("GET", path, token="wrong-wrong-wrong-wrong").status_code == 401
    assert door.send("GET", path).status_code == (404 if path == "/none" else 200)


def test_a_forged_body_of_a_hundred_megabytes_is_not_taken(door):
    lines = ["POST /v1/responses HTTP/1.1", f"Host: {door.address}", "Content-Length: 100000000"]
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as link:
        link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        sent = 0
        try:
            while sent < 100_000_000:
                sent += link.send(b"x" * 65536)
        except OSError:
            pass
        # What was sent is in buffers of the kernel; nobody took it.
        assert sent < 20_000_000
        assert status(drain(link)) in (401, 0)


def test_an_oversized_body_is_refused_by_its_length_or_when_it_is_too_much(door, model):
    before = len(model.requests)
    lines = [f"POST {CHAT} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in heads(door).items()]
    told = "\r\n".join([*lines, "Content-Length: 5000000"]).encode() + b"\r\n\r\n"
    assert status(door.raw(told)) == 413
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    chunked = "\r\n".join([*lines, "Transfer-Encoding: chunked"]).encode() + b"\r\n\r\n"
    assert status(door.raw(chunked + chunk * 80)) == 413
    huge = "\r\n".join([*lines, "X-Long: " + "x" * 40_000]).encode() + b"\r\n\r\n"
    assert status(door.raw(huge)) in (400, 431)
    assert len(model.requests) == before


def test_whoever_is_slow_is_hung_up_on(door, model):
    before = len(model.requests)
    begun = time.monotonic()
    whole = frame(CHAT, BODY, heads(door))
    slow = [b"", whole[:20], whole.split(b"\r\n\r\n")[0]]
    links = [socket.create_connection(("127.0.0.1", door.port), timeout=60) for _ in slow]
    for link, begin in zip(links, slow, strict=True):
        link.sendall(begin)
    for link in links:
        with link:
            assert drain(link) == b""
    assert time.monotonic() - begun < 50
    late = socket.create_connection(("127.0.0.1", door.port), timeout=60)
    with late:
        late.sendall(whole[: len(whole) // 2])
        assert status(drain(late)) in (408, 0)
    assert len(model.requests) == before


def test_who_knocks_in_pieces_is_let_in(door):
    whole = frame("/v1/responses", {"model": "no"}, heads(door) | {"Connection": "close"})
    with socket.create_connection(("127.0.0.1", door.port), timeout=60) as link:
        for at in range(0, len(whole), 40):
            link.sendall(whole[at : at + 40])
            time.sleep(0.01)
        assert status(drain(link)) == 400


def test_the_page_that_may_gets_what_a_browser_needs(door):
    origin = {"Origin": "https://app.example"}
    asked = {**origin, "Access-Control-Request-Method": "POST", "Authorization": ""}
    preflight = door.send("OPTIONS", CHAT, headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    listed = door.send("GET", "/v1/models", headers=origin)
    assert listed.headers["access-control-allow-origin"] == "https://app.example"
    assert (
        door.send("GET", "/v1/models", headers={**origin, "Authorization": ""}).status_code == 401
    )
    foreign = door.send("OPTIONS", CHAT, headers={**asked, "Origin": "https://evil.example"})
    assert foreign.status_code == 403


def test_a_name_of_the_settings_is_a_name_of_it(door):
    named = {"Host": f"Hermes.Example:{door.port}"}
    assert door.send("GET", "/v1/models", headers=named).status_code == 200


def test_a_replayed_request_is_one_run(door, model):
    """The same bytes again and again, as somebody would who overheard a request with a key."""
    before = len(model.requests)
    whole = frame(CHAT, BODY, heads(door) | {"Idempotency-Key": "k", "Connection": "close"})
    answers = {door.raw(whole).split(b"\r\n\r\n", 1)[1] for _ in range(5)}
    assert len(answers) == 1
    assert len(model.requests) == before + 1


def test_a_rotated_token_counts_at_once_and_the_old_one_no_more(door):
    other = "another-token-of-32-characters-1"
    assert door.send("GET", "/health").status_code == 200
    door.rotate(other)
    try:
        assert door.send("GET", "/health").status_code == 401
        assert door.send("GET", "/health", token=other).status_code == 200
        door.rotate("short")
        assert door.send("GET", "/health", token="short").status_code == 401
        (door.hermes.home / ".env").unlink()
        assert door.send("GET", "/health", headers={"Authorization": "Bearer"}).status_code == 401
        shown = door.hermes.json("api", "token", "--new")["token"]
        assert len(shown) >= 32
        assert door.send("GET", "/health", token=shown).status_code == 200
    finally:
        door.rotate(TOKEN)


def test_too_many_in_a_minute_are_told_when_to_come_again(hermes, model_server):
    made = ApiDoor(hermes, model_server, per_minute=20)
    made.start()
    answers = [made.send("GET", "/v1/models") for _ in range(25)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 5
    assert 1 <= int(refused[0].headers["retry-after"]) <= 3
    assert refused[0].json()["error"]["type"] == "rate_limit_error"
    assert made.send("GET", "/health").status_code in (200, 429)


@pytest.mark.parametrize("per_minute", [1, 7, 60, 6000])
def test_a_minute_never_holds_more_than_it_should(per_minute):
    now = 0.0
    rate = Rate(lambda: now)
    taken = []
    for _ in range(per_minute * 5):
        wait = rate.wait(per_minute)
        assert wait >= 0
        taken += [] if wait else [now]
        now += 15 / per_minute
    for first, begin in enumerate(taken):
        assert bisect_left(taken, begin + 60) - first <= 2 * per_minute
    assert len(taken) >= per_minute


TOKENS = {"none": "", "short": "HERMES_API_TOKEN=fifteen-letters\n", "broken": "HERMES_API_TOKEN"}


@pytest.mark.parametrize("case", TOKENS)
def test_without_a_token_the_port_stays_closed_and_the_fix_is_named(hermes, model_server, case):
    made = ApiDoor(hermes, model_server)
    (hermes.home / ".env").write_text(TOKENS[case])
    if case == "broken":
        assert "NAME=value" in hermes.run("daemon", "start").stderr
        return
    made.start()
    with pytest.raises(OSError, match="refused"):
        made.raw(b"GET /health HTTP/1.1\r\n\r\n")
    assert hermes.json("status")["api"] == ""
    fix = "hermes api token --new"
    assert fix in hermes.ok("status")
    assert fix in (hermes.home / "logs" / "daemon.log").read_text()
    (check,) = [
        one for one in json.loads(hermes.run("doctor", "--json").stdout) if one["name"] == "api"
    ]
    assert (check["status"], check["fix"]) == ("fail", "Make one: hermes api token --new")
    hermes.ok("api", "token", "--new")
    hermes.ok("daemon", "restart")
    assert hermes.json("status")["api"] == made.address


def test_a_port_that_is_taken_leaves_the_daemon_at_work(hermes, model_server):
    made = ApiDoor(hermes, model_server)
    with socket.create_server(("127.0.0.1", made.port)):
        made.start()
        assert "does not listen" in hermes.ok("status")
