"""Textual's driver for Linux and macOS, with an input thread that nothing typed can end.

Textual 8.2's ends the app, with exit code 0, on a byte that is not UTF-8 (an older mouse
mode, a latin-1 terminal) and on whatever its parser raises. This one drops such bytes, logs
what failed, and asks the terminal to say when it goes dark or light (contour's mode 2031).
"""

from __future__ import annotations

import codecs
import logging
import os
import selectors
from contextlib import suppress

from textual._parser import ParseError
from textual._time import get_time
from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver

from anyclaude_tui.widgets.outer.writer import BoundedWriter

log = logging.getLogger(__name__)

READ_BYTES = 4096
IDLE_S = 0.1
_TELL_SCHEME = "\x1b[?2031h"
_TELL_NO_SCHEME = "\x1b[?2031l"
_ASK_COLOURS = "\x1b]10;?\x1b\\\x1b]11;?\x1b\\"


class TerminalDriver(LinuxDriver):
    """The outer terminal."""

    def start_application_mode(self) -> None:
        """As Textual's; and the terminal tells of a change of its colours."""
        vars(linux_driver)["WriterThread"] = BoundedWriter  # it is made by that name
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:
            self.write(_TELL_SCHEME)
            self.flush()

    def _sigcont_application(self, *_: object) -> None:
        """Continued. Textual 8.2's starts both its threads beside those that run unless it has
        suspended itself; a window that is closed sends this too, and the first of them never
        ended."""
        if self._must_signal_resume:
            super()._sigcont_application()
        else:  # not here: the main thread may hold the writer's queue
            self._loop.call_soon_threadsafe(self._begin_again)

    def _begin_again(self) -> None:
        """After a stop that nobody told us of: the shell has changed the terminal's modes."""
        writer = self._writer_thread
        if writer is not None and writer.is_alive() and os.isatty(self.fileno):
            self.suspend_application_mode()
            self.resume_application_mode()

    def stop_application_mode(self) -> None:
        """As Textual's."""
        if self._writer_thread is not None and not self._writer_thread._queue.full():
            self.write(_TELL_NO_SCHEME)
        super().stop_application_mode()

    @property
    def waiting(self) -> int:
        """Characters that the terminal has not taken."""
        writer = self._writer_thread
        return writer.waiting if isinstance(writer, BoundedWriter) else 0

    def drop(self) -> None:
        """Forget the frames that wait: the app ends."""
        if isinstance(self._writer_thread, BoundedWriter):
            self._writer_thread.drop()

    def forget_screen(self) -> None:
        """Take nothing for shown: every cell is written when it comes again."""
        if isinstance(self._writer_thread, BoundedWriter):
            self._writer_thread.forget()

    def ask_colours(self) -> None:
        """Ask for the default colours; the answers come as `OuterColoursTold`."""
        self.write(_ASK_COLOURS)
        self.flush()

    def run_input_thread(self) -> None:
        """Read keys, mouse and reports until the app ends; an error ends nothing."""
        parser = XTermParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("ignore").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if not selector.select(_patience_s(parser)):
                    self._handle(parser, None)
                    continue
                try:
                    data = os.read(self.fileno, READ_BYTES)
                except OSError:  # the terminal has gone; SIGHUP ends the app
                    data = b""
                if not data:
                    self.exit_event.wait(IDLE_S)
                elif text := decode(data):
                    self._handle(parser, text)
        with suppress(EOFError, ParseError):
            list(parser.feed(""))

    def _handle(self, parser: XTermParser, text: str | None) -> None:
        """Hand on what `text` holds (None: what a wait has made of what was there)."""
        try:
            for message in parser.tick() if text is None else parser.feed(text):
                self.process_message(message)
        except Exception:
            log.exception("input of the terminal was dropped")


def _patience_s(parser: XTermParser) -> float:
    """Until Esc alone is Esc, or until the next look at whether the app has ended."""
    if parser._timeout_time is None:
        return IDLE_S
    return min(IDLE_S, max(0.0, parser._timeout_time - get_time()))
