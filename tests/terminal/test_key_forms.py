"""Key sequences in the forms that terminals send them in, asked for or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.key_forms import KeyForm, is_text, key_form
from anyclaude_tui.terminal.keys import KeyPress, key_press


def form(key: str, *held: str, text: str | None = None) -> KeyForm:
    return KeyForm(key, frozenset(held), text)


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        # xterm's modifyOtherKeys, in its own format and in that of formatOtherKeys
        ("\x1b[27;2;13~", form("enter", "shift")),
        ("\x1b[27;5;9~", form("tab", "ctrl")),
        ("\x1b[27;5;105~", form("i", "ctrl")),
        ("\x1b[27;6;65~", form("a", "ctrl", "shift")),
        ("\x1b[27;2;65~", form("a", "shift", text="A")),
        ("\x1b[27;2;33~", form("!", "shift", text="!")),
        ("\x1b[27;3;97~", form("a", "alt")),
        ("\x1b[13;2u", form("enter", "shift")),
        # kitty: the event's kind, alternate keys, text
        ("\x1b[97;1:1u", form("a", text="a")),
        ("\x1b[97;1:2u", form("a", text="a")),
        ("\x1b[97;1:3u", None),
        ("\x1b[1;1:3A", None),
        ("\x1b[3;5:3~", None),
        ("\x1b[97:65;2u", form("a", "shift", text="A")),
        ("\x1b[49:33;2u", form("1", "shift", text="!")),
        ("\x1b[1089::99;5u", form("\u0441", "ctrl")),
        ("\x1b[97;;97u", form("a", text="a")),
        ("\x1b[0;;228u", None),
        ("\x1b[13;;13u", form("enter")),
        ("\x1b[57441;2:1u", None),  # left Shift alone
        ("\x1b[57428u", None),  # a media key
        ("\x1b[57409;;46u", form(".", text=".")),
        ("\x1b[57419;5u", form("up", "ctrl")),
        ("\x1b[97;69u", form("a", "ctrl")),  # with caps lock on
        # older forms
        ("\x1b[5A", form("up", "ctrl")),
        ("\x1bO5A", form("up", "ctrl")),
        ("\x1b[>1;5A", form("up", "ctrl")),
        ("\x1b[1;2Z", form("tab", "shift")),
        # nobody's
        ("\x1b[u", None),
        ("\x1b[0;5u", None),
        ("\x1b[128u", None),
        ("\x1b[55296u", None),
        ("\x1b[1114112u", None),
        ("\x1b[27;2;1114112~", None),
        ("\x1b[97;0u", None),
        ("\x1b[97;9999u", None),
        ("\x1b[200;5~", None),
        ("\x1b[" + "9" * 5000 + "u", None),
    ],
)
def test_a_form(sequence: str, expected: KeyForm | None) -> None:
    assert key_form(sequence) == expected


PARAMETERS = st.text("0123456789:;", max_size=24)


@given(PARAMETERS, st.sampled_from("u~ABCDEFHPQRSZ"), st.sampled_from(["\x1b[", "\x1b[>", "\x1bO"]))
def test_no_form_raises_and_what_it_gives_can_be_typed(
    parameters: str, final: str, introducer: str
) -> None:
    found = key_form(introducer + parameters + final)
    if found is not None:
        assert len(found.key) > 1 or is_text(found.key)
        assert all(is_text(character) for character in found.text or "")


@given(st.characters(), st.sampled_from(["", "ctrl+", "alt+", "ctrl+shift+"]))
def test_a_typed_character_is_sent_as_it_is_or_is_no_key(character: str, held: str) -> None:
    """Whatever Textual may name it; a no-break space is one of these."""
    sent: list[bytes] = []
    emulator = Emulator(4, 10, send=sent.append, report=lambda event: None)
    for name in (held + character, held + "a_name_of_textuals"):
        press = key_press(name, character)
        assert (press is not None) or not is_text(character)
        if press is not None:
            sent.clear()
            emulator.key(press)
            assert held or b"".join(sent) == character.encode()
    assert emulator.faults == 0


def test_a_fault_of_the_core_at_a_key_is_told_once_and_ends_nothing() -> None:
    from anyclaude_tui.terminal.cells import Faulted, ScreenEvent

    told: list[ScreenEvent] = []
    emulator = Emulator(4, 10, send=lambda data: None, report=told.append)
    for _ in range(3):
        emulator.key(KeyPress("a", text="\x01"))
    assert emulator.faults == 3
    assert told == [Faulted()]
