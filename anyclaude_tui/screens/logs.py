"""The logs screen: what the backends and the proxy write, the session's notices beside them."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from anyclaude_tui.backends.supervision.serverlog import is_written
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import match_words, tabs_lines
from anyclaude_tui.screens.common.tabs_screen import SearchScreen
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.telemetry.logtail import STAMP, Entry, Level, LogTail
from anyclaude_tui.telemetry.traces import folder_name
from anyclaude_tui.terminal.clipboard import copy_to_system
from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.lines import Line, Tone, fit, joined, spread, text, width_of, wrapped
from anyclaude_tui.widgets.longtext import chopped, printable
from anyclaude_tui.widgets.panels import rule

REFRESH_S = 0.4
LOOK_EVERY = 5
"""The number of reads after which new logs are looked for."""
KEPT = 5_000
"""Lines per log; the file has them all."""
FOLDER = "server-logs"
PROXY = "proxy"
NOTICES = "notices"
NAMES = {
    Level.DEBUG: "all",
    Level.INFO: "info",
    Level.WARNING: "warnings",
    Level.ERROR: "errors",
}
_TONES = {
    Level.DEBUG: Tone.FAINT,
    Level.INFO: Tone.TEXT,
    Level.WARNING: Tone.WARN,
    Level.ERROR: Tone.BAD,
}
_NO_PROXY_LOG = (
    "The proxy writes no log unless it is asked to: start with ANYCLAUDE_DEBUG=1 (timing and "
    "errors of each request), 2 (each step) or 3 (also a full trace per request)."
)
_NO_LOG = "Nothing is in it yet. Only servers that anyclaude-tui has started have a log."


class Source:
    """One log with the lines that are kept of it."""

    def __init__(self, name: str, path: Path | None) -> None:
        """`path` None: the session's notices."""
        self.name = name
        self.tail = LogTail(path) if path is not None else None
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self.dropped = 0
        """The number of entries that have left at the top."""
        self._noticed = 0.0

    def read(self) -> list[Entry]:
        """New lines of the file; blocking."""
        return self.tail.read() if self.tail is not None else []

    def add(self, entries: list[Entry]) -> None:
        """Keep them; the oldest go."""
        self.dropped += max(0, len(self.entries) + len(entries) - KEPT)
        self.entries.extend(entries)

    def notices(self, snapshot: Snapshot) -> list[Entry]:
        """The session's new notices, as lines."""
        new = [n for n in snapshot.notices if n.wall > self._noticed]
        self._noticed = max((n.wall for n in new), default=self._noticed)
        levels = {"warning": Level.WARNING, "error": Level.ERROR}
        return [
            Entry(f"{format.clock(n.wall)} {n.text}", levels.get(n.level, Level.INFO)) for n in new
        ]


class LogsScreen(SearchScreen):
    """A tab per log; it follows while its end is in view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bound("logs", "l", "level", "hide what matters less"),
        bound("logs", "f", "follow", "follow, or stay here"),
        bound("logs", "y", "copy", "copy the lines"),
    ]

    def __init__(self, client: SessionClient) -> None:
        super().__init__("search in this log")
        self._client = client
        self._sources: list[Source] = []
        self._tab = 0
        self._least = Level.DEBUG
        self._reading = False
        self._reads = 0
        self._shown: list[Line] = []
        self._sizes: deque[int] = deque()
        """Rows of each entry that is kept, 0 for one that the level hides."""

    def on_mount(self) -> None:
        self._find_sources()
        self._read()
        self.set_interval(REFRESH_S, self._read)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._rebuild)

    # --- what there is ----------------------------------------------------------------

    def _find_sources(self) -> None:
        """The log in use first, then the others, the proxy's and the notices. What another
        session writes is its own."""
        snapshot = self._client.snapshot
        folder = self._client.home / FOLDER
        ours = {Path(status.log_path).stem for status in snapshot.backends if status.log_path}
        try:
            found = sorted(folder.glob("*.log"))
        except OSError:
            found = []
        names = [p.stem for p in found if p.stem in ours or not is_written(p)]
        names = [name for name in names if name != PROXY]
        status = snapshot.backend
        # What the backends call their files, too.
        active = Path(status.log_path).stem if status and status.log_path else ""
        active = active or folder_name(snapshot.active)
        names.sort(key=lambda name: name != active)
        known = {source.name: source for source in self._sources}
        made = [known.get(name) or Source(name, folder / f"{name}.log") for name in names]
        made.append(known.get(PROXY) or Source(PROXY, folder / f"{PROXY}.log"))
        made.append(known.get(NOTICES) or Source(NOTICES, None))
        shown = self.source if self._sources else made[0]
        self._sources = made
        self._tab = made.index(shown) if shown in made else 0

    @property
    def source(self) -> Source:
        """The log that is shown."""
        return self._sources[self.tab_shown]

    @property
    def tab_names(self) -> list[str]:
        return [source.name for source in self._sources]

    @property
    def tab_shown(self) -> int:
        return min(self._tab, len(self._sources) - 1)

    def _read(self) -> None:
        self._reads += 1
        if self._reads % LOOK_EVERY == 0:
            self._find_sources()
        if not self._reading:
            self._reading = True
            self.run_worker(self._read_on(), exit_on_error=False)

    async def _read_on(self) -> None:
        """Take what is new in the log that is shown."""
        source = self.source
        try:
            new = await asyncio.to_thread(source.read)
        finally:
            self._reading = False
        if source.name == NOTICES:
            new = source.notices(self._client.snapshot)
        before = source.dropped
        source.add(new)
        if source is self.source and self.is_attached:
            if new:
                self._grow(new, source.dropped - before)
            self._show_title_and_keys()

    # --- what is shown ----------------------------------------------------------------

    def _grow(self, new: list[Entry], dropped: int) -> None:
        """Add new lines at the end, and take those away that are not kept any more."""
        if len(new) >= KEPT:
            self._rebuild()
            return
        width = self._body.inner_width - 1
        for entry in new:
            rows = self._rows(entry, width)
            self._shown.extend(rows)
            self._sizes.append(len(rows))
        gone = sum(self._sizes.popleft() for _ in range(min(dropped, len(self._sizes))))
        del self._shown[:gone]
        self._put(gone)

    def _rebuild(self) -> None:
        """All lines anew: another log, level or width."""
        width = self._body.inner_width - 1
        self._shown, self._sizes = [], deque()
        for entry in self.source.entries:
            rows = self._rows(entry, width)
            self._shown.extend(rows)
            self._sizes.append(len(rows))
        self._put(0)
        self._show_title_and_keys()

    def _put(self, gone: int) -> None:
        lines = self._shown
        self._body.show(len(lines), lambda number: lines[number], dropped=gone, follow=True)

    def _rows(self, entry: Entry, width: int) -> list[Line]:
        """A line of the log over as many rows as it takes; none when the level hides it."""
        if entry.level < self._least:
            return []
        if entry.ours:
            return [fit(((" ── ", Tone.RULE), (printable(entry.text), Tone.LABEL)), width)]
        inside = entry.continues and entry.text[:1] in " \t|"
        tone = Tone.LABEL if inside else _TONES[entry.level]
        words = printable(entry.text)
        stamp = STAMP.match(words)
        first, *others = chopped(words, width - 3)
        end = min(stamp.end(), len(first)) if stamp else 0
        head: Line = ((" " + first[:end], Tone.LABEL), (first[end:], tone))
        return [head, *(((f"   {other}", tone),) for other in others)]

    def _show_title_and_keys(self) -> None:
        width = self.size.width
        source, body = self.source, self._body
        follows = body.at_end
        state = text("following", Tone.LABEL) if follows else text("paused", Tone.WARN)
        hides = self._least > Level.DEBUG
        level = text(f"only {NAMES[self._least]}", Tone.LIVE) if hides else ()
        lines = text(f"{format.count(len(source.entries))} lines", Tone.LABEL)
        self._title.set_lines(
            [rule("Logs", joined([match_words(body), lines, level, state]), width, "─")]
        )
        place = text(str(source.tail.path), Tone.FAINT) if source.tail else ()
        self._tabs.set_lines(tabs_lines(self.tab_names, self.tab_shown, width))
        self._note(source)
        keys = [
            ("/", "search"),
            ("l", f"level: {NAMES[self._least]}"),
            ("f", "pause" if follows else "follow"),
            ("y", "copy"),
            ("Tab", "next log"),
        ]
        if body.hit is not None:
            keys.insert(0, ("n N", "matches"))
        self._keys.set_lines([_beside(self._last_line([*keys, ("Esc", "back")]), place, width)])

    def _note(self, source: Source) -> None:
        """Show a remark where there is no line to show."""
        if self._shown:
            return
        words = _NO_LOG
        if source.name == PROXY and source.tail is not None and source.tail.problem:
            words = _NO_PROXY_LOG
        elif source.name == NOTICES:
            words = "The session has had nothing to tell."
        elif source.tail is not None and source.tail.problem:
            words = source.tail.problem
        if source.entries:
            words = f"No line of the level “{NAMES[self._least]}”: l shows others."
        rows = wrapped(words, self._body.inner_width - 2, 4, Tone.LABEL)
        self._body.show_lines([(*text(" "), *row) for row in rows])

    # --- keys -------------------------------------------------------------------------

    def action_tab(self, step: int) -> None:
        self._find_sources()
        super().action_tab(step)

    def action_go(self, tab: int) -> None:
        if tab >= len(self._sources) or tab == self._tab:
            return
        self._tab = tab
        self._body.unmark()
        self._rebuild()
        self._body.scroll_end(animate=False)
        self._read()

    def action_level(self) -> None:
        """Hide more of the lines that matter less; after errors all are shown again."""
        self._least = Level((self._least + 1) % len(Level))
        self._body.unmark()
        self._rebuild()
        self._body.scroll_end(animate=False)
        self._show_title_and_keys()

    def action_follow(self) -> None:
        """To the end and stay there; or stay here."""
        if self._body.at_end:
            self._body.scroll_relative(y=-1, animate=False)
        else:
            self._body.scroll_end(animate=False)
        self._show_title_and_keys()

    def search(self, words: str) -> None:
        """The newest match first."""
        self._body.find(words, self._body.count - 1, back=True)

    def action_copy(self) -> None:
        """The lines that are kept and shown."""
        kept = self.source.entries
        lines = [one.text for one in kept if one.level >= self._least and not one.ours]
        words = "\n".join(lines) + "\n"
        self.app.copy_to_clipboard(words)
        self.run_worker(copy_to_system(words), exit_on_error=False)
        self.say(f"copied {format.counted(len(lines), 'line')}")


def _beside(line: Line, place: Line, width: int) -> Line:
    """The keys at the left and, where there is room, the path at the right."""
    if not place or width_of(line) + width_of(place) + 3 > width:
        return line
    return spread(line, (*place, (" ", Tone.TEXT)), width)
