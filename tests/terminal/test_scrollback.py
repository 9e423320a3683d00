"""History as lines, laid out at any width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.terminal.scrollback import LINE_CELLS, History

Cells = list[tuple[str, str]]


def cells_of(text: str, columns: int, style: str = "") -> Cells:
    return [(style, char) for char in text.ljust(columns)]


def rows_of(history: History, columns: int) -> list[str]:
    return ["".join(t for _, t in history.row(n, columns)) for n in range(history.count(columns))]


def add_line(history: History, text: str, columns: int) -> None:
    """As the screen hands over a line: in rows, all but the last wrapped."""
    pieces = [text[n : n + columns] for n in range(0, len(text), columns)] or [""]
    for piece in pieces[:-1]:
        history.append(cells_of(piece, columns), True)
    history.append(cells_of(pieces[-1], columns), False)


lines = st.lists(st.text(alphabet="ab c", max_size=30).map(lambda s: s.rstrip(" ")), max_size=20)


@given(lines, st.integers(1, 12), st.integers(1, 12))
def test_lines_wrap_anew_at_every_width(texts: list[str], first: int, second: int) -> None:
    history = History(blank="")
    for text in texts:
        add_line(history, text, first)
    for columns in (first, second, first):
        expected = [
            text[n : n + columns].ljust(columns)
            for text in texts
            for n in range(0, max(1, len(text)), columns)
        ]
        assert rows_of(history, columns) == expected
        assert [text.ljust(columns) for text in history.texts(columns)] == expected


@given(lines, st.integers(1, 9))
def test_the_newest_rows_can_be_taken_back(texts: list[str], columns: int) -> None:
    history = History(blank="")
    for text in texts:
        add_line(history, text, columns)
    before = rows_of(history, columns)
    taken = []
    while (row := history.take_newest(columns)) is not None:
        taken.append("".join(text for _, text in row[0]))
    assert taken == before[::-1]
    assert history.count(columns) == 0


@given(lines, st.integers(1, 9), st.integers(0, 8))
def test_taken_rows_given_back_join_again(texts: list[str], columns: int, some: int) -> None:
    history = History(blank="")
    for text in texts:
        add_line(history, text, columns)
    wide = rows_of(history, 40)
    rows_of(history, columns)
    taken = [row for _ in range(some) if (row := history.take_newest(columns)) is not None]
    for cells, wrapped in reversed(taken):
        history.append(cells, wrapped)
    assert rows_of(history, 40) == wide


def test_wide_characters_are_not_cut() -> None:
    history = History(blank="")
    history.append([("", "a"), ("", "漢"), ("", ""), ("", "b")], False)
    assert [history.row(n, 2) for n in range(2)] == [
        [("", "a"), ("", " ")],
        [("", " "), ("", "b")],
    ]
    assert history.row(0, 4) == [("", "a"), ("", "漢"), ("", ""), ("", "b")]


def test_styles_and_clusters_come_back() -> None:
    history = History(blank="")
    row = [("s", "e\u0301"), ("t", "x"), ("t", " "), ("", " ")]
    history.append(row, False)
    assert history.row(0, 4) == row


def test_memory_is_bounded_and_numbers_stay() -> None:
    history = History(blank="", max_cells=(9 + LINE_CELLS) * 10)
    for n in range(50):
        add_line(history, f"line {n:04}", 9)
        history.count(9)
    assert history.size_cells <= (9 + LINE_CELLS) * 10
    names = {history.dropped + n: text for n, text in enumerate(rows_of(history, 9))}
    assert names == {n: f"line {n:04}" for n in range(40, 50)}


def test_an_endless_line_is_bounded_too() -> None:
    history = History(blank="", max_cells=1000)
    for _ in range(500):
        history.append(cells_of("xxxxxxxxxx", 10), True)
    assert history.size_cells <= 1200
