"""The client's own HTTP: however the bytes are cut, wherever the socket is, whatever goes wrong."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.start import socket_path
from gateway.cli.talk import Talk
from gateway.cli.wire import Incoming, Lost, NotListening, Problem, Wire, server_sent
from hermes_home.version import VERSION
from tests.socket_server import reply, serving


class Pieces:
    """A source that gives its bytes in pieces of the sizes told, and then nothing."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data = data
        self.sizes = sizes

    def recv(self, most: int) -> bytes:
        size = min(most, self.sizes.pop() if self.sizes else most)
        piece, self.data = self.data[:size], self.data[size:]
        return piece


def read_whole(data: bytes, sizes: list[int]) -> tuple[int, bytes]:
    incoming = Incoming(Pieces(data, sizes))  # type: ignore[arg-type]
    status, headers = incoming.head()
    return status, b"".join(incoming.body(headers))


CUTS = st.lists(st.integers(1, 9), max_size=200)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), CUTS)
def test_chunked_body_is_whole_however_it_is_cut(chunks: list[bytes], cuts: list[int]) -> None:
    body = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert read_whole(head + body + b"0\r\nTrailer: x\r\n\r\n", cuts) == (200, b"".join(chunks))


@given(st.binary(max_size=300), CUTS)
def test_body_of_known_length_is_whole_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    head = b"HTTP/1.1 201 Created\r\ncontent-length: %d\r\n\r\n" % len(body)
    assert read_whole(head + body + b"HTTP/1.1 200 next", cuts) == (201, body)


LINES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(1, 99), st.lists(LINES, min_size=1, max_size=3))), CUTS)
def test_events_are_the_same_however_the_stream_is_cut(
    sent: list[tuple[int, list[str]]], cuts: list[int]
) -> None:
    stream = b"".join(
        f"id: {id}\r\nevent: Kind\n".encode()
        + b"".join(b"data: %s\n" % line.encode() for line in data)
        + b"\n"
        for id, data in sent
    )
    source = Pieces(stream, cuts)
    events = server_sent(iter(lambda: source.recv(64), b""))
    told = [(int(event.id), event.kind, event.data) for event in events]
    assert told == [(id, "Kind", "\n".join(data)) for id, data in sent]


def test_comments_are_told_apart_and_an_unfinished_event_is_dropped() -> None:
    events = list(server_sent([b": now\n\ndata: 1\n\ndata: 2\n"]))
    assert [(event.kind, event.data) for event in events] == [(":", "now"), ("", "1")]


# -- with a server ------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [90, 99, 100, 101, 108, 200])
def test_a_socket_is_reached_however_long_its_path_is(tmp_path: Path, length: int) -> None:
    folder = tmp_path
    while len(str(folder)) < length - 12:
        folder = folder / ("f" * min(50, length - len(str(folder)) - 12 or 1))
    path = folder / "daemon.sock"
    with serving(path, lambda *_: reply({"fine": True})), Wire(str(path)) as wire:
        assert wire.get("/health") == {"fine": True}


def test_requests_follow_each_other_on_one_connection(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with serving(path, lambda line, *_: reply(line)) as seen, Wire(str(path)) as wire:
        assert wire.get("/a") == "GET /a HTTP/1.1"
        assert wire.post("/b", {"ä": 1}, key="k") == "POST /b HTTP/1.1"
    assert json.loads(seen[1][2]) == {"ä": 1}
    assert seen[1][1]["idempotency-key"] == "k"


def test_nobody_at_the_socket_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotListening):
        Wire(str(tmp_path / "none"))
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "left"))
    left.close()
    with pytest.raises(NotListening):
        Wire(str(tmp_path / "left"))


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"SSH-2.0-x\r\n\r\n"]
)
def test_an_answer_that_breaks_off_is_no_answer(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    with Wire(str(path)) as wire:
        server, _ = listener.accept()
        with server:
            server.sendall(answer)
            server.shutdown(socket.SHUT_WR)
            with pytest.raises(Lost):
                wire.get("/health")
    listener.close()


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 2), (404, 2), (409, 2), (422, 2), (403, 1), (429, 3), (500, 4), (503, 4)],
)
def test_problem_documents_become_errors_with_exit_codes(
    tmp_path: Path, status: int, code: int
) -> None:
    path = tmp_path / "s"
    document = {"title": "T", "detail": "what happened", "hint": "what to do"}
    with (
        serving(path, lambda *_: reply(document, f"{status} X")),
        Wire(str(path)) as wire,
        pytest.raises(Problem) as caught,
    ):
        wire.get("/x")
    assert caught.value.exit_code == code
    assert str(caught.value) == "what happened\n  what to do"


@pytest.mark.parametrize("document", ["text", ["list"], {"detail": ""}, 7])
def test_refusals_that_are_no_problem_documents_are_still_told(
    tmp_path: Path, document: object
) -> None:
    path = tmp_path / "s"
    with (
        serving(path, lambda *_: reply(document, "502 Bad")),
        Wire(str(path)) as wire,
        pytest.raises(Problem, match="502"),
    ):
        wire.get("/x")


def test_an_input_whose_answer_was_lost_is_posted_again_with_the_same_key(tmp_path: Path) -> None:
    posts: list[str] = []

    def answer(line: str, headers: dict[str, str], body: bytes) -> bytes | None:
        if line.startswith("GET /health"):
            return reply({"pid": 1, "version": VERSION})
        posts.append(headers["idempotency-key"])
        return None if len(posts) == 1 else reply({"input": "i1", "after": 3}, "202 Accepted")

    with serving(Path(socket_path(str(tmp_path))), answer):
        row = Talk(str(tmp_path), "s1").post("message", text="hi")
    assert row["input"] == "i1"
    assert len(posts) == 2
    assert len(set(posts)) == 1


def test_events_go_on_where_they_were_when_the_connection_breaks(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(line: str, headers: dict[str, str], body: bytes) -> bytes | None:
        if line.startswith("GET /health"):
            return reply({"pid": 1, "version": VERSION})
        asked.append(line)
        row = {"seq": 4 + len(asked), "event": {"type": "Noticed", "text": "x"}}
        stream = b"data: " + json.dumps(row).encode() + b"\n\n: now\n\n"
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + b"%x\r\n%s\r\n" % (len(stream), stream) + b"0\r\n\r\n"

    with serving(Path(socket_path(str(tmp_path))), answer):
        talk = Talk(str(tmp_path), "s1")
        events = talk.events(after=4)
        told = [next(events) for _ in range(4)]
        talk.close()
        events.close()
    assert [stored["seq"] if stored else None for stored in told] == [5, None, 6, None]
    assert "after=5" in asked[1]
