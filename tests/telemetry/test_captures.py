"""Captures stay within their bounds, also while replies are still coming."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.prefix.divergence import Cause, Comparison
from anyclaude_tui.prefix.shared_text import Pool
from anyclaude_tui.telemetry.captures import Captures
from anyclaude_tui.telemetry.events import RequestRecord
from tests.telemetry.records import record

PIECES = [b'{"role":', b'{"name":', b'{"type":"text"', b"x" * 3000, b"y" * 900, b"{"]
ENDPOINT = Endpoint("http://127.0.0.1:1/v1", "m")


def begin(captures: Captures, name: str, body: dict[str, Any], upstream: bytes = b"{}") -> Any:
    return captures.sent(request(name, body), body, upstream, ENDPOINT)


def request(name: str, body: dict[str, Any]) -> RequestRecord:
    return record(name, prompt_bytes=len(json.dumps(body)))


def test_bounded_by_count() -> None:
    captures = Captures(max_captures=3)
    for number in range(10):
        begin(captures, f"r{number}", {"n": number})
    assert captures.ids() == ("r9", "r8", "r7")
    assert captures.get("r0") is None


def test_bounded_by_bytes_but_the_newest_stays() -> None:
    captures = Captures(max_bytes=10_000)
    for number in range(10):
        begin(captures, f"r{number}", {"text": f"{number}" * 3000})
        captures.encode(f"r{number}")
    assert len(captures) == 3
    assert captures.size_bytes <= 10_000
    begin(captures, "big", {"text": "x" * 50_000})
    assert captures.ids() == ("big",)


def test_replies_count_when_they_have_come() -> None:
    captures = Captures(max_bytes=10_000)
    body = {"text": "x" * 100}
    taps = [begin(captures, f"r{number}", body) for number in range(3)]
    for tap in taps:
        tap(b"y" * 6000)
    captures.ended(request("r2", body))
    assert captures.ids() == ("r2",)


def test_the_bound_holds_while_replies_come_and_the_forgotten_keep_nothing() -> None:
    captures = Captures(max_bytes=10_000)
    taps = [begin(captures, f"r{number}", {}) for number in range(3)]
    for _ in range(9):
        for tap in taps:
            tap(b"y" * 1000)
            assert captures.size_bytes <= 10_000
    assert captures.ids() == ("r2",)
    kept = captures.get("r2")
    assert kept is not None
    assert kept.reply == b"y" * 9000


def test_a_reply_is_kept_up_to_its_limit() -> None:
    captures = Captures(reply_bytes=10)
    tap = begin(captures, "r", {})
    for _ in range(4):
        tap(b"abcd")
    kept = captures.get("r")
    assert kept is not None
    assert (kept.reply, kept.reply_cut) == (b"abcdabcdab", True)


def test_a_look_while_it_runs_and_after() -> None:
    found = Comparison(Cause.SAME)
    captures = Captures(lambda _: found)
    body = {"messages": [{"role": "user", "content": "hi"}]}
    tap = begin(captures, "r", body, b'{"up":1}')
    tap(b"one ")
    early = captures.get("r")
    tap(b"two")
    captures.ended(request("r", body))
    late = captures.get("r")
    assert early is not None
    assert late is not None
    assert json.loads(early.body) == json.loads(late.body) == body
    assert (early.reply, late.reply) == (b"one ", b"one two")
    assert late.upstream == b'{"up":1}'
    assert late.comparison is found


def test_a_request_that_is_sent_again_keeps_the_start_of_its_reply() -> None:
    captures = Captures()
    begin(captures, "r", {}, b"1")(b"start ")
    begin(captures, "r", {}, b"2")(b"end")
    kept = captures.get("r")
    assert kept is not None
    assert (kept.upstream, kept.reply) == (b"2", b"start end")


def test_bodies_that_no_fast_encoder_takes() -> None:
    captures = Captures()
    body = {"text": "half a pair \ud83d", "big": 10**30}
    begin(captures, "r", body)
    captures.encode("r")
    kept = captures.get("r")
    assert kept is not None
    assert json.loads(kept.body) == body


def test_what_requests_share_is_kept_once_and_each_says_the_same() -> None:
    captures, bodies, messages = Captures(), {}, []
    for number in range(60):
        messages.append({"role": "user", "content": f"{number} " * 300})
        name, body = f"r{number}", {"messages": messages.copy(), "tools": [{"name": "a"}] * 9}
        bodies[name] = body
        begin(captures, name, body, json.dumps(body).encode())(b"reply")
        captures.ended(request(name, body))
    assert captures.size_bytes < 6 * len(json.dumps(bodies["r59"]))
    for name, body in bodies.items():
        kept = captures.get(name)
        assert kept is not None
        assert json.loads(kept.body) == body
        assert (kept.upstream, kept.reply) == (json.dumps(body).encode(), b"reply")


@given(st.lists(st.lists(st.sampled_from(PIECES)).map(b"".join), max_size=8), st.data())
def test_a_pool_gives_back_what_it_took_and_nothing_is_left(
    texts: list[bytes], data: st.DataObject
) -> None:
    pool = Pool()
    taken = [pool.take(text) for text in texts]
    assert [b"".join(pieces) for pieces in taken] == texts
    for pieces in data.draw(st.permutations(taken)):
        pool.give_back(pieces)
    assert (pool.size_bytes, pool._pieces) == (0, {})


def test_a_piece_is_kept_once_though_texts_part_early() -> None:
    pool = Pool()
    items = [b'{"role":' + bytes([65 + number]) * 600 for number in range(20)]
    whole = pool.take(b"".join(items))
    assert list(whole) == items
    for number in range(1, 20):  # the last but a few are new, and short
        other = pool.take(b"".join(items[:number]) + b'{"role":"new"}' + b"".join(items[number:]))
        assert {*other} == {*items, b'{"role":"new"}'}
