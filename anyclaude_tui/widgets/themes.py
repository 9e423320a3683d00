"""Our own two themes, and the colours that panels draw with in every theme.

Textual's built-in themes work as well, `ansi-dark` and `ansi-light` with the terminal's own
colours among them: `variables` derives the shades of the panels from any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from anyclaude_tui.terminal.outer_colours import OuterColours, is_dark

DARK = Theme(
    name="anyclaude",
    primary="#7fa8c9",
    secondary="#5f7f99",
    accent="#d7a65f",
    success="#86b58a",
    warning="#d9b45f",
    error="#e07a72",
    foreground="#d3d8df",
    background="#12151a",
    surface="#171b21",
    panel="#222831",
    dark=True,
)
LIGHT = Theme(
    name="anyclaude-light",
    primary="#2f6690",
    secondary="#6c8ea8",
    accent="#8a4d00",
    success="#25692f",
    warning="#775400",
    error="#b3342c",
    foreground="#252a31",
    background="#fbfbf9",
    surface="#f3f3ef",
    panel="#e9e9e4",
    dark=False,
)
OWN = (DARK, LIGHT)
AUTO = "auto"
"""The theme that follows the terminal: its ground is the terminal's own."""


def names() -> frozenset[str]:
    """The themes that can be set."""
    return frozenset({*BUILTIN_THEMES, *(theme.name for theme in OWN), AUTO})


def auto(outer: OuterColours | None) -> Theme:
    """The dark or the light one of ours on the terminal's own ground; the dark one where the
    terminal does not tell its colours."""
    if outer is None:
        return replace(DARK, name=AUTO)
    base = DARK if is_dark(outer.background) else LIGHT
    ground, front = Color(*outer.background), Color(*outer.foreground)
    if abs(ground.brightness - front.brightness) < 0.4:  # nothing could be read
        front = Color.parse(base.foreground or "#808080")
    return replace(
        base,
        name=AUTO,
        foreground=front.hex,
        background=ground.hex,
        surface=ground.blend(front, 0.03).hex,
        panel=ground.blend(front, 0.09).hex,
    )


def ground(theme: Theme, outer: OuterColours | None) -> tuple[OuterColours, bool]:
    """The colours behind the pane under this theme, and True if the pane has to paint them: not
    where they are the terminal's own, which is black or white where it does not tell."""
    if theme.ansi or not (theme.background and theme.foreground):
        white, black = (255, 255, 255), (0, 0, 0)
        guess = OuterColours(white, black) if theme.dark else OuterColours(black, white)
        return outer or guess, False
    front, back = Color.parse(theme.foreground).rgb, Color.parse(theme.background).rgb
    return OuterColours(front, back), outer is None or tuple(outer) != (front, back)


# The terminal's own palette has no shades to mix: dim things take its grey.
_ANSI = {
    "dash-live": "ansi_cyan",
    "dash-label": "ansi_bright_black",
    "dash-faint": "ansi_bright_black",
    "dash-rule": "ansi_bright_black",
    "dash-cursor": "transparent",
    "dash-chart-1": "ansi_blue",
    "dash-chart-2": "ansi_blue",
    "dash-chart-3": "ansi_blue",
    "dash-chart-4": "ansi_bright_blue",
    "dash-series-1": "ansi_blue",
    "dash-series-2": "ansi_yellow",
    "dash-series-3": "ansi_green",
    "dash-series-4": "ansi_magenta",
}


def variables(theme: Theme, colors: Mapping[str, str]) -> dict[str, str]:
    """The `$dash-…` variables for a theme; `colors` is what Textual made of it."""
    if theme.ansi:
        return dict(_ANSI)
    ground = Color.parse(colors["background"])
    front = Color.parse(colors["foreground"])
    primary = Color.parse(colors["primary"])

    def mix(color: Color, share: float) -> str:
        return ground.blend(color, share).hex

    return {
        "dash-live": colors["accent"],
        "dash-label": mix(front, 0.70 if theme.dark else 0.74),
        "dash-faint": mix(front, 0.48),
        "dash-rule": mix(front, 0.28),
        # Text, labels and what is good or bad are still told from it at 4.5 to 1.
        "dash-cursor": mix(primary, 0.18),
        "dash-chart-1": mix(primary, 0.45),
        "dash-chart-2": mix(primary, 0.62),
        "dash-chart-3": mix(primary, 0.80),
        "dash-chart-4": primary.hex,
        "dash-series-1": primary.hex,
        "dash-series-2": colors["accent"],
        "dash-series-3": colors["success"],
        "dash-series-4": colors["error"],
    }


def repaint(svg: str, colors: Mapping[str, str]) -> str:
    """A screenshot of Rich's with the theme's ground and text where it has its own.

    The pane leaves the terminal's default colours alone, and a picture has no terminal.
    `xml:space` keeps runs of spaces for viewers that join them.
    """
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    for rich, name in (("#292929", "background"), ("#c5c8c6", "foreground")):
        color = colors.get(name, "")
        if color.startswith("#"):
            svg = svg.replace(rich, color.lower())
    return svg
