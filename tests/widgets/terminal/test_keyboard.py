"""Every key: what the outer terminal sends, through Textual's parser, to the child's bytes."""

from __future__ import annotations

import time

import pytest
from textual import constants, events
from textual._xterm_parser import XTermParser

from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.keys import key_press
from anyclaude_tui.widgets.textual_internals import prepare_textual

prepare_textual()

# Sequences that Textual cannot tell from others: a cursor report (modified F3) and the
# beginning of every control sequence (Alt+[).
AMBIGUOUS = {f"\x1b[1;{m}R" for m in range(2, 9)} | {"\x1b["}


@pytest.fixture(autouse=True)
def short_escape_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ESCAPE_DELAY", 0.001)


def keys_of(sequence: str) -> list[events.Key]:
    """The key events that Textual makes of what a terminal sends."""
    parser = XTermParser()
    found = list(parser.feed(sequence))
    if len(sequence) <= 2:  # Esc waits for what may follow
        time.sleep(2 * constants.ESCAPE_DELAY)
        found += list(parser.tick())
    return [event for event in found if isinstance(event, events.Key)]


def through(sequence: str, modes: bytes = b"") -> bytes:
    """The bytes that the child gets for a sequence from the outer terminal."""
    sent: list[bytes] = []
    emulator = Emulator(24, 80, send=sent.append, report=lambda event: None)
    emulator.feed(modes)
    sent.clear()
    for event in keys_of(sequence):
        press = key_press(event.key, event.character)
        if press is not None:
            emulator.key(press)
    return b"".join(sent)


def legacy_sequences() -> list[str]:
    sequences = [chr(code) for code in range(1, 128)]
    sequences += ["\x1b" + chr(code) for code in range(1, 128)]
    for final in "ABCDHFPQRS":
        prefix = "\x1bO" if final in "PQRS" else "\x1b["
        sequences.append(prefix + final)
        sequences += [f"\x1b[1;{modifier}{final}" for modifier in range(2, 9)]
    for number in (2, 3, 5, 6, 15, 17, 18, 19, 20, 21, 23, 24):
        sequences.append(f"\x1b[{number}~")
        sequences += [f"\x1b[{number};{modifier}~" for modifier in range(2, 9)]
    return [*sequences, "\x1b[Z", "é", "漢", "ß", "\x1bé"]


def test_what_a_legacy_terminal_sends_reaches_the_child_unchanged() -> None:
    sequences = [sequence for sequence in legacy_sequences() if sequence not in AMBIGUOUS]
    wrong = {
        sequence: got for sequence in sequences if (got := through(sequence)) != sequence.encode()
    }
    assert wrong == {}
    assert len(sequences) > 400


@pytest.mark.parametrize(
    ("modes", "sequence", "expected"),
    [
        # application cursor keys (DECCKM)
        (b"\x1b[?1h", "\x1b[A", b"\x1bOA"),
        (b"\x1b[?1h", "\x1bOA", b"\x1bOA"),
        (b"\x1b[?1h", "\x1b[H", b"\x1bOH"),
        (b"\x1b[?1h", "\x1b[1;5C", b"\x1b[1;5C"),
        (b"", "\x1bOA", b"\x1b[A"),
        # the outer terminal speaks kitty, the child does not
        (b"", "\x1b[13;2u", b"\r"),
        (b"", "\x1b[13;3u", b"\x1b\r"),
        (b"", "\x1b[98;3u", b"\x1bb"),
        (b"", "\x1b[99;5u", b"\x03"),
        (b"", "\x1b[27u", b"\x1b"),
        (b"", "\x1b[97;;97u", b"a"),
        (b"", "\x1b[97;2;65u", b"A"),
        (b"", "\x1b[9;2u", b"\x1b[Z"),
        (b"", "\x1b[127u", b"\x7f"),
        (b"", "\x1b[127;3u", b"\x1b\x7f"),
        (b"", "\x1b[32;5u", b"\x00"),
        (b"", "\x1b[57400;;49u", b"1"),
        # both speak kitty, flag 1 (what Claude Code asks for)
        (b"\x1b[>1u", "\x1b[13;2u", b"\x1b[13;2u"),
        (b"\x1b[>1u", "\x1b[13u", b"\r"),
        (b"\x1b[>1u", "\x1b[27u", b"\x1b[27u"),
        (b"\x1b[>1u", "\x1b[99;5u", b"\x1b[99;5u"),
        (b"\x1b[>1u", "\x1b[98;3u", b"\x1b[98;3u"),
        (b"\x1b[>1u", "\x1b[9;2u", b"\x1b[9;2u"),
        (b"\x1b[>1u", "\x1b[97;2;65u", b"A"),
        (b"\x1b[>1u", "\x1b[1;5D", b"\x1b[1;5D"),
        (b"\x1b[>1u", "\x1b[97;6u", b"\x1b[97;6u"),
        (b"\x1b[>1u", "\x1b[99;9u", b"\x1b[99;9u"),
        # flags 5: with alternate keys (Claude Code 2.1.329 asks for these)
        (b"\x1b[>5u", "\x1b[13;2u", b"\x1b[13;2u"),
        (b"\x1b[>5u", "\x1b\r", b"\x1b[13;3u"),
        (b"\x1b[>5u", "a", b"a"),
        (b"\x1b[>5u", "A", b"A"),
        (b"\x1b[>5u", "\x1bb", b"\x1b[98;3u"),
        (b"\x1b[>5u", "\x1bB", b"\x1b[98:66;4u"),
        (b"\x1b[>5u", "\x1b[Z", b"\x1b[9;2u"),
        (b"\x1b[>5u", "\x7f", b"\x7f"),
        (b"\x1b[>5u", "\x03", b"\x1b[99;5u"),
        (b"\x1b[>5u", "漢", "漢".encode()),
        # only the child speaks kitty
        (b"\x1b[>1u", "\x03", b"\x1b[99;5u"),
        (b"\x1b[>1u", "\x1b\r", b"\x1b[13;3u"),
        (b"\x1b[>1u", "\x1b", b"\x1b[27u"),
        # every key as an escape code, with its text
        (b"\x1b[>25u", "a", b"\x1b[97;;97u"),
        (b"\x1b[>25u", "A", b"\x1b[97;2;65u"),
        # modifyOtherKeys 2
        (b"\x1b[>4;2m", "\x1b[13;2u", b"\x1b[27;2;13~"),
        (b"\x1b[>4;2m", "\x1b[99;5u", b"\x1b[27;5;99~"),
        (b"\x1b[>4;2m", "a", b"a"),
        # backspace sends BS (DECBKM)
        (b"\x1b[?67h", "\x7f", b"\x08"),
    ],
)
def test_keys_in_the_modes_that_the_child_has_set(
    modes: bytes, sequence: str, expected: bytes
) -> None:
    assert through(sequence, modes) == expected


def test_kitty_flags_are_pushed_popped_and_reported() -> None:
    sent: list[bytes] = []
    emulator = Emulator(24, 80, send=sent.append, report=lambda event: None)
    emulator.feed(b"\x1b[>1u\x1b[?u\x1b[>5u\x1b[?u\x1b[<u\x1b[?u\x1b[<u\x1b[?u")
    assert sent == [b"\x1b[?1u", b"\x1b[?5u", b"\x1b[?1u", b"\x1b[?0u"]


def test_keys_without_bytes_are_silent() -> None:
    assert through("\x1b[57441u") == b""  # left shift alone
    assert key_press("ignore_me_please", None) is None
