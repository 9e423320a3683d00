"""What an exchange writes into its record: the facts behind every number on the screens.

Called once per read from the backend, not per chunk; each is a few attribute writes.
"""

from __future__ import annotations

from statistics import median

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.figures import UNKNOWN, Source, estimated, reported
from anyclaude_tui.proxy.deadlines import Stage, Timers
from anyclaude_tui.proxy.reply.endings import Ending
from anyclaude_tui.proxy.request.openai import UpstreamRequest
from anyclaude_tui.proxy.wire.stream_facts import StreamFacts
from anyclaude_tui.telemetry.events import GAPS_KEPT, Phase, RequestRecord


def note_request(record: RequestRecord, request: UpstreamRequest, endpoint: Endpoint) -> None:
    """What is sent upstream; a repeated request starts its stream's figures again."""
    for name in (
        "upstream_bytes",
        "chunks",
        "deltas",
        "thinking_deltas",
        "stalls",
        "overhead_s",
        "prefill_first_tokens",
    ):
        setattr(record, name, 0)
    for name in ("prompt_tokens", "cached_tokens", "output_tokens"):
        setattr(record, name, UNKNOWN)
    for name in (
        "sent_at",
        "headers_at",
        "first_byte_at",
        "prefill_at",
        "progress_at",
        "prefill_done_tokens",
        "prefill_total_tokens",
        "first_delta_at",
        "first_text_at",
        "last_delta_at",
    ):
        setattr(record, name, None)
    record.gaps_s.clear()
    sizes = request.sizes
    record.system_bytes = sizes.system_bytes
    record.tools_bytes = sizes.tools_bytes
    record.messages_bytes = sizes.messages_bytes
    record.tool_count = sizes.tool_count
    record.message_count = sizes.message_count
    record.model = endpoint.label or endpoint.model
    record.window_tokens = endpoint.window_tokens
    record.notices[:] = request.notices


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
    if record.first_byte_at is None:
        record.first_byte_at = arrived
    record.upstream_bytes += size_bytes
    chunks = facts.chunks - record.chunks
    deltas = facts.deltas - record.deltas
    record.chunks = facts.chunks
    record.overhead_s += (handed - arrived) * chunks
    if deltas:
        _note_deltas(record, facts, deltas, arrived)
    if facts.prefill_done is not None and facts.prefill_done != record.prefill_done_tokens:
        if record.prefill_at is None:
            record.prefill_at = arrived
            record.prefill_first_tokens = facts.prefill_done
        record.progress_at = arrived
        record.prefill_done_tokens = facts.prefill_done
        record.prefill_total_tokens = facts.prefill_total
        if record.first_delta_at is None:
            record.phase = Phase.PREFILL
            timers.heard_at = arrived
    if facts.finish_reason is not None:
        if timers.stage is not Stage.TAIL:
            timers.enter(Stage.TAIL, arrived)
    elif record.first_delta_at is not None and chunks:
        timers.stage = Stage.NEXT_DELTA
        timers.heard_at = arrived
    _note_usage(record, facts)


def _note_deltas(record: RequestRecord, facts: StreamFacts, deltas: int, arrived: float) -> None:
    if record.first_delta_at is None or record.last_delta_at is None:
        record.first_delta_at = arrived
        record.phase = Phase.DECODE
        together = deltas - 1
    else:
        gap = arrived - record.last_delta_at
        if gap > 1.0 and record.gaps_s and gap > 10 * median(record.gaps_s):
            record.stalls += 1
        record.gaps_s.append(gap)
        together = deltas - 1
    if together:
        record.gaps_s.extend([0.0] * min(together, GAPS_KEPT))
    if record.first_text_at is None and facts.text_started:
        record.first_text_at = arrived
    record.last_delta_at = arrived
    record.deltas = facts.deltas
    record.thinking_deltas = facts.thinking_deltas


def _note_usage(record: RequestRecord, facts: StreamFacts) -> None:
    if facts.prompt_tokens is not None:
        record.prompt_tokens = reported(facts.prompt_tokens)
    if facts.cached_tokens is not None:
        record.cached_tokens = reported(facts.cached_tokens)
    if facts.output_tokens is not None:
        record.output_tokens = reported(facts.output_tokens)
    elif record.output_tokens.source is not Source.REPORTED and facts.deltas:
        record.output_tokens = estimated(facts.deltas)


def note_ending(record: RequestRecord, ending: Ending, facts: StreamFacts) -> None:
    """How it ended."""
    record.outcome = ending.outcome
    record.truncation = ending.truncation
    record.stop_reason = ending.stop_reason
    record.reason = ending.reason or (ending.error.message if ending.error else "")
    record.tool_calls = facts.tool_calls
    record.repaired_calls = facts.repaired_calls
    record.rescued_calls = facts.rescued_calls
    record.dropped_calls = facts.dropped_calls
    _note_usage(record, facts)
