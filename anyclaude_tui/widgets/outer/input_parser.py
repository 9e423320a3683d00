"""The input from the outer terminal, read as a terminal reads: sequence by sequence, each whole.

Textual 8.2's own parser ends the app on key forms that it does not know (sub-parameters,
code points that are none), and types the characters of a sequence that it does not know
into the program. `install` puts this one in its place: every sequence is taken whole, and
what is nobody's key is nothing. No input raises.

Sources: ECMA-48 (the shape of sequences), xterm's ctlseqs, the kitty keyboard protocol; the
colour-scheme report is contour's mode 2031.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Iterator
from typing import Any, cast

from textual import constants, events, messages
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS, IGNORE_SEQUENCE
from textual._parser import ParseEOF, Peek1, Read1
from textual._parser import ParseTimeout as Timeout
from textual._xterm_parser import IS_ITERM, XTermParser
from textual.keys import KEY_NAME_REPLACEMENTS, _character_to_key
from textual.message import Message

from anyclaude_tui.terminal.key_forms import KeyForm, is_text, key_form
from anyclaude_tui.terminal.outer_colours import OuterColours, parse_colours

log = logging.getLogger(__name__)

MAX_SEQUENCE = 64
"""Parameters of a control sequence that are kept; a longer one is nobody's."""
MAX_STRING = 4096
SEQUENCE_TIMEOUT_S = 0.5
"""A sequence that has begun with parameters is waited for, across a slow line, this long."""
MAX_COLUMNS = 10_000
"""A size or a position beyond this is no terminal's."""

_ESC = "\x1b"
_PASTE_END = "\x1b[201~"
_STRINGS = {"]": "0123456789", "P": "01>!$", "_": "G"}
"""Introducers of strings that terminals answer with, by what follows: else they are Alt keys."""
_C1 = {"\x9b": "[", "\x8f": "O", "\x9d": "]", "\x90": "P", "\x9f": "_"}
_F3 = re.compile(r"\x1b\[1;(?:[2-9]|1[0-6])R")
"""F3 with a modifier; a cursor report looks the same, and nobody here asks for one."""
_CURSOR = re.compile(r"\x1b\[(\d{1,5});(\d{1,5})R")
_MOUSE = re.compile(r"\x1b\[<\d{1,3};\d{1,5};\d{1,5}[Mm]")
_SIZE = re.compile(r"\x1b\[48;" + ";".join([r"(\d{1,5})(?::[\d:]*)?"] * 4) + "t")
_MODE = re.compile(r"\x1b\[\?(\d{1,5});([0-4])\$y")
_SCHEME = re.compile(r"\x1b\[\?997;([12])n")
_CHARACTERS = {"backspace": "\x7f", "enter": "\r", "tab": "\t"}

Reading = Generator[Read1 | Peek1, str, str]
Emit = Callable[[Message], None]


class ColourSchemeTold(Message):
    """The outer terminal has gone dark or light (mode 2031, or the answer to CSI ? 996 n)."""

    def __init__(self, dark: bool) -> None:
        super().__init__()
        self.dark = dark


class OuterColoursTold(Message):
    """The outer terminal's default colours (the answers to OSC 10 and then OSC 11)."""

    def __init__(self, colours: OuterColours) -> None:
        super().__init__()
        self.colours = colours


def install() -> None:
    """Give Textual's parser this way to read, for whoever makes one."""
    parser = cast(Any, XTermParser)
    parser.parse = parse
    parser._sequence_to_key_events = lambda self, sequence, alt=False: keys_of(sequence, alt=alt)


def parse(self: XTermParser, emit: Emit) -> Generator[Read1 | Peek1, str, None]:
    """In place of `XTermParser.parse`: a state machine that is fed one character at a time."""

    def send(message: Message) -> None:
        if isinstance(message, events.Resize):
            self.terminal_size, self.terminal_pixel_size = message.size, message.pixel_size
        emit(message)

    character = ""
    while True:
        try:
            character = character or (yield Read1())
            if character == _ESC:
                character = yield from _escape(self, send)
            elif character in _C1:
                character = yield from _sequence(self, send, _C1[character], spelled=True)
            else:
                _emit_keys(send, character)
                character = ""
        except ParseEOF:
            return
        except Exception:  # the terminal's input goes on, whatever one piece of it did
            log.exception("what the terminal sent was not understood")
            character = ""


def _escape(parser: XTermParser, send: Emit) -> Reading:
    """After ESC; what is read and not used is given back."""
    try:
        character = yield Read1(constants.ESCAPE_DELAY)
    except (Timeout, ParseEOF) as end:
        send(events.Key("escape", _ESC))
        if isinstance(end, ParseEOF):
            raise
        return ""
    if character == _ESC:
        send(events.Key("escape", _ESC))
        return _ESC
    if character in "[O" or character in _STRINGS:
        return (yield from _sequence(parser, send, character))
    if _ESC + character in ANSI_SEQUENCES_KEYS:
        _emit_keys(send, _ESC + character)
    else:
        _emit_keys(send, character, alt=True)
    return ""


def _sequence(
    parser: XTermParser, send: Emit, introducer: str, *, spelled: bool = False
) -> Reading:
    """After the introducer of a sequence; alone it was Alt and that key, unless `spelled` as
    a C1 control, which no key types."""

    def alone() -> None:
        if not spelled:
            key = _ESC + introducer
            if key in ANSI_SEQUENCES_KEYS:
                _emit_keys(send, key)
            else:
                _emit_keys(send, introducer, alt=True)

    try:
        character = yield Read1(constants.ESCAPE_DELAY)
    except (Timeout, ParseEOF) as end:
        alone()
        if isinstance(end, ParseEOF):
            raise
        return ""
    try:
        if introducer in "[O":
            return (yield from _control(parser, send, introducer, character))
        if character in _STRINGS[introducer]:
            return (yield from _string(parser, send, introducer, character))
    except Timeout:
        return ""
    alone()
    return character


def _control(parser: XTermParser, send: Emit, introducer: str, character: str) -> Reading:
    """CSI or SS3, up to its final character. Raises Timeout where that does not come."""
    body = ""
    while True:
        if character < " " or character >= "\x7f":
            return character if character != "\x7f" else ""  # it was broken off
        body = (body + character)[: MAX_SEQUENCE + 1]
        final = "@" <= character <= "~" and not (introducer == body == "[")
        if final or f"{_ESC}{introducer}{body}" in ANSI_SEQUENCES_KEYS:
            break
        character = yield Read1(SEQUENCE_TIMEOUT_S)
    if introducer == "[" and body == "M":  # the mouse as X10 told it: never asked for
        for _ in range(3):
            character = yield Read1(SEQUENCE_TIMEOUT_S)
            if character == _ESC:
                return character
        return ""
    if introducer == "[" and body == "200~":
        yield from _paste(send)
    elif len(body) <= MAX_SEQUENCE:
        _told(parser, send, f"{_ESC}{introducer}{body}")
    return ""


def _paste(send: Emit) -> Generator[Read1 | Peek1, str, None]:
    """Text up to the end of the paste, which may hold anything."""
    text: list[str] = []
    try:
        while True:
            text.append((yield Read1()))
            if text[-1] == "~" and "".join(text[-6:]) == _PASTE_END:
                break
    except ParseEOF:
        return
    send(events.Paste("".join(text[:-6]).replace("\x00", "")))


def _string(parser: XTermParser, send: Emit, introducer: str, character: str) -> Reading:
    """OSC, DCS or APC, up to ST or BEL: an answer to a query, or nobody's."""
    body = character
    while True:
        character = yield Read1(SEQUENCE_TIMEOUT_S)
        if character in ("\x07", "\x9c"):
            break
        if character == _ESC:
            character = yield Read1(SEQUENCE_TIMEOUT_S)
            if character != "\\":
                return _ESC + character if character != _ESC else _ESC
            break
        if character in "\x18\x1a":
            return ""
        body = (body + character)[: MAX_STRING + 1]
    if introducer == "]" and body.startswith("10;"):
        parser.foreground_told = body  # type: ignore[attr-defined]
    elif introducer == "]" and body.startswith("11;"):
        both = f"\x1b]{getattr(parser, 'foreground_told', '')}\x07\x1b]{body}\x07"
        colours = parse_colours(both.encode("ascii", "replace"))
        if colours is not None:
            send(OuterColoursTold(colours))
    return ""


def _told(parser: XTermParser, send: Emit, sequence: str) -> None:
    """One whole control sequence: a report, a mouse event, a key, or nothing."""
    if sequence == "\x1b[I":
        send(events.AppFocus())
    elif sequence == "\x1b[O":
        send(events.AppBlur())
    elif match := _SIZE.fullmatch(sequence):
        _resized(parser, send, *map(int, match.groups()))
    elif (match := _CURSOR.fullmatch(sequence)) and not _F3.fullmatch(sequence):
        send(events.CursorPosition(int(match[2]) - 1, int(match[1]) - 1))
    elif match := _SCHEME.fullmatch(sequence):
        send(ColourSchemeTold(match[1] == "1"))
    elif match := _MODE.fullmatch(sequence):
        _mode(send, match[1], int(match[2]))
    elif _MOUSE.fullmatch(sequence):
        mouse = parser.parse_mouse_code(sequence)
        if mouse is not None:
            send(mouse)
    else:
        _emit_keys(send, sequence)


def _resized(
    parser: XTermParser, send: Emit, height: int, width: int, high: int, wide: int
) -> None:
    if not (0 < height <= MAX_COLUMNS and 0 < width <= MAX_COLUMNS):
        return
    if not (high and wide):  # it does not know its pixels: then its mouse has none either
        parser.mouse_pixels = False
        send(events.Resize.from_dimensions((width, height), None))
        return
    parser.mouse_pixels = True
    send(events.Resize.from_dimensions((width, height), (wide, high)))


def _mode(send: Emit, mode: str, setting: int) -> None:
    if mode == "2026" and setting > 0:
        send(messages.TerminalSupportsSynchronizedOutput())
    elif mode == "2048" and constants.SMOOTH_SCROLL and not IS_ITERM:
        send(messages.InBandWindowResize.from_setting_parameter(setting))


def _emit_keys(send: Emit, sequence: str, *, alt: bool = False) -> None:
    for event in keys_of(sequence, alt=alt):
        send(event)


def keys_of(sequence: str, *, alt: bool = False) -> Iterator[events.Key]:
    """Textual's events for a character (with `alt` held) or a whole sequence; none where
    there is no such key."""
    keys = ANSI_SEQUENCES_KEYS.get(sequence)
    if keys is IGNORE_SEQUENCE or sequence in _C1:
        return
    if len(sequence) > 1 and (form := key_form(sequence)) is not None:
        yield from _events(form)  # first: the table has older meanings for some of them
        return
    if isinstance(keys, tuple):
        single = sequence if len(sequence) == 1 else None
        for key in keys:
            yield events.Key(("alt+" if alt else "") + key.value, single)
        return
    if isinstance(keys, str):
        sequence = keys
    if len(sequence) == 1 and is_text(sequence):
        yield _typed(sequence, alt=alt)


def _events(form: KeyForm) -> Iterator[events.Key]:
    if form.text is not None and "ctrl" not in form.held:
        for character in form.text:  # what a compose key or an input method gave
            shifted = character.isspace() and "shift" in form.held
            key = _character_to_key(character)
            yield events.Key(f"shift+{key}" if shifted else key, character)
        return
    key = _character_to_key(form.key) if form.key.isascii() and len(form.key) == 1 else form.key
    name = "+".join([*sorted(form.held), key])
    yield events.Key(name, None if form.held else _CHARACTERS.get(key))


def _typed(character: str, *, alt: bool) -> events.Key:
    name = character if character.isalnum() else _character_to_key(character)
    name = KEY_NAME_REPLACEMENTS.get(name, name)
    if alt:
        name = f"shift+{name.lower()}" if len(name) == 1 and name.isupper() else name
        return events.Key(f"alt+{name}", character)
    return events.Key(name, character)
