"""From cells to what the outer terminal is sent."""

from __future__ import annotations

from rich.color import ColorSystem
from rich.console import Console

from anyclaude_tui.terminal.cells import Look
from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.widgets.terminal.strip_internals import AnchoredStrip, TermStrip
from anyclaude_tui.widgets.terminal.strips import (
    Mark,
    has_doubtful_width,
    strip_of_cells,
    strip_of_runs,
    style_of,
)

CONSOLE = Console(color_system="truecolor", force_terminal=True, width=40)


def emulator_showing(data: str, columns: int = 30) -> Emulator:
    emulator = Emulator(2, columns, send=lambda data: None, report=lambda event: None)
    emulator.feed(data.encode())
    return emulator


def rendered(data: str) -> str:
    emulator = emulator_showing(data)
    return strip_of_runs(emulator.runs(0), 30).render(CONSOLE).rstrip(" ")


def test_default_cells_carry_no_style_and_palette_colours_stay() -> None:
    assert rendered("plain") == "plain"
    assert rendered("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert rendered("\x1b[94;48;5;200mx") == "\x1b[94;48;5;200mx\x1b[0m"
    assert rendered("\x1b[38;2;1;2;3;1;2;3;7;9mx") == "\x1b[1;2;3;7;9;38;2;1;2;3mx\x1b[0m"


def test_underlines_keep_their_kind_and_colour() -> None:
    assert rendered("\x1b[4mx") == "\x1b[4mx\x1b[0m"
    assert rendered("\x1b[4:3mx") == "\x1b[4;4:3mx\x1b[0m"
    assert rendered("\x1b[4:2;58;5;9mx") == "\x1b[4;4:2;58:5:9mx\x1b[0m"
    assert rendered("\x1b[4;58;2;1;2;3mx") == "\x1b[4;58:2::1:2:3mx\x1b[0m"


def test_the_same_link_has_the_same_id() -> None:
    first = rendered("\x1b]8;;https://a\x1b\\one")
    second = rendered("\x1b]8;;https://a\x1b\\two")
    assert first.startswith("\x1b]8;id=")
    assert first.endswith(";https://a\x1b\\one\x1b]8;;\x1b\\")
    assert first.split(";")[1] == second.split(";")[1]


def test_marks_lie_over_cells_and_wide_characters_whole() -> None:
    emulator = emulator_showing("ab漢d\x1b[7mr")
    strip = strip_of_cells(emulator.cells(0), 30, [(1, 4, Mark.SELECTION), (5, 6, Mark.CURSOR)])
    texts = [segment.text for segment in strip]
    assert texts == ["a", "b漢", "d", "r", " " * 24]
    # The cursor on reversed text turns it back.
    assert strip.render(CONSOLE).rstrip(" ") == "a\x1b[7mb漢\x1b[0mdr"


def test_characters_of_doubtful_width_cannot_shift_the_row() -> None:
    emulator = emulator_showing("a👩‍👩‍👧b ❤️c e\u0301f")
    assert has_doubtful_width(emulator.runs(0))
    strip = strip_of_cells(emulator.cells(0), 30, [])
    assert isinstance(strip, AnchoredStrip)
    strip.place(4)
    text = strip.render(CONSOLE)
    assert text.startswith(
        "a  \x1b[6G👩‍👩‍👧\x1b[8Gb   \x1b[10G❤️\x1b[12Gc  \x1b[14Ge\u0301\x1b[15Gf"
    )
    # What an outer terminal without clusters makes of it: everything else in its place.
    outer = Emulator(1, 40, send=lambda data: None, report=lambda event: None)
    outer.feed(b"\x1b[5G" + text.encode())
    cells = outer.cells(0)
    assert [cells[x].text for x in (4, 7, 11, 14)] == ["a", "b", "c", "f"]
    strip.place(0)
    assert "\x1b[2G👩" in strip.render(CONSOLE)
    assert not has_doubtful_width(emulator_showing("漢字 ✳ ●│é").runs(0))


def test_strips_that_paint_the_same_are_the_same() -> None:
    def strip(data: str) -> TermStrip:
        return strip_of_runs(emulator_showing(data).runs(0), 30)

    assert strip("x\x1b[31my") == strip("x\x1b[31my")
    assert strip("x\x1b[31my") != strip("x\x1b[32my")
    assert strip("\x1b[4:3mx") != strip("\x1b[4:4mx")


def test_fewer_colours_where_the_terminal_has_fewer() -> None:
    style = style_of(Look(fg=(255, 0, 0)))
    assert style is not None
    assert TermStrip.render_style(style, "x", ColorSystem.EIGHT_BIT) == "\x1b[38;5;196mx\x1b[0m"
