"""What the panels say about given snapshots."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.telemetry.events import Outcome, Phase, Role, Truncation
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets import panels
from anyclaude_tui.widgets.compact_summary import summary_lines
from anyclaude_tui.widgets.current_request import phase_rows
from anyclaude_tui.widgets.lines import Tone, plain, width_of
from tests.screens import fakes

WIDTHS = (37, 45, 57, 120)


def shown(name: str, snapshot: Snapshot, width: int = 45, height: int = 14) -> str:
    """A panel as text."""
    lines = panels.framed(panels.PANELS[name], snapshot, width, height, "├")
    return "\n".join(plain(line) for line in lines)


@pytest.mark.parametrize("name", panels.PANELS)
def test_a_panel_fills_its_cells_exactly(name: str) -> None:
    states = (
        fakes.snapshot(fakes.prefilling()),
        fakes.snapshot(fakes.decoding(), fakes.record(9, phase=Phase.QUEUED, queue_position=1)),
        fakes.snapshot(),
        fakes.snapshot(history=()),
        fakes.snapshot(backends=(), active=""),
    )
    for snapshot in states:
        for edge, width, height in itertools.product("─├", (20, *WIDTHS), (1, 2, 7, 30)):
            lines = panels.framed(panels.PANELS[name], snapshot, width, height, edge)
            assert [width_of(line) for line in lines] == [width] * height


@pytest.mark.parametrize("width", range(40, 130, 3))
def test_the_ending_of_a_request_is_whole_at_any_width(width: int) -> None:
    rows = shown("requests", fakes.snapshot(), width, 20).splitlines()
    assert any(row.rstrip().endswith("cancelled") for row in rows), rows
    assert any(row.rstrip().endswith("tool_use") for row in rows), rows


def test_nothing_yet_says_so_and_invents_no_zero() -> None:
    snapshot = fakes.snapshot(history=())
    assert "Waiting for the first request" in shown("now", snapshot)
    session = shown("session", snapshot)
    assert "0 requests" in session
    for label in ("TTFT p50", "p95", "tok/s", "reused"):
        line = next(row for row in session.splitlines() if label in row)
        assert line.split(label)[1].split()[0] == "–"
    assert "none yet" in shown("requests", snapshot)
    assert "while it runs" in shown("why", snapshot)


def test_prefill_shows_progress_and_what_is_left_as_an_estimate() -> None:
    words = shown("now", fakes.snapshot(fakes.prefilling()))
    assert "● prefill" in words
    assert "○ decode" in words
    assert "12.3k/18.5k" in words
    assert "s left" in words
    assert "main · 12.4 s" in words
    assert "~1,097" in words  # prefill tokens/s so far
    assert "━" in words


def test_a_backend_without_progress_is_not_given_any() -> None:
    waits = fakes.record(phase=Phase.SENT, sent_at=fakes.NOW - 3, accepted_at=fakes.NOW - 3)
    words = shown("now", fakes.snapshot(waits))
    assert "● load" in words
    assert "no progress reported yet" in words
    assert "%" not in words
    assert "– prompt tokens" in words


def test_decode_counts_deltas_as_an_estimate_until_usage_is_reported() -> None:
    words = shown("now", fakes.snapshot(fakes.decoding()))
    assert "~152 tokens out · 40 thinking" in words
    assert "~37.8" in words
    assert "8.40 s" in words  # TTFT


def test_with_nothing_in_flight_the_last_request_stays() -> None:
    words = shown("now", fakes.snapshot())
    assert "idle · ended 10 s ago" in words
    assert "✓ tool_use" in words


def test_an_error_before_the_first_token_marks_the_phase_it_ended_in() -> None:
    broken = fakes.ended(
        1,
        outcome=Outcome.ERROR,
        first_delta_at=None,
        last_delta_at=None,
        prefill_at=None,
        status=502,
        reason="the backend died\x1b[2J",
    )
    words = shown("now", fakes.snapshot(history=(broken,)), 80)
    assert "✗ load" in words
    assert "error 502" in words
    assert "the backend died" in words
    assert "\x1b" not in words


def test_main_work_comes_before_subagents_and_those_that_wait() -> None:
    sub = fakes.decoding()
    sub.id, sub.role = "req_0099", Role.SUBAGENT
    waiting = fakes.record(50, phase=Phase.QUEUED, queue_position=2)
    words = shown("now", fakes.snapshot(waiting, sub, fakes.prefilling()))
    assert "+2 more · main" in words
    assert "● prefill" in words


def test_backend_state_model_and_what_is_simulated() -> None:
    words = shown("backend", fakes.snapshot(), 50)
    for part in ("● ready", "gpt-oss-20b", "simulated", "131,072", "1.84 GB", "12 %", "71 %"):
        assert part in words
    assert "POST" not in words  # a line of its log that warns of nothing
    log = ("2026-11-21 03:15:01,911 - WARNING - the cache is full", "INFO: 200 OK")
    warns = replace(fakes.FAST, log_tail=log)
    words = shown("backend", fakes.snapshot(backends=(warns,)), 50)
    assert "the cache is full" in words
    assert "2026" not in words


def test_a_failed_backend_gives_its_reason_and_its_last_words() -> None:
    failed = replace(
        fakes.FAST,
        state=BackendState.FAILED,
        reason='port 8080 is taken by PID 411 "python3"',
        simulated=False,
        memory_bytes=None,
        log_tail=("first", "Address already in use"),
    )
    words = shown("backend", fakes.snapshot(backends=(failed,)), 60, 9)
    assert "✗ failed" in words
    assert "port 8080 is taken by PID 411" in words
    assert "first" in words
    assert "Address already in use" in words
    assert "simulated" not in words.replace("simulator", "")


def test_unknown_numbers_of_a_backend_are_dashes() -> None:
    bare = replace(
        fakes.QWEN, name="fast", window_tokens=None, slots=None, cpu_percent=None, pid=None
    )
    words = shown("backend", fakes.snapshot(backends=(bare,)))
    assert "pid" not in words
    for label in ("window", "slots", "memory", "RAM used", "CPU"):
        assert words.split(label)[1].split()[0] == "–"


def test_the_steps_of_a_switch_are_shown() -> None:
    words = shown("backend", fakes.snapshot(switching="qwen: loading the model"))
    assert "switching: qwen: loading the model" in words


def test_session_counts_outcomes_and_truncations_by_kind() -> None:
    words = shown("session", fakes.snapshot(), 60)
    assert "29 requests" in words
    assert "✓ 26  ! 1  ✗ 1  ⊘ 1" in words
    assert "cut 1" in words
    assert "rescued" in words


def test_requests_are_told_apart_without_colour() -> None:
    rows = shown("requests", fakes.snapshot(fakes.decoding()), 60, 12).splitlines()
    signs = [row[2] for row in rows[2:9]]
    assert signs == ["▸", "✓", "✓", "✓", "!", "✗", "⊘"]
    assert rows[6].rstrip().endswith("cut")
    assert rows[7].rstrip().endswith("error 500")
    assert "–" in rows[7]  # no TTFT: it never came


def test_more_columns_where_there_is_room() -> None:
    snapshot = fakes.snapshot()
    assert "model" not in shown("requests", snapshot, 60)
    wide = shown("requests", snapshot, 130)
    assert "model" in wide
    assert "gpt-oss-20b" in wide
    assert "subagent" in wide


def test_why_is_the_last_sentence() -> None:
    words = " ".join(shown("why", fakes.snapshot(), 45, 5).replace("│", "").split())
    assert "the prompt changed at system block 2" in words


def test_trend_has_an_axis_and_says_its_span() -> None:
    words = shown("trend", fakes.snapshot(), 60, 8).splitlines()
    assert "requests," in words[0]
    assert "min" in words[0]
    assert "last 2.00 s" in words[1]
    assert "10┤" in words[2]
    assert "0┤" in words[-1]
    assert "█" not in words[2]  # the largest, 5 s, stands below the end of the axis


def test_one_sample_does_not_fill_the_trend() -> None:
    words = shown("trend", fakes.snapshot(history=(fakes.ended(1),)), 60, 8).splitlines()
    assert "1 request" in words[0]
    assert "█" not in words[2]


def test_why_speaks_of_the_request_that_waits_and_then_of_what_was() -> None:
    waits = fakes.prefilling()
    words = shown("why", fakes.snapshot(waits))
    assert words.splitlines()[0].endswith("now ─")
    assert "reading about 18,490 tokens; about 6 s" in words


def test_a_figure_is_large_where_there_is_room() -> None:
    words = shown("now", fakes.snapshot(fakes.decoding()), 45, 13)
    assert "▀▀█ █▀█" in words  # 38
    assert "tok/s" in words
    assert "fast · gpt-oss-20b" in words
    small = shown("now", fakes.snapshot(fakes.decoding()), 45, 10)
    assert "~38 tok/s" in small
    assert "▀▀█" not in small


def test_medians_are_of_each_backend() -> None:
    other = replace(fakes.ended(2), backend="qwen")
    words = shown("session", fakes.snapshot(history=(fakes.ended(1), other)), 45, 9)
    rows = [row for row in words.splitlines() if " fast" in row or " qwen" in row]
    assert [row.split()[1] for row in rows] == ["fast", "qwen"]
    assert "2.00 s" in rows[0]
    assert "3.00 s" in rows[1]


def test_counters_appear_when_they_are_not_zero() -> None:
    quiet = shown("session", fakes.snapshot(history=(fakes.ended(1),)))
    for label in ("truncations", "retries", "stalls", "repaired", "dropped", "keepalives"):
        assert label not in quiet
    assert "nothing cut, mended or sent again" in quiet
    limit = fakes.ended(1, truncation=Truncation.MAX_TOKENS, outcome=Outcome.LIMIT, stalls=2)
    words = shown("session", fakes.snapshot(history=(limit,)))
    assert "truncations" not in words  # the model's own limit is none
    assert "at max_tokens" in words
    assert "stalls" in words


def test_reported_numbers_are_set_apart_from_measured_ones() -> None:
    body = panels.PANELS["now"].body(fakes.snapshot(), 45, 14)
    tones = {text: tone for line in body.lines for text, tone in line}
    assert tones["18,800"] is Tone.REPORTED
    assert tones["2.00 s"] is Tone.TEXT


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_strip_keeps_to_its_three_lines(width: int) -> None:
    for snapshot in (
        fakes.snapshot(fakes.prefilling()),
        fakes.snapshot(fakes.decoding()),
        fakes.snapshot(),
        fakes.snapshot(history=()),
        fakes.snapshot(backends=(), active="", switching="loading"),
    ):
        lines = summary_lines(snapshot, width)
        assert len(lines) == 3
        assert all(width_of(line) <= width for line in lines)


def test_the_strip_has_the_essentials_at_80_columns() -> None:
    words = "\n".join(plain(line) for line in summary_lines(fakes.snapshot(fakes.prefilling()), 80))
    for part in ("● ready", "gpt-oss-20b", "simulated", "main · 12.4 s", "» prefill", "~6 s left"):
        assert part in words
    assert "TTFT –  tok/s –  keepalives 1  truncations 1" in words


def test_the_strip_gives_the_reason_of_a_failure_a_row_of_its_own() -> None:
    reason = "port 8080 is taken by PID 812 (python): end that process, or set another"
    failed = replace(fakes.FAST, state=BackendState.FAILED, reason=reason)
    snapshot = fakes.snapshot(backends=(failed,))
    state, why, _ = (plain(line) for line in summary_lines(snapshot, 80))
    assert "✗ failed · gpt-oss-20b" in state
    assert why.strip() == reason
    snapshot = fakes.snapshot(fakes.decoding(), backends=(failed,))
    state, request, _ = (plain(line) for line in summary_lines(snapshot, 80))
    assert "port 8080" in state
    assert "decode" in request


def test_a_prompt_that_was_never_sent_did_not_fail_to_load() -> None:
    """Refused in the queue, it was shown as `✗ load`."""
    refused = fakes.ended(
        1, sent_at=None, prefill_at=None, first_delta_at=None, outcome=Outcome.ERROR
    )
    names = plain(phase_rows(fakes.seen(refused), 60)[0])
    assert names.split() == ["✗", "queue", "○", "load", "○", "prefill", "○", "decode"]
