"""The pen of a terminal: the looks and the link that the next characters get, and the shortest way
from one to another.

Sources: ECMA-48 (SGR), the colon forms of ITU T.416, OSC 8 for links.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

_ON = {"1": "bold", "2": "dim", "3": "italic", "4": "underline", "5": "blink", "6": "blink"} | {
    "7": "reverse",
    "8": "conceal",
    "9": "strike",
    "21": "underline",
    "51": "frame",
    "52": "frame",
    "53": "overline",
}
_OFF = {
    "22": ("bold", "dim"),
    "23": ("italic",),
    "24": ("underline",),
    "25": ("blink",),
    "27": ("reverse",),
    "28": ("conceal",),
    "29": ("strike",),
    "39": ("fg",),
    "49": ("bg",),
    "54": ("frame",),
    "55": ("overline",),
    "59": ("underline colour",),
}
_COLOURS = {"38": "fg", "48": "bg", "58": "underline colour"}
_ENDS = {name: code for code, names in _OFF.items() for name in names if int(code) < 50}
"""Name of a look → the parameter that ends it everywhere; terminals differ in the newer ones."""
_SEEN_ON_BLANKS = {"reverse", "underline", "strike", "overline", "frame", "underline colour"}


class Pen:
    """Looks and a link. Interned by `pen` and `plain`: compare by identity."""

    __slots__ = ("blank", "erases", "link", "looks")

    def __init__(self, looks: tuple[tuple[str, str], ...], link: str) -> None:
        self.looks = dict(looks)
        """By the looks' names: the SGR parameters that turn them on."""
        self.link = link
        """The parameters and the address, as OSC 8 wants them; empty for none."""
        self.erases = not self.looks and not link
        """True if a blank of it is what erasing leaves."""
        self.blank: Pen = self
        """The pen with which a blank looks the same."""
        if not link and not any(
            name in _SEEN_ON_BLANKS or name not in _KNOWN for name in self.looks
        ):
            seen = tuple((name, code) for name, code in looks if name == "bg")
            if seen != looks:
                self.blank = _interned(seen, "")


_KNOWN = {*_ON.values(), *_COLOURS.values()}


@lru_cache(maxsize=8192)
def _interned(looks: tuple[tuple[str, str], ...], link: str) -> Pen:
    return Pen(looks, link)


@lru_cache(maxsize=8192)
def pen(before: Pen, parameters: str) -> Pen:
    """The pen after SGR with these parameters."""
    looks = dict(before.looks)
    for code, name in _looks(parameters):
        if not name:
            for ended in _OFF.get(code, tuple(looks)):
                looks.pop(ended, None)
        elif code.startswith("4:") and name in looks:  # for terminals that know the plain one alone
            looks[name] = f"4;{code}"
        else:
            looks[name] = code
    return _interned(tuple(sorted(looks.items())), before.link)


def linked(before: Pen, link: str) -> Pen:
    """The pen with this link, or with none."""
    return _interned(tuple(sorted(before.looks.items())), link if link.partition(";")[2] else "")


PLAIN = _interned((), "")


def _looks(parameters: str) -> Iterator[tuple[str, str]]:
    """The parameters one by one, each with the look that it sets; no name: it ends some, or all."""
    codes = iter(parameters.split(";"))
    for code in codes:
        head = code.partition(":")[0]
        if code.strip("0") == "" or code in _OFF:
            yield (code.strip("0") and code), ""
        elif code in _COLOURS:
            kind = next(codes, "")
            count = {"5": 1, "2": 3}.get(kind, 0)
            yield ";".join((code, kind, *(next(codes, "") for _ in range(count)))), _COLOURS[code]
        elif head in _COLOURS:
            yield code, _COLOURS[head]
        elif head in _ON:
            yield code, _ON[head]
        elif code.isdigit() and (30 <= int(code) <= 37 or 90 <= int(code) <= 97):
            yield code, "fg"
        elif code.isdigit() and (40 <= int(code) <= 47 or 100 <= int(code) <= 107):
            yield code, "bg"
        else:
            yield code, f"unknown {code}"


@lru_cache(maxsize=8192)
def change(before: Pen | None, after: Pen) -> str:
    """The shortest sequences from one pen to another; None: whatever it is."""
    if before is after:
        return ""
    link = ""
    if before is None or before.link != after.link:
        link = f"\x1b]8;{after.link or ';'}\x1b\\"
    if before is not None and before.looks == after.looks:
        return link
    anew = "\x1b[" + ";".join(("0", *after.looks.values()) if after.looks else ()) + "m"
    if before is None:
        return anew + link
    ended = [name for name in before.looks if name not in after.looks]
    if any(name not in _ENDS for name in ended):
        return anew + link
    codes = list(dict.fromkeys(_ENDS[name] for name in ended))
    again = {"bold", "dim"} if "22" in codes else set()
    codes += [
        code
        for name, code in after.looks.items()
        if before.looks.get(name) != code or name in again
    ]
    # A kind of underline after another: not every terminal ends the first by itself.
    if "underline" in after.looks and "underline" in before.looks:
        step = anew if before.looks["underline"] != after.looks["underline"] else ""
    else:
        step = ""
    step = step or "\x1b[" + ";".join(codes) + "m"
    return min(step, anew, key=len) + link
