"""A comparison as a file: everything measured, the verdict, and the figures of the report.

`--json` writes it and the history keeps it, so what a script reads and what the Compare
screen opens again are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from anyclaude_tui import __version__
from anyclaude_tui.compare.diagnosis.verdict import Verdict, judge
from anyclaude_tui.compare.report.table import Section, sections
from anyclaude_tui.compare.samples import Comparison

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Saved:
    """The content of a file. Times are seconds; each figure carries its source."""

    format: int
    program: str
    """The version that wrote it."""
    verdict: Verdict
    summary: tuple[Section, ...]
    """The report's table; cells are in the order of `comparison.targets`."""
    comparison: Comparison


def save(comparison: Comparison) -> Saved:
    """The comparison with its verdict and table."""
    return Saved(FORMAT, __version__, judge(comparison), sections(comparison), comparison)


def to_json(saved: Saved) -> bytes:
    """As JSON, indented, for people and for jq."""
    return msgspec.json.format(msgspec.json.encode(saved), indent=1) + b"\n"


def from_json(data: bytes) -> Saved:
    """From JSON. Raises ValueError when it is not such a file, or one of a later format."""
    saved = msgspec.json.decode(data, type=Saved)
    if saved.format > FORMAT:
        raise ValueError(f"written by a newer anyclaude-tui ({saved.program}): update to open it")
    return saved
