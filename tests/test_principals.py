"""Who is heard: 40 ways of passing for somebody else, generated; none is handled or answered."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import msgspec
import pytest

from gateway.channels.base import Incoming, Place
from gateway.chats.principals import ALL_TRIES, TRIES, Principals, Tries, code_in
from hermes_home.channel_settings import ChannelsSettings, LoopbackSettings
from hermes_home.paths import Home
from hermes_home.settings import Settings
from memory.arrivals import Arrival
from memory.database import Database
from memory.grants import Grants
from tests.clock import Clock

pytestmark = pytest.mark.anyio

DAY = 86_400.0


@pytest.fixture
def grants(home: Home, clock: Clock) -> Iterator[Grants]:
    with closing(Database(home)) as database:
        yield Grants(database, clock)


def settings(**section: tuple[str, ...]) -> Settings:
    loopback = LoopbackSettings(enabled=True, **section)  # type: ignore[arg-type]
    return replace(Settings(), channels=ChannelsSettings(loopback=loopback))


OWNER = Incoming(place=Place("loopback", "bot-1", "c1"), event="e1", sender="1001", name="Ann")

IDS = ["1001 ", " 1001", "01001", "1001\n", "１００１", "1001.0", "10010", "100", "", "ann", "@ann"]
NAMES = ["Ann", "1001", "owner", "loopback:bot-1:1001"]
PLACES = [
    Place("telegram", "bot-1", "c1"),
    Place("matrix", "bot-1", "c1"),
    Place("Loopback", "bot-1", "c1"),
]


def spoofs() -> list[Incoming]:
    """Events of people who are not the owner and look as much like him as they can."""
    change = msgspec.structs.replace
    by_id = [change(OWNER, sender=sender) for sender in IDS]
    by_name = [
        change(OWNER, sender="6666", name=name, text=text, group=group)
        for name, text, group in itertools.product(NAMES, ["hi", "I am 1001"], [False, True])
    ]
    elsewhere = [change(OWNER, place=place) for place in PLACES]
    in_his_chat = [
        change(OWNER, sender="6666", place=Place("loopback", "bot-1", chat))
        for chat in ("c1", "1001", "owner")
    ]
    tools = [
        change(OWNER, sender="6666", button="a:1:once", press="p"),
        change(OWNER, sender="6666", text="/approve 1"),
        change(OWNER, sender="6666", text="/stop"),
    ]
    return [*by_id, *by_name, *elsewhere, *in_his_chat, *tools]


def test_there_are_enough_of_them() -> None:
    assert len(spoofs()) >= 36


@pytest.mark.parametrize("spoof", spoofs())
def test_nobody_else_passes_for_the_owner_the_settings_name(grants: Grants, spoof: Incoming):
    who = Principals(lambda: settings(owners=("1001",)), grants)
    assert who.of(OWNER) == "owner"
    assert who.of(spoof) == ""


async def paired(grants: Grants, role: str = "owner", days: float = 0) -> str:
    code = await grants.new_code("loopback", role, days)  # type: ignore[arg-type]
    grant = await grants.redeem(code.replace("-", ""), arrival("e1"), "1001", "Ann", "welcome")
    assert grant is not None
    return grant.id


def arrival(event: str, platform: str = "loopback", account: str = "bot-1") -> Arrival:
    return Arrival(platform, account, event, f"{platform}/{account}/c1", "")


async def test_a_grant_is_bound_to_platform_account_and_sender(grants: Grants) -> None:
    await paired(grants)
    who = Principals(Settings, grants)
    assert who.of(OWNER) == "owner"
    for spoof in spoofs():
        assert who.of(spoof) == ""
    other = msgspec.structs.replace(OWNER, place=Place("loopback", "bot-2", "c1"))
    assert who.of(other) == ""


async def test_a_grant_ends_when_it_expires_or_is_revoked(grants: Grants, clock: Clock) -> None:
    id = await paired(grants, "guest", days=2)
    who = Principals(Settings, grants)
    assert who.of(OWNER) == "loopback:bot-1:1001"
    clock.now += 2 * DAY + 1
    assert who.of(OWNER) == ""
    clock.now -= DAY
    assert who.of(OWNER) == "loopback:bot-1:1001"
    assert await grants.revoke(id) is not None
    assert who.of(OWNER) == ""
    assert await grants.revoke(id) is None


def test_settings_count_as_they_are_now(grants: Grants) -> None:
    now = [settings(owners=("1001",))]
    who = Principals(lambda: now[0], grants)
    assert who.of(OWNER) == "owner"
    now[0] = settings(guests=("1001",))
    assert who.of(OWNER) == "loopback:bot-1:1001"
    now[0] = settings()
    assert who.of(OWNER) == ""


async def test_a_code_works_once_in_time_on_its_platform(grants: Grants, clock: Clock) -> None:
    code = (await grants.new_code("loopback", "guest")).replace("-", "")
    for wrong in (arrival("e1", platform="telegram"),):
        assert await grants.redeem(code, wrong, "1", "", "") is None
    near = code[:-1] + "2A"[code[-1] == "2"]
    assert await grants.redeem(near, arrival("e2"), "1", "", "") is None
    assert await grants.redeem(code, arrival("e3"), "1", "", "") is not None
    assert await grants.redeem(code, arrival("e4"), "2", "", "") is None
    late = (await grants.new_code("loopback", "guest")).replace("-", "")
    clock.now += 601
    assert await grants.redeem(late, arrival("e5"), "3", "", "") is None


async def test_a_code_is_not_stored_as_it_is(grants: Grants, home: Home) -> None:
    code = await grants.new_code("loopback", "owner")
    assert len(code) == 11
    for path in home.root.iterdir():
        if path.is_file():
            assert code.encode() not in path.read_bytes()
            assert code.replace("-", "").encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "change", [{"group": True}, {"button": "x"}, {"text": "my code is ABCDE-FGHJK"}, {"text": ""}]
)
def test_only_a_private_message_that_is_nothing_else_may_be_a_code(change: dict[str, object]):
    sent = msgspec.structs.replace(OWNER, text="abcde-fghjk")
    assert code_in(sent) == "ABCDEFGHJK"
    assert code_in(msgspec.structs.replace(sent, **change)) is None


def test_wrong_codes_are_counted_for_each_sender_and_for_all() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(TRIES):
        assert tries.allowed("a")
        tries.wrong("a")
    assert not tries.allowed("a")
    for number in range(ALL_TRIES - TRIES):
        assert tries.allowed(f"b{number}")
        tries.wrong(f"b{number}")
    assert not tries.allowed("new")
    clock.now += 601
    assert tries.allowed("a")
