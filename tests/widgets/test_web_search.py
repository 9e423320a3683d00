"""A web search on the screens: who was asked what, how long it took, what came."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyclaude_tui.screens.requests import tabs
from anyclaude_tui.telemetry.events import Outcome, Phase, RequestRecord, Role, WebSearch
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.journal import entry
from anyclaude_tui.telemetry.metrics import RequestView, view
from anyclaude_tui.telemetry.timeline import timeline
from anyclaude_tui.telemetry.why import why
from anyclaude_tui.widgets import current_request, panels, status_signs
from anyclaude_tui.widgets.lines import plain
from anyclaude_tui.widgets.waterfall import spans


def record(*, error: str = "", ended: bool = True) -> RequestRecord:
    """A request with one search of 2 s; the clock began at 100."""
    search = WebSearch("searxng", "terminal emulators", started_at=100.5, sent=True)
    made = RequestRecord("req_1", "searxng", 100.0, 1_800_000_000.0, kind="search")
    made.role, made.phase, made.searches = Role.BACKGROUND, Phase.SENT, [search]
    made.attempt.sent_at = 100.5
    if ended:
        search.ended_at, search.error, search.results = 102.5, error, 0 if error else 3
        made.web_searches, made.ended_at, made.phase = 1, 102.5, Phase.ENDED
        made.outcome = Outcome.ERROR if error else Outcome.COMPLETE
        made.reason, made.stop_reason = error, "end_turn"
    return made


def shown(request: RequestView) -> str:
    """What *Now* and the details say of it."""
    lines = [*current_request.phase_rows(request, 60), current_request.detail(request, 60)]
    return "\n".join(map(plain, [*lines, *tabs.overview(request, [], 80)]))


def test_one_that_runs() -> None:
    request = view(record(ended=False), 101.5)
    assert status_signs.ending(request) == "search"
    assert "● search  searxng" in shown(request)
    assert "searching…" in shown(request)
    (span,) = spans(request)
    assert (span.name, span.start_s, span.time_s.value, span.running) == ("search", 0.5, 1.0, True)


def test_one_that_has_ended() -> None:
    made = record()
    request = view(made, 200.0)
    assert why(made, None) == "search: 3 results from searxng in 2.0 s"
    assert "✓ search  searxng" in shown(request)
    assert "searxng: terminal emulators" in shown(request)
    assert "3 results in 2.00 s" in shown(request)
    moments = [(moment.event, moment.detail) for moment in timeline(made)]
    assert ("search", "terminal emulators") in moments
    assert ("search ended", "3 results") in moments


def test_one_that_failed() -> None:
    made = record(error="searxng did not answer in 15 s")
    request = view(made, 200.0)
    assert why(made, None) == "ended: searxng did not answer in 15 s"
    assert "✗ search  searxng" in shown(request)
    assert "did not answer in 15 s in 2.00 s" in shown(request)


@pytest.mark.parametrize("error", ["", "it failed"])
def test_the_journal_has_it(error: str) -> None:
    line = entry(record(error=error))
    assert line["webSearches"] == 1
    assert line["searches"] == [
        {
            "provider": "searxng",
            "query": "terminal emulators",
            "ms": 2000.0,
            "results": None if error else 3,
            "error": error or None,
            "sent": True,
        }
    ]


def test_the_session_counts_those_that_were_sent() -> None:
    hub = Hub()
    before = hub.snapshot()
    hub.end(record())
    after = replace(hub.snapshot(), recent=())
    words = ["\n".join(map(plain, panels.session(one, 46, 9).lines)) for one in (before, after)]
    assert "web searches" not in words[0]
    assert "web searches" in words[1]
    assert after.totals.web_searches == 1
