"""Textual's internals: all that is touched of them, but for the strips of the pane
(`widgets/terminal/strip_internals.py`). Textual is pinned, and `tests/test_private_names.py`
names each and fails when one has moved.

What it is told before it starts, for a terminal in a pane to feel like one (measured with
Textual 8.2):
- it waits 100 ms after Esc; terminals with kitty keys do not need the wait, for others
  25 ms is enough on a local line;
- it paints at most 60 times a second, which alone costs a key up to 16 ms;
- on terminals without kitty keys it takes Option+Enter (ESC CR) for a plain Enter, which
  sends a prompt instead of starting a new line, and rewrites or drops other Alt keys;
- its parser raises on key forms that terminals do send (input_parser.py);
- its output queue holds 30 writes and then blocks the loop until the terminal reads again.

Importing this module does not import Textual.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen
    from textual.widget import Widget

ESCAPE_DELAY_MS = 25
FPS = 240
QUEUED_WRITES = 4096

_SIZES = ("COLUMNS", "LINES")
"""The variables that, where they are exported, win over the terminal's real size
(`shutil.get_terminal_size`), so that the first layout, and the program in the pane, are of a size
that the window does not have."""

# ESC and one of these begins other sequences (CSI, SS3): Textual has to wait there.
_INTRODUCERS = "[O"


@dataclass(frozen=True, slots=True)
class AltKey:
    """An entry for Textual's table, which reads `value` of each."""

    value: str


def prepare_textual() -> None:
    """Set the environment, and mend Textual's key table and its output queue.

    Call it before Textual starts; before it is imported is best. Calling it twice is fine.
    The user's own ESCDELAY and TEXTUAL_FPS win.
    """
    os.environ.setdefault("ESCDELAY", str(ESCAPE_DELAY_MS))
    os.environ.setdefault("TEXTUAL_FPS", str(FPS))
    for name in _SIZES:
        os.environ.pop(name, None)

    from textual import constants, screen
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
    from textual.drivers import _writer_thread

    # Where Textual was imported before this was called.
    settings = cast(Any, constants)
    settings.ESCAPE_DELAY = constants._get_environ_int("ESCDELAY", ESCAPE_DELAY_MS) / 1000
    settings.MAX_FPS = constants._get_environ_int("TEXTUAL_FPS", FPS, minimum=1)
    cast(Any, screen).UPDATE_PERIOD = 1 / settings.MAX_FPS
    cast(Any, _writer_thread).MAX_QUEUED_WRITES = QUEUED_WRITES
    table = cast("MutableMapping[str, Any]", ANSI_SEQUENCES_KEYS)
    for sequence, key in alt_keys().items():
        table[sequence] = (key,)

    from anyclaude_tui.widgets.outer import input_parser

    input_parser.install()


def alt_keys() -> dict[str, AltKey]:
    """ESC and a character → Textual's name for Alt and that key, as its table wants it."""
    from textual.keys import _character_to_key

    names = {
        "\x1b\r": "alt+enter",
        "\x1b\t": "alt+tab",
        "\x1b\x7f": "alt+backspace",
        "\x1b\x08": "ctrl+alt+backspace",
        "\x1b\n": "ctrl+alt+j",
        "\x1b ": "alt+space",
        "\x1b\x1c": "ctrl+alt+backslash",
        "\x1b\x1d": "ctrl+alt+right_square_bracket",
        "\x1b\x1e": "ctrl+alt+circumflex_accent",
        "\x1b\x1f": "ctrl+alt+underscore",
    }
    for code in range(0x21, 0x7F):
        character = chr(code)
        if character in _INTRODUCERS:
            continue
        shift = "shift+" if character.isupper() else ""
        names[f"\x1b{character}"] = f"alt+{shift}{_character_to_key(character.lower())}"
    for code in range(0x01, 0x1B):
        names.setdefault(f"\x1b{chr(code)}", f"ctrl+alt+{chr(code + 0x60)}")
    return {sequence: AltKey(name) for sequence, name in names.items()}


def key_name(chord: str) -> str:
    """A chord as Textual names it: `ctrl+]` is `ctrl+right_square_bracket`."""
    from textual.keys import _character_to_key

    rest, plus, key = chord.rpartition("+")
    return rest + plus + (_character_to_key(key) if len(key) == 1 else key)


def writes_waiting(app: App[Any]) -> int:
    """Characters that the outer terminal has not taken yet; 0 where nobody counts them."""
    return int(getattr(app._driver, "waiting", 0))


def paint_now(widget: Widget) -> None:
    """Write a widget's changed regions to the terminal without waiting for Textual's next
    tick (up to 4 ms)."""
    screen = widget.screen
    if screen.is_current and not widget.app._batch_count and not screen._layout_required:
        screen._compositor.update_widgets({widget})
        screen._compositor_refresh()
        widget._repaint_required = False


def refresh_theme(app: App[Any]) -> None:
    """Look at the theme anew: another one has been registered under the same name."""
    app._watch_theme(app.theme)


def show_in_grey(app: App[Any], grey: bool) -> None:
    """Shades of grey instead of colours, as NO_COLOR asks for, while the app runs."""
    from textual.filter import Monochrome

    if grey is app.no_color:
        return
    app.no_color = grey
    for one in [one for one in app._filters if isinstance(one, Monochrome)]:
        app._filters.remove(one)
    if grey:
        app._filters.append(Monochrome())
    app.refresh_css(animate=False)


def message_racks(screen: Screen[Any]) -> list[Widget]:
    """The widgets in which a screen stacks its short messages."""
    from textual.widgets._toast import ToastRack

    return list(screen.query(ToastRack))
