"""The user's arrangement of the panels: which, in what order, where, how large. Pure; it is kept in
`[dashboard]` of the user's file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from anyclaude_tui.config.settings import PANELS, PLACES, DashboardSettings

PRESETS: dict[str, tuple[str, ...]] = {
    "all": PANELS,
    "now": ("now", "why", "requests"),
    "figures": ("session", "trend", "requests"),
    "backend": ("backend", "now", "why"),
}
LEAST_ROWS = 3
SIDE_STEP, ROWS_STEP = 4, 2
LEAST_SIDE, LEAST_BELOW = 30, 6


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The panels that are shown, with their place and sizes; a size of 0 is the layout's own."""

    panels: tuple[str, ...] = PANELS
    """Those that are shown, in their order."""
    place: str = "auto"
    """auto, right or below."""
    side: int = 0
    """Columns of the panels at the right."""
    below: int = 0
    """Rows of the panels below."""
    rows: dict[str, int] = field(default_factory=dict)
    """Of single panels."""

    @classmethod
    def of(cls, settings: DashboardSettings) -> Arrangement:
        """As the settings say; what is no panel is passed over."""
        known = dict.fromkeys(name for name in settings.panels if name in PANELS)
        return cls(
            tuple(known),
            settings.panels_at if settings.panels_at in PLACES else "auto",
            settings.panel_columns,
            settings.panel_area_rows,
            {name: rows for name, rows in settings.panel_rows.items() if name in PANELS},
        )

    def kept_in(self, settings: DashboardSettings) -> DashboardSettings:
        """The settings with this arrangement in them."""
        return msgspec.structs.replace(
            settings,
            panels=self.panels,
            panels_at=self.place,
            panel_columns=self.side,
            panel_area_rows=self.below,
            panel_rows=self.rows,
        )

    def changes(self) -> dict[tuple[str, ...], object]:
        """The keys that are written into the user's file; None takes a key out of it."""
        usual = DashboardSettings()
        made = self.kept_in(usual)
        names = ("panels", "panels_at", "panel_columns", "panel_area_rows", "panel_rows")
        return {
            ("dashboard", name): _plain(getattr(made, name))
            if getattr(made, name) != getattr(usual, name)
            else None
            for name in names
        }

    def toggled(self, name: str) -> Arrangement:
        """Without a panel, or with it again at its usual place."""
        if name in self.panels:
            return replace(self, panels=tuple(one for one in self.panels if one != name))
        before = PANELS[: PANELS.index(name)]
        place = max((self.panels.index(one) + 1 for one in before if one in self.panels), default=0)
        return replace(self, panels=(*self.panels[:place], name, *self.panels[place:]))

    def moved(self, name: str, step: int) -> Arrangement:
        """The panel one place on, or back."""
        at = self.panels.index(name)
        to = max(0, min(at + step, len(self.panels) - 1))
        others = [one for one in self.panels if one != name]
        return replace(self, panels=(*others[:to], name, *others[to:]))

    def resized(self, name: str, now: int, step: int) -> Arrangement:
        """The panel higher or lower than the `now` rows that it has."""
        return replace(self, rows={**self.rows, name: max(LEAST_ROWS, now + step)})

    def widened(self, mode: str, now: int, step: int) -> Arrangement:
        """All the panels wider, or higher where they stand below; `now`: their size."""
        if mode == "side":
            return replace(self, side=max(LEAST_SIDE, now + step * SIDE_STEP))
        return replace(self, below=max(LEAST_BELOW, now + step * ROWS_STEP))

    def turned(self) -> Arrangement:
        """At the next place: where there is room, at the right, below."""
        return replace(self, place=PLACES[(PLACES.index(self.place) + 1) % len(PLACES)])

    def preset(self) -> tuple[str, Arrangement]:
        """The next preset's name, and the arrangement that it is."""
        names = list(PRESETS)
        at = next((n for n, name in enumerate(names) if PRESETS[name] == self.panels), -1)
        name = names[(at + 1) % len(names)]
        return name, Arrangement(PRESETS[name], self.place)


USUAL = Arrangement()


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
