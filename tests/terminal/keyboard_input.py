"""What terminals send for keys, in every form, whole and broken: for the fuzzers."""

from __future__ import annotations

import random

FINALS = "uu~~ABCDEFHPQRSZ"
CODES = (1, 2, 3, 5, 9, 13, 15, 27, 32, 57, 65, 97, 127, 133, 233, 8364, 57344, 57399, 57414, 57441)

REPORTS = (
    *("\x1b[I", "\x1b[O", "\x1b[200~pasted\x1b[201~", "\x1bOP", "\x1b[?997;1n", "\x1b[?62c"),
    *("\x1b[?2026;2$y", "\x1b]11;rgb:0/0/0\x1b\\", "\x1bP>|x\x1b\\"),
)


def fuzzed_input(chance: random.Random, size: int) -> str:
    """About `size` characters of input."""
    parts: list[str] = []
    length = 0
    while length < size:
        part = _piece(chance)
        if chance.random() < 0.15:
            part = _broken(chance, part)
        parts.append(part)
        length += len(part)
    return "".join(parts)


def _piece(chance: random.Random) -> str:
    modifier = chance.choice(("", "1", "2", "3", "5", "8", "65", "257", "0", "99999"))
    event = chance.choice(("", "", ":1", ":2", ":3", ":9"))
    code = chance.choice(CODES) if chance.random() < 0.8 else chance.randrange(0x120000)
    match chance.randrange(12):
        case 0 | 1:
            return chr(chance.randrange(1, 127))
        case 2:
            return chr(chance.choice((0x85, 0x9B, 0xA0, 0xAD, 0x200B, 0x2028, 0x1F468, 0x10FFFF)))
        case 3:
            return "\x1b" + chr(chance.randrange(1, 127))
        case 4:
            return f"\x1b[27;{modifier};{code}~"
        case 5 | 6 | 7:
            alternates = chance.choice(("", f":{code + 1}", f"::{code}", ":"))
            text = chance.choice(("", ";97", ";97:98", ";0", ";1114112", ";;"))
            return f"\x1b[{code}{alternates};{modifier}{event}{text}{chance.choice(FINALS)}"
        case 8:
            return f"\x1b[1;{modifier}{event}{chance.choice(FINALS)}"
        case 9:
            x, y = chance.choice(("1", "80", "99999", "-1", "")), chance.choice(("1", "24"))
            return f"\x1b[<{chance.choice((0, 3, 35, 64, 192, 999))};{x};{y}{chance.choice('Mm')}"
        case 10:
            return chance.choice(REPORTS)
        case _:
            return chr(chance.choice((0xE9, 0x6F22, 0x1F600, 0x301)))


def _broken(chance: random.Random, part: str) -> str:
    at = chance.randrange(len(part) + 1)
    extra = "".join(chance.choice("\x1b[]O;:?0123456789u~\x07\x18\x9b") for _ in range(3))
    return part[:at] + chance.choice(("", extra)) + part[at + chance.randrange(2) :]
