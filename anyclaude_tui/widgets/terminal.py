"""The pane in which Claude Code runs.

A Textual widget over an emulator and a child on a PTY. It paints by `render_lines` from
strips that are made only when their row changes, on a frame clock of its own; a flood is
read within a time budget; every key goes to the child except one leader chord. What the
measurements behind this are: `docs/architecture.md`, The terminal pane.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar, Literal

from textual import events
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from anyclaude_tui import __version__
from anyclaude_tui.terminal.cells import (
    BellRang,
    ClipboardSet,
    FrameEnded,
    Notified,
    ProgressSet,
    ScreenEvent,
    TitleSet,
)
from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.keys import key_press
from anyclaude_tui.terminal.pty import ExitStatus, PtyProcess
from anyclaude_tui.widgets.terminal_clock import BUDGET_S, SYNC_LIMIT_S, FrameClock
from anyclaude_tui.widgets.terminal_mouse import TerminalMouse
from anyclaude_tui.widgets.terminal_strips import AnchoredStrip
from anyclaude_tui.widgets.terminal_view import TerminalView

RestartMode = Literal["again", "continue", "shell"]

RESIZE_DELAY_S = 0.050
WAKE_DELAY_S = 0.5
_RESTART_KEYS: dict[str, RestartMode] = {
    "r": "again",
    "enter": "again",
    "c": "continue",
    "s": "shell",
}
MAX_BACKLOG = 2
"""Frames waiting for a slow outer terminal; more are not added until it has caught up."""


class TerminalPane(TerminalMouse, Widget, can_focus=True):
    """A terminal with a program in it.

    `launch` starts (or restarts) the program. When it ends, the last screen stays, with a
    line that says how it ended and which keys start what (`RestartRequested`).
    """

    ALLOW_SELECT: ClassVar[bool] = False  # it has a selection of its own
    DEFAULT_CSS = "TerminalPane { width: 1fr; height: 1fr; }"

    class Exited(Message):
        """The child ended. `words` is a clause for a name: "failed with exit code 2"."""

        def __init__(self, status: ExitStatus) -> None:
            super().__init__()
            self.code = status.code
            self.signal = status.signal
            self.words = status.words

    @dataclass
    class TitleChanged(Message):
        """The child set its window title."""

        title: str

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TerminalPane.TitleChanged)

    @dataclass
    class Busy(Message):
        """The child told its progress (OSC 9;4); `percent` may be unknown while busy."""

        busy: bool
        percent: int | None

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TerminalPane.Busy)

    class Bell(Message):
        """The child rang the bell."""

    @dataclass
    class Notification(Message):
        """The child asks to notify the user."""

        text: str

    class Leader(Message):
        """The leader chord was pressed: the next keys are the dashboard's."""

    @dataclass
    class RestartRequested(Message):
        """After the end: a key asked for the same again, for `-c`, or for a shell."""

        mode: RestartMode

    @dataclass
    class Copied(Message):
        """The selection went to the clipboard."""

        characters: int

    def __init__(
        self,
        *,
        leader: str = "ctrl+right_square_bracket",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.leader = leader
        self.emulator = Emulator(
            24, 80, send=self.write, report=self._reported, version=__version__
        )
        self.view = TerminalView(self.emulator)
        self._clock: FrameClock | None = None
        self._process: PtyProcess | None = None
        self._pending: tuple[Sequence[str], Mapping[str, str], str] | None = None
        self._label = ""
        self._resize_timer: Timer | None = None
        self._leader_armed = False
        self._frame_deadline: float | None = None
        self._prompt: str | None = None  # the text typed into the search line

    # --- what others call ---

    @property
    def running(self) -> bool:
        """Whether a child lives in the pane."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return self._process.pid if self._process is not None else None

    def launch(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str, *, label: str | None = None
    ) -> None:
        """Start `argv`, in place of a child that still runs; `env` is the whole environment.

        Before the pane has a size the start waits for it. Raises OSError when the folder is
        not there; a program that is not there ends with code 127.
        """
        self._label = label or PurePath(argv[0]).name
        self._pending = (list(argv), dict(env), cwd)
        if self._clock is not None and self.size.width and self.size.height:
            self._start()

    def feed(self, data: bytes) -> None:
        """Show recorded bytes, as if a child had written them."""
        self.emulator.feed(data)
        self._request_frame()

    def write(self, data: bytes) -> None:
        """Send bytes to the child."""
        if self._process is not None:
            self._process.write(data)

    def terminate(self) -> None:
        """Hang up: the child gets SIGHUP, as from a terminal that is closed."""
        if self._process is not None:
            self._process.hang_up()

    async def close(self) -> None:
        """Hang up and wait until the child has gone; it is killed after a few seconds."""
        process, self._process = self._process, None
        if process is not None:
            await process.aclose()

    def find(self) -> None:
        """Open the search line: keys go into it until Enter or Escape."""
        self._prompt = ""
        self._show_prompt()

    # --- the child ---

    def _start(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if self._process is not None:
            self._process.close()
            self._process = None
        argv, env, cwd = pending
        self.view.line = None
        self.view.follow()
        self.emulator.reset()
        self._fit_emulator()
        self._process = PtyProcess.spawn(
            argv,
            env,
            cwd,
            self.emulator.rows,
            self.emulator.columns,
            on_data=self._received,
            on_exit=self._ended,
        )
        if self.has_focus:
            self.emulator.focus(True)
        self._request_frame()

    def _received(self, data: bytes) -> None:
        began = time.perf_counter()
        self.emulator.feed(data)
        clock, process = self._clock, self._process
        if clock is None:
            return
        clock.spent_s += time.perf_counter() - began
        clock.request()
        # A frame that has begun is worth finishing: half of it cannot be shown.
        budget_s = BUDGET_S * 2 if self.emulator.synchronized else BUDGET_S
        if clock.spent_s > budget_s and process is not None:
            process.pause_reading()

    def _ended(self, status: ExitStatus) -> None:
        self._process = None
        ended = f" {self._label} {status.words}"
        self.view.line = (
            f"{ended} — r restart · c continue the conversation · s shell",
            f"{ended} — r restart · c continue · s shell",
            f"{ended}: r restart, c continue",
            " ended: r restart, c continue, s shell",
            " ended: r c s",
        )
        self.view.follow()
        self._request_frame()
        self.post_message(self.Exited(status))

    def _reported(self, event: ScreenEvent) -> None:
        match event:
            case FrameEnded():
                self._frame_deadline = None
                if self._clock is not None and self._clock.due:
                    self._harvest()  # now: the next frame may begin in the same read
                    self._clock.painted()
            case TitleSet(title):
                self.post_message(self.TitleChanged(title))
            case BellRang():
                self.post_message(self.Bell())
            case ProgressSet(state, percent):
                self.post_message(self.Busy(state != 0, percent if state == 1 else None))
            case ClipboardSet(text):
                self.copy(text)
            case Notified(text):
                self.post_message(self.Notification(text))

    # --- painting ---

    def _request_frame(self) -> None:
        if self._clock is not None:
            self._clock.request()

    def _paint(self) -> bool:
        """One tick of the frame clock; whether it painted."""
        assert self._clock is not None
        if self._process is not None:
            self._process.resume_reading()
        now = time.monotonic()
        if self.emulator.synchronized:
            if self._frame_deadline is None:
                self._frame_deadline = now + SYNC_LIMIT_S
            if now < self._frame_deadline:
                self._clock.request(after_s=self._frame_deadline - now)
                return False
        self._frame_deadline = None
        if self._backlog() > MAX_BACKLOG:
            self._clock.request(after_s=SYNC_LIMIT_S)
            return False
        self._harvest()
        return True

    def _harvest(self) -> None:
        changed = self.view.refresh()
        if changed:
            width = self.size.width
            self.refresh(*(Region(0, first, width, count) for first, count in _bands(changed)))
            if self._clock is not None and self._clock.boosted:
                self._paint_now()
        if self.has_focus:  # input methods open their windows there
            cursor = self.emulator.cursor
            self.app.cursor_position = self.content_region.offset + Offset(cursor.x, cursor.y)

    def _paint_now(self) -> None:
        """The echo of a key does not wait for Textual's next tick (up to 4 ms)."""
        screen = self.screen
        if screen.is_current and not self.app._batch_count and not screen._layout_required:
            screen._compositor.update_widgets({self})
            screen._compositor_refresh()
            self._repaint_required = False

    def _backlog(self) -> int:
        """Frames that Textual has written and the outer terminal has not taken."""
        writer = getattr(self.app._driver, "_writer_thread", None)
        return int(writer._queue.qsize()) if writer is not None else 0

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips as they are: nothing is made while painting."""
        strips = self.view.strips
        width, height = self.size
        origin = self.content_region.x
        lines: list[Strip] = []
        for y in range(crop.y, crop.bottom):
            if y < min(len(strips), height) and strips[y].cell_length == width:
                strip: Strip = strips[y]
                if isinstance(strip, AnchoredStrip):
                    strip.place(origin)
            else:  # between a resize of the pane and that of the emulator
                strip = strips[y].adjust_cell_length(width) if y < len(strips) else _blank(width)
            if crop.x or crop.width != width:
                strip = strip.crop(crop.x, crop.right)
            lines.append(strip)
        return lines

    # --- size and focus ---

    def on_mount(self) -> None:
        """The loop is there: frames can be painted."""
        self._clock = FrameClock(self._paint)

    async def on_unmount(self) -> None:
        """Leave no child and no timer behind."""
        if self._clock is not None:
            self._clock.stop()
        await self.close()

    def on_resize(self, event: events.Resize) -> None:
        """The first size starts a child that waits for it; later ones are debounced."""
        if self._pending is not None or self._process is None:
            self._fit_emulator()
            self._start()
            return
        if self._resize_timer is not None:
            self._resize_timer.stop()
        self._resize_timer = self.set_timer(RESIZE_DELAY_S, self._fit_emulator)

    def _fit_emulator(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        if (height, width) != (self.emulator.rows, self.emulator.columns):
            if width != self.emulator.columns:  # rows get other numbers
                self.view.selection = self.view.search = None
                self.view.follow()
            self.emulator.resize(height, width)
            if self._process is not None:  # the emulator first: the answer may come at once
                self._process.resize(height, width)
        self.view.invalidate()
        self._request_frame()

    def on_focus(self) -> None:
        """Tell the child, if it asked."""
        self._focus(True)

    def on_blur(self) -> None:
        """Tell the child, if it asked."""
        self._focus(False)

    def _focus(self, focused: bool) -> None:
        self.view.focused = focused
        self.emulator.focus(focused)
        self._leader_armed = False
        self.view.invalidate()
        self._request_frame()

    # --- keys ---

    def on_key(self, event: events.Key) -> None:
        """All keys are the child's, except the leader."""
        event.stop()
        event.prevent_default()
        if event.key == self.leader and not self._leader_armed:
            self._leader_armed = True
            self.post_message(self.Leader())
            return
        self._leader_armed = False
        if self._clock is not None:
            self._clock.boost()
        if self._prompt is not None:
            self._prompt_key(event)
        elif self._scroll_key(event.key):
            pass
        elif not self.running:
            mode = _RESTART_KEYS.get(event.key)
            if mode is not None and self.view.line is not None:
                self.post_message(self.RestartRequested(mode))
        else:
            press = key_press(event.key, event.character)
            if press is not None:
                self._forget_overlays()
                self.emulator.key(press)
                if event.key == "ctrl+z":
                    self.set_timer(WAKE_DELAY_S, self._wake)

    def _wake(self) -> None:
        """Claude Code suspends itself on Ctrl+Z and waits for a shell's `fg`: there is none."""
        if self._process is not None:
            self._process.wake()

    def _scroll_key(self, key: str) -> bool:
        """Shift+PageUp and its like scroll the history, as in other terminals; plain
        PageUp too while scrolled back. Else they are the child's."""
        page = max(1, self.emulator.rows - 2)
        steps = {"pageup": page, "pagedown": -page, "home": 1 << 30, "end": -(1 << 30)}
        name = key.removeprefix("shift+")
        if name not in steps or (name == key and not self.view.offset):
            return False
        if self.emulator.alternate_screen:
            return False
        self.view.scroll(steps[name])
        self._request_frame()
        return True

    def _forget_overlays(self) -> None:
        if self.view.selection is not None or self.view.search is not None or self.view.offset:
            self.view.selection = self.view.search = None
            self.view.invalidate()
            self.view.follow()
            self._request_frame()

    def on_paste(self, event: events.Paste) -> None:
        """A paste goes to the child as one, between markers if it asked for them."""
        event.stop()
        event.prevent_default()
        if self._prompt is not None:
            self._prompt += event.text.splitlines()[0] if event.text else ""
            self._show_prompt()
        elif self.running:
            self._forget_overlays()
            self.emulator.paste(event.text)

    # --- the search line ---

    def _prompt_key(self, event: events.Key) -> None:
        assert self._prompt is not None
        if event.key == "escape":
            self._prompt, self.view.line = None, None
            self.view.find("")
            self.view.follow()
            self.view.invalidate()
            self._request_frame()
            return
        if event.key in ("enter", "up"):
            self.view.find_next(1)
        elif event.key in ("shift+enter", "down"):
            self.view.find_next(-1)
        elif event.key == "backspace":
            self._prompt = self._prompt[:-1]
            self.view.find(self._prompt)
        elif event.character and event.character.isprintable():
            self._prompt += event.character
            self.view.find(self._prompt)
        self._show_prompt()

    def _show_prompt(self) -> None:
        search = self.view.search
        found = ""
        if search is not None:
            total = len(search.matches)
            found = f"{total - search.index} of {total}" if total else "not found"
        asked = f" find: {self._prompt}▏ {found}"
        self.view.line = (f"{asked}   enter older · shift+enter newer · esc close", asked)
        self._request_frame()


def _blank(width: int) -> Strip:
    return Strip.blank(width)


def _bands(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted rows as (first, count) of neighbours: fewer regions for Textual."""
    bands: list[tuple[int, int]] = []
    for row in rows:
        if bands and sum(bands[-1]) == row:
            bands[-1] = (bands[-1][0], bands[-1][1] + 1)
        else:
            bands.append((row, 1))
    return bands
