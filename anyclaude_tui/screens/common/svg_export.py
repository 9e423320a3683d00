"""SVG pictures: of lines, all of them (more than what fits on the screen), and of a screen."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

from anyclaude_tui import private
from anyclaude_tui.widgets import themes
from anyclaude_tui.widgets.lines import STYLES, Line


def lines_svg(lines: Sequence[Line], columns: int, title: str, colors: Mapping[str, str]) -> bytes:
    """The picture; `colors` are the theme's variables."""
    console = Console(
        file=io.StringIO(),
        width=columns + 2,
        record=True,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for line in lines:
        words = Text(" ", no_wrap=True, end="")
        for part, tone in line:
            words.append(part, _style(STYLES[tone], colors))
        console.print(words, highlight=False)
    svg = console.export_svg(title=title)
    return themes.repaint(svg, colors).encode()


def save_screenshot(home: Path, svg: str) -> Path:
    """Keep a picture of the screen among the user's files; where it is. Raises OSError, and then
    no part of it is left."""
    path = home / "screenshots" / time.strftime("anyclaude-%Y%m%d-%H%M%S.svg")
    private.write(path, svg.encode())
    return path


def _style(words: str, colors: Mapping[str, str]) -> Style:
    """`bold $dash-live` as a style; a colour that is the terminal's own stays its default."""
    parts = []
    for part in words.split():
        if not part.startswith("$"):
            parts.append(part)
        elif colors.get(part[1:], "").startswith("#"):
            parts.append(colors[part[1:]][:7])
    return Style.parse(" ".join(parts))
