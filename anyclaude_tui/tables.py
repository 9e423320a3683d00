"""Tables of plain text for a terminal or a pipe, laid out by Rich.

`doctor` writes its own lines: a path or a command there stays whole, to be copied, where a
cell of Rich's (15.0) is cut at its column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WIDTH_MOST = 10_000
"""Wider than any row: lines are neither wrapped nor cut, for the next program reads them."""


def table(
    rows: Iterable[Sequence[str]], *, heads: Sequence[str] = (), right: Sequence[bool] = ()
) -> str:
    """Rows with their columns aligned, two spaces apart, without trailing spaces.

    `right` says which columns are numbers; columns that it does not reach stand on the left.
    """
    from rich.console import Console  # 30 ms that other sub-commands do not pay
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(heads))
    rows = [list(row) for row in rows]
    for column in range(max(map(len, [heads, *rows]), default=0)):
        pushed = column < len(right) and right[column]
        head = Text(heads[column]) if column < len(heads) else ""
        made.add_column(head, justify="right" if pushed else "left", no_wrap=True)
    for row in rows:
        made.add_row(*map(Text, row))
    console = Console(width=WIDTH_MOST, color_system=None)
    with console.capture() as seen:
        console.print(made)
    return "\n".join(line.rstrip() for line in seen.get().splitlines())
