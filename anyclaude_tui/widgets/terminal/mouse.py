"""The mouse in the pane: the child's when it tracks the mouse, else selection and scrolling.

Shift takes the mouse back from a child that tracks it, as in other terminals; Alt does too,
because many terminals keep Shift for a selection of their own. Ctrl+click opens a link.
"""

from __future__ import annotations

from typing import Literal

from textual import events
from textual.geometry import Offset

from anyclaude_tui.terminal.cells import Cell
from anyclaude_tui.terminal.emulator import MouseButton, Wheel
from anyclaude_tui.terminal.selection import Point, Unit, select, selected_text
from anyclaude_tui.widgets.terminal.input_target import InputTarget

WHEEL_ROWS = 3
MULTI_CLICK_S = 0.4
_BUTTON_NAMES: dict[int, MouseButton] = {0: "none", 1: "left", 2: "middle", 3: "right"}
_OPENED = ("https://", "http://")
_UNITS: tuple[Unit, ...] = ("character", "word", "line")


class MouseInput:
    """The mouse events that reach the pane. `at`: where on the screen of the terminal, in
    cells from its top left; outside of it while a drag goes on."""

    def __init__(self, target: InputTarget) -> None:
        self._target = target
        self._anchor: Point | None = None
        self._unit: Unit = "character"
        self._clicks = 0
        self._last_click: tuple[float, Point] = (0.0, (-1, -1))
        self._dragged = False

    def down(self, event: events.MouseDown, at: Offset) -> bool:
        """Start a selection, or pass the press to the child; True if what follows belongs to it
        (a link that was opened is done)."""
        if event.ctrl and event.button == 1 and self._open_link(at):
            return False
        if self._childs(event):
            self._to_child("press", event, at)
        elif event.button == 1:
            self._press(event, at)
        return True

    def up(self, event: events.MouseUp, at: Offset) -> None:
        """End a selection and copy it, or pass the release to the child."""
        if self._anchor is None:
            if self._childs(event):
                self._to_child("release", event, at)
            return
        self._drag(at)
        self._anchor = None
        target = self._target
        selection = target.view.selection
        if selection is not None:
            columns = target.emulator.columns
            target.copy(selected_text(selection, columns, self._cells, self._wrapped))

    def move(self, event: events.MouseMove, at: Offset) -> None:
        """Extend a selection, or pass the movement to the child."""
        if self._anchor is not None:
            self._drag(at)
        elif self._childs(event):
            self._to_child("move", event, at)

    def wheel(self, event: events.MouseEvent, direction: Wheel, at: Offset) -> None:
        """Through the history, or to the child."""
        target = self._target
        if target.running and target.emulator.wheel_scrolls_program and not event.shift:
            x, y = self._position(at)
            steps = 1 if target.emulator.mouse_tracking else WHEEL_ROWS
            for _ in range(steps):
                target.emulator.mouse("press", x, y, direction, _modifiers(event), wheel=True)
            return
        if target.view.scroll(WHEEL_ROWS if direction == "up" else -WHEEL_ROWS):
            target.request_frame()

    # --- the child's ---

    def _childs(self, event: events.MouseEvent) -> bool:
        target = self._target
        taken_back = event.shift or event.meta
        return target.running and target.emulator.mouse_tracking and not taken_back

    def _to_child(
        self, kind: Literal["press", "release", "move"], event: events.MouseEvent, at: Offset
    ) -> None:
        x, y = self._position(at)
        self._target.emulator.mouse(
            kind, x, y, _BUTTON_NAMES.get(event.button, "none"), _modifiers(event)
        )

    def _open_link(self, at: Offset) -> bool:
        row, x = self._point(at)
        cells = self._cells(row)
        look = cells[x].look if x < len(cells) else None
        if look is None or look.link is None or not look.link.startswith(_OPENED):
            return False
        self._target.open_link(look.link)
        return True

    def _position(self, at: Offset) -> tuple[int, int]:
        emulator = self._target.emulator
        return min(max(0, at.x), emulator.columns - 1), min(max(0, at.y), emulator.rows - 1)

    # --- selection ---

    def _point(self, at: Offset) -> Point:
        x, y = self._position(at)
        return self._target.view.row_number(y), x

    def _press(self, event: events.MouseEvent, at: Offset) -> None:
        target = self._target
        point = self._point(at)
        time_s, last = self._last_click
        again = event.time - time_s < MULTI_CLICK_S and last == point
        self._clicks = self._clicks + 1 if again else 1
        self._last_click = (event.time, point)
        self._unit = _UNITS[(self._clicks - 1) % len(_UNITS)]
        self._anchor = point
        self._dragged = False
        target.view.selection = None
        if self._unit != "character":
            self._drag(at)
        target.view.invalidate()
        target.request_frame()

    def _drag(self, at: Offset) -> None:
        target = self._target
        assert self._anchor is not None
        if at.y < 0 or at.y >= target.emulator.rows:  # past the edge: the view follows
            target.view.scroll(1 if at.y < 0 else -1)
        point = self._point(at)
        if point == self._anchor and self._unit == "character" and not self._dragged:
            return
        self._dragged = True
        target.view.selection = select(
            self._anchor, point, self._unit, target.emulator.columns, self._cells
        )
        target.view.invalidate()
        target.request_frame()

    def _cells(self, row: int) -> list[Cell]:
        """The cells of a row by its number; none for rows that are gone."""
        target = self._target
        try:
            return target.emulator.cells(row - target.view.base)
        except IndexError:
            return []

    def _wrapped(self, row: int) -> bool:
        target = self._target
        try:
            return target.emulator.wrapped(row - target.view.base)
        except IndexError:
            return False


def _modifiers(event: events.MouseEvent) -> frozenset[str]:
    return frozenset(name for name in ("shift", "meta", "ctrl") if getattr(event, name))
