"""The way to an endpoint: addresses, proxies, TLS, and answers nobody asked for in that form."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.providers.web import Web
from hermes_home.errors import ProviderError

pytestmark = pytest.mark.anyio

BODY = b'{"data": "' + b"long " * 5_000 + b'"}'


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def serving(
    answer: bytes, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[str]]]:
    """A server that gives the same bytes to every request; its port, and the heads it got."""
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


def answered(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def fetch(url: str, key: str = "") -> bytes:
    web = Web(url, key)
    try:
        async with web.fetch("models") as answer:
            return await answer.rest()
    finally:
        await web.close()


# -- addresses ----------------------------------------------------------------------------------


async def test_a_request_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answered(b"by proxy")) as (port, heads):
        monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{port}")
        assert await fetch("http://model.invalid/v1", "key") == b"by proxy"
    assert heads[0].startswith("GET http://model.invalid/v1/models HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in heads[0]
    assert "Authorization: Bearer key\r\n" in heads[0]


async def test_the_key_is_not_shown_to_a_proxy_that_only_passes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(b"HTTP/1.1 403 Forbidden\r\n\r\n") as (port, heads):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(ProviderError, match="cannot be reached"):
            await fetch("https://model.invalid/v1", "key")
    assert heads[0].startswith("CONNECT model.invalid:443 HTTP/1.1\r\n")
    assert "key" not in heads[0]


async def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    with pytest.raises(ProviderError, match=r"proxy .* cannot be used"):
        await fetch("https://model.invalid/v1")


# -- what is sent and what comes back -----------------------------------------------------------


async def test_a_user_and_password_in_the_address_are_sent_and_never_shown() -> None:
    async with serving(answered(b"fine")) as (port, heads):
        assert await fetch(f"http://me:secret@127.0.0.1:{port}/v1", "key") == b"fine"
        assert Web(f"http://me:secret@127.0.0.1:{port}/v1").host == f"127.0.0.1:{port}"
    assert "Authorization: Basic bWU6c2VjcmV0\r\n" in heads[0]
    assert f"Host: 127.0.0.1:{port}\r\n" in heads[0]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", gzip.compress(BODY, mtime=0)), ("deflate", zlib.compress(BODY)), ("identity", BODY)],
)
async def test_an_answer_compressed_unasked_is_read(encoding: str, body: bytes) -> None:
    async with serving(answered(body, f"Content-Encoding: {encoding}")) as (port, heads):
        assert await fetch(f"http://127.0.0.1:{port}/v1") == BODY
    assert "Accept-Encoding: identity\r\n" in heads[0]


async def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as (port, heads):
        web = Web(f"http://127.0.0.1:{port}/v1")
        for _ in range(3):
            async with web.fetch("models") as answer:
                assert await answer.rest() == b"ok"
            await asyncio.sleep(0.01)
        await web.close()
    assert len(heads) == 3


async def test_an_answer_that_breaks_off_is_told() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as (port, _):
        with pytest.raises(ProviderError, match="broke"):
            await fetch(f"http://127.0.0.1:{port}/v1")


async def test_an_answer_that_is_not_compressed_as_it_says_is_told() -> None:
    async with serving(answered(b"plain text", "Content-Encoding: gzip")) as (port, _):
        with pytest.raises(ProviderError, match="cannot be decompressed"):
            await fetch(f"http://127.0.0.1:{port}/v1")


# -- TLS ----------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -batch"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(made)]
    subprocess.run([program, *command.split(), *names, *files], check=True, capture_output=True)
    return made, key


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_counts_only_if_it_is_trusted(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    async with serving(answered(BODY), tls) as (port, heads):
        if trusted:
            assert await fetch(f"https://localhost:{port}/v1", "key") == BODY
            return
        with pytest.raises(ProviderError, match="certificate .* is not trusted"):
            await fetch(f"https://localhost:{port}/v1", "key")
    assert not heads


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_long_request_and_a_long_answer_arrive_whole(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    long = BODY * 200

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)  # so long that what is sent has to wait
        received = await reader.readexactly(len(long))
        writer.write(answered(received))
        await writer.drain()
        writer.close()

    secure = tls if scheme == "https" else None
    async with await asyncio.start_server(serve, "localhost", 0, ssl=secure) as server:
        web = Web(f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/v1")
        async with web.post("chat/completions", long) as answer:
            assert await answer.rest() == long
        await web.close()
