"""The outer terminal's input: whole sequences, and nothing that ends the reading."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import constants, events, messages
from textual._xterm_parser import XTermParser
from textual.message import Message

from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.keys import key_press
from anyclaude_tui.widgets.outer.input_parser import ColourSchemeTold, OuterColoursTold
from anyclaude_tui.widgets.textual_internals import prepare_textual
from tests.terminal.keyboard_input import fuzzed_input

prepare_textual()


@pytest.fixture(autouse=True)
def short_escape_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ESCAPE_DELAY", 0.001)


def read(text: str) -> list[Message]:
    """All that comes of `text`, after a wait."""
    parser = XTermParser()
    found = list(parser.feed(text))
    while parser._timeout_time is not None:
        time.sleep(0.001)
        parser._timeout_time = 0.0
        found += list(parser.tick())
    return found


def said(text: str) -> list[tuple[str, str | None] | str]:
    return [
        (message.key, message.character)
        if isinstance(message, events.Key)
        else type(message).__name__
        for message in read(text)
    ]


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[97;1:3u",  # kitty: a key's release
        "\x1b[1;1:3A",
        "\x1b[57441;2:1u",  # Shift alone
        "\x1b[55296u",  # no character
        "\x1b[1114112u",
        "\x1b[:::u",
        "\x1b[u",
        "\x85",  # a C1 control
        "\x1b[M !!",  # an older way of telling the mouse
        "\x1b[32;5;5M",
        "\x1b[<0;99999;1M" + "\x1b[<0;1M",
        "\x1b[48;0;0;0;0t",
        "\x1b[48;99999;99999;1;1t",
        "\x1b[?62;22c",  # answers to questions that another program has asked
        "\x1b[>1;10;0c",
        "\x1b[?1u",
        "\x1b[4;600;800t",
        "\x1b]4;1;rgb:ff/00/00\x1b\\",
        "\x1b]52;c;aGk=\x07",
        "\x1bP>|xterm(390)\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1b_Gi=1;OK\x1b\\",
        "\x9b?62c",
        "\x1b[" + "1;" * 5000 + "x",
    ],
)
def test_what_is_no_key_types_nothing(sequence: str) -> None:
    told = said(sequence + "x")
    assert told[-1] == ("x", "x")
    assert [one for one in told[:-1] if isinstance(one, tuple)] == []


def test_a_sequence_that_never_ends_is_forgotten() -> None:
    parser = XTermParser()
    assert list(parser.feed("\x1b[1;2")) == []
    parser._timeout_time = 0.0
    assert list(parser.tick()) == []
    (key,) = parser.feed("x")
    assert isinstance(key, events.Key)
    assert key.key == "x"


def test_reports_are_told() -> None:
    assert said("\x1b[I\x1b[O") == ["AppFocus", "AppBlur"]
    scheme, other = read("\x1b[?997;1n\x1b[?997;2n")
    assert isinstance(scheme, ColourSchemeTold)
    assert scheme.dark
    assert isinstance(other, ColourSchemeTold)
    assert not other.dark
    (told,) = read("\x1b]10;rgb:00/01/02\x07\x1b]11;rgb:fafa/fbfb/fcfc\x1b\\")
    assert isinstance(told, OuterColoursTold)
    assert told.colours == ((0, 1, 2), (250, 251, 252))
    (sync,) = read("\x1b[?2026;2$y")
    assert isinstance(sync, messages.TerminalSupportsSynchronizedOutput)
    (resize,) = read("\x1b[48;40;120;800;1200t")
    assert isinstance(resize, events.Resize)
    assert resize.size == (120, 40)
    (move,) = read("\x1b[<35;10;5M")
    assert isinstance(move, events.MouseMove)
    assert (move.x, move.y) == (9, 4)


def test_a_mouse_without_known_pixels_goes_on() -> None:
    parser = XTermParser()
    list(parser.feed("\x1b[48;40;120;0;0t"))
    (down,) = parser.feed("\x1b[<0;3;4M")
    assert isinstance(down, events.MouseDown)


def test_keys_that_begin_as_other_things_do() -> None:
    assert said("\x1b") == [("escape", "\x1b")]
    assert said("\x1b\x1b[A") == [("escape", "\x1b"), ("up", None)]
    assert [one[0] for one in said("\x1b]") + said("\x1bP") + said("\x1b_") if one] == [
        "alt+right_square_bracket",
        "alt+shift+p",
        "alt+underscore",
    ]
    assert said("\x1b[1;5R") == [("ctrl+f3", None)]
    assert said("\x1b]x") == [("alt+right_square_bracket", None), ("x", "x")]


def test_a_paste_may_hold_anything() -> None:
    (paste,) = read("\x1b[200~a\x1b[A\x1b\r\n\x1b[200~\x9b1\x1b[201~")
    assert isinstance(paste, events.Paste)
    assert paste.text == "a\x1b[A\x1b\r\n\x1b[200~\x9b1"


@given(st.text(st.sampled_from("\x1b[]OPM_<>?0123456789;:uh~tRnyAZ\\\x07\x9b\x85a "), max_size=40))
@settings(max_examples=3 * settings().max_examples)
def test_any_input_is_read_to_its_end(text: str) -> None:
    told = read(text + "\x18\x1b[201~" + "q" * 5)
    assert isinstance(told[-1], events.Key | events.Paste | OuterColoursTold)


def inputs() -> Iterator[str]:
    chance = random.Random(7)
    for _ in range(60):
        yield fuzzed_input(chance, 2000)


@pytest.mark.parametrize("modes", [b"", b"\x1b[>31u", b"\x1b[>4;2m\x1b[?1h\x1b[?66h"])
def test_fuzzed_keys_reach_the_core_without_a_fault(modes: bytes) -> None:
    sent: list[bytes] = []
    emulator = Emulator(24, 80, send=sent.append, report=lambda event: None)
    emulator.feed(modes)
    typed = 0
    for text in inputs():
        parser = XTermParser()
        for event in parser.feed(text):
            if isinstance(event, events.Key):
                press = key_press(event.key, event.character)
                if press is not None:
                    emulator.key(press)
                    typed += 1
    assert emulator.faults == 0
    assert typed > 5000
