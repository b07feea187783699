"""What comes back of a fetch: whole, bounded, in whatever encoding, and read as text."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import subprocess
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from agent.web import reader
from agent.web.base import Fetched
from agent.web.body import MOST_BYTES
from agent.web.client import AGENT, Client, connect
from agent.web.reading import Text, kind_of, read
from hermes_home.errors import FetchError
from hermes_home.settings import WebSettings
from tests.pdf import pdf
from tests.site import Say, Site, page

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

OPEN = WebSettings(allow_private=("127.0.0.1",))
ARTICLE = """<!doctype html><html><head><title>The pump</title><style>p {}</style></head><body>
<nav><a href="/">Home</a> <a href="/imprint">Imprint</a></nav><article><h1>How it broke</h1>
<p>On Monday the large pump in the cellar stopped, and nobody knew why until the evening.</p>
<p>The <a href="../manual.html">manual</a> says that the valve must be opened by hand first.</p>
<ul><li>Open the valve with the red wheel.</li><li>Wait for the water to come back.</li></ul>
<p>After that the pump was started again, and it has been running quietly ever since then.</p>
</article><script>track()</script></body></html>"""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


async def fetched(site: Site, say: Say, seconds: float = 20) -> Fetched:
    site.routes["/page"] = say
    return await Client(OPEN, seconds=seconds).get(f"{site.url}/page")


async def read_page(site: Site, say: Say) -> Text:
    found = await fetched(site, say)
    return await read(found, kind_of(found.type, found.data))


async def problem(site: Site, say: Say, seconds: float = 20) -> str:
    with pytest.raises(FetchError) as raised:
        await fetched(site, say, seconds)
    return str(raised.value)


# -- the request and what is kept of the answer -------------------------------------------------


async def test_the_origin_is_kept(site: Site):
    before = time.time()
    modified = "Sat, 21 Nov 2026 10:00:00 GMT"
    say = page("x", "Text/Plain; Charset='UTF-8'", "203 Some", Last_Modified=modified)
    found = await fetched(site, say)
    assert (found.url, found.status, found.type) == (f"{site.url}/page", 203, "text/plain")
    assert (found.charset, found.data, found.cut) == ("UTF-8", b"x", False)
    assert found.modified == modified
    assert before <= found.at <= time.time()


async def test_we_say_who_we_are_and_nothing_of_who_asks(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.routes["/"] = page("x", Set_Cookie="a=b; Path=/")
    client = Client(OPEN)
    for _ in range(2):
        await client.get(f"{site.url}/")
    assert [line for line, _ in site.asked] == ["GET / HTTP/1.1"] * 2
    for _, headers in site.asked:
        assert headers["user-agent"] == AGENT
        assert set(headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "304 Not Modified", "302 Found"])
async def test_any_status_is_an_answer(site: Site, status: str):
    found = await fetched(site, page("sorry", "text/plain", status))
    assert found.status == int(status.split()[0])


async def test_no_secret_leaves_in_an_address(site: Site):
    client = Client(OPEN, lambda: ["s3cret-Value/1", "short"])
    for form in (
        "s3cret-Value/1",
        "S3CRET-VALUE/1",
        "s3cret%2DValue%2f1",
        "s3cret%252DValue%252F1",
    ):
        with pytest.raises(FetchError, match="secret"):
            await client.get(f"{site.url}/page?x={form}")
    assert site.hits == 0
    site.routes["/short"] = page("fine")
    assert (await client.get(f"{site.url}/short")).data == b"fine"


# -- bounds -------------------------------------------------------------------------------------


def raw(*pieces: bytes, repeat: bytes = b"", pause: float = 0.0) -> Say:
    """Pieces as they are, then one for as long as somebody listens."""

    def say(connection: socket.socket, headers: Mapping[str, str]) -> None:
        with suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
            while repeat:
                connection.sendall(repeat)
                time.sleep(pause)

    return say


OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = OK + b"Content-Type: text/plain\r\n"


async def test_an_endless_body_is_cut(site: Site):
    found = await fetched(site, raw(PLAIN + b"\r\n", repeat=b"x" * 65536))
    assert found.cut
    assert found.data == b"x" * MOST_BYTES


@pytest.mark.parametrize("layers", [1, 2])
async def test_a_zip_bomb_is_cut_or_refused(site: Site, layers: int):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(300)), packer.flush()])
    encoding = "gzip"
    if layers == 2:
        bomb, encoding = gzip.compress(bomb), "gzip, gzip"
    say = page(bomb, "text/plain", Content_Encoding=encoding)
    if layers == 2:
        assert "packed" in await problem(site, say)
    else:
        found = await fetched(site, say)
        assert found.cut
        assert len(found.data) == MOST_BYTES


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip"])
async def test_a_packing_that_cannot_be_undone_is_said(site: Site, encoding: str):
    said = await problem(site, page(b"nothing packed", "text/plain", Content_Encoding=encoding))
    assert "packed" in said


async def test_what_follows_the_packed_page_is_not_read(site: Site):
    head = PLAIN + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"all")
    found = await fetched(site, raw(head, repeat=b"x" * 65536))
    assert (found.data, found.cut) == (b"all", False)


@pytest.mark.parametrize(
    ("pieces", "repeat"),
    [
        ((), b"H"),
        ((OK,), b"X-Slow: 1\r\n"),
        ((PLAIN + b"\r\n",), b"x"),
        ((), b"HTTP/1.1 100 Continue\r\n\r\n"),
        ((PLAIN + b"Content-Length: 100\r\n\r\n",), b""),
    ],
    ids=["status", "headers", "body", "continue", "silence"],
)
async def test_a_slow_answer_ends_in_time(site: Site, pieces: Sequence[bytes], repeat: bytes):
    def say(connection: socket.socket, headers: Mapping[str, str]) -> None:
        raw(*pieces, repeat=repeat, pause=0.02)(connection, headers)
        connection.recv(1)  # until the other side leaves

    begun = time.monotonic()
    assert "longer than 0.5 s" in await problem(site, say, seconds=0.5)
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    "head",
    [
        OK + b"X-Long: " + b"x" * 1_000_000,
        OK + b"X-Many: y\r\n" * 100_000,
        b"HTTP/1.1 200 " + b"O" * 1_000_000,
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"",
        b"\0\xff\0\xff\r\n\r\n",
        OK + b"Content-Length: 5\r\n\r\nabc",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["long", "many", "reason", "ssh", "empty", "bytes", "short", "minus", "chunk"],
)
async def test_an_answer_that_is_none_is_a_fault_in_words(site: Site, head: bytes):
    assert "cannot be read" in await problem(site, raw(head))


async def test_nobody_there_is_said(site: Site):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(FetchError, match="cannot be read"):
            await Client(OPEN).get(f"http://127.0.0.1:{taken.getsockname()[1]}/")


async def test_the_next_address_is_tried(site: Site):
    async def names(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.3", "127.0.0.1"]

    site.routes["/"] = page("here")
    client = Client(WebSettings(allow_private=("two.test",)), resolve=names)
    assert (await client.get(f"http://two.test:{site.port}/")).data == b"here"


async def test_an_unknown_name_is_said():
    with pytest.raises(FetchError, match="no address is known for nowhere.invalid"):
        await Client(WebSettings()).get("http://nowhere.invalid/")


# -- TLS ----------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for `name` that signs itself; its file and its key's."""
    file, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
        "-keyout", str(key), "-out", str(file),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return file, key


@pytest.mark.parametrize("asked", ["right.test", "wrong.test"])
@pytest.mark.parametrize("trusted", [True, False])
async def test_the_certificate_is_checked_against_the_name(
    tmp_path: Path, asked: str, trusted: bool
):
    file, key = certificate(tmp_path, "right.test")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file, key)
    told: list[str] = []
    server.sni_callback = lambda _, name, __: told.append(name)
    trust = ssl.create_default_context(cafile=str(file) if trusted else None)

    async def names(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    with Site({"/": page("kept")}, tls=server) as site:
        client = Client(OPEN, resolve=names, connect=lambda _, proxy: connect(trust, proxy))
        url = f"https://{asked}:{site.port}/"
        if trusted and asked == "right.test":
            assert (await client.get(url)).data == b"kept"
        else:
            with pytest.raises(FetchError, match="certificate of"):
                await client.get(url)
            assert site.asked == []
    assert told == [asked]


# -- reading ------------------------------------------------------------------------------------


async def test_an_article_is_read_as_markdown(site: Site):
    said = await read_page(site, page(ARTICLE))
    assert said.title == "The pump"
    assert "# How it broke" in said.text
    assert f"[manual]({site.url}/manual.html)" in said.text
    assert "- Open the valve" in said.text
    for noise in ("Imprint", "track()", "p {}", "<p>"):
        assert noise not in said.text


async def test_a_page_without_an_article_is_read_whole(site: Site):
    body = (
        "<title>Index</title><script>no()</script><h2>Files</h2><table><tr><th>Name<th>Size</tr>"
        "<tr><td><a href='a.txt'>a.txt</a><td>5 K</tr></table><p>One<br>two <b>three</b></p>"
        "<a href='javascript:x()'>press</a><a href='#top'>up</a>"
    )
    said = await read_page(site, page(body))
    assert said.title == "Index"
    for part in ("Files", f"[a.txt]({site.url}/a.txt)", "5 K", "One\ntwo three", "press"):
        assert part in said.text, said.text
    assert "no()" not in said.text
    assert "javascript" not in said.text


async def test_a_huge_page_is_read_whole_and_cut(site: Site):
    row = "<p>The <a href='/x'>valve</a> and the pump are in good order, says row %d.</p>"
    body = "".join(row % number for number in range(50_000))
    said = await read_page(site, page(f"<article>{body}</article>"))
    assert len(said.text) == 2_000_000
    assert said.note == "only the first 2,000,000 characters"
    assert f"The [valve]({site.url}/x) and the pump are in good order, says row 9." in said.text


async def test_a_reader_nobody_waits_for_ends(site: Site):
    body = "<article>" + "<p>Words about the <a href='/x'>pump</a> and more.</p>" * 20_000
    found = await fetched(site, page(body))
    reading = asyncio.create_task(read(found, "html"))
    async with asyncio.timeout(30):
        while not children():  # noqa: ASYNC110 - nothing tells when a program has begun
            await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not children()


def children() -> list[str]:
    """The readers this process has started and that have not ended."""
    running: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            with suppress(OSError):
                if b"reader.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    running.append(pid)
    return running


CHARSETS = [
    ("utf-8", "Ünï – 漢字"), ("iso-8859-1", "Größe “nice”"), ("windows-1252", "Größe “nice” €"),
    ("iso-8859-15", "Größe €"), ("koi8-r", "Привет, мир"), ("windows-1251", "Привет, мир"),
    ("shift_jis", "日本語のページ"), ("euc-jp", "日本語のページ"), ("gb18030", "中文网页"),
    ("big5", "中文網頁"), ("euc-kr", "한국어 페이지"), ("utf-16", "Ünï – 漢字"),
]  # fmt: skip


@pytest.mark.parametrize(("charset", "words"), CHARSETS)
@pytest.mark.parametrize("told", ["header", "page", "mark"])
async def test_charsets(site: Site, charset: str, words: str, told: str):
    """In this process: one for each would take as long as all the rest."""
    encoding = "windows-1252" if charset == "iso-8859-1" else charset
    body = f"<html><head><title>{words}</title></head><body><p>{words}</p></body></html>"
    kind = "text/html"
    if told == "header":
        kind = f'text/html; charset="{charset}"'
    elif charset.startswith("utf"):
        encoding = "utf-16" if charset == "utf-16" else "utf-8-sig"
    else:
        body = body.replace("<head>", f'<head><meta charset="{charset}">')
    found = await fetched(site, page(body.encode(encoding), kind))
    said = reader.html(found.data, found.charset, found.url)
    assert said["title"] == words
    assert words in said["text"]


@pytest.mark.parametrize("told", ["header", "page", "mark"])
async def test_a_page_in_another_charset_is_read_by_its_process(site: Site, told: str):
    words, meta = "日本語のページ", '<meta charset="shift_jis">' if told == "page" else ""
    body = f"<html><head>{meta}<title>{words}</title></head><body><p>{words}</p></body></html>"
    kind = 'text/html; charset="shift_jis"' if told == "header" else "text/html"
    data = body.encode("utf-16" if told == "mark" else "shift_jis")
    said = await read_page(site, page(data, kind))
    assert (said.title, words in said.text) == (words, True)


@pytest.mark.parametrize("charset", ["nonsense", "base64", "rot13", "x" * 100])
async def test_a_charset_that_is_none_does_no_harm(site: Site, charset: str):
    said = await read_page(site, page("plain enough", f"text/plain; charset={charset}"))
    assert said.text == "plain enough"


async def test_text_is_left_as_it_is(site: Site):
    for kind in (
        "text/plain",
        "application/json",
        "application/rss+xml",
        "text/csv",
        "image/svg+xml",
    ):
        said = await read_page(site, page('{"a": "<b>"}\n', kind))
        assert said.text == '{"a": "<b>"}\n'


async def test_a_pdf_is_read_page_by_page(site: Site):
    said = await read_page(site, page(pdf("The first page", "The second"), "application/pdf"))
    assert said.text == "[page 1]\nThe first page\n\n[page 2]\nThe second"
    assert said.note == "2 pages"


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("", b"<!DOCTYPE html><p>x", "html"),
        ("application/octet-stream", b"%PDF-1.7 x", "pdf"),
        ("application/octet-stream", b"words", "text"),
        ("application/octet-stream", b"\x7fELF\0\0", ""),
        ("image/png", b"\x89PNG", ""),
        ("application/zip", b"PK", ""),
        ("video/mp4", b"words", ""),
        ("application/ld+json", b"{}", "text"),
    ],
)
def test_kinds(kind: str, data: bytes, expected: str):
    assert kind_of(kind, data) == expected


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("application/pdf", b"%PDF-1.7\nbroken"),
        ("application/pdf", pdf("x")[:200]),
    ],
    ids=["no pdf", "half a pdf"],
)
async def test_what_cannot_be_read_is_said_in_one_line(site: Site, kind: str, data: bytes):
    found = await fetched(site, page(data, kind))
    with pytest.raises(FetchError, match="cannot be read") as raised:
        await read(found, "pdf")
    assert "Traceback" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"<html>",
        b"<div>" * 50_000 + b"deep",
        b"<!-- " + b"x" * 100_000,
        b"<a href=" + b"'" * 10_000,
        b'<?xml version="1.0" encoding="utf-8"?><html><body>x</body></html>',
        bytes(range(256)) * 100,
    ],
    ids=["empty", "mark", "open", "deep", "comment", "quotes", "xml", "bytes"],
)
async def test_any_bytes_can_be_read(site: Site, data: bytes):
    said = await read_page(site, page(data, "text/html"))
    assert len(said.text) <= 2 * len(data) + 10
