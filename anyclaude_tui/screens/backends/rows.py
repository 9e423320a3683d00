"""The list of all that can be switched to, and what is said of each: pure functions.

Backends in use and configured come first, then servers found running, models on disk, and
the built-in simulator, which is always there and always labelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from anyclaude_tui.backends.base import (
    CLAUDE_CODE_PROMPT,
    SMALL_WINDOW_TOKENS,
    BackendState,
    BackendStatus,
    Tool,
)
from anyclaude_tui.backends.discovery import Discovery, Offer
from anyclaude_tui.backends.models.memory import Estimate
from anyclaude_tui.config.request_settings import SAMPLING, SETTING
from anyclaude_tui.figures import estimated
from anyclaude_tui.screens.actions import DIGITS
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets import format, panels, status_signs
from anyclaude_tui.widgets.lines import (
    Line,
    Seg,
    Tone,
    clean,
    fit,
    joined,
    joined_within,
    pad,
    spread,
    text,
    width_of,
    wrapped,
)

MINE, RUNNING, DISK, BUILT_IN = "In this session", "Running here", "Models on disk", "Built in"
SIMULATORS = (
    Offer("simulator", "simulator", "a fast model", False, model="as fast as gpt-oss-20b"),
    Offer("simulator:slow", "simulator:slow", "a slow model", False, model="as slow as qwen3-42b"),
)
_ALIASES = {"simulator:fast": "simulator"}
START = 4
"""Cells before the name: the digit and the sign."""
NARROW = 66
"""A list with less room shows the name and the state."""
FIGURES_MOST = 84
"""Wider, a number stands too far from its name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that can be switched to: a backend of the session's, or an offer."""

    spec: str
    """The name to switch to."""
    group: str
    status: BackendStatus | None = None
    offer: Offer | None = None
    active: bool = False

    @property
    def usable(self) -> bool:
        """True if a switch to it can work; if not, the offer's detail says why."""
        return self.offer is None or self.offer.usable

    @property
    def kind(self) -> str:
        """The kind of backend."""
        return self.status.kind if self.status else self.spec.partition(":")[0]


def rows(snapshot: Snapshot, found: Discovery | None) -> list[Row]:
    """All that can be chosen, group by group. The first ones are the snapshot's backends in
    their order, so that a number means the same here and after the leader."""
    made = [
        Row(status.name, MINE, status=status, active=status.name == snapshot.active)
        for status in snapshot.backends
    ]
    taken = {_ALIASES.get(row.spec, row.spec) for row in made}
    places = {_place(status.url) for status in snapshot.backends if status.url}
    offers = [] if found is None else [offer for offer in found.offers if offer.spec not in taken]
    running = [o for o in offers if o.running and _place(o.spec.partition(":")[2]) not in places]
    made += [Row(offer.spec, RUNNING, offer=offer) for offer in running]
    made += [Row(offer.spec, DISK, offer=offer) for offer in offers if not offer.running]
    return made + [Row(o.spec, BUILT_IN, offer=o) for o in SIMULATORS if o.spec not in taken]


def best(choices: Iterable[Row]) -> Row | None:
    """The best one of what was found, None when only the simulator is left.

    What the user has configured, then what runs already, then the largest model on disk; a
    window that is known to be too small comes last, and what does not fit not at all.
    """

    def rank(row: Row) -> tuple[bool, int, int]:
        offer = row.offer
        window = offer.window_tokens if offer else None
        small = window is not None and window < SMALL_WINDOW_TOKENS
        order = (MINE, RUNNING, DISK, BUILT_IN).index(row.group)
        return (small, order, -(offer.size_bytes or 0) if offer else 0)

    real = [row for row in choices if row.usable and not _simulated(row)]
    return min((row for row in real if not row.offer or row.offer.fits), key=rank, default=None)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Cells of the list's columns after the digit and the sign; 0: it is left out."""

    name: int
    model: int
    window: int
    note: int

    @classmethod
    def of(cls, width: int) -> _Sizes:
        """The columns of a list of `width` cells."""
        room = width - START
        if width < NARROW:
            note = max(12, min(20, room - 32))
            return cls(room - note, 0, 0, note)
        window, note = 15 if width >= 90 else 8, 26 if width >= 100 else 22
        room -= window + 2 + note
        name = min(34, room // 2)
        return cls(name, room - name, window, note)


def head(group: str, width: int, *, first: bool) -> Line:
    """A group's name with the names of the columns: all over the `first` group, and what is
    another thing over the models on disk."""
    sizes, disk = _Sizes.of(width), group == DISK
    window = ("window (tokens)" if sizes.window >= 15 else "window") if first or disk else ""
    model = "model" if first and not disk else ""
    note = "size" if disk else "state" if first else ""
    line = _columns(
        replace(sizes, name=sizes.name + 2),  # it begins under the signs
        text(group, Tone.LABEL),
        text(model, Tone.FAINT),
        text(window, Tone.FAINT),
        [text(note, Tone.FAINT)],
    )
    return (*text(" " * (START - 2)), *line)


def line(row: Row, place: int | None, width: int) -> Line:
    """One row of the list in `width` cells; `place` counts from 0, None: no key is for it."""
    digit = DIGITS[place] if place is not None and place < len(DIGITS) else " "
    start: Line = ((f"{digit} ", Tone.KEY), _sign(row), (" ", Tone.TEXT))
    sizes, (name, model, window, notes) = _Sizes.of(width), _cells(row)
    if row.group == DISK and width_of(name) >= sizes.name + sizes.model:
        name = tuple((words.rpartition("/")[2], tone) for words, tone in name)
    return (*start, *_columns(sizes, name, model, window, notes))


def _columns(sizes: _Sizes, name: Line, model: Line, window: Line, notes: Sequence[Line]) -> Line:
    note = joined_within(notes, sizes.note)
    if not sizes.window:
        return (*pad(fit(name, sizes.name - 1), sizes.name), *note)
    first = sizes.name if width_of(model) else sizes.name + sizes.model
    line: Line = pad(fit(name, first - 1), first)
    line += pad(fit(model, sizes.model - 1), sizes.model) if width_of(model) else ()
    return (*line, *spread((), window, sizes.window), *text("  "), *note)


def _cells(row: Row) -> tuple[Line, Line, Line, list[Line]]:
    """Name, model, window, notes."""
    label = text("simulated", Tone.WARN) if _simulated(row) else ()
    if row.status is not None:
        status = row.status
        tone = Tone.STRONG if row.active else Tone.TEXT
        name, window = text(clean(status.name), tone), status.window_tokens
        model = text(clean(status.model or status.kind).rpartition("/")[2], Tone.LABEL)
        warned = text("warning", Tone.WARN) if status.warnings else ()
        state = "in use" if row.active and status.state is BackendState.READY else status.state
        notes = [text(str(state), _STATE_TONES.get(status.state, Tone.LABEL)), warned, label]
    else:
        offer = row.offer
        assert offer is not None
        tone = Tone.TEXT if offer.usable else Tone.FAINT
        # On this machine the port says it all.
        name = text(clean(offer.title).replace("at 127.0.0.1:", ":"), tone)
        window = offer.window_tokens
        model = text(clean(offer.model).rpartition("/")[2], Tone.LABEL) if row.group != DISK else ()
        size = text(format.size(offer.size_bytes), Tone.LABEL) if offer.size_bytes else ()
        missing = () if offer.usable else text("not usable yet", Tone.FAINT)
        here = offer.running and offer.usable
        large = () if offer.fits else text("too large", Tone.WARN)
        notes = [size, large, missing, text("running", Tone.LABEL) if here else (), label]
    return name, model, format.known(window, format.exact), notes


_STATE_TONES = {
    BackendState.FAILED: Tone.BAD,
    BackendState.DEGRADED: Tone.WARN,
    BackendState.STARTING: Tone.LIVE,
    BackendState.LOADING: Tone.LIVE,
    BackendState.STOPPING: Tone.LIVE,
}


def title(row: Row) -> str:
    """Its name, for the rule above the details."""
    return clean(row.offer.title if row.offer else row.spec)


def details(
    row: Row, snapshot: Snapshot, memory: Estimate | None, width: int, height: int
) -> tuple[Line, list[Line]]:
    """Words for the right end of the rule, and what is known about the row."""
    if row.status is not None:
        right, lines = _of_status(row.status, row.active, snapshot, width, height)
    else:
        right, lines = _of_offer(row, width)
    if row.status is None or row.status.state in (BackendState.STOPPED, BackendState.FAILED):
        lines += _of_memory(memory, width)
    return right, lines


def _of_status(
    status: BackendStatus, active: bool, snapshot: Snapshot, width: int, height: int
) -> tuple[Line, list[Line]]:
    quiet = replace(status, log_tail=())
    if status.state is BackendState.STOPPED:
        words = f"{status.kind}, not running: Enter brings it up and switches to it."
        place = joined([text(clean(status.model or "")), text(clean(status.url or ""), Tone.LABEL)])
        lines = wrapped(words, width, 2, Tone.LABEL)
        lines += [fit(place, width), *_wanted(status, width)]
        return text("not running", Tone.LABEL), lines
    shown = replace(snapshot, backends=(quiet,), active=status.name, switching="")
    body = panels.backend(shown, min(width, FIGURES_MOST), height)
    lines = [*body.lines, *_wanted(status, min(width, FIGURES_MOST))]
    if status.remedy:
        remedy: Line = (("! ", Tone.KEY), (clean(status.remedy), Tone.TEXT))
        lines.append(fit(remedy, width))
    room = max(0, height - len(lines))
    lines += [fit(text(clean(said), Tone.FAINT), width) for said in status.log_tail[-room:][:room]]
    right = (*body.right, (", in use", Tone.LABEL)) if active else body.right
    return right, lines


def _wanted(status: BackendStatus, width: int) -> list[Line]:
    """The sampling values of its requests, each with its origin, and the other settings."""
    by_source: dict[str, list[str]] = {}
    for name, value, source in status.wanted.sampling({}, status.model_sampling):
        by_source.setdefault(source, []).append(f"{name} {value:g}")
    others = [
        words for words in status.wanted.in_words() if words.partition(" ")[0] not in SAMPLING
    ]
    if others:
        by_source.setdefault(SETTING, []).extend(others)
    lines: list[Line] = []
    for source, values in by_source.items():
        label = "set" if source == SETTING else source
        lines += wrapped(f"{label}: {clean(' · '.join(values))}", width, 3, Tone.LABEL)
    return lines


def _of_offer(row: Row, width: int) -> tuple[Line, list[Line]]:
    offer = row.offer
    assert offer is not None
    lines = wrapped(offer.detail, width, 3, Tone.TEXT if offer.usable else Tone.WARN)
    if _simulated(row):
        words = "No model: the built-in simulator answers with made-up text, at a model's pace."
        if row.group != BUILT_IN:
            words = "No model: a simulator answers there."
        lines += wrapped(words, width, 2, Tone.WARN)
    elif offer.running and offer.usable:
        words = "Runs already: it is used as it is, and not stopped when you quit."
        lines += wrapped(words, width, 2, Tone.LABEL)
    elif offer.usable:
        words = f"Enter starts {row.kind} with it; the server stops when you quit."
        lines += wrapped(words, width, 2, Tone.LABEL)
    if offer.window_tokens is not None and offer.window_tokens < SMALL_WINDOW_TOKENS:
        words = f"Its context is too small: {CLAUDE_CODE_PROMPT}."
        lines += wrapped(words, width, 2, Tone.WARN)
    lines.append(fit(text(clean(row.spec.partition(":")[2]), Tone.FAINT), width))
    return text("running" if offer.running else "", Tone.LABEL), lines


def _of_memory(memory: Estimate | None, width: int) -> list[Line]:
    """The memory that the model would need, before it is loaded."""
    if memory is None:
        return []
    if memory.warning():
        return wrapped(memory.warning(), width, 4, Tone.WARN)
    need = format.figure(estimated(memory.total_bytes), format.size)
    words = (
        f"memory {need} of {format.size(memory.usable_bytes)} usable: weights "
        f"{format.size(memory.weight_bytes)}, full context {format.size(memory.kv_bytes)}"
    )
    return wrapped(words, width, 2, Tone.LABEL)


def tools(found: Discovery | None, width: int, rows_most: int = 2) -> list[Line]:
    """The programs that are installed, and the way to get those that are not."""
    if found is None:
        return [text("Looking…", Tone.LIVE)]
    here = [_tool(tool) for tool in found.tools if tool.where]
    missing = [_tool(tool) for tool in found.tools if not tool.where]
    return [
        ((f"{head} ", Tone.LABEL), *joined_within(parts, width - 10))
        for head, parts in (("Installed", here), ("Missing  ", missing))
        if parts
    ][:rows_most]


def _tool(tool: Tool) -> Line:
    if tool.where:
        return ((tool.title, Tone.TEXT),)
    return ((f"{tool.title}: ", Tone.LABEL), (tool.hint, Tone.FAINT))


def _sign(row: Row) -> Seg:
    if row.status is not None:
        return status_signs.STATES[row.status.state]
    running = row.offer is not None and row.offer.running
    return ("◌", Tone.OK) if running and row.usable else (" ", Tone.TEXT)


def _simulated(row: Row) -> bool:
    if row.status is not None:
        return row.status.simulated
    return row.group == BUILT_IN or bool(row.offer and row.offer.simulated)


def _place(url: str) -> str:
    """HOST:PORT of a URL, to see that two are the same server."""
    host = url.partition("://")[2].partition("/")[0]
    return host.replace("localhost", "127.0.0.1")
