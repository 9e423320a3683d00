"""The cursor of lists and tables: found at a glance, and what stands under it can be read."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.color import Color
from textual.strip import Strip
from textual.widgets.option_list import Option

from anyclaude_tui.screens.common.dialogs import content
from anyclaude_tui.widgets import themes
from anyclaude_tui.widgets.cursor import BAR, PickList
from anyclaude_tui.widgets.lines import Line, Tone
from anyclaude_tui.widgets.rows import Rows
from tests.screens.pictures import contrast

TONES = (Tone.TEXT, Tone.LABEL, Tone.OK, Tone.WARN, Tone.BAD, Tone.LIVE)
LINE: Line = tuple((f"{tone} ", tone) for tone in TONES)
COUNT = 3


class Lists(App[None]):
    """A table over a list, with the same lines."""

    CSS = """
    Rows, PickList { height: 5; border: none; padding: 0; background: $background; }
    PickList > .option-list--option { padding: 0 0 0 1; }
    PickList > .option-list--option-highlighted { background: $dash-cursor; text-style: none; }
    """

    def __init__(self, theme: str) -> None:
        super().__init__()
        for one in themes.OWN:
            self.register_theme(one)
        self.theme = theme

    def get_css_variables(self) -> dict[str, str]:
        colors = super().get_css_variables()
        return {**colors, **themes.variables(self.current_theme, colors)}

    def compose(self) -> ComposeResult:
        yield Rows(id="table")
        yield PickList(*(Option(content(LINE)) for _ in range(COUNT)))

    def on_mount(self) -> None:
        keys = [str(number) for number in range(COUNT)]
        self.query_one(Rows).show_rows(keys, lambda number: ((" ", Tone.TEXT), *LINE))
        self.query_one(PickList).highlighted = 0


def rows(app: Lists) -> dict[str, list[Strip]]:
    """The rows of both."""
    return {
        widget.__class__.__name__: [widget.render_line(y) for y in range(COUNT)]
        for widget in (app.query_one(Rows), app.query_one(PickList))
    }


@pytest.mark.parametrize("theme", ["anyclaude", "anyclaude-light", "nord", "gruvbox"])
async def test_the_bar_stands_at_the_row_and_moves_with_it(theme: str) -> None:
    app = Lists(theme)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        for place in (0, 1):
            for shown in rows(app).values():
                assert [row.text[0] for row in shown] == [
                    BAR if number == place else " " for number in range(COUNT)
                ]
                assert {row.text[1:].rstrip() for row in shown} == {"text label ok warn bad live"}
                assert len({row.cell_length for row in shown}) == 1
            app.query_one(Rows).go(1)
            app.query_one(PickList).highlighted = 1
            await pilot.pause()


@pytest.mark.parametrize("theme", ["anyclaude", "anyclaude-light"])
async def test_what_is_under_it_can_be_read_and_the_bar_is_seen(theme: str) -> None:
    app = Lists(theme)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        page = Color.parse(app.get_css_variables()["background"])
        for shown in rows(app).values():
            bar, *words = (one for one in shown[0] if one.text.strip())
            assert bar.style is not None
            assert bar.style.color is not None
            assert contrast(Color.from_rich_color(bar.style.color), page) >= 3  # WCAG, non-text
            for segment in words:
                assert segment.style is not None
                ratio = contrast(
                    Color.from_rich_color(segment.style.color),
                    Color.from_rich_color(segment.style.bgcolor),
                )
                assert ratio >= 4.5, (segment.text, ratio)


async def test_with_the_terminals_own_colours_the_whole_row_is_reversed_alike() -> None:
    app = Lists("ansi-dark")
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        for shown in rows(app).values():
            styles = {str(segment.style) for segment in shown[0]}
            assert styles == {"reverse"}
            assert "reverse" not in {str(segment.style) for segment in shown[1]}
