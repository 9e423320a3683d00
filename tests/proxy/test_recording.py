"""When prefill began, from reports that come at the end of each step."""

from __future__ import annotations

import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.figures import UNKNOWN, Figure, Source, estimated, reported
from anyclaude_tui.proxy.deadlines import Timers
from anyclaude_tui.proxy.recording import note_read, note_request
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import translate
from anyclaude_tui.proxy.wire.stream_facts import StreamFacts
from anyclaude_tui.telemetry.events import AttemptRecord, RequestRecord
from anyclaude_tui.telemetry.metrics import load_s, prefill_s


def after(*reports: tuple[float, int]) -> RequestRecord:
    """A record sent at 100 s that heard these (time, tokens done) and a delta at 110 s."""
    record = RequestRecord(id="r", backend="b", accepted_at=100.0, accepted_wall=0.0)
    record.attempt.sent_at = 100.0
    facts, timers = StreamFacts(prefill_total=1000), Timers(Limits(), 100.0)
    for at, done in reports:
        facts.prefill_done = done
        note_read(record, timers, facts, 20, at, at)
    facts.deltas = facts.chunks = 1
    note_read(record, timers, facts, 100, 110.0, 110.0)
    return record


def test_the_start_is_worked_back_from_the_speed_of_the_rest() -> None:
    record = after((104.0, 250), (106.0, 500), (109.9, 1000))
    assert load_s(record) == Figure(pytest.approx(2.0), Source.ESTIMATED)  # type: ignore[arg-type]
    assert prefill_s(record).value == pytest.approx(8.0)


def test_it_cannot_have_begun_before_it_was_sent() -> None:
    assert load_s(after((101.0, 900), (104.0, 1000))).value == 0.0


def test_a_report_of_nothing_done_is_the_start() -> None:
    assert load_s(after((103.0, 0), (104.0, 512))) == Figure(3.0, Source.MEASURED)


def test_one_report_does_not_tell_the_start() -> None:
    record = after((104.0, 1000))
    assert load_s(record) == UNKNOWN
    assert prefill_s(record) == Figure(10.0, Source.ESTIMATED)


@pytest.mark.parametrize(
    ("known", "then"),
    [
        (estimated(600.0), estimated(1000.0)),
        (estimated(1400.0), estimated(1400.0)),  # of which a part is in the cache
        (reported(900), reported(900)),
        (UNKNOWN, estimated(1000.0)),
    ],
    ids=str,
)
def test_a_prompt_is_no_shorter_than_what_is_read_of_it(known: Figure, then: Figure) -> None:
    record = RequestRecord(id="r", backend="b", accepted_at=100.0, accepted_wall=0.0)
    record.attempt.prompt_tokens = known
    facts = StreamFacts(prefill_done=250, prefill_total=1000)
    note_read(record, Timers(Limits(), 100.0), facts, 20, 104.0, 104.0)
    assert record.attempt.prompt_tokens == then


def test_a_retry_begins_with_nothing_of_the_try_before() -> None:
    """Every fact of the stream, whatever is added to them."""
    record = after((104.0, 250), (106.0, 500))
    record.keepalives = 3
    before = record.attempt
    body = {"max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]}
    endpoint = Endpoint("http://127.0.0.1/v1/chat/completions", "m")
    note_request(record, translate(body, endpoint, CallMemory()), endpoint)
    assert record.attempt == AttemptRecord()
    assert before != AttemptRecord()  # whoever still holds it sees what it was
    assert (record.keepalives, record.message_count) == (3, 1)
