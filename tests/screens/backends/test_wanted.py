"""What the backends screen says of a backend's settings: each value with where it is from."""

from __future__ import annotations

from dataclasses import replace

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.screens.backends import rows
from anyclaude_tui.widgets.lines import plain
from tests.screens import fakes

WANTED = RequestSettings(
    temperature=0.6, thinking="low", leave_out=("Bash",), extra_body={"secret": "hunter2"}
)
OWN = {"temperature": 0.7, "top_p": 0.95, "top_k": 20}


def said(state: BackendState = BackendState.READY, wanted: RequestSettings = WANTED) -> str:
    snapshot = fakes.snapshot()
    status = replace(snapshot.backends[0], wanted=wanted, model_sampling=OWN, state=state)
    row = rows.Row(status.name, rows.MINE, status=status, active=True)
    _, lines = rows.details(row, replace(snapshot, backends=(status,)), None, 100, 20)
    return "\n".join(plain(line).rstrip() for line in lines)


def test_each_value_with_where_it_is_from() -> None:
    words = said()
    assert "set: temperature 0.6 · thinking low · extra_body secret" in words
    assert "leave_out Bash" in words
    assert "generation_config.json: top_p 0.95 · top_k 20" in words
    assert "hunter2" not in words


def test_one_that_does_not_run_says_it_too() -> None:
    assert "set: temperature 0.6" in said(BackendState.STOPPED)


def test_nothing_set_nothing_said() -> None:
    words = said(wanted=RequestSettings(leave_out=(), shorten_descriptions=False))
    assert "set:" not in words
    assert "generation_config.json: temperature 0.7" in words
