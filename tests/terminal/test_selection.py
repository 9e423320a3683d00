"""Selecting with the mouse, and searching."""

from __future__ import annotations

import pytest

from anyclaude_tui.terminal.cells import Cell
from anyclaude_tui.terminal.search import Search
from anyclaude_tui.terminal.selection import Point, Unit, select, selected_text

ROWS = ["see /usr/lib-x.py (now)  ", "漢字 and more", "wrapped to the very end__", "next row"]
COLUMNS = 25


def cells(row: int) -> list[Cell]:
    found = []
    for char in ROWS[row]:
        found.append(Cell(char, None))
        if char in "漢字":
            found.append(Cell("", None))
    return (found + [Cell(" ", None)] * COLUMNS)[:COLUMNS]


@pytest.mark.parametrize(
    ("anchor", "head", "unit", "text"),
    [
        ((0, 4), (0, 7), "character", "/usr"),
        ((0, 7), (0, 4), "character", "/usr"),
        ((0, 9), (0, 9), "word", "/usr/lib-x.py"),
        ((0, 18), (0, 18), "word", "("),
        ((0, 9), (0, 20), "word", "/usr/lib-x.py (now"),
        ((1, 1), (1, 1), "character", "漢"),
        ((1, 0), (1, 2), "character", "漢字"),
        ((0, 24), (0, 24), "line", "see /usr/lib-x.py (now)"),
        ((0, 19), (1, 3), "character", "now)\n漢字"),
        ((2, 20), (3, 3), "character", "end__next"),
        ((1, 5), (3, 40), "character", "and more\nwrapped to the very end__next row"),
    ],
)
def test_selected_text(anchor: Point, head: Point, unit: Unit, text: str) -> None:
    selection = select(anchor, head, unit, COLUMNS, cells)
    assert selected_text(selection, COLUMNS, cells, wrapped=lambda row: row == 2) == text


def search(text: str, first: int = 0) -> Search:
    return Search.over(text, ROWS, lambda row: cells(row - first), first=first)


def test_search_finds_columns_and_goes_round() -> None:
    found = search("row", first=100)
    assert [(m.row, m.start, m.stop) for m in found.matches] == [(103, 5, 8)]
    found = search("字 A")
    assert found.matches == []
    found = search("字 a")
    assert [(m.row, m.start, m.stop) for m in found.matches] == [(1, 2, 6)]
    found = search("e")
    newest = found.current
    found.move(1)
    assert found.current != newest
    found.move(-1)
    assert found.current == newest
    found.move(-1)
    assert found.current == found.matches[0]


def test_case_counts_only_with_capitals() -> None:
    row = [Cell(char, None) for char in "Error error"]

    def matches(text: str) -> int:
        return len(Search.over(text, ["Error error"], lambda _: row, first=0).matches)

    assert (matches("error"), matches("Error"), matches("x")) == (2, 1, 0)
