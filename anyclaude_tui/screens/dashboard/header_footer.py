"""The lines around the pane: its header, the footer, the which-key menu, the small window."""

from __future__ import annotations

from collections.abc import Sequence

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.screens import actions
from anyclaude_tui.screens.actions import ACTIONS, DIGITS, Action
from anyclaude_tui.telemetry.hub import Notice, Snapshot
from anyclaude_tui.terminal.window_sizes import MIN_HEIGHT, MIN_WIDTH
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, pad, spread, text, width_of, wrapped

NOTICE_TONES = {"info": Tone.LABEL, "warning": Tone.WARN, "error": Tone.BAD}
LEVEL_SIGNS = {"info": "·", "warning": "!", "error": "✗"}


def header(program: str, title: str, width: int) -> Line:
    """The rule above the pane: what runs in it, and its title or folder."""
    start: Line = (("── ", Tone.RULE), (program, Tone.STRONG), (" ", Tone.TEXT))
    words = clean(title)
    if words and words != program:
        start = (*start, ("─ ", Tone.RULE), (words, Tone.LABEL), (" ", Tone.TEXT))
    start = fit(start, width - 2)
    return (*start, ("─" * (width - width_of(start)), Tone.RULE))


def footer(
    leader: str,
    state: BackendState | None,
    notice: Notice | None,
    right: str,
    width: int,
    table: Sequence[Action] = ACTIONS,
) -> Line:
    """The leader with the commands that matter most in that state of the active backend, and the
    latest notice or `right`. Help and quit are always shown."""
    most, always = actions.footer_keys(state, table)
    words: Line = ()
    if notice is not None:
        mark = LEVEL_SIGNS.get(notice.level, "·")
        words = text(f"{mark} {clean(notice.text)} ", NOTICE_TONES.get(notice.level, Tone.LABEL))
    # A notice matters more than the reminder of the keys, but for what mends a failure.
    urgent = 2 if state in (None, BackendState.FAILED) else 0
    left = _keys(leader, most, always, width)
    if words and width_of(left) + width_of(words) + 1 > width:
        left = _keys(leader, most[:urgent], always, width * 2 // 3)
    elif not words:
        words = text(f"{right} ", Tone.FAINT)
        words = words if width_of(left) + width_of(words) + 2 <= width else ()
    return spread(left, fit(words, width - width_of(left) - 1), width)


def _keys(leader: str, most: Sequence[Action], always: Sequence[Action], width: int) -> Line:
    """As many of `most` as there is room for, then all of `always`."""
    start: Line = ((f" {leader}", Tone.KEY), (" then ", Tone.FAINT))
    end = tuple(seg for action in always for seg in _short(action))
    for action in most:
        wider = (*start, *_short(action))
        if width_of(wider) + width_of(end) > width:
            break
        start = wider
    return (*start, *end)


def _short(action: Action) -> Line:
    return ((f" {action.key}", Tone.KEY), (f" {action.footer} ", Tone.LABEL))


def next_step(leader: str, snapshot: Snapshot) -> Line:
    """The keys to press when no backend serves; nothing while one does."""
    start: Line = ((leader, Tone.KEY), (" then ", Tone.LABEL))
    status = snapshot.backend
    if status is None:
        return () if snapshot.switching else (*start, ("b", Tone.KEY), (" choose one", Tone.TEXT))
    if status.state is not BackendState.FAILED:
        return ()
    restart: Line = ((" r", Tone.KEY), (" restart ", Tone.TEXT))
    return (*start, *restart, (" b", Tone.KEY), (" another", Tone.TEXT))


def which_key(
    leader: str, backends: tuple[str, ...], width: int, table: Sequence[Action] = ACTIONS
) -> list[Line]:
    """The menu after the leader: every command, in columns, and the backends by number."""
    entries: list[Line] = [_entry(action) for action in table]
    entries += [
        ((f"{digit} ", Tone.KEY), (clean(name), Tone.TEXT))
        for digit, name in zip(DIGITS, backends, strict=False)
    ]
    entries += [
        ((f"{leader} ", Tone.KEY), ("sends itself", Tone.LABEL)),
        (("Esc ", Tone.KEY), ("back", Tone.LABEL)),
    ]
    size = min(width - 2, max(width_of(entry) for entry in entries) + 2)
    count = max(1, (width - 2) // size)
    rows = -(-len(entries) // count)
    lines: list[Line] = [(("─" * width, Tone.RULE),)]
    for row in range(rows):
        line: Line = ((" ", Tone.TEXT),)
        for entry in entries[row::rows]:
            line += pad(entry, size)
        lines.append(fit(line, width))
    return lines


def _entry(action: Action) -> Line:
    keys = f"{action.key} {action.also} " if action.also else f"{action.key} "
    return ((keys, Tone.KEY), (action.name, Tone.TEXT))


def too_small(width: int, height: int) -> list[Line]:
    """The lines of a window that is too small for the rest."""
    words = (
        f"Window too small: {width}×{height}. Enlarge it to {MIN_WIDTH}×{MIN_HEIGHT}; "
        "Claude Code keeps running."
    )
    return wrapped(words, width, height, Tone.WARN)
