"""`make docs`: the parts of README.md that are made of the code, between their marks.

python -m tools.tables            write them
python -m tools.tables --check    exit 1 when they are not what would be written
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from anyclaude_tui.screens.actions import ACTIONS

TARGET = Path(__file__).parents[1] / "README.md"
_PART = re.compile(r"(<!-- (\w+): made by `make docs` -->\n).*?(<!-- end -->)", re.DOTALL)


def keys() -> str:
    """The keys after the leader."""
    rows = [
        f"| {' '.join(f'`{key}`' for key in (action.key, action.also) if key)} "
        f"| {action.name} | {action.help} |"
        for action in ACTIONS
    ]
    rows.append("| `1`–`9` | switch | Switch to the nth backend. |")
    return "\n".join(["| key | | |", "|---|---|---|", *rows]) + "\n"


PARTS = {"keys": keys}


def filled(text: str) -> str:
    """The page with its parts made anew."""
    return _PART.sub(lambda found: found[1] + "\n" + PARTS[found[2]]() + "\n" + found[3], text)


if __name__ == "__main__":
    before = TARGET.read_text(encoding="utf-8")
    after = filled(before)
    if "--check" in sys.argv:
        if before != after:
            sys.exit(f"{TARGET} is not current: run `make docs`")
    else:
        TARGET.write_text(after, encoding="utf-8")
