"""The check that Claude Code begins its conversations as `[proxy] stable_front` knows them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from anyclaude_tui.doctor.check import Check, Level
from anyclaude_tui.telemetry import journal

LINES_READ = 5_000
"""Of the journal, the newest: a conversation's first request is among them."""


def check(home: Path, installed: str | None) -> Check:
    """From the newest conversation in the journal, if the version that is installed had it."""
    group, name = "Claude Code", "stable front"
    lines = islice(journal.read_back(home / journal.FOLDER), LINES_READ)
    last = next((line for line in lines if isinstance(line.get("hasAnchors"), bool)), None)
    if last is None:
        words = "not known: no conversation in the journal yet ([logs] requests)"
        return Check(group, name, Level.NOTE, words)
    seen = str(last.get("clientVersion") or "")
    day = str(last.get("timestamp"))[:10]
    if installed and seen and seen != installed.split()[0]:
        words = f"not known for {installed}: the newest conversation, of {day}, was {seen}'s"
        return Check(group, name, Level.NOTE, words)
    if last["hasAnchors"]:
        words = f"its prompt is as we know it (conversation of {day})"
        return Check(group, name, Level.OK, words)
    words = (
        f"the conversation of {day} had none of the words that a stable front goes by, so nothing "
        "was moved: of a new conversation more is read anew"
    )
    remedy = "nothing breaks; docs/prompt-cache.md says what is shared, an update may know it"
    return Check(group, name, Level.WARNING, words, remedy)
