"""Columns stand under each other, and nothing of a cell is lost or read as markup."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.tables import table

cells = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)


def test_numbers_stand_on_the_right() -> None:
    made = table([["a", "1"], ["bcd", "100"]], heads=["name", "count"], right=[False, True])
    assert made == "name  count\na         1\nbcd     100"


def test_a_long_cell_is_neither_wrapped_nor_cut() -> None:
    path = "/srv/" + "x" * 500
    assert table([["path", path]]) == f"path  {path}"


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_each_row_is_a_line_with_its_cells(rows: list[tuple[str, str]]) -> None:
    made = table(rows).splitlines()
    assert [tuple(line.split()) for line in made] == rows
    assert len({line.index(row[1], len(row[0])) for line, row in zip(made, rows, strict=True)}) == 1
