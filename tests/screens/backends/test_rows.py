"""What the list of backends holds, and what is said of each: pure functions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.backends.discovery import Discovery, Offer
from anyclaude_tui.backends.models.memory import Estimate
from anyclaude_tui.screens.backends import rows as backend_rows
from anyclaude_tui.screens.backends.rows import BUILT_IN, DISK, MINE, RUNNING, Row
from anyclaude_tui.screens.backends.switch_steps import Steps
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import Tone, plain, width_of
from tests.screens import fakes, found

EMPTY = fakes.snapshot(history=())
LOADING = replace(
    fakes.QWEN, state=BackendState.LOADING, log_tail=("Fetching 12 files", "Starting httpd")
)


def said(row: Row, snapshot: Snapshot = EMPTY, memory: Estimate | None = None) -> str:
    """All of a row's details."""
    right, lines = backend_rows.details(row, snapshot, memory, 76, 8)
    return "\n".join([plain(right), *(plain(line) for line in lines)])


def offered(offer: Offer) -> Row:
    return Row(offer.spec, RUNNING if offer.running else DISK, offer=offer)


def test_the_sessions_backends_come_first_in_their_order_and_the_simulator_last() -> None:
    rows = backend_rows.rows(EMPTY, found.FOUND)
    assert [row.spec for row in rows][:2] == ["fast", "qwen"]
    assert [row.group for row in rows] == [MINE] * 2 + [RUNNING] * 2 + [DISK] * 3 + [BUILT_IN] * 2
    assert rows[0].active
    assert not rows[3].usable


def test_a_server_that_is_in_use_is_not_offered_again() -> None:
    configured = replace(fakes.QWEN, name="mine", url="http://localhost:8080/v1")
    chosen = replace(fakes.QWEN, name=found.LARGE.spec)
    simulator = replace(fakes.FAST, name="simulator:fast")
    shown = replace(EMPTY, backends=(configured, chosen, simulator))
    specs = [row.spec for row in backend_rows.rows(shown, found.FOUND)]
    assert found.SERVER.spec not in specs
    assert specs.count(found.LARGE.spec) == 1
    assert "simulator" not in specs
    assert "simulator:slow" in specs


def test_before_anything_was_found_there_is_the_simulator() -> None:
    rows = backend_rows.rows(replace(EMPTY, backends=()), None)
    assert [row.spec for row in rows] == ["simulator", "simulator:slow"]


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        (found.FOUND.offers, found.SERVER),
        ((found.LOCKED, found.SMALL, found.LARGE, found.HUGE), found.LARGE),
        ((replace(found.SERVER, window_tokens=4096), found.SMALL), found.SMALL),
        ((found.LOCKED, found.HUGE), None),
        ((replace(found.SERVER, simulated=True),), None),
        ((), None),
    ],
)
def test_the_best_is_what_runs_then_the_largest_that_fits(
    offers: tuple[Offer, ...], expected: Offer | None
) -> None:
    rows = backend_rows.rows(replace(EMPTY, backends=(fakes.FAST,)), Discovery(offers, ()))
    best = backend_rows.best(rows)
    assert (best and best.offer) == expected


def test_what_the_user_has_configured_is_better_than_what_was_found() -> None:
    best = backend_rows.best(backend_rows.rows(EMPTY, found.FOUND))
    assert best is not None
    assert best.spec == "qwen"


@pytest.mark.parametrize("width", [40, 78, 98, 116])
def test_a_line_is_as_wide_as_the_list(width: int) -> None:
    for place, row in enumerate(backend_rows.rows(EMPTY, found.FOUND)):
        assert width_of(backend_rows.line(row, place, width)) <= width


def test_a_line_says_what_matters() -> None:
    rows = backend_rows.rows(EMPTY, found.FOUND)
    lines = [plain(backend_rows.line(row, place, 90)) for place, row in enumerate(rows)]
    assert lines[0].startswith("1 ● fast")
    assert "131,072  in use · simulated" in lines[0]
    assert "stopped" in lines[1]
    assert lines[2].startswith("3 ◌ mlx_lm.server :8080")
    assert "Qwen3-8B-4bit" in lines[2]
    assert "not usable yet" in lines[3]
    assert "17.2 GB" in lines[4]
    assert "too large" in lines[6]
    assert lines[7].rstrip().endswith("simulated")


@pytest.mark.parametrize(
    ("width", "unit"), [(78, "window"), (98, "window (tokens)"), (116, "window (tokens)")]
)
def test_every_column_stands_under_its_name(width: int, unit: str) -> None:
    rows = backend_rows.rows(EMPTY, found.FOUND)
    lines = [plain(backend_rows.line(row, place, width)) for place, row in enumerate(rows)]
    head = plain(backend_rows.head(MINE, width, first=True))
    disk = plain(backend_rows.head(DISK, width, first=False))
    assert head.split() == [*["In", "this", "session", "model"], *unit.split(), "state"]
    end = head.index(unit) + len(unit)
    assert disk.index(unit) + len(unit) == end
    assert disk.index("size") == head.index("state")
    for row, line in zip(rows, lines, strict=True):
        at = line.rindex(found_window(row)) + len(found_window(row))
        assert at == end, line
    assert head.index("model") == lines[0].index("gpt-oss") == lines[2].index("Qwen3-8B")
    notes = ("in use", "stopped", "running", "not usable yet", "17.2 GB", "1.83 GB", "198.0 GB")
    for note, line in zip(notes, lines, strict=False):
        assert line.index(note) == head.index("state")


def found_window(row: Row) -> str:
    window = row.status.window_tokens if row.status else row.offer and row.offer.window_tokens
    return f"{window:,}" if window else "–"


@pytest.mark.parametrize("width", [40, 50, 66, 78, 98, 116])
def test_the_names_of_the_columns_are_no_wider_than_the_list(width: int) -> None:
    for group in (MINE, RUNNING, DISK, BUILT_IN):
        for first in (False, True):
            assert width_of(backend_rows.head(group, width, first=first)) <= width


def test_a_state_is_named_where_it_is_not_plain_use() -> None:
    failed = replace(fakes.QWEN, state=BackendState.FAILED, reason="port 8080 is taken")
    row = Row("qwen", MINE, status=failed, active=True)
    assert "✗ qwen" in plain(backend_rows.line(row, 1, 90))
    assert "failed" in plain(backend_rows.line(row, 1, 90))
    assert "port 8080 is taken" in said(row)
    warned = Row("studio", MINE, status=found.STUDIO)
    assert "ready · warning" in plain(backend_rows.line(warned, 1, 90))


def test_details_of_what_runs_have_numbers_warnings_the_remedy_and_the_log() -> None:
    words = said(Row("studio", MINE, status=found.STUDIO, active=True))
    assert "4,096" in words
    assert "prompt is 13,000 to 23,000" in words
    assert "! load it again with 65,536 tokens" in words
    assert "in use" in words
    words = said(Row("fast", MINE, status=fakes.FAST))
    assert "pid 4711" in words
    assert "POST /v1/chat/completions 200" in words


def test_details_of_what_could_run_say_what_enter_would_do() -> None:
    assert "not running: Enter brings it up" in said(Row("qwen", MINE, status=fakes.QWEN))
    assert "not stopped when you quit" in said(offered(found.SERVER))
    assert "needs a key" in said(offered(found.LOCKED))
    assert "used as it is" not in said(offered(found.LOCKED))
    assert "Enter starts mlx_lm" in said(offered(found.LARGE))
    assert "simulator answers there" in said(offered(replace(found.SERVER, simulated=True)))
    simulator = Row("simulator", BUILT_IN, offer=backend_rows.SIMULATORS[0])
    assert "made-up text" in said(simulator)
    small = offered(replace(found.SERVER, window_tokens=8192))
    assert "context is too small" in said(small)


def test_the_memory_of_a_model_is_told_before_it_is_loaded() -> None:
    words = said(offered(found.LARGE), memory=found.ESTIMATE)
    assert "memory ~22.3 GB of 51.0 GB usable: weights 17.2 GB, full context 4.00 GB" in words
    tight = replace(found.ESTIMATE, usable_bytes=20_000_000_000)
    words = said(offered(found.LARGE), memory=tight)
    assert "set context_window to" in words


def test_tools_are_named_with_how_to_get_the_missing() -> None:
    lines = [plain(line) for line in backend_rows.tools(found.FOUND, 120)]
    assert lines[0] == "Installed mlx-lm · Ollama"
    assert "vllm-mlx: pip install vllm-mlx · LM Studio: https://lmstudio.ai" in lines[1]
    assert [plain(line) for line in backend_rows.tools(None, 80)] == ["Looking…"]


def text_of(steps: Steps, now: float, height: int = 8) -> list[str]:
    return [plain(line) for line in steps.lines(60, height, now)]


def test_steps_show_what_goes_on_and_how_long_each_took() -> None:
    steps = Steps("qwen", "Switch to qwen", "starting qwen", 0.0)
    steps.see(replace(EMPTY, switching="starting qwen"), 0.1)
    loading = replace(EMPTY, switching="starting qwen", backends=(fakes.FAST, LOADING))
    steps.see(loading, 0.5)
    lines = text_of(steps, 12.5)
    assert lines[0].startswith("✓ starting qwen")
    assert lines[0].endswith("500 ms")
    assert lines[1].startswith("◐ loading, until")
    assert lines[1].endswith("12.0 s")
    assert lines[2].strip() == "Starting httpd"
    steps.end("new requests go to qwen", Tone.OK, 20.5)
    steps.see(replace(EMPTY, switching="1 still running on fast"), 21.0)
    lines = text_of(steps, 21.0)
    assert lines[1].endswith("20.0 s")
    assert lines[2:] == ["✓ new requests go to qwen", "◐ 1 still running on fast"]
    steps.see(EMPTY, 22.0)
    assert text_of(steps, 22.0)[-1] == "✓ new requests go to qwen"


def test_the_step_that_failed_is_marked_and_the_reason_has_room() -> None:
    steps = Steps("qwen", "Switch to qwen", "starting qwen", 0.0)
    steps.end("no model at /m: correct the path; fast still serves", Tone.BAD, 0.2)
    assert text_of(steps, 9.0)[0].startswith("✗ starting qwen")
    assert text_of(steps, 9.0)[1:] == ["✗ no model at /m: correct the path; fast still serves"]
    assert text_of(steps, 9.0, height=1) == [
        "✗ no model at /m: correct the path; fast still serves"
    ]
    assert steps.ended


def test_a_restart_in_the_middle_of_a_load_says_why() -> None:
    again = replace(LOADING, state=BackendState.STARTING, reason="restart 1 after: it was killed")
    steps = Steps("qwen", "Switch to qwen", "starting qwen", 0.0)
    steps.see(replace(EMPTY, switching="starting qwen", backends=(again,)), 1.0)
    assert "(restart 1 after: it was killed)" in text_of(steps, 1.0)[1]
