"""The choices before a comparison, and their effects: what it will start, share and stop. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.compare.job import Order
from anyclaude_tui.compare.measuring.plan import make_plan
from anyclaude_tui.compare.samples import Way
from anyclaude_tui.compare.workload import (
    QUICK,
    SUITE,
    Workload,
    also_logged,
    builtin,
    from_body,
    from_prompt,
)
from anyclaude_tui.config.kinds import in_memory, is_started
from anyclaude_tui.screens.backends.rows import MINE, Row
from anyclaude_tui.screens.backends.rows import title as row_title
from anyclaude_tui.screens.compare.estimate import guess
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, joined, pad, text, wrapped

RUNS_MOST = 50
NAME = 10


class What(StrEnum):
    """The kind of request that every target gets."""

    TURN = "turn"
    """A captured request."""
    QUICK = "quick"
    SUITE = "suite"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Turn:
    """A captured request."""

    body: Any
    name: str
    """The origin of the request, for people."""


@dataclass(frozen=True, slots=True)
class Setup:
    """All choices."""

    targets: tuple[str, ...] = ()
    """In the order in which they were chosen: the first is what the others are held against."""
    what: What = What.QUICK
    prompt: str = ""
    turn: Turn | None = None
    runs: int = 3
    direct: bool = True
    logged: bool = False
    stop_active: bool | None = None
    """The backend in use is stopped meanwhile; None: where two models would not fit."""

    def toggled(self, spec: str) -> Setup:
        """With a target more, or less."""
        if spec in self.targets:
            return replace(self, targets=tuple(one for one in self.targets if one != spec))
        return replace(self, targets=(*self.targets, spec))

    def next_what(self) -> Setup:
        """With the next kind of workload; a captured one only where there is one, a prompt only
        where it was written."""
        kinds = [
            kind
            for kind in What
            if (kind is not What.TURN or self.turn) and (kind is not What.PROMPT or self.prompt)
        ]
        place = kinds.index(self.what) if self.what in kinds else -1
        return replace(self, what=kinds[(place + 1) % len(kinds)])

    def with_runs(self, step: int) -> Setup:
        """With more runs, or fewer."""
        return replace(self, runs=max(1, min(RUNS_MOST, self.runs + step)))


def first(rows: Sequence[Row], active: str, turn: Turn | None) -> Setup:
    """The choices at the start: the backend in use and the next one of the session's."""
    mine = [row for row in rows if row.group == MINE and not _failed(row)]
    others = [row.spec for row in mine if row.spec != active]
    chosen = [spec for spec in (active, *others[:1]) if spec]
    return Setup(tuple(chosen), What.TURN if turn else What.QUICK, turn=turn)


def _failed(row: Row) -> bool:
    return row.status is not None and row.status.state is BackendState.FAILED


def workloads(setup: Setup) -> list[Workload]:
    """The workloads that are sent. Raises WorkloadError."""
    if setup.what is What.TURN and setup.turn is not None:
        made = [from_body("turn", setup.turn.body)]
    elif setup.what is What.PROMPT:
        made = [from_prompt(setup.prompt)]
    else:
        made = builtin(SUITE if setup.what is What.SUITE else QUICK)
    if not setup.direct:
        made = [_without_direct(workload) for workload in made]
    return [also_logged(workload) for workload in made] if setup.logged else made


def _without_direct(workload: Workload) -> Workload:
    cells = tuple(cell for cell in workload.cells if cell[0] is not Way.DIRECT)
    return replace(workload, cells=cells)


def order(setup: Setup, rows: Sequence[Row]) -> Order:
    """The order for the job. Raises WorkloadError."""
    kinds = {row.spec: row.kind for row in rows}
    known = tuple(kinds.get(spec, "") for spec in setup.targets)
    stops = stops_active(setup, rows)
    return Order(setup.targets, tuple(workloads(setup)), setup.runs, known, stops)


def can_stop_active(setup: Setup, rows: Sequence[Row]) -> bool:
    """True if stopping the backend in use would leave more room for another target."""
    active = next((row for row in rows if row.active), None)
    if active is None or active.status is None or not active.status.supervised:
        return False
    return any(spec != active.spec for spec in setup.targets)


def stops_active(setup: Setup, rows: Sequence[Row]) -> bool:
    """True if it is stopped: as the user wants, else where two models would be loaded."""
    if not can_stop_active(setup, rows):
        return False
    return _two_models(setup, rows) if setup.stop_active is None else setup.stop_active


def _two_models(setup: Setup, rows: Sequence[Row]) -> bool:
    active = next((row for row in rows if row.active), None)
    others = [row for row in rows if row.spec in setup.targets and not row.active]
    return bool(active and in_memory(active.kind) and any(in_memory(r.kind) for r in others))


def count(made: Sequence[Workload], setup: Setup) -> int:
    """Runs in all, warm-ups included."""
    visits = make_plan(setup.targets, made, setup.runs, together=True)
    return sum(len(visit.steps) for visit in visits)


# --- as lines --------------------------------------------------------------------------


def choices(setup: Setup, rows: Sequence[Row], width: int) -> list[Line]:
    """The choices with their keys, a line each."""
    ways = "through the proxy and direct" if setup.direct else "through the proxy only"
    logging = "off, then everything on as well" if setup.logged else "off"
    active = next((clean(row.spec) for row in rows if row.active), "the backend in use")
    stopped = f"stop {active} meanwhile" if stops_active(setup, rows) else f"{active} stays up"
    if not can_stop_active(setup, rows):
        stopped = "nothing to stop"
    return [
        _choice("w", "workload", _what(setup), width),
        _choice("+ -", "runs", f"{setup.runs} of each kind, after a warm-up", width),
        _choice("d", "ways", ways, width),
        _choice("l", "logging", logging, width),
        _choice("s", "memory", stopped, width),
    ]


def _choice(key: str, name: str, words: str, width: int) -> Line:
    line: Line = ((f"{key:<4}", Tone.KEY), *pad(text(name, Tone.LABEL), NAME), *text(words))
    return fit(line, width)


def _what(setup: Setup) -> str:
    if setup.what is What.TURN and setup.turn is not None:
        return f"a captured turn: {clean(setup.turn.name)}"
    if setup.what is What.PROMPT:
        return f"your prompt: “{clean(setup.prompt)}”"
    if setup.what is What.SUITE:
        return "the whole suite: short answer, code, tool call, long prompt"
    return "quick: a short answer and a long prompt"


def effects(setup: Setup, rows: Sequence[Row], width: int, most: int) -> list[Line]:
    """The servers that will be started, shared and stopped, in words."""
    lines: list[Line] = []
    for tone, words in _effects(setup, rows):
        lines += wrapped(words, width, 3, tone)
    return lines[:most]


def _effects(setup: Setup, rows: Sequence[Row]) -> Iterable[tuple[Tone, str]]:
    if not setup.targets:
        yield Tone.WARN, "Choose two or more with Space, or one to see what it spends its time on."
        return
    known = {row.spec: row for row in rows}
    active = next((row.spec for row in rows if row.active), "")
    stops = stops_active(setup, rows)
    chosen = [(spec, known.get(spec)) for spec in setup.targets if stops or spec != active]
    started = [_shown(spec, row) for spec, row in chosen if _starts(row)]
    asked = [_shown(spec, row) for spec, row in chosen if not _starts(row)]
    if stops:
        yield (
            Tone.WARN,
            f"{clean(active)} is stopped until all is over, so that there is memory for the "
            "others. Claude Code's requests wait that long; then it is started again.",
        )
    elif active in setup.targets:
        yield (
            Tone.TEXT,
            f"{clean(active)} is in use: it is measured as it runs and stays up. Claude Code's "
            "requests wait in line with the runs, and its next one may read its prompt anew.",
        )
    if started:
        how = "one after the other" if stops else "beside it" if active else "for it"
        yield Tone.TEXT, f"Started {how}, and stopped afterwards: {', '.join(started)}."
    if asked:
        yield Tone.TEXT, f"Runs already and goes on running: {', '.join(asked)}."
    if not stops and _two_models(setup, rows):
        yield (
            Tone.WARN,
            f"{clean(active)} stays loaded meanwhile: there must be memory for another model.",
        )


def _starts(row: Row | None) -> bool:
    """True if a server of ours is started for it."""
    return row is None or is_started(row.kind)


def _shown(spec: str, row: Row | None) -> str:
    return clean(spec) if row is None else row_title(row)


def mark(setup: Setup, row: Row) -> Line:
    """The box before a row of the list, with the place among the chosen."""
    if row.spec not in setup.targets:
        return text("[ ] ", Tone.FAINT)
    return (("[", Tone.LABEL), ("✓", Tone.OK), ("] ", Tone.LABEL))


def title_right(
    setup: Setup, made: Sequence[Workload] | None, requests: Sequence[RequestView] = ()
) -> Line:
    """`2 targets · 22 runs · up to ~4m 10s`."""
    targets = len(setup.targets)
    total = text(format.counted(count(made, setup), "run"), Tone.LABEL) if made and targets else ()
    time = text(_time(setup, made, requests), Tone.LABEL) if made and targets else ()
    return joined([text(format.counted(targets, "target"), Tone.LABEL), total, time])


def _time(setup: Setup, made: Sequence[Workload], requests: Sequence[RequestView]) -> str:
    """The time that it takes at most, from what the session has measured."""
    found = guess(setup.targets, made, setup.runs, requests)
    if found.seconds is None:
        return "time not known: nothing measured yet"
    names = ", ".join(clean(name) for name in found.unknown)
    return f"up to ~{format.about(found.seconds)}" + (f", {names} not measured" if names else "")
