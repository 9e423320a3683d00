"""A dashboard in small around the pane, for measuring: the pane and one panel that ticks.

    python benchmarks/pane_app.py REPORT COMMAND…

Writes what it knows of itself to the file REPORT once a second: the longest its loop was
held up, and the process's memory.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
from pathlib import Path

from anyclaude_tui.widgets.textual_internals import prepare_textual

prepare_textual()

from textual.app import App, ComposeResult  # noqa: E402
from textual.containers import Horizontal  # noqa: E402
from textual.widgets import Static  # noqa: E402

from anyclaude_tui.claude_code.environment import child_env  # noqa: E402
from anyclaude_tui.widgets.terminal.pane import TerminalPane  # noqa: E402


class PaneApp(App[None]):
    """The pane and a panel."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "#panel { width: 24; border: round green; } #frame { border: round blue; }"

    def compose(self) -> ComposeResult:
        """As the dashboard: the pane in a frame, a panel beside it."""
        with Horizontal():
            with Horizontal(id="frame"):
                yield TerminalPane()
            yield Static(id="panel")

    def on_mount(self) -> None:
        """Start the child, the panel's ticks and the watch over the loop."""
        pane = self.query_one(TerminalPane)
        pane.focus()
        pane.launch(sys.argv[2:], child_env(os.environ), os.getcwd())
        self._report = Path(sys.argv[1])
        self._ticks = 0
        self._stall_s = 0.0
        self._last_s = time.monotonic()
        self._watch()
        self.set_interval(1, self._tick)
        self.call_later(self._settle)

    def _settle(self) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)

    def _watch(self) -> None:
        now = time.monotonic()
        self._stall_s = max(self._stall_s, now - self._last_s - 0.02)
        self._last_s = now
        asyncio.get_running_loop().call_later(0.02, self._watch)

    def _tick(self) -> None:
        self._ticks += 1
        self.query_one("#panel", Static).update(f"tick {self._ticks}")
        usage = resource.getrusage(resource.RUSAGE_SELF)
        state = {"stall_s": self._stall_s, "cpu_s": time.process_time(), "rss": usage.ru_maxrss}
        self._stall_s = 0.0
        temporary = self._report.with_suffix(".tmp")
        temporary.write_text(json.dumps(state))
        temporary.replace(self._report)


if __name__ == "__main__":
    sys.setswitchinterval(0.001)
    PaneApp().run()
