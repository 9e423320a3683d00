"""The record of a request that nobody asked for: read ahead, or sent to measure."""

from __future__ import annotations

import secrets
import time

from anyclaude_tui.backends.base import Backend
from anyclaude_tui.telemetry.events import RequestRecord, Role


def own_record(backend: Backend, now_s: float) -> RequestRecord:
    """A new one, outside the user's requests and figures; `now_s`: the session's clock."""
    return RequestRecord(
        id=f"req_{secrets.token_hex(12)}",
        backend=backend.name,
        kind=backend.kind,
        accepted_at=now_s,
        accepted_wall=time.time(),
        role=Role.WARMING,
        simulated=backend.simulated,
        admitted_at=now_s,
    )
