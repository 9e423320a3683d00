"""The key that was pressed, told in a way that the emulator can encode.

Textual names a key with one string ("ctrl+shift+left", "full_stop", "alt+enter") and
gives the character where it typed one. A `KeyPress` has the parts apart; which bytes it
becomes depends on the modes that the program has set, and that the emulator knows.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from anyclaude_tui.terminal.key_forms import is_text

_MODIFIERS = frozenset({"shift", "alt", "ctrl", "super", "hyper", "meta"})

# Textual's names for what the emulator calls otherwise.
_NAMES = {
    "circumflex_accent": "^",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "minus": "-",
    "plus": "+",
    "underscore": "_",
    "at": "@",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_square_brace": "[",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "backslash": "\\",
    "slash": "/",
    "space": " ",
    "newline": "\n",
}
_NAMED_KEYS = frozenset(
    {
        "escape", "enter", "tab", "backspace", "insert", "delete", "pageup", "pagedown",
        "left", "right", "up", "down", "home", "end", "menu", "caps_lock", "scroll_lock",
        "num_lock", "print_screen", "pause", "kp_begin",
    }
    | {f"f{n}" for n in range(1, 36)}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One key: `key` is the unshifted character or a lower-case name ("up", "f5")."""

    key: str
    shift: bool = False
    alt: bool = False
    ctrl: bool = False
    super_: bool = False
    hyper: bool = False
    meta: bool = False
    text: str | None = None
    """The text that the key typed, if it typed something."""
    shifted: str | None = None
    """The character it gives with Shift, where that is known."""


@lru_cache(maxsize=1024)
def key_press(name: str, character: str | None) -> KeyPress | None:
    """The key behind Textual's `name` and `character`; None for keys no program hears."""
    *modifiers, key = _split(name)
    held = set(modifiers)
    if key == "backtab":
        key, held = "tab", held | {"shift"}
    key = _NAMES.get(key, key)
    text = character if character and is_text(character) else None
    if key not in _NAMED_KEYS and len(key) != 1:
        key = _character_of(key, character)
    if key not in _NAMED_KEYS and not is_text(key):
        return None
    if key == "backspace" and character == "\x08" and not held:
        key, held, text = "h", {"ctrl"}, None  # a terminal whose Backspace is ^H
    shifted = None
    if len(key) == 1 and key.isalpha():
        lower, upper = key.lower(), key.upper()
        if len(lower) == 1 and len(upper) == 1:
            if key != lower:  # "A" without a modifier is Shift and a
                key, held = lower, held | {"shift"}
            shifted = upper
    if held & {"ctrl", "alt", "super", "hyper", "meta"}:
        text = None
    elif text is None and len(key) == 1:
        text = shifted if "shift" in held and shifted else key
    return KeyPress(
        key,
        shift="shift" in held,
        alt="alt" in held,
        ctrl="ctrl" in held,
        super_="super" in held,
        hyper="hyper" in held,
        meta="meta" in held,
        text=text,
        shifted=shifted,
    )


def _split(name: str) -> list[str]:
    parts = name.split("+")
    if parts[-1] == "":  # "ctrl++": the key is the plus sign
        parts = [*parts[:-2], "+"]
    for part in parts[:-1]:
        if part not in _MODIFIERS:
            return [name]
    return parts


def _character_of(key: str, character: str | None) -> str:
    if character and is_text(character):
        return character
    try:
        return unicodedata.lookup(key.replace("_", " "))
    except KeyError:
        pass
    try:
        return unicodedata.lookup(key.replace("_", "-"))
    except KeyError:
        return ""


def paste_bytes(text: str, *, bracketed: bool) -> bytes:
    """Pasted text as a terminal sends it.

    In bracketed paste (mode 2004) it goes between markers as it is, without an end marker
    of its own: that would let a web page type commands. Else newlines become Enter.
    """
    if bracketed:
        clean = text
        while "\x1b[201~" in clean:
            clean = clean.replace("\x1b[201~", "")
        return f"\x1b[200~{clean}\x1b[201~".encode("utf-8", "replace")
    return text.replace("\r\n", "\r").replace("\n", "\r").encode("utf-8", "replace")
