"""No fetch reaches what is not public: address classes x spellings x ways to get there.

The front of these tests is a site on 127.0.0.2, which the owner has allowed; it stands for the
open internet. The inside listens on 127.0.0.1 and ::1, on the front's port, and counts.
"""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.address import PORTS, Allowed, is_public, place_of
from agent.web.client import MOST_REDIRECTS, Client, connect
from hermes_home.errors import FetchError, FetchRefused
from hermes_home.settings import WebSettings
from tests.site import Site, page, redirect

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FRONT = "127.0.0.2"
PRIVATE_4 = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.5.4", "172.31.255.254",
    "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200",
    "168.63.129.16", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
PRIVATE_6 = (
    "::1", "::", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "2001:db8::1", "2001:2::1", "2001:10::1", "3fff::1", "100::1", "5f00::1", "4000::1",
)  # fmt: skip
PUBLIC = ("93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001:81b::200e")


def spellings(address: str) -> dict[str, str]:
    """The ways to write an IPv4 address as the host of a URL."""
    value = int(IPv4Address(address))
    octets = address.split(".")
    high, low = f"{value >> 16:x}", f"{value & 0xFFFF:x}"
    turned = value ^ 0xFFFFFFFF
    return {
        "dotted": address,
        "dot behind": f"{address}.",
        "decimal": str(value),
        "octal": f"0{value:o}",
        "hex": f"0x{value:x}",
        "hex, large": f"0X{value:08X}",
        "octal octets": ".".join(f"0{int(one):03o}" for one in octets),
        "hex octets": ".".join(f"0x{int(one):x}" for one in octets),
        "mixed octets": f"0x{int(octets[0]):x}.0{int(octets[1]):o}.{octets[2]}.{octets[3]}",
        "three parts": f"{octets[0]}.{octets[1]}.{value & 0xFFFF}",
        "two parts": f"{octets[0]}.{value & 0xFFFFFF}",
        "other dots": address.replace(".", "。"),
        "mapped": f"[::ffff:{address}]",
        "mapped, hex": f"[0:0:0:0:0:FFFF:{high}:{low}]",
        "compatible": f"[::{address}]",
        "NAT64": f"[64:ff9b::{high}:{low}]",
        "NAT64, local": f"[64:ff9b:1::{high}:{low}]",
        "6to4": f"[2002:{high}:{low}::1]",
        "Teredo": f"[2001:0:4136:e378:8000:63bf:{turned >> 16:x}:{turned & 0xFFFF:x}]",
        "user": f"example.com@{address}",
        "user and password": f"example.com:80@{address}",
        "backslash": f"example.com\\@{address}",
    }


SPELLED = [
    *((f"{address}, {name}", host) for address in PRIVATE_4
      for name, host in spellings(address).items()),
    *((address, f"[{address.replace('%', '%25')}]") for address in PRIVATE_6),
]  # fmt: skip
NAMES = (
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain",
    "ｌocalhost", "user@localhost", "ip6-localhost", "metadata.google.internal", "inside.test",
)  # fmt: skip
TRICKS = (
    "", "inside.test", "//inside.test/", "/inside", "file:///etc/passwd", "ftp://inside.test/",
    "gopher://127.0.0.1/_x", "data:text/html,x", "javascript:alert(1)", "unix:/run/x.sock",
    "http:///x", "http://", "http://[::1", "http://::1/", "http://127.0.0.1\t/", "http://a b/",
    "http://127.0.0.1%2f@example.com/", "http://ex%61mple.com/", "http://1.2.3.4.5/",
    "http://256.1.1.1/", "http://0x1ffffffff/", "http://08.0.0.1/", "http://example.com:0/",
    "http://example.com:99999/", "http://ⓛocalhost/", "http://.../", "http://-/" + "x" * 5000,
    "http://[v1.x]/", "http://[::ffff:1.2.3.4%25eth0]/", "http://" + "a." * 200 + "com/",
)  # fmt: skip


@dataclass
class World:
    """What a fetch could reach. `answers`: what each name resolves to, one list a question, the
    last for all that follow; other names lead inside. `reached`: hosts connected to."""

    front: Site
    inside: list[Site]
    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers.get(host, [["127.0.0.1"]])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def connect(self, trust: ssl.SSLContext, proxy: str) -> httpx.AsyncBaseTransport:
        world, real = self, connect(trust, proxy)

        class Watched(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                world.reached.append(request.url.host)
                return await real.handle_async_request(request)

            async def aclose(self) -> None:
                await real.aclose()

        return Watched()

    def client(self, *allowed: str) -> Client:
        settings = WebSettings(allow_private=allowed or (FRONT,))
        return Client(settings, resolve=self.resolve, connect=self.connect)

    async def refused(self, url: str, client: Client | None = None) -> str:
        """Why a URL is refused; nothing inside has been touched."""
        with pytest.raises(FetchError) as stopped:
            await (client or self.client()).get(url)
        assert [site.hits for site in self.inside] == [0] * len(self.inside)
        assert set(self.reached) <= {FRONT}
        assert isinstance(stopped.value, FetchRefused), stopped.value
        return str(stopped.value)


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[Site, list[Site]]]:
    with ExitStack() as stack:
        front, inside = _side_by_side()
        stack.enter_context(front)
        stack.enter_context(inside[0])
        try:
            inside.append(stack.enter_context(Site(host="::1", port=front.port)))
        except OSError:
            pass  # a machine without IPv6: nothing can be reached there
        yield front, inside


def _side_by_side() -> tuple[Site, list[Site]]:
    """Two on one port, which another program may have at one of the addresses."""
    for _ in range(50):
        front = Site(host=FRONT)
        try:
            return front, [Site(host="127.0.0.1", port=front.port)]
        except OSError:
            front.close()
    raise AssertionError("no port is free twice")


@pytest.fixture
def world(sites: tuple[Site, list[Site]]) -> World:
    front, inside = sites
    front.routes.clear()
    front.hits = 0
    for site in inside:
        site.hits = 0
    return World(front, inside)


# -- by number ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "host"), SPELLED, ids=[name for name, _ in SPELLED])
async def test_an_address_in_any_spelling(world: World, name: str, host: str):
    for url in (f"http://{host}:{world.front.port}/", f"http://{host}/", f"https://{host}/x?y#z"):
        why = await world.refused(url)
        expected = ("no public address", "a password", "no address that exists", "not a URL")
        assert any(word in why for word in expected), why
    world.front.routes["/go"] = redirect(f"http://{host}:{world.front.port}/secret")
    await world.refused(f"{world.front.url}/go")
    assert world.asked == []


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6) | st.sampled_from(PUBLIC).map(ip_address))
def test_the_rule_is_never_wider_than_the_registries(address: IPv4Address | IPv6Address):
    if is_public(address):
        assert address.is_global
        closed = ("private", "loopback", "multicast", "reserved", "link_local", "unspecified")
        assert not any(getattr(address, f"is_{kind}") for kind in closed)


@given(st.ip_addresses(v=4))
def test_every_spelling_of_a_number_is_read_as_what_it_means(address: IPv4Address):
    for name, host in itertools.islice(spellings(str(address)).items(), 19):
        try:
            literal = place_of(f"http://{host}/").literal
        except FetchRefused:
            assert "octets" in name
            continue
        assert literal is not None, name
        if ":" in host:
            assert not is_public(literal), name
        else:
            assert literal == address, name


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str):
    assert is_public(ip_address(address))


# -- by name ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_that_leads_inside(world: World, name: str):
    await world.refused(f"http://{name}:{world.front.port}/")
    world.front.routes["/go"] = redirect(f"http://{name}:{world.front.port}/")
    await world.refused(f"{world.front.url}/go")


@pytest.mark.parametrize("address", [*PRIVATE_4, *PRIVATE_6])
@pytest.mark.parametrize("order", ["alone", "first", "last", "between"])
async def test_every_address_of_a_name_is_checked(world: World, address: str, order: str):
    public = list(PUBLIC)
    answers = {
        "alone": [address],
        "first": [address, *public],
        "last": [*public, address],
        "between": [public[0], address, public[1]],
    }[order]
    world.answers["mixed.test"] = [answers]
    assert address.partition("%")[0] in await world.refused("http://mixed.test/")
    assert world.reached == []


@pytest.mark.parametrize("url", TRICKS)
async def test_what_is_no_address_of_the_web(world: World, url: str):
    await world.refused(url)
    assert world.reached == []
    if url not in ("", "inside.test", "/inside", "http:///x"):  # relative: these stay at the front
        world.front.routes["/go"] = redirect(url.encode("ascii", "ignore").decode().strip())
        with pytest.raises(FetchError):
            await world.client().get(f"{world.front.url}/go")
        assert set(world.reached) <= {FRONT}


@pytest.mark.parametrize("port", [22, 25, 3306, 6379, 9200, 11211])
async def test_other_ports_of_public_hosts(world: World, port: int):
    world.answers["public.test"] = [[PUBLIC[0]]]
    assert "port" in await world.refused(f"http://public.test:{port}/")
    assert "port" in await world.refused(f"http://{PUBLIC[0]}:{port}/")
    assert world.reached == []


# -- from public to private ---------------------------------------------------------------------


@pytest.mark.parametrize("hops", range(MOST_REDIRECTS))
@pytest.mark.parametrize(
    "end", ["127.0.0.1", "[::1]", "169.254.169.254", "2130706433", "[::ffff:7f00:1]", "inside.test"]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_chain_of_redirects_that_ends_inside(
    world: World, hops: int, end: str, status: int
):
    for hop in range(hops):
        world.front.routes[f"/{hop}"] = redirect(f"/{hop + 1}", status)
    world.front.routes[f"/{hops}"] = redirect(f"http://{end}:{world.front.port}/latest", status)
    await world.refused(f"{world.front.url}/0")
    assert world.reached == [FRONT] * (hops + 1)


async def test_a_name_that_is_public_first_and_private_then(world: World):
    world.answers["rebind.test"] = [[FRONT], ["127.0.0.1"]]
    world.front.routes["/"] = page("from the front", "text/plain")
    url = f"http://rebind.test:{world.front.port}/"
    assert (await world.client().get(url)).data == b"from the front"
    assert world.asked == ["rebind.test"]  # once: what was checked is what was reached
    await world.refused(url)
    assert world.front.hits == 1


@pytest.mark.parametrize("after", ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1"])
async def test_a_name_that_changes_between_two_hops(world: World, after: str):
    world.answers["rebind.test"] = [[FRONT], [after]]
    world.front.routes["/"] = redirect(f"http://rebind.test:{world.front.port}/again")
    await world.refused(f"http://rebind.test:{world.front.port}/")
    assert world.reached == [FRONT]


async def test_no_more_redirects_than_a_few(world: World):
    world.front.routes["/"] = redirect("/")
    with pytest.raises(FetchError, match="more than 5 times"):
        await world.client().get(f"{world.front.url}/")
    assert world.front.hits == MOST_REDIRECTS + 1


# -- the connection -----------------------------------------------------------------------------


def answering(seen: list[httpx.Request], answers: Sequence[httpx.Response]) -> Client:
    """A client whose requests are kept and answered, for hosts no test can reach."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        given = left.pop(0)
        return httpx.Response(given.status_code, headers=given.headers, stream=_Empty())

    async def names(host: str, port: int) -> Sequence[str]:
        return PUBLIC

    return Client(WebSettings(), resolve=names, connect=lambda *_: httpx.MockTransport(answer))


class _Empty(httpx.AsyncByteStream):
    async def __aiter__(self):
        yield b""


async def test_the_connection_goes_to_the_number_that_was_checked():
    seen: list[httpx.Request] = []
    found = await answering(seen, [httpx.Response(200)]).get("https://Public.test./a?b=c#d")
    (request,) = seen
    assert str(request.url) == f"https://{PUBLIC[0]}/a?b=c"
    assert request.headers["host"] == "public.test"
    assert request.extensions["sni_hostname"] == "public.test"
    assert found.url == "https://Public.test./a?b=c".lower()


async def test_https_does_not_fall_back_to_http():
    seen: list[httpx.Request] = []
    down = httpx.Response(302, headers={"Location": "http://public.test/"})
    with pytest.raises(FetchRefused, match="from https to plain http"):
        await answering(seen, [down]).get("https://public.test/")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("target", "kept"),
    [("/b", True), ("https://public.test:443/b", True), ("https://other.test/b", False),
     ("https://public.test:8443/b", False)],
)  # fmt: skip
async def test_a_key_stays_with_its_host(target: str, kept: bool):
    seen: list[httpx.Request] = []
    replies = [httpx.Response(302, headers={"Location": target, "Set-Cookie": "a=b"})]
    client = answering(seen, [*replies, httpx.Response(200)])
    await client.get("https://public.test/a", headers={"X-Key": "k"})
    assert ["x-key" in request.headers for request in seen] == [True, kept]
    assert not any("cookie" in request.headers or "referer" in request.headers for request in seen)


# -- the owner's exceptions ---------------------------------------------------------------------


@pytest.mark.parametrize("entry", ["nas.test", "NAS.test", "127.0.0.1", "127.0.0.0/30"])
async def test_what_the_owner_allows_is_fetched_from_any_port(world: World, entry: str):
    world.inside[0].routes["/"] = page("the shelf", "text/plain")
    url = f"http://nas.test:{world.front.port}/"
    assert (await world.client(entry).get(url)).data == b"the shelf"
    with pytest.raises(FetchRefused):
        await world.client(entry).get(url, private=False)  # a guest's
    with pytest.raises(FetchRefused):
        await world.client(entry).get("http://192.168.1.1/")


async def test_an_exception_for_a_name_is_none_for_its_address(world: World):
    await world.refused(f"http://127.0.0.1:{world.front.port}/", world.client("nas.test"))
    await world.refused(f"http://other.test:{world.front.port}/", world.client("nas.test"))


async def test_with_a_proxy_numbers_and_local_names_stay_closed(world: World):
    client = Client(
        WebSettings(proxy=world.front.url), resolve=world.resolve, connect=world.connect
    )
    for host in ("127.0.0.1", "2130706433", "[::1]", "169.254.169.254", "localhost", "a.localhost"):
        await world.refused(f"http://{host}/", client)
    assert world.reached == []
    world.front.routes["http://public.test/x"] = page("by proxy", "text/plain")
    assert (await client.get("http://public.test/x")).data == b"by proxy"
    assert world.asked == []  # the proxy asks
    assert world.front.asked[-1][1]["host"] == "public.test"


def test_the_ports_and_the_exceptions_are_few():
    assert PORTS == (80, 443, 8080, 8443)
    assert not Allowed.of(WebSettings().allow_private).networks
