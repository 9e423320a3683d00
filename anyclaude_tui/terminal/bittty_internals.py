"""The private names of the terminal core `bittty` that are touched, all of them here.

It is pinned, and `tests/test_private_names.py` names each and fails when one has gone.
"""

from __future__ import annotations

from typing import Any


def empty_cell(page: Any) -> Any:
    """The cell that a page fills its rows with."""
    return page._empty_cell


def touch(page: Any) -> None:
    """Tell a page that its grid was changed from outside."""
    page._touch_page()


def holds_part_of_a_character(board: Any) -> bool:
    """True if the last bytes were the beginning of a UTF-8 sequence."""
    return bool(board.printer._decoder.getstate()[0])
