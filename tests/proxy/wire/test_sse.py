"""The event reader: whatever pieces the bytes come in, the events are the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.proxy.wire.sse import Comment, Event, EventTooLarge, SSEReader


def read(data: bytes, size: int = 0, **options: int) -> list[Event | Comment]:
    reader = SSEReader(**options)
    size = size or len(data) or 1
    out: list[Event | Comment] = []
    for at in range(0, len(data), size):
        out += reader.feed(data[at : at + size])
    return out + reader.end()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_pieces(size: int, newline: bytes, bom: bytes) -> None:
    text = (
        b"data: one\n\n: keepalive 1/2\n\nevent: error\ndata:two\ndata: 2\nid: 7\n\n"
        b"\n\n:\n\ndata\n\ndata:  three\n\n"
    )
    assert read(bom + text.replace(b"\n", newline), size) == [
        Event(b"one"),
        Comment(b"keepalive 1/2"),
        Event(b"two\n2", "error"),
        Comment(b""),
        Event(b""),
        Event(b" three"),
    ]


def test_events_come_as_soon_as_they_are_whole() -> None:
    reader = SSEReader()
    assert reader.feed(b"data: a") == []
    assert reader.feed(b"\n") == []
    assert reader.feed(b"\ndata: b\r\n\r") == [Event(b"a"), Event(b"b")]
    assert reader.feed(b"\ndata: c\n\n") == [Event(b"c")]


def test_comment_in_front_of_an_event() -> None:
    assert read(b": hello\ndata: x\n\n") == [Comment(b"hello"), Event(b"x")]


@pytest.mark.parametrize("rest", [b'data: {"a":1}', b"data: [DONE]", b"data: [DONE]\n", b": c"])
def test_a_whole_last_event_needs_no_blank_line(rest: bytes) -> None:
    assert len(read(b"data: x\n\n" + rest)) == 2


@pytest.mark.parametrize("rest", [b'data: {"a":', b'data: {"a', b"dat", b"data: [DO"])
def test_half_a_last_event_is_dropped(rest: bytes) -> None:
    assert read(b"data: x\n\n" + rest) == [Event(b"x")]


def test_lenient_forms() -> None:
    assert read(b'error: {"code":500}\n\n') == [Event(b'{"code":500}', "error")]
    assert read(b'{"error":"busy"}') == [Event(b'{"error":"busy"}')]


def test_a_large_event_in_small_pieces_is_read() -> None:
    data = b"data: " + b"x" * 2**20 + b"\n\n"
    assert read(data, 1000) == [Event(b"x" * 2**20)]


@pytest.mark.parametrize("data", [b"data: " + b"x" * 2000, b"data: " + b"x" * 2000 + b"\n\n"])
@pytest.mark.parametrize("size", [0, 10])
def test_what_is_too_large_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(EventTooLarge, match="1000 bytes"):
        read(data, size, max_event_bytes=1000)


def test_many_small_events_are_not_one_large_one() -> None:
    assert len(read(b"data: xxxxxx\n\n" * 1000, max_event_bytes=1000)) == 1000


PIECES = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b": c",
        b"event: e",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"{}",
        b"\xff",
        b":",
    ]
)


@given(parts=st.lists(PIECES, max_size=30), cuts=st.lists(st.integers(0, 120), max_size=8), bom=...)
def test_any_cut_gives_the_same_events(parts: list[bytes], cuts: list[int], bom: bool) -> None:
    data = (b"\xef\xbb\xbf" if bom else b"") + b"".join(parts)
    reader = SSEReader()
    out: list[Event | Comment] = []
    edges = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    for start, end in pairwise(edges):
        out += reader.feed(data[start:end])
    assert out + reader.end() == read(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_a_fault(data: bytes) -> None:
    assert read(data, 3) == read(data)
