"""A profile in words."""

from __future__ import annotations

from anyclaude_tui.backends.templates.profile import Profile
from anyclaude_tui.backends.templates.profile_table import rows


def test_what_follows_is_told_in_words() -> None:
    dialect = {
        "calls": "serial",
        "needs_tools": True,
        "thinking_off": {"enable_thinking": False, "thinking_budget": 0},
        "effort_switch": ("reasoning_effort", ("low", "high")),
    }
    told = dict(
        rows(Profile("asked", dialect=dialect, left={"in a tool loop": "late"}, reuse=0.25))
    )
    assert told["source"] == "rendered by the server"
    assert told["prefix of a tool loop"] == "25% kept by a new prompt"
    assert told["requests go"] == (
        "calls serial, needs tools yes, thinking off enable thinking=no thinking budget=0, "
        "effort switch reasoning effort low high"
    )
    assert told["still wrong in a tool loop"] == "late"


def test_what_is_not_known_is_told_as_unknown() -> None:
    told = dict(rows(Profile("counted")))
    assert told["requests go"].startswith("as they are")
    assert {told["tools shown to the model"], told["date in front"]} == {"unknown"}
