"""The moments of a request, in words."""

from __future__ import annotations

from anyclaude_tui.telemetry.timeline import timeline
from tests.telemetry.records import record


def test_numbers_have_separators_and_their_noun_its_number() -> None:
    made = record(
        prompt_bytes=74_210,
        admitted_at=100.05,
        sent_at=100.1,
        retries=1,
        prefill_at=100.2,
        prefill_total_tokens=18_490,
        first_delta_at=101.0,
        last_delta_at=101.0,
        deltas=1,
    )
    assert [moment.event for moment in timeline(made)][:3] == ["accepted", "admitted", "sent"]
    found = {moment.event: moment.detail for moment in timeline(made)}
    assert found["accepted"] == "74,210 bytes"
    assert found["sent"].endswith(", attempt 2")
    assert found["prefill"] == "18,490 tokens"
    assert found["last delta"] == "1 delta"
