"""May two models be in memory at once? Asked at a switch, before the new one is started."""

from __future__ import annotations

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import Backend, BackendError


async def fit_together(old: Backend, new: Backend) -> bool:
    """Whether `new` can come up while `old` serves.

    What the old one holds is measured, where that is not known yet estimated as for the new
    one. What nobody can tell counts as fitting; so does a server that is not ours to stop.
    """
    status = old.status()
    if not status.supervised:
        return True
    try:
        held = status.memory_bytes or await old.start_bytes()
        needed = await new.start_bytes()
    except (BackendError, OSError):  # the start will say it better
        return True
    usable = machine.usable_for_models_bytes(machine.memory().total_bytes)
    return held is None or needed is None or held + needed <= usable
