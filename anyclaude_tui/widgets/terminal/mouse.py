"""The mouse in the pane: the child's when it tracks the mouse, else selection and scrolling.

Shift takes the mouse back from a child that tracks it, as in other terminals; Alt does too,
because many terminals keep Shift for a selection of their own. Ctrl+click opens a link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from textual import events

from anyclaude_tui.terminal.cells import Cell
from anyclaude_tui.terminal.clipboard import copy_to_system
from anyclaude_tui.terminal.emulator import MouseButton, Wheel
from anyclaude_tui.terminal.selection import Point, Unit, select, selected_text

if TYPE_CHECKING:
    from anyclaude_tui.widgets.terminal.pane import TerminalPane

WHEEL_ROWS = 3
MULTI_CLICK_S = 0.4
_BUTTON_NAMES: dict[int, MouseButton] = {0: "none", 1: "left", 2: "middle", 3: "right"}
_OPENED = ("https://", "http://")
_UNITS: tuple[Unit, ...] = ("character", "word", "line")


class TerminalMouse:
    """A part of TerminalPane."""

    _anchor: Point | None = None
    _unit: Unit = "character"
    _clicks = 0
    _last_click: tuple[float, Point] = (0.0, (-1, -1))
    _dragged = False

    @property
    def _pane(self) -> TerminalPane:
        return cast("TerminalPane", self)

    def copy(self, text: str) -> None:
        """To the clipboard: by OSC 52 through the outer terminal, and by the system."""
        pane = self._pane
        if text:
            pane.app.copy_to_clipboard(text)
            pane.run_worker(copy_to_system(text), group="clipboard", exit_on_error=False)
            pane.post_message(pane.Copied(len(text)))

    # --- events ---

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Starts a selection, or is the child's."""
        pane = self._pane
        event.stop()
        pane.focus()
        if event.ctrl and event.button == 1 and self._open_link(event):
            return
        pane.capture_mouse()
        if self._childs(event):
            self._to_child("press", event)
            return
        if event.button == 1:
            self._press(event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Ends a selection and copies it, or is the child's."""
        pane = self._pane
        event.stop()
        pane.release_mouse()
        if self._anchor is None:
            if self._childs(event):
                self._to_child("release", event)
            return
        self._drag(event)
        self._anchor = None
        selection = pane.view.selection
        if selection is not None:
            self.copy(selected_text(selection, pane.emulator.columns, self._cells, self._wrapped))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Extends a selection, or is the child's."""
        event.stop()
        if self._anchor is not None:
            self._drag(event)
        elif self._childs(event):
            self._to_child("move", event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Back into history, or to the child."""
        self._wheel(event, "up")

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Forward again, or to the child."""
        self._wheel(event, "down")

    # --- the child's ---

    def _childs(self, event: events.MouseEvent) -> bool:
        pane = self._pane
        taken_back = event.shift or event.meta
        return pane.running and pane.emulator.mouse_tracking and not taken_back

    def _to_child(
        self, kind: Literal["press", "release", "move"], event: events.MouseEvent
    ) -> None:
        x, y = self._position(event)
        self._pane.emulator.mouse(
            kind, x, y, _BUTTON_NAMES.get(event.button, "none"), _modifiers(event)
        )

    def _wheel(self, event: events.MouseEvent, direction: Wheel) -> None:
        pane = self._pane
        event.stop()
        event.prevent_default()
        if pane.running and pane.emulator.wheel_scrolls_program and not event.shift:
            x, y = self._position(event)
            steps = 1 if pane.emulator.mouse_tracking else WHEEL_ROWS
            for _ in range(steps):
                pane.emulator.mouse("press", x, y, direction, _modifiers(event), wheel=True)
            return
        if pane.view.scroll(WHEEL_ROWS if direction == "up" else -WHEEL_ROWS):
            pane.request_frame()

    def _open_link(self, event: events.MouseEvent) -> bool:
        row, x = self._point(event)
        cells = self._cells(row)
        look = cells[x].look if x < len(cells) else None
        if look is None or look.link is None or not look.link.startswith(_OPENED):
            return False
        self._pane.app.open_url(look.link)
        return True

    def _position(self, event: events.MouseEvent) -> tuple[int, int]:
        emulator = self._pane.emulator
        offset = event.get_content_offset_capture(self._pane)
        return (
            min(max(0, offset.x), emulator.columns - 1),
            min(max(0, offset.y), emulator.rows - 1),
        )

    # --- selection ---

    def _point(self, event: events.MouseEvent) -> Point:
        x, y = self._position(event)
        return self._pane.view.row_number(y), x

    def _press(self, event: events.MouseEvent) -> None:
        pane = self._pane
        point = self._point(event)
        time_s, last = self._last_click
        again = event.time - time_s < MULTI_CLICK_S and last == point
        self._clicks = self._clicks + 1 if again else 1
        self._last_click = (event.time, point)
        self._unit = _UNITS[(self._clicks - 1) % len(_UNITS)]
        self._anchor = point
        self._dragged = False
        pane.view.selection = None
        if self._unit != "character":
            self._drag(event)
        pane.view.invalidate()
        pane.request_frame()

    def _drag(self, event: events.MouseEvent) -> None:
        pane = self._pane
        assert self._anchor is not None
        y = event.get_content_offset_capture(pane).y
        if y < 0 or y >= pane.emulator.rows:  # past the edge: the view follows
            pane.view.scroll(1 if y < 0 else -1)
        point = self._point(event)
        if point == self._anchor and self._unit == "character" and not self._dragged:
            return
        self._dragged = True
        pane.view.selection = select(
            self._anchor, point, self._unit, pane.emulator.columns, self._cells
        )
        pane.view.invalidate()
        pane.request_frame()

    def _cells(self, row: int) -> list[Cell]:
        """The cells of a row by its number; none for rows that are gone."""
        pane = self._pane
        try:
            return pane.emulator.cells(row - pane.view.base)
        except IndexError:
            return []

    def _wrapped(self, row: int) -> bool:
        pane = self._pane
        try:
            return pane.emulator.wrapped(row - pane.view.base)
        except IndexError:
            return False


def _modifiers(event: events.MouseEvent) -> frozenset[str]:
    return frozenset(name for name in ("shift", "meta", "ctrl") if getattr(event, name))
