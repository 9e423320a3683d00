"""The number of requests that a server takes at once, together with who says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SlotsFrom(StrEnum):
    """The one who says how many requests a server takes at once, the most believed first."""

    SET = "set"
    """The user, with `slots` in the backend's settings."""
    SAID = "server says"
    KNOWN = "known server"
    """Nobody for this one: it is what servers of its name do."""
    MEASURED = "measured"
    """Short requests at once, and when their tokens came (`overlap.py`)."""
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Slots:
    """A number of requests at once (1 or more), and who says it."""

    number: int
    source: SlotsFrom

    def __str__(self) -> str:
        """4 slots (server says)."""
        return f"{self.number:,} slot{'' if self.number == 1 else 's'} ({self.source})"


ONE_ASSUMED = Slots(1, SlotsFrom.ASSUMED)


def decide(
    *,
    set_to: int | None = None,
    said: int | None = None,
    known: int | None = None,
    measured: int | None = None,
    assumed: int = 1,
) -> Slots:
    """The number that counts, of all that is there; None or 0 is nothing said."""
    found = (
        (SlotsFrom.SET, set_to),
        (SlotsFrom.SAID, said),
        (SlotsFrom.KNOWN, known),
        (SlotsFrom.MEASURED, measured),
    )
    return next((Slots(n, source) for source, n in found if n), Slots(assumed, SlotsFrom.ASSUMED))


def of_setting(slots: int | None) -> Slots | None:
    """Of a backend that is not running: what its settings say, or nothing."""
    return Slots(slots, SlotsFrom.SET) if slots else None
