"""Requests of earlier days: a line of the journal is the request again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from anyclaude_tui.figures import Figure, Source
from anyclaude_tui.telemetry import journal
from anyclaude_tui.telemetry.earlier import earlier, view_of
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.telemetry.request_filter import parse
from tests.screens import fakes


def written(home: Path, *numbers: int) -> None:
    """The journal of a day."""
    folder = home / journal.FOLDER
    folder.mkdir(parents=True)
    roles = {2: Role.SUBAGENT}
    lines = [journal.entry(fakes.ended(n, role=roles.get(n, Role.MAIN))) for n in numbers]
    path = folder / "2025-11-13.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(line) for line in lines) + b"\n{half a li")


def test_a_line_is_the_request_again() -> None:
    record = fakes.ended(7, rescued_calls=1, keepalives=2)
    was, again = fakes.seen(record), view_of(journal.entry(record))
    assert again is not None
    # What only a live request has, and what a file does not hold.
    apart = {"prefill_done_tokens", "prefill_total_tokens", "silent_s"}
    for name in RequestView.__dataclass_fields__:
        one, other = getattr(was, name), getattr(again, name)
        if name in apart:
            continue
        if isinstance(one, Figure):
            assert isinstance(other, Figure)
            assert other.source == one.source, name
            assert (other.value or 0.0) == pytest.approx(one.value or 0.0, abs=0.06), name
        elif isinstance(one, float):
            assert other == pytest.approx(one, abs=0.06), name
        else:
            assert other == one, name


def test_an_older_version_s_line_leaves_unknown_what_it_did_not_write() -> None:
    view = view_of({"timestamp": "2026-01-02T03:04:05.678Z", "requestId": "req_1", "ttftMs": 900})
    assert view is not None
    assert view.ttft_s.value == 0.9
    assert view.tokens_per_s.source is Source.UNKNOWN
    assert view_of({"requestId": "no time"}) is None
    assert view_of({"timestamp": "nonsense", "requestId": "x"}) is None


def test_the_filter_finds_them_newest_first(tmp_path: Path) -> None:
    written(tmp_path, 5, 3, 2)
    assert [view.id for view in earlier(tmp_path)] == ["req_0002", "req_0003", "req_0005"]
    assert [v.id for v in earlier(tmp_path, parse("role:subagent ttft>1"))] == ["req_0002"]
    assert list(earlier(tmp_path / "nowhere")) == []
