"""No fact that the proxy may write down breaks a panel: the pane lives in the same program."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.base import BackendState, BackendStatus
from anyclaude_tui.backends.slots.source import Slots, SlotsFrom
from anyclaude_tui.figures import Figure, Source
from anyclaude_tui.telemetry.events import Outcome, Phase, Role, Truncation
from anyclaude_tui.widgets.compact_summary import summary_lines
from anyclaude_tui.widgets.lines import width_of
from anyclaude_tui.widgets.panels import PANELS, framed
from tests.screens import fakes

numbers = st.one_of(st.integers(0, 3), st.integers(0, 10**12))
times = st.one_of(st.none(), st.floats(fakes.NOW - 10**6, fakes.NOW))
words = st.text(max_size=60)
figures = st.one_of(
    st.just(Figure(None, Source.UNKNOWN)),
    st.builds(
        Figure,
        st.floats(0, 1e12),
        st.sampled_from([Source.MEASURED, Source.REPORTED, Source.ESTIMATED]),
    ),
)
facts: dict[str, st.SearchStrategy[Any]] = {
    "accepted_at": st.floats(fakes.NOW - 10**6, fakes.NOW),
    "phase": st.sampled_from(Phase),
    "role": st.sampled_from(Role),
    "model": words,
    "reason": words,
    "why": words,
    "stop_reason": st.one_of(st.none(), words),
    "status": st.one_of(st.none(), st.integers(100, 599)),
    "queue_position": st.one_of(st.none(), st.integers(1, 99)),
    "window_tokens": st.one_of(st.none(), numbers),
    "truncation": st.one_of(st.none(), st.sampled_from(Truncation)),
    "prefill_done_tokens": st.one_of(st.none(), numbers),
    "prefill_total_tokens": st.one_of(st.none(), numbers),
    **dict.fromkeys(("prompt_tokens", "cached_tokens", "output_tokens"), figures),
    **dict.fromkeys(
        ("sent_at", "prefill_at", "first_delta_at", "last_delta_at", "first_text_at"), times
    ),
    **dict.fromkeys(
        ("deltas", "chunks", "keepalives", "stalls", "retries", "tool_calls", "thinking_deltas"),
        numbers,
    ),
}
records = st.fixed_dictionaries({}, optional=facts)
statuses = st.builds(
    BackendStatus,
    name=st.just("fast"),
    kind=words,
    state=st.sampled_from(BackendState),
    reason=words,
    model=st.one_of(st.none(), words),
    url=st.one_of(st.none(), words),
    window_tokens=st.one_of(st.none(), numbers),
    slots=st.one_of(st.none(), st.builds(Slots, numbers, st.sampled_from(SlotsFrom))),
    simulated=st.booleans(),
    pid=st.one_of(st.none(), numbers),
    cpu_percent=st.one_of(st.none(), st.floats(0, 6400)),
    memory_bytes=st.one_of(st.none(), numbers),
    memory_pressure=st.one_of(st.none(), st.floats(0, 1)),
    restarts=numbers,
    log_tail=st.lists(words, max_size=3).map(tuple),
    warnings=st.lists(words, max_size=3).map(tuple),
)


@given(
    running=st.lists(records, max_size=3),
    ended=st.lists(st.tuples(records, st.sampled_from(Outcome)), max_size=4),
    status=statuses,
    rates=st.lists(st.floats(0, 1e6), max_size=120).map(tuple),
    switching=words,
    width=st.integers(20, 130),
    height=st.integers(1, 40),
)
def test_panels_take_any_facts(
    running: list[dict[str, Any]],
    ended: list[tuple[dict[str, Any], Outcome]],
    status: BackendStatus,
    rates: tuple[float, ...],
    switching: str,
    width: int,
    height: int,
) -> None:
    past = [
        fakes.record(n, **{**made, "outcome": outcome, "ended_at": fakes.NOW})
        for n, (made, outcome) in enumerate(ended, 100)
    ]
    snapshot = fakes.snapshot(
        *(fakes.record(n, **made) for n, made in enumerate(running)),
        history=tuple(past),
        backends=(status,),
        rates=rates,
        switching=switching,
    )
    for kind in PANELS.values():
        lines = framed(kind, snapshot, width, height, "├")
        assert [width_of(line) for line in lines] == [width] * height
    assert all(width_of(line) <= max(40, width) for line in summary_lines(snapshot, max(40, width)))
