"""What is counted is counted everywhere: one list, and all who tell of it."""

from __future__ import annotations

from typing import Any

import pytest

from anyclaude_tui.telemetry import journal
from anyclaude_tui.telemetry.events import COUNTERS, Counter
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.metrics import view
from anyclaude_tui.telemetry.prometheus import Meter
from tests.telemetry.records import record


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.name)
def test_a_counter_reaches_hub_journal_metrics_and_prometheus(counter: Counter) -> None:
    fields: dict[str, Any] = {counter.name: 7}
    made = record(sent_at=101.0, ended_at=102.0, **fields)
    assert counter.of(made) == 7
    shown = view(made, 102.0)
    assert getattr(shown, counter.name) == 7

    hub = Hub(lambda: 102.0)
    hub.end(made)
    hub.end(made)
    assert getattr(hub.snapshot().totals, counter.name) == 14

    words = counter.name.split("_")
    name = words[0] + "".join(word.capitalize() for word in words[1:])
    assert journal.entry(made, shown)[name] == 7

    meter = Meter()
    meter.ended(made, shown)
    assert f'anyclaude_{counter.name}_total{{backend="mlx"}} 7.0' in meter.text().decode()


def test_what_counts_the_stream_is_unknown_where_nothing_was_sent() -> None:
    line = journal.entry(record(ended_at=102.0))
    assert (line["chunks"], line["stalls"], line["keepalives"]) == (None, None, 0)
