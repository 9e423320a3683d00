"""One check of the doctor, and how bad its outcome is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The grade of a finding; `broken` makes the doctor's exit code 1."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report."""

    group: str
    name: str
    level: Level
    detail: str
    """The finding."""
    remedy: str = ""
    """The advice; never empty for a warning or what is broken."""
