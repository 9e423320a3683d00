"""A request's record, made up: the numbers that a test names, the rest as after acceptance."""

from __future__ import annotations

from typing import Any

from anyclaude_tui.telemetry.events import RequestRecord, Role


def record(request_id: str = "req_1", **fields: Any) -> RequestRecord:
    """Accepted at 100 s; `fields` are set on it."""
    made = RequestRecord(
        id=request_id,
        backend="mlx",
        accepted_at=100.0,
        accepted_wall=1_795_000_000.0,
        kind="mlx_lm",
        role=Role.MAIN,
        session_id="session-1",
    )
    for name, value in fields.items():
        holder = made.attempt if hasattr(made.attempt, name) else made
        assert hasattr(holder, name), name
        setattr(holder, name, value)
    return made
