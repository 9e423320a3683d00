"""A finished comparison as one page: verdict, charts, figures, runs. Pure.

The verdict stands on top; the sections can be jumped to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anyclaude_tui.compare.diagnosis.causes import Cause, Confidence, Scenario
from anyclaude_tui.compare.diagnosis.verdict import Verdict
from anyclaude_tui.compare.report.saved import Saved
from anyclaude_tui.compare.samples import Comparison
from anyclaude_tui.screens.compare.charts import bars, over_time
from anyclaude_tui.screens.compare.tables import figure_lines, runs, side_by_side
from anyclaude_tui.screens.compare.then_and_now import before
from anyclaude_tui.widgets import format, plot
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    fit,
    joined,
    joined_within,
    pad,
    text,
    wrapped,
)

WIDE = 116
"""From this width on the bars stand beside the verdict."""
VERDICT_SHARE = 0.54
NAME = 12
WHERE = {
    Scenario.BACKEND: "in the model server, not in the proxy or the prompt",
    Scenario.PROXY: "in the proxy: reached directly it is faster",
    Scenario.CONTEXT: "in the prompt: its size, or that it is read anew",
}
SURE = {
    Confidence.HIGH: "one cause explains most of it",
    Confidence.LIKELY: "the largest of several causes",
    Confidence.LOW: "several causes share the blame",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, and where each section begins."""

    lines: list[Line]
    sections: tuple[tuple[str, int], ...]


def page(saved: Saved, width: int, older: Saved | None = None) -> Page:
    """All of it in `width` cells; `older`: a comparison to hold it against."""
    comparison = saved.comparison
    parts: list[tuple[str, list[Line]]] = []
    if width >= WIDE:
        left = int(width * VERDICT_SHARE)
        right = width - left - 3
        line = text(" │ ", Tone.RULE)
        both = side_by_side(verdict(saved, left), bars(saved, right), left, line)
        parts.append(("Verdict", both))
        over = over_time(comparison, width)
        if over:
            parts.append(("Over time", over))
    else:
        parts.append(("Verdict", verdict(saved, width)))
        charts = [*bars(saved, width), *over_time(comparison, width)]
        if charts:
            parts.append(("Charts", charts))
    if older is not None:
        parts.insert(1, ("Then and now", before(saved, older, width)))
    parts.append(("Figures", figure_lines(saved, width)))
    parts.append(("Runs", runs(comparison, width)))
    lines: list[Line] = []
    sections: list[tuple[str, int]] = []
    for name, made in parts:
        lines += [()] if lines else []
        sections.append((name, len(lines)))
        lines += made
    return Page([fit(line, width) for line in lines], tuple(sections))


# --- the verdict ------------------------------------------------------------------------


def verdict(saved: Saved, width: int) -> list[Line]:
    """Cause, evidence, confidence, remedies, and what was compared."""
    said = saved.verdict
    tone = {Cause.EQUAL: Tone.OK, Cause.FAILED: Tone.BAD}.get(said.cause, Tone.WARN)
    lines = _strong(said.headline, width, tone)
    named = _named(said, width)
    lines += [(), *named] if named else []
    lines += [(), text("Evidence", Tone.STRONG)]
    lines += [line for one in said.evidence for line in _item("·", one, width)]
    lines += [(), text("What to do", Tone.STRONG)]
    lines += [line for one in said.remedies for line in _item("→", one, width)]
    return [*lines, (), *targets(saved.comparison, width)]


def _strong(words_: str, width: int, tone: Tone) -> list[Line]:
    """The headline: a coloured bar at its left, so that it is seen first."""
    rows = wrapped(words_, width - 2, 4, Tone.STRONG)
    return [(("▌ ", tone), *row) for row in rows]


def _named(said: Verdict, width: int) -> list[Line]:
    facts: list[tuple[str, str]] = []
    if said.cause not in (Cause.EQUAL, Cause.FAILED):
        facts.append(("Cause", str(said.cause)))
        if said.scenario is not None:
            facts.append(("Where", WHERE[said.scenario]))
        facts.append(("Confidence", f"{said.confidence}: {SURE[said.confidence]}"))
    elif said.cause is Cause.EQUAL:
        sure = "a close call: these runs do not tell" if said.close else str(said.confidence)
        facts.append(("Confidence", sure))
    return [
        fit((*pad(text(name, Tone.LABEL), NAME), (what, Tone.TEXT)), width) for name, what in facts
    ]


def _item(sign: str, words_: str, width: int) -> list[Line]:
    rows = wrapped(words_, width - 2, 6)
    return [((f"{sign if not n else ' '} ", Tone.LIVE), *row) for n, row in enumerate(rows)]


def targets(comparison: Comparison, width: int) -> list[Line]:
    """The targets of the comparison, a line each, and the number of runs that ended well."""
    lines: list[Line] = []
    for place, target in enumerate(comparison.targets):
        facts = [
            text(clean(target.shown), Tone.STRONG),
            text(clean(target.model.rpartition("/")[2])),
            text("simulated", Tone.WARN) if target.simulated else text(target.kind, Tone.LABEL),
            _maybe("window ", target.window_tokens, format.exact),
            _maybe("up in ", target.bring_up_s, format.seconds),
        ]
        lines.append((plot.mark(place), (" ", Tone.TEXT), *joined_within(facts, width - 2)))
    good = sum(sample.ok and sample.run > 0 for sample in comparison.samples)
    bad = sum(not sample.ended_well for sample in comparison.samples)
    counted = joined(
        [
            text(f"{good} good runs", Tone.LABEL),
            text(f"{bad} failed", Tone.BAD) if bad else (),
            text(f"{format.seconds(comparison.seconds)} in all", Tone.LABEL),
            text("stopped before the end", Tone.WARN) if comparison.stopped else (),
        ]
    )
    return [*lines, fit((*text("  "), *counted), width)]


def _maybe(before_: str, value: float | None, write: Callable[[float], str]) -> Line:
    return () if value is None else text(before_ + write(value), Tone.LABEL)
