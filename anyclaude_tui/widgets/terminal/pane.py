"""The pane in which Claude Code runs.

A Textual widget over an emulator and a child on a PTY. It paints by `render_lines` from
strips that are made only when their row changes, on a frame clock of its own; a flood is
read within a time budget; every key goes to the child except one leader chord. What the
measurements behind this are: `docs/architecture.md`, The terminal pane.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import ClassVar

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
    Faulted,
    FrameEnded,
    Notified,
    ProgressSet,
    ScreenEvent,
    TitleSet,
)
from anyclaude_tui.terminal.clipboard import copy_to_system
from anyclaude_tui.terminal.emulator import Emulator, Wheel
from anyclaude_tui.terminal.outer_colours import OuterColours
from anyclaude_tui.terminal.pty import ExitStatus, PtyProcess
from anyclaude_tui.widgets.terminal import messages
from anyclaude_tui.widgets.terminal.fault_guard import FaultGuard
from anyclaude_tui.widgets.terminal.frame_clock import BUDGET_S, SYNC_LIMIT_S, FrameClock
from anyclaude_tui.widgets.terminal.held_input import HELD_S, HeldInput
from anyclaude_tui.widgets.terminal.keyboard import KeyboardInput
from anyclaude_tui.widgets.terminal.mouse import MouseInput
from anyclaude_tui.widgets.terminal.throttle import OnceASecond
from anyclaude_tui.widgets.terminal.view import TerminalView, bands
from anyclaude_tui.widgets.textual_internals import paint_now, writes_waiting

RESIZE_DELAY_S = 0.050
MAX_BACKLOG = 1_500
"""Characters waiting for a slow outer terminal; no frame is added until it has caught up."""


class TerminalPane(Widget, can_focus=True):
    """A terminal with a program in it.

    `launch` starts (or restarts) the program. When it ends, the last screen stays, with a
    line that says how it ended and which keys start what (`RestartRequested`).
    """

    ALLOW_SELECT: ClassVar[bool] = False  # it has a selection of its own
    DEFAULT_CSS = "TerminalPane { width: 1fr; height: 1fr; }"

    Exited = messages.Exited
    TitleChanged = messages.TitleChanged
    Busy = messages.Busy
    Bell = messages.Bell
    Touched = messages.Touched
    Notification = messages.Notification
    RestartRequested = messages.RestartRequested
    Copied = messages.Copied
    ProgramCopied = messages.ProgramCopied
    Faulted = messages.Faulted

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.emulator = Emulator(
            24,
            80,
            send=self.write,
            report=self._reported,
            version=__version__,
        )
        self.view = TerminalView(self.emulator)
        self.held = HeldInput()
        self.end_line: tuple[str, ...] | None = None
        self._keyboard = KeyboardInput(self)
        self._mouse = MouseInput(self)
        # A fault that stays would paint, fail and paint again as fast as the processor can.
        redraw = OnceASecond[None](lambda _: self._draw_anew(), self.set_timer)
        self._faults = FaultGuard(lambda: redraw(None), lambda: self._tell(self.Faulted()))
        self._ring = OnceASecond[None](lambda _: self._tell(self.Bell()), self.set_timer)
        self._notify = OnceASecond[str](
            lambda text: self._tell(self.Notification(text)), self.set_timer
        )
        self._program_copies = OnceASecond[str](self._copy_for_program, self.set_timer)
        self._clock: FrameClock | None = None
        self._process: PtyProcess | None = None
        self._pending: tuple[Sequence[str], Mapping[str, str], str] | None = None
        self._label = ""
        self._hold = False
        self._resize_timer: Timer | None = None
        self._held_timer: Timer | None = None
        self._frame_deadline: float | None = None

    # --- what others call ---

    @property
    def running(self) -> bool:
        """True if a child lives in the pane."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return self._process.pid if self._process is not None else None

    def launch(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        *,
        label: str | None = None,
        hold: bool = False,
    ) -> None:
        """Start `argv`, in place of a child that still runs; `env` is the whole environment.

        `hold`: what is typed waits until it turns on bracketed paste, which says that it reads.
        Before the pane has a size the start waits for it. Raises OSError when the folder is
        not there; a program that is not there ends with code 127.
        """
        self._label = label or PurePath(argv[0]).name
        self._pending = (list(argv), dict(env), cwd)
        self._hold = hold
        if hold:
            self.held.hold()
        if self._clock is not None and self.size.width and self.size.height:
            self._start()

    def feed(self, data: bytes) -> None:
        """Show recorded bytes, as if a child had written them."""
        self.emulator.feed(data)
        self.request_frame()

    def write(self, data: bytes) -> None:
        """Send bytes to the child."""
        if self._process is not None:
            self._process.write(data)

    def set_ground(self, colours: OuterColours, *, painted: bool) -> None:
        """Set the colours behind the pane; `painted`: it has to paint them
        (`Emulator.set_colours`)."""
        self.emulator.set_colours(*colours, painted=painted)
        self._draw_anew()
        self._harvest()  # with the panels, which change in the same moment

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
        """Open the search line."""
        self._keyboard.find()

    # --- what keyboard and mouse do (`InputTarget`) ---

    def wake(self, after_s: float) -> None:
        """Send SIGCONT, in `after_s`, to a child that has suspended itself."""
        self.set_timer(after_s, self._wake)

    def restart(self, mode: messages.RestartMode) -> None:
        """Ask the dashboard for the next child."""
        self._tell(self.RestartRequested(mode))

    def copy(self, text: str) -> None:
        """To the clipboard: by OSC 52 through the outer terminal, and by the system."""
        if text:
            self._to_clipboard(text)
            self._tell(self.Copied(len(text)))

    def _copy_for_program(self, text: str) -> None:
        """OSC 52: not behind the user's back."""
        if self.has_focus and self.app.app_focus:
            self._to_clipboard(text)
            self._tell(self.ProgramCopied(text))

    def _to_clipboard(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.run_worker(copy_to_system(text), group="clipboard", exit_on_error=False)

    def open_link(self, url: str) -> None:
        """Open a web page in the user's browser."""
        self.app.open_url(url)

    def request_frame(self) -> None:
        """Ask for a frame: the content has changed."""
        if self._clock is not None:
            self._clock.request()

    def boost(self) -> None:
        """A key was pressed: frames come fast for a moment."""
        if self._clock is not None:
            self._clock.boost()

    # --- input: all of it is the pane's, nothing bubbles ---

    async def on_event(self, event: events.Event) -> None:
        """Whatever comes from Textual passes here."""
        with self._faults.caught(event):
            await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """Every key that the dashboard has not taken."""
        event.stop()
        event.prevent_default()
        self._keyboard.key(event)

    def on_paste(self, event: events.Paste) -> None:
        """Pass a paste of the outer terminal on to the program."""
        event.stop()
        event.prevent_default()
        self._keyboard.paste(event.text)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A button; what follows comes here too, wherever the pointer is."""
        event.stop()
        self.focus()
        self._tell(self.Touched())
        if self._mouse.down(event, event.get_content_offset_capture(self)):
            self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The button is let go."""
        event.stop()
        self.release_mouse()
        self._mouse.up(event, event.get_content_offset_capture(self))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The pointer moves."""
        event.stop()
        self._mouse.move(event, event.get_content_offset_capture(self))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel, away from the user."""
        self._wheel(event, "up")

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel, towards the user."""
        self._wheel(event, "down")

    def _wheel(self, event: events.MouseEvent, direction: Wheel) -> None:
        event.stop()
        event.prevent_default()
        self._mouse.wheel(event, direction, event.get_content_offset_capture(self))

    # --- the child ---

    def _wake(self) -> None:
        if self._process is not None:
            self._process.wake()

    def _start(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        former, self._process = self._process, None
        if former is not None:
            former.close()  # nothing more of it comes here
            self.run_worker(former.aclose(), group="former child", exit_on_error=False)
        argv, env, cwd = pending
        self._stop_holding()
        self.end_line = self.view.line = None
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
        if self._hold:
            self._held_timer = self.set_timer(HELD_S, self.held.release)
        else:
            self.held.release()
        if self.has_focus:
            self.emulator.focus(True)
        self.request_frame()

    def _received(self, data: bytes) -> None:
        with self._faults.caught(data):
            self._take(data)

    def _take(self, data: bytes) -> None:
        began = time.perf_counter()
        self.emulator.feed(data)
        if self.held.holding and self.emulator.bracketed_paste:
            self._stop_holding()
            self.held.release()
        clock, process = self._clock, self._process
        if clock is None:
            return
        clock.spent_s += time.perf_counter() - began
        clock.request()
        # A frame that has begun is worth finishing: half of it cannot be shown.
        budget_s = BUDGET_S * 2 if self.emulator.synchronized else BUDGET_S
        if clock.spent_s > budget_s and process is not None:
            process.pause_reading()

    def _stop_holding(self) -> None:
        if self._held_timer is not None:
            self._held_timer.stop()
            self._held_timer = None

    def _ended(self, status: ExitStatus) -> None:
        self._process = None
        self._stop_holding()
        self.held.drop()
        ended = f" {self._label} {status.words}"
        self.end_line = self.view.line = (
            f"{ended} — r restart · c continue the conversation · s shell",
            f"{ended} — r restart · c continue · s shell",
            f"{ended}: r restart, c continue",
            " ended: r restart, c continue, s shell",
            " ended: r c s",
        )
        self.view.follow()
        self.request_frame()
        self._tell(self.Exited(status))

    def _reported(self, event: ScreenEvent) -> None:
        match event:
            case FrameEnded():
                self._frame_deadline = None
                if self._clock is not None and self._clock.due:
                    self._harvest()  # now: the next frame may begin in the same read
                    self._clock.painted()
            case TitleSet(title):
                self._tell(self.TitleChanged(title))
            case BellRang():
                self._ring(None)
            case ProgressSet(state, percent):
                self._tell(self.Busy(state != 0, percent if state == 1 else None))
            case ClipboardSet(text):
                self._program_copies(text)
            case Notified(text):
                self._notify(text)
            case Faulted():
                self._faults.told()
                self._draw_anew()

    # --- painting ---

    def _paint(self) -> bool:
        """One tick of the frame clock; whether it painted."""
        with self._faults.caught("painting"):
            return self._try_to_paint()
        return True  # a fault: the next frame comes a period later

    def _tell(self, message: Message) -> None:
        """Post a message of the pane's own. Textual takes whoever is running for its sender, and
        stops it there on its way up (8.2.8): while the screen paints, the app would not hear."""
        self.post_message(message.set_sender(self))

    def _draw_anew(self) -> None:
        self.view.selection = self.view.search = None
        self.view.follow()
        self.view.invalidate()
        self.refresh()
        self.request_frame()

    def _try_to_paint(self) -> bool:
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
        if writes_waiting(self.app) > MAX_BACKLOG:
            self._clock.request(after_s=SYNC_LIMIT_S)
            return False
        self._harvest()
        return True

    def _harvest(self) -> None:
        changed = self.view.refresh()
        if changed:
            width = self.size.width
            self.refresh(*(Region(0, first, width, count) for first, count in bands(changed)))
            if self._clock is not None and self._clock.boosted:
                paint_now(self)  # the echo of a key
        if self.has_focus:  # input methods open their windows there
            cursor = self.emulator.cursor
            self.app.cursor_position = self.content_region.offset + Offset(cursor.x, cursor.y)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips as they are: nothing is made while painting."""
        with self._faults.caught(crop):
            return self.view.lines(crop, self.size, self.content_region.x)
        return [Strip.blank(crop.width)] * crop.height

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
        self.request_frame()

    def on_focus(self) -> None:
        """Tell the child, if it asked."""
        self._focus(True)

    def on_blur(self) -> None:
        """Tell the child, if it asked."""
        self._focus(False)

    def _focus(self, focused: bool) -> None:
        self.view.focused = focused
        self.emulator.focus(focused)
        self.view.invalidate()
        self.request_frame()
