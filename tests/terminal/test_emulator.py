"""What the emulator adds to its core: replies, events, limits, and text that is safe."""

from __future__ import annotations

import pytest

from anyclaude_tui.terminal.cells import (
    BellRang,
    ClipboardSet,
    FrameEnded,
    Look,
    Notified,
    ProgressSet,
    ScreenEvent,
    TitleSet,
)
from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.keys import paste_bytes


class Screen:
    """An emulator with what it sent and reported."""

    def __init__(self, rows: int = 5, columns: int = 20) -> None:
        self.sent: list[bytes] = []
        self.events: list[ScreenEvent] = []
        self.emulator = Emulator(
            rows, columns, send=self.sent.append, report=self.events.append, version="1.2"
        )

    def feed(self, text: str) -> None:
        self.emulator.feed(text.encode())

    def look(self, x: int, y: int = 0) -> Look | None:
        return self.emulator.cells(y)[x].look


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_claudes_queries_are_answered_in_order(screen: Screen) -> None:
    screen.feed("\x1b[>0q\x1b[c")
    screen.feed("\x1b[?2026$p\x1b[c\x1b[6n\x1b[>c\x1b[?u")
    assert screen.sent == [
        b"\x1bP>|anyclaude-tui 1.2\x1b\\",
        b"\x1b[?62;22;52c",
        b"\x1b[?2026;2$y",
        b"\x1b[?62;22;52c",
        b"\x1b[1;1R",
        b"\x1b[>1;10;0c",
        b"\x1b[?0u",
    ]


def test_events(screen: Screen) -> None:
    screen.feed("\x1b]0;✳ Claude\x07\x1b]2;two\x1b\\\x07\x1b]9;4;1;50\x07\x1b]9;4;0\x07")
    screen.feed("\x1b]9;done\x07\x1b]52;c;aGVsbG8=\x07\x1b[?2026hx\x1b[?2026l")
    assert screen.events == [
        TitleSet("✳ Claude"),
        TitleSet("two"),
        BellRang(),
        ProgressSet(1, 50),
        ProgressSet(0, None),
        Notified("done"),
        ClipboardSet("hello"),
        FrameEnded(),
    ]
    assert screen.emulator.title == "two"


def test_only_changed_rows_are_dirty(screen: Screen) -> None:
    assert list(screen.emulator.dirty_rows()) == [0, 1, 2, 3, 4]
    assert list(screen.emulator.dirty_rows()) == []
    screen.feed("\x1b[2;1Hx\x1b[4;1Hy")
    assert list(screen.emulator.dirty_rows()) == [1, 3]
    screen.feed("\x1b[?1049h")
    assert list(screen.emulator.dirty_rows()) == [0, 1, 2, 3, 4]


def test_runs_join_what_looks_the_same(screen: Screen) -> None:
    screen.feed("ab\x1b[1;32mcd\x1b[0mef\x1b[39;49mgh")
    runs = screen.emulator.runs(0)
    assert [(run.text, run.columns) for run in runs] == [
        ("ab", 2),
        ("cd", 2),
        ("efgh" + " " * 12, 16),
    ]
    assert runs[0].look is None
    assert runs[1].look is not None
    assert (runs[1].look.fg, runs[1].look.bold) == (2, True)
    screen.feed("\x1b[2;1H\x1b[32;1mz")
    assert screen.look(0, 1) is runs[1].look


def test_a_program_cannot_change_the_panes_size(screen: Screen) -> None:
    screen.feed("\x1b[8;50;100t\x1b[40t\x1b[?40h\x1b[?3h\x1b[132$|")
    assert (screen.emulator.rows, screen.emulator.columns) == (5, 20)


def test_a_program_cannot_read_back_its_title_or_lock_the_keyboard(screen: Screen) -> None:
    screen.feed("\x1b]2;rm -rf\x07\x1b[21t\x1b[20t\x1b[2h\x1b[12l\x1b[5i")
    assert screen.sent == []
    screen.feed("still here")
    assert screen.emulator.text(0) == "still here"


def test_size_reports_are_answered(screen: Screen) -> None:
    screen.feed("\x1b[18t")
    assert screen.sent == [b"\x1b[8;5;20t"]


def test_a_sequence_that_does_not_end_is_dropped(screen: Screen) -> None:
    for _ in range(40):
        screen.feed("\x1b]52;c;" + "A" * 40_000 if not _ else "A" * 40_000)
    screen.feed("\x1b[Hback")
    assert screen.emulator.text(0).startswith("back")
    assert screen.emulator.faults == 0


def test_a_fault_in_the_core_is_survived(screen: Screen) -> None:
    """Python refuses to read a number of more than 4300 digits; the core does not expect it."""
    screen.feed(f"\x1b[{'9' * 6000}mx")
    assert screen.emulator.faults == 1
    screen.feed("\x1bcok\x1b[99999999b\x1b[2;1H\x1b[2Kstill")
    assert screen.emulator.faults == 1
    assert screen.emulator.text(1) == "still"


def test_palette_colours_stay_indices_until_redefined(screen: Screen) -> None:
    screen.feed("\x1b[31mr\x1b[0md")
    look = screen.look(0)
    assert look is not None
    assert look.fg == 1
    screen.emulator.dirty_rows()
    screen.feed("\x1b]4;1;#102030\x07\x1b]11;#000001\x07")
    assert len(screen.emulator.dirty_rows()) == 5
    red, default = screen.look(0), screen.look(1)
    assert red is not None
    assert red.fg == (0x10, 0x20, 0x30)
    assert default is not None
    assert default.bg == (0, 0, 1)
    screen.feed("\x1b]104\x07\x1b]111\x07")
    screen.emulator.dirty_rows()
    assert screen.look(1) is None


def test_reverse_screen(screen: Screen) -> None:
    screen.feed("a\x1b[7mb")
    screen.feed("\x1b[?5h")
    plain, reversed_ = screen.look(0), screen.look(1)
    assert plain is not None
    assert plain.reverse
    assert reversed_ is None


def test_links_that_could_break_out_are_dropped(screen: Screen) -> None:
    screen.feed(
        "\x1b]8;;https://good\x1b\\g\x1b]8;;\x1b\\\x1b]8;;https://b\u009bad\x07b\x1b]8;;\x07"
    )
    good, bad = screen.look(0), screen.look(1)
    assert good is not None
    assert good.link == "https://good"
    assert bad is None or bad.link is None


def test_no_control_character_leaves_a_row(screen: Screen) -> None:
    screen.feed("a\u0080b\u009b31mc\u202ed\u200be\u0085f")
    for y in range(screen.emulator.rows):
        text = "".join(run.text for run in screen.emulator.runs(y))
        assert not any(c < " " or "\x7f" <= c <= "\x9f" for c in text)
        assert "\u202e" not in text


def test_cursor_shapes(screen: Screen) -> None:
    shapes = []
    for number in range(7):
        screen.feed(f"\x1b[{number} q")
        shapes.append(screen.emulator.cursor.shape)
    assert shapes == ["block", "block", "block", "underline", "underline", "bar", "bar"]
    screen.feed("\x1b[?25l")
    assert not screen.emulator.cursor.visible


def test_focus_is_reported_only_when_asked(screen: Screen) -> None:
    screen.emulator.focus(True)
    assert screen.sent == []
    screen.feed("\x1b[?1004h")
    screen.emulator.focus(False)
    screen.emulator.focus(True)
    assert screen.sent == [b"\x1b[O", b"\x1b[I"]


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ("", []),
        ("\x1b[?1000h\x1b[?1006h", [b"\x1b[<0;3;2M", b"\x1b[<0;3;2m"]),
        ("\x1b[?1002h\x1b[?1006h", [b"\x1b[<0;3;2M", b"\x1b[<32;4;2M", b"\x1b[<0;3;2m"]),
        ("\x1b[?1000h", [b"\x1b[M #\x22", b"\x1b[M##\x22"]),
        ("\x1b[?9h", [b"\x1b[M #\x22"]),
    ],
)
def test_mouse_reports(screen: Screen, modes: str, expected: list[bytes]) -> None:
    screen.feed(modes)
    none = frozenset[str]()
    screen.emulator.mouse("press", 2, 1, "left", none)
    screen.emulator.mouse("move", 3, 1, "left", none)
    screen.emulator.mouse("release", 2, 1, "left", none)
    assert screen.sent == expected


def test_the_wheel_becomes_arrows_on_the_alternate_screen(screen: Screen) -> None:
    assert not screen.emulator.wheel_scrolls_program
    screen.feed("\x1b[?1049h\x1b[?1007h")
    assert screen.emulator.wheel_scrolls_program
    screen.emulator.mouse("press", 0, 0, "up", frozenset(), wheel=True)
    assert screen.sent == [b"\x1b[A"]


def test_pastes() -> None:
    assert paste_bytes("a\nb\r\nc", bracketed=False) == b"a\rb\rc"
    assert paste_bytes("a\nb", bracketed=True) == b"\x1b[200~a\nb\x1b[201~"
    nested = "x\x1b[201\x1b[201~~rm -rf\r"
    assert paste_bytes(nested, bracketed=True) == b"\x1b[200~xrm -rf\r\x1b[201~"


def test_reset_for_the_next_program_keeps_history(screen: Screen) -> None:
    screen.feed(
        "\r\n".join(f"line {n}" for n in range(9)) + "\x1b[?2004h\x1b[>1u\x1b[31m\x1b]2;t\x07"
    )
    screen.emulator.reset()
    assert screen.emulator.text(0) == ""
    assert not screen.emulator.bracketed_paste
    assert screen.emulator.kitty_flags == 0
    assert screen.emulator.title == ""
    assert screen.emulator.text(-1) == "line 3"


def test_erasing_the_scrollback(screen: Screen) -> None:
    screen.feed("\r\n".join(f"line {n}" for n in range(9)) + "\x1b[3J")
    assert screen.emulator.history.count(20) == 0
    assert screen.emulator.text(4) == "line 8"
