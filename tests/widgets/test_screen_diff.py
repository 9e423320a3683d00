"""What is written shortened: the terminal shows the same as after all of it."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from anyclaude_tui.terminal.cells import Look
from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.widgets.outer.pen import PLAIN, change, pen
from anyclaude_tui.widgets.outer.screen_diff import ScreenDiff, cells_of, shortest_move

ROWS, COLUMNS = 3, 24

SGR = st.sampled_from(
    [
        "",
        "1",
        "2",
        "1;2;3",
        "4",
        "4;4:3",
        "7",
        "9;53",
        "31",
        "38;5;200",
        "38;2;1;2;3",
        "44",
        "5;8",
        "48;2;9;9;9",
        "21",
        "32;7",
        "1;38;2;1;2;3;48;5;17",
        "4;58;2;1;2;3",
    ]
)
NARROW = st.sampled_from(["a", "hello ", " ", "x y z", "─────", "é", "●", "fin"])
NARROW |= st.integers(1, 16).map(lambda count: " " * count)
WIDE = st.sampled_from(["你好", "漢", "ab你c", "x", "  "])
LINKS = st.sampled_from(["", "", "", "id=1;https://a.example", "id=2;https://b.example"])
CLUSTERS = st.sampled_from(["👍🏽", "e\u0301", "🇨🇭", "👩‍💻"])


@st.composite
def segments(draw: st.DrawFn, words: st.SearchStrategy[str]) -> str:
    """One segment as Textual renders it."""
    text, sgr, link = draw(words), draw(SGR), draw(LINKS)
    styled = f"\x1b[{sgr}m{text}\x1b[0m" if sgr else text
    return f"\x1b]8;{link}\x1b\\{styled}\x1b]8;;\x1b\\" if link else styled


@st.composite
def spans(draw: st.DrawFn, words: st.SearchStrategy[str] = NARROW) -> str:
    """A move and segments behind it that stay on the row."""
    y, x = draw(st.integers(0, ROWS - 1)), draw(st.integers(0, COLUMNS - 1))
    out = [f"\x1b[{y + 1};{x + 1}H"]
    for one in draw(st.lists(segments(words), min_size=1, max_size=6)):
        width = len(cells_of(plain(one)))
        if x + width > COLUMNS:
            break
        out.append(one)
        x += width
    if (
        words is WIDE and x + 2 < COLUMNS and draw(st.booleans())
    ):  # as the pane's rows put what is doubtful
        cluster = draw(CLUSTERS)
        out.append(f"  \x1b[{x + 1}G{cluster}\x1b[{x + 3}Gz")
    return "".join(out)


ASIDE = ["\x07", "\x1b]0;title\x07", "\x1b[?25l", "\x1b]9;done\x1b\\", "\x1b[?2004h"]
FOREIGN = ["\x1b[2J", "\x1b[2;3Hoops\x1b[2K", "\x1b[H\x1b[J", "\x1b[2;1H\x1b[4L"]


def frames(words: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """What is written one after the other."""
    some = st.lists(spans(words), min_size=1, max_size=4).map("".join)
    synchronized = some.map(lambda text: f"\x1b[?2026h{text}\x1b[?2026l")
    other = st.sampled_from([*ASIDE, *FOREIGN, "forget"])
    return st.lists(st.one_of(some, synchronized, other), max_size=8)


def plain(text: str) -> str:
    """A segment's text alone."""
    return re.sub(r"\x1b\[[\d;:]*m|\x1b\]8;[^\x1b]*\x1b\\", "", text)


def terminal() -> Emulator:
    return Emulator(ROWS, COLUMNS, send=lambda data: None, report=lambda event: None)


def seen(emulator: Emulator) -> list[list[tuple[str, object]]]:
    """What one sees: of a blank only what shows on it."""
    return [
        [
            (cell.text if cell.text != "" else "", seen_look(cell.text, cell.look))
            for cell in emulator.cells(y)
        ]
        for y in range(ROWS)
    ]


def seen_look(text: str, look: Look | None) -> tuple[object, ...] | None:
    if look is None:
        return None
    underlined = look.underline or look.strike or look.overline or look.underline_colour
    if text == " " and not (look.reverse or look.link or underlined):
        return None if look.bg is None else ("bg", look.bg)
    # The emulator takes a reset of the looks for the end of a link's id.
    return tuple(getattr(look, name) for name in Look.__slots__ if name != "link_id")


def both(written: list[str]) -> tuple[Emulator, Emulator, ScreenDiff]:
    """A terminal that gets all of it, one that gets it shortened, and what shortens it."""
    full, short, diff = terminal(), terminal(), ScreenDiff()
    for frame in written:
        if frame == "forget":
            diff.forget()
            continue
        full.feed(frame.encode())
        short.feed(diff.write(frame).encode())
    return full, short, diff


@settings(max_examples=50)
@given(frames(WIDE))
def test_the_terminal_shows_the_same_text_where_wide_characters_are_cut(written: list[str]) -> None:
    """What colour the rest of one has is the terminal's own choice."""
    full, short, _ = both(written)
    assert [short.text(y) for y in range(ROWS)] == [full.text(y) for y in range(ROWS)]


@settings(max_examples=50)
@given(frames(NARROW))
def test_the_terminal_shows_the_same(written: list[str]) -> None:
    full, short, diff = both(written)
    assert seen(short) == seen(full)
    last = "\x1b[2;5H"
    full.feed(last.encode())
    short.feed(diff.write(last).encode())
    assert short.cursor[:2] == full.cursor[:2]


@given(st.lists(spans(), min_size=1, max_size=5).map("".join))
def test_what_is_shown_is_not_written_again(frame: str) -> None:
    diff = ScreenDiff()
    diff.write(frame)
    assert diff.write(frame).replace("\x1b[m", "") == ""


@given(st.lists(SGR, min_size=2, max_size=6))
def test_a_change_of_pens_is_the_same_as_the_pen_anew(steps: list[str]) -> None:
    full, short, now = terminal(), terminal(), PLAIN
    for number, step in enumerate(steps):
        after = pen(PLAIN, step)
        full.feed(f"\x1b[0m\x1b[{step}m{number}".encode())
        short.feed(f"{change(now, after)}{number}".encode())
        assert len(change(now, after)) <= len(step) + 5
        now = after
    assert seen(short) == seen(full)


@given(
    st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1), st.integers(0, ROWS - 1),
    st.integers(0, COLUMNS - 1),
)  # fmt: skip
def test_a_move_ends_where_it_should(row: int, column: int, y: int, x: int) -> None:
    for here in ((row, column), (row, None), (None, None)):
        screen = terminal()
        screen.feed(f"\x1b[{row + 1};{column + 1}H{shortest_move(here, y, x)}".encode())
        assert screen.cursor[:2] == (x, y)


def test_a_spinner_costs_a_cell() -> None:
    diff, row = ScreenDiff(), "\x1b[3;5H\x1b[38;2;9;9;9m{} Thinking of it\x1b[0m{}"
    cursor = "\x1b[1;3H"
    diff.write(row.format("·", " " * 20) + cursor)
    assert diff.write(row.format("*", " " * 20) + cursor) == (
        "\x1b[38;2;9;9;9m\x1b[3;5H*\x1b[m\x1b[1;3H"
    )


def test_a_frame_in_which_nothing_changes_is_not_written() -> None:
    diff = ScreenDiff()
    diff.write("\x1b[?2026l\x1b[1;1Habc\x1b[1;2H")
    assert diff.write("\x1b[?2026h") == ""
    assert diff.write("\x1b[1;1Habc\x1b[1;2H") == ""
    assert diff.write("\x1b[?2026l") == ""
    written = [diff.write(one) for one in ("\x1b[?2026h", "\x1b[1;1HabX\x1b[1;2H", "\x1b[?2026l")]
    assert written == ["", "\x1b[?2026h\x1b[CX\x1b[2G", "\x1b[?2026l"]


def test_after_forgetting_everything_is_written() -> None:
    diff = ScreenDiff()
    diff.write("\x1b[1;1Habc")
    diff.forget()
    assert "abc" in diff.write("\x1b[1;1Habc")


def test_blanks_in_the_terminals_own_colours_are_erased() -> None:
    diff = ScreenDiff()
    assert diff.write("\x1b[1;1Ha" + " " * 50 + "b").count(" ") == 0
