"""The server-sent events parser: any chunking of the same bytes gives the same events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.providers import sse
from agent.providers.sse import ServerEvent, ServerEvents


def parsed(*pieces: bytes) -> list[ServerEvent]:
    parser = ServerEvents()
    return [event for piece in pieces for event in parser.feed(piece)] + parser.close()


def one_by_one(stream: bytes) -> list[ServerEvent]:
    return parsed(*(stream[at : at + 1] for at in range(len(stream))))


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_each_line_ending_separates_events(newline: bytes) -> None:
    stream = newline.join([b"data: one", b"", b"data: two", b"", b""])
    assert parsed(stream) == one_by_one(stream) == [ServerEvent(b"one"), ServerEvent(b"two")]


def test_data_lines_are_joined_by_newlines() -> None:
    assert parsed(b"data: a\ndata:\ndata:b\n\n") == [ServerEvent(b"a\n\nb")]


def test_comments_and_unknown_fields_are_no_events() -> None:
    assert parsed(b": ping\n\nretry: 5\n\nother: x\ndata: y\n\n") == [ServerEvent(b"y")]


def test_only_one_space_after_the_colon_is_dropped() -> None:
    assert parsed(b"data:  two\n\n") == [ServerEvent(b" two")]


def test_byte_order_mark_is_dropped_at_the_start_only() -> None:
    stream = b"\xef\xbb\xbfdata: a\n\ndata: \xef\xbb\xbfb\n\n"
    assert parsed(stream) == one_by_one(stream)
    assert [event.data for event in parsed(stream)] == [b"a", b"\xef\xbb\xbfb"]


def test_event_name_holds_for_one_event_and_id_until_changed() -> None:
    stream = b"event: error\nid: 7\ndata: a\n\ndata: b\n\nid: 8\ndata: c\n\n"
    assert parsed(stream) == [
        ServerEvent(b"a", "error", "7"),
        ServerEvent(b"b", "message", "7"),
        ServerEvent(b"c", "message", "8"),
    ]


def test_end_of_stream_completes_the_last_event() -> None:
    assert parsed(b"data: whole\n\ndata: last") == [ServerEvent(b"whole"), ServerEvent(b"last")]


def test_an_endless_event_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIMIT", 100)
    parser = ServerEvents()
    for _ in range(50):
        parser.feed(b"data: x\n\n")
    with pytest.raises(ValueError, match="too large"):
        parser.feed(b"data: " + b"x" * 200)


_lines = st.sampled_from(
    [b"data: a", b"data:b", b"data", b": c", b"event: e", b"id: 1", b"", b"", "data: é".encode()]
)
_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(_lines, _ends)), st.lists(st.integers(0, 200)))
def test_chunking_does_not_matter(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream = b"".join(line + end for line, end in lines)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    assert parsed(*pieces) == parsed(stream) == one_by_one(stream)
