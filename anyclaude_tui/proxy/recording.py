"""The facts that an exchange writes into its record: behind every number on the screens.

Called once per read from the backend, not per chunk; each is a few attribute writes.
"""

from __future__ import annotations

from statistics import median

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.figures import Source, estimated, reported
from anyclaude_tui.printable import printable
from anyclaude_tui.proxy.deadlines import Stage, Timers
from anyclaude_tui.proxy.reply.endings import Ending
from anyclaude_tui.proxy.request.openai import UpstreamRequest
from anyclaude_tui.proxy.wire.stream_facts import StreamFacts
from anyclaude_tui.redaction import clean
from anyclaude_tui.telemetry.events import GAPS_KEPT, AttemptRecord, Phase, RequestRecord


def note_request(record: RequestRecord, request: UpstreamRequest, endpoint: Endpoint) -> None:
    """Note the request that is sent upstream, in a new record for this try."""
    record.attempt = AttemptRecord()
    sizes = request.sizes
    record.system_bytes = sizes.system_bytes
    record.tools_bytes = sizes.tools_bytes
    record.messages_bytes = sizes.messages_bytes
    record.tool_count = sizes.tool_count
    record.message_count = sizes.message_count
    record.model = printable(endpoint.label or endpoint.model)
    record.window_tokens = endpoint.window_tokens
    record.notices[:] = [printable(notice) for notice in request.notices]
    record.sampling = request.sampling
    record.left_out = request.left_out


def note_read(
    record: RequestRecord,
    timers: Timers,
    facts: StreamFacts,
    size_bytes: int,
    arrived: float,
    handed: float,
) -> None:
    """One read from the backend has been translated: what it brought, and when.

    `arrived` and `handed` are the clock's seconds before and after the translation; all
    deltas of one read have arrived at the same moment.
    """
    attempt = record.attempt
    if attempt.first_byte_at is None:
        attempt.first_byte_at = arrived
    attempt.upstream_bytes += size_bytes
    chunks = facts.chunks - attempt.chunks
    deltas = facts.deltas - attempt.deltas
    attempt.chunks = facts.chunks
    attempt.overhead_s += (handed - arrived) * chunks
    if deltas:
        _note_deltas(record, facts, deltas, arrived)
    if facts.prefill_done is not None and facts.prefill_done != attempt.prefill_done_tokens:
        if attempt.prefill_at is None:
            attempt.prefill_at = arrived
            attempt.prefill_first_tokens = facts.prefill_done
        attempt.progress_at = arrived
        attempt.note_prefill(facts.prefill_done, facts.prefill_total)
        if attempt.first_delta_at is None:
            record.phase = Phase.PREFILL
            timers.heard_at = arrived
    if facts.ended:
        if timers.stage is not Stage.TAIL:
            timers.enter(Stage.TAIL, arrived)
    elif attempt.first_delta_at is not None and chunks:
        timers.stage = Stage.NEXT_DELTA
        timers.heard_at = arrived
    _note_usage(record, facts)


def _note_deltas(record: RequestRecord, facts: StreamFacts, deltas: int, arrived: float) -> None:
    attempt = record.attempt
    if attempt.first_delta_at is None or attempt.last_delta_at is None:
        attempt.first_delta_at = arrived
        record.phase = Phase.DECODE
        together = deltas - 1
    else:
        gap = arrived - attempt.last_delta_at
        if gap > 1.0 and attempt.gaps_s and gap > 10 * median(attempt.gaps_s):
            attempt.stalls += 1
        attempt.gaps_s.append(gap)
        together = deltas - 1
    if together:
        attempt.gaps_s.extend([0.0] * min(together, GAPS_KEPT))
    if attempt.first_text_at is None and facts.text_started:
        attempt.first_text_at = arrived
    attempt.last_delta_at = arrived
    attempt.deltas = facts.deltas
    attempt.thinking_deltas = facts.thinking_deltas


def _note_usage(record: RequestRecord, facts: StreamFacts) -> None:
    attempt = record.attempt
    if facts.prompt_tokens is not None:
        attempt.prompt_tokens = reported(facts.prompt_tokens)
    if facts.cached_tokens is not None:
        attempt.cached_tokens = reported(facts.cached_tokens)
    if facts.output_tokens is not None:
        attempt.output_tokens = reported(facts.output_tokens)
    elif attempt.output_tokens.source is not Source.REPORTED and facts.deltas:
        attempt.output_tokens = estimated(facts.deltas)


def _note_timings(record: RequestRecord, facts: StreamFacts) -> None:
    attempt = record.attempt
    if facts.reported_prefill_s is not None:
        attempt.prefill_s = reported(facts.reported_prefill_s)
    if facts.reported_tokens_per_s is not None:
        attempt.tokens_per_s = reported(facts.reported_tokens_per_s)


def note_ending(record: RequestRecord, ending: Ending, facts: StreamFacts) -> None:
    """Note the ending of the reply."""
    record.outcome = ending.outcome
    record.truncation = ending.truncation
    record.stop_reason = ending.stop_reason
    record.reason = printable(
        clean(ending.reason or (ending.error.message if ending.error else ""))
    )
    record.tool_calls = facts.tool_calls
    record.repaired_calls = facts.repaired_calls
    record.rescued_calls = facts.rescued_calls
    record.dropped_calls = facts.dropped_calls
    _note_usage(record, facts)
    _note_timings(record, facts)
