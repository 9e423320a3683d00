"""Our screen and replies against Ghostty's core and tmux, sequence class by class."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from anyclaude_tui.terminal.emulator import Emulator
from tests.terminal.cases import CASES, COLUMNS, ROWS, Case
from tests.terminal.oracle import Oracle, screen_of, texts_of
from tests.terminal.tmux import Tmux


def test_every_class_of_sequences_equals_the_references(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    wrong: list[str] = []
    checked: Counter[str] = Counter()
    tmux = Tmux(ROWS, COLUMNS, tmp_path) if Tmux.available() else None
    try:
        with Oracle(ROWS, COLUMNS) as oracle:
            for case in CASES:
                by_ghostty = against_ghostty(case, oracle) if case.ghostty else []
                by_tmux = against_tmux(case, tmux) if case.tmux and tmux else []
                checked["ghostty"] += case.ghostty
                checked["tmux"] += bool(case.tmux and tmux)
                lines.append(
                    f"{case.group:9} {case.name:38} "
                    f"{verdict(case.ghostty, by_ghostty):8} "
                    f"{verdict(case.tmux and tmux is not None, by_tmux):8}"
                )
                wrong += [f"{case.group}, {case.name}: {text}" for text in by_ghostty + by_tmux]
    finally:
        if tmux is not None:
            tmux.__exit__(None, None, None)
    with capsys.disabled():
        print(f"\n{'class':9} {'sequences':38} ghostty  tmux")
        print("\n".join(lines))
        print(
            f"{len(CASES)} rows; compared with ghostty {checked['ghostty']}, tmux {checked['tmux']}"
        )
    assert wrong == []
    assert checked["ghostty"] > 50


def verdict(compared: bool, differences: list[str]) -> str:
    """A cell of the table."""
    return ("differs" if differences else "equal") if compared else "–"


def against_ghostty(case: Case, oracle: Oracle) -> list[str]:
    """What differs from Ghostty's core: text and styles, cursor, replies."""
    oracle.restart(ROWS, COLUMNS)
    sent: list[bytes] = []
    emulator = Emulator(ROWS, COLUMNS, send=sent.append, report=lambda event: None)
    emulator.feed(case.data)
    replies = oracle.feed(case.data)
    if case.resize is not None:
        emulator.resize(*case.resize)
        oracle.resize(*case.resize)
    found: list[str] = []
    ours, theirs = screen_of(emulator), oracle.screen()
    found += [
        f"row {y}: {a} ≠ {b}" for y, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b
    ]
    state = oracle.state()
    cursor = emulator.cursor
    if [cursor.x, cursor.y, cursor.visible] != [*state["cursor"], state["visible"]]:
        found.append(f"cursor: {cursor} ≠ {state['cursor']}")
    if case.replies and b"".join(sent) != replies:
        found.append(f"replies: {sent} ≠ {replies!r}")
    if emulator.kitty_flags != state["kitty"]:
        found.append(f"kitty flags: {emulator.kitty_flags} ≠ {state['kitty']}")
    return found


def against_tmux(case: Case, tmux: Tmux) -> list[str]:
    """What differs from tmux: text and cursor."""
    emulator = Emulator(ROWS, COLUMNS, send=lambda data: None, report=lambda event: None)
    emulator.feed(case.data)
    ours = (texts_of(emulator), (emulator.cursor.x, emulator.cursor.y))
    theirs = tmux.show(case.data, until=lambda screen: screen == ours)
    return [] if ours == theirs else [f"tmux: {ours} ≠ {theirs}"]
