"""The meaning of a control sequence from the keyboard: in kitty's form, in xterm's modifyOtherKeys
form, and in the older forms with a modifier in them.

Terminals send these forms to us although we have not asked for them: when a program before
us left a mode on, with tmux's `extended-keys`, or by the user's own mappings. So each is
read in whole, and one that makes no sense is no key.

Sources: the kitty keyboard protocol (sw.kovidgoyal.net/kitty/keyboard-protocol), and
xterm's ctlseqs (patch 410): modifyCursorKeys, modifyOtherKeys, formatOtherKeys.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_FORM = re.compile(r"\x1b(?:\[|O)(>?)([0-9:;]*)([u~A-HPQRSZ])")
_MAX_MODIFIER = 256
_BITS = ("shift", "alt", "ctrl", "super", "hyper", "meta")  # then caps lock and num lock
_RELEASE = 3
_OTHER_KEYS = 27  # CSI 27 ; modifier ; character ~

_BY_LETTER = {
    "A": "up",
    "B": "down",
    "C": "right",
    "D": "left",
    "E": "kp_begin",
    "F": "end",
    "H": "home",
    "P": "f1",
    "Q": "f2",
    "R": "f3",
    "S": "f4",
    "Z": "tab",
}
_BY_NUMBER = {  # CSI number ~
    1: "home",
    2: "insert",
    3: "delete",
    4: "end",
    5: "pageup",
    6: "pagedown",
    7: "home",
    8: "end",
    **{11 + n: f"f{1 + n}" for n in range(5)},
    **{17 + n: f"f{6 + n}" for n in range(5)},
    **{23 + n: f"f{11 + n}" for n in range(4)},
    **{28 + n: f"f{15 + n}" for n in range(2)},
    **{31 + n: f"f{17 + n}" for n in range(4)},
    57427: "kp_begin",
}
_BY_CODE = {  # CSI code u
    8: "backspace",
    9: "tab",
    13: "enter",
    27: "escape",
    127: "backspace",
    57358: "caps_lock",
    57359: "scroll_lock",
    57360: "num_lock",
    57361: "print_screen",
    57362: "pause",
    57363: "menu",
    **{57364 + n: f"f{1 + n}" for n in range(35)},
    **{57399 + n: str(n) for n in range(10)},
    **{57409 + n: sign for n, sign in enumerate("./*-+")},
    57414: "enter",
    57415: "=",
    57416: ",",
    57417: "left",
    57418: "right",
    57419: "up",
    57420: "down",
    57421: "pageup",
    57422: "pagedown",
    57423: "home",
    57424: "end",
    57425: "insert",
    57426: "delete",
    57427: "kp_begin",
}
_PRIVATE_KEYS = range(57344, 63744)
"""Kitty's numbers for keys that have no character: those not named above have no use here
(media keys, modifiers alone)."""


@dataclass(frozen=True, slots=True)
class KeyForm:
    """One key as a sequence tells it.

    `key` is a lower-case name ("up", "f5") or the unshifted character, `held` the modifiers'
    names, `text` what it typed (one character or more) where the sequence says so.
    """

    key: str
    held: frozenset[str] = frozenset()
    text: str | None = None


def is_text(character: str) -> bool:
    """True if a keyboard can type this one character: no control, no surrogate."""
    return len(character) == 1 and unicodedata.category(character) not in ("Cc", "Cs")


def key_form(sequence: str) -> KeyForm | None:
    """The key in a whole control sequence; None where it tells none, or a key's release."""
    match = _FORM.fullmatch(sequence)
    if match is None:
        return None
    marked, parameters, final = match.groups()
    fields = [field.split(":") for field in parameters.split(";")]
    numbers = [_number(field[0]) for field in fields] + [None] * 3
    if max(len(fields), *map(len, fields)) > 32:
        return None
    if len(fields) > 1 and len(fields[1]) > 1 and _number(fields[1][1]) == _RELEASE:
        return None
    code, modifier = numbers[0], numbers[1]
    if final == "~":
        if code == _OTHER_KEYS and len(fields) == 3:
            return _character(numbers[2], modifier, None, None)
        name = _BY_NUMBER.get(code or 0)
    elif final == "u":
        return _kitty(fields, code, modifier)
    else:
        name = _BY_LETTER.get(final)
        if len(fields) == 1 and not marked and code is not None:
            code, modifier = 1, code  # modifyCursorKeys 1, and SS3 5 A
        if code not in (None, 1):
            return None
    held = _held(modifier)
    if name is None or held is None:
        return None
    if final == "Z":
        held |= {"shift"}
    return KeyForm(name, held)


def _kitty(fields: list[list[str]], code: int | None, modifier: int | None) -> KeyForm | None:
    if len(fields) > 3 or len(fields[0]) > 3:
        return None
    shifted = _number(fields[0][1]) if len(fields[0]) > 1 else None
    text = None
    if len(fields) == 3:
        typed = [_to_character(_number(part)) for part in fields[2]]
        text = "".join(one for one in typed if one is not None) or None
    return _character(code, modifier, shifted, text)


def _character(
    code: int | None, modifier: int | None, shifted: int | None, text: str | None
) -> KeyForm | None:
    held = _held(modifier)
    if held is None or code is None:
        return None
    name = _BY_CODE.get(code)
    if name is None:
        name = _to_character(code)
        if name is None or code in _PRIVATE_KEYS:
            return None
    if len(name) > 1:
        return KeyForm(name, held)
    if held & {"ctrl", "super", "hyper", "meta"}:
        text = None
    if text is None and held == {"shift"}:
        text = _to_character(shifted) or (name.upper() if len(name.upper()) == 1 else name)
    elif text is None and not held:
        text = name
    if "shift" not in held and name != name.lower() and len(name.lower()) == 1 and held:
        name, held = name.lower(), held | {"shift"}
    elif "shift" in held and len(name.lower()) == 1:
        name = name.lower()
    return KeyForm(name, held, text)


def _held(modifier: int | None) -> frozenset[str] | None:
    """The modifiers of a parameter, which is one plus their bits; None where it is none."""
    if modifier is None:
        return frozenset()
    if not 1 <= modifier <= _MAX_MODIFIER:
        return None
    return frozenset(name for bit, name in enumerate(_BITS) if (modifier - 1) >> bit & 1)


def _number(digits: str) -> int | None:
    return int(digits) if digits and len(digits) <= 9 else None


def _to_character(code: int | None) -> str | None:
    if code is None or not 0 < code < 0x110000:
        return None
    character = chr(code)
    return character if is_text(character) else None
