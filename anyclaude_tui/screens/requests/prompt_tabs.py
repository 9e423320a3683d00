"""The lines of the tabs about a request's prompt: sizes piece by piece, and prefix. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from anyclaude_tui.figures import UNKNOWN, Figure, Source, estimated, measured
from anyclaude_tui.prefix.counted import CountedPrompt
from anyclaude_tui.prefix.divergence import KEPT, Cause, Comparison, short_diff
from anyclaude_tui.prefix.segments import Part, Prompt, Segment
from anyclaude_tui.screens.requests.tool_rows import Tools, brief
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import charts, format
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    columns,
    fit,
    joined,
    pad,
    spread,
    text,
    wrapped,
)
from anyclaude_tui.widgets.longtext import text_lines

READABLE = 116
"""Wider, a number stands too far from its name."""
NOT_KEPT = (
    "It is not kept any more (the last 100 requests are, up to 64 MB), or it never went to a "
    "backend. With ANYCLAUDE_DEBUG=3 every request is kept in ~/.anyclaude/traces."
)

# --- sizes ------------------------------------------------------------------------------------

_PARTS = (
    (Part.SETTINGS, "Settings"),
    (Part.SYSTEM, "System text"),
    (Part.TOOL, "Tools"),
    (Part.MESSAGE, "Messages"),
)


def sizes(
    request: RequestView,
    prompt: Prompt | None,
    comparison: Comparison | None,
    width: int,
    by_size: bool,
    tools: Tools | None = None,
    counted: CountedPrompt | None = None,
) -> list[Line]:
    """The prompt piece by piece: bytes, tokens, share; a mark where the prefix ends, and at
    tools that are left out, or will be. `counted`: its tokens, where they are known exactly."""
    if prompt is None or not prompt.segments:
        return wrapped(NOT_KEPT, width, 4, Tone.LABEL)
    width = min(width, READABLE)
    total = prompt.size_bytes or 1
    tokens = request.prompt_tokens
    order = "largest first" if by_size else "in the prompt's order"
    head = joined(
        [
            text(f"{format.size(total)} of prompt"),
            (*format.value(tokens, format.exact), (" tokens", Tone.LABEL)),
            text("each piece exact", Tone.LABEL) if counted else (),
            text(order, Tone.LABEL),
        ]
    )
    about = brief(tools) if tools else ()
    lines: list[Line] = [fit(head, width), *([fit(about, width)] if about else [])]
    lines.append(_size_head(width))
    leaving = {tool.name for tool in tools.tools if tools.is_out(tool)} if tools else set()
    largest = max(len(segment.text) for segment in prompt.segments)
    ends = list(itertools.accumulate(len(segment.text) for segment in prompt.segments))
    counts = _counts(prompt, tokens, counted)
    for part, title in _PARTS:
        chosen = [
            (segment, end, count)
            for segment, end, count in zip(prompt.segments, ends, counts, strict=True)
            if segment.part is part
        ]
        if not chosen:
            continue
        size = sum(len(segment.text) for segment, _, _ in chosen)
        name: Line = ((title, Tone.STRONG), (f" {len(chosen)}", Tone.LABEL))
        lines += [(), _size_row(name, size, total, _sum([count for *_, count in chosen]), width)]
        if by_size:
            chosen.sort(key=lambda one: len(one[0].text), reverse=True)
        for segment, end, count in chosen:
            size = len(segment.text)
            bar = charts.bar(size / largest, _bar_room(width), Tone.HOT3)
            mark = _kept(segment, end, comparison)
            if part is Part.TOOL and segment.name in leaving:
                mark = text("out next", Tone.WARN)
            words = (*text("  "), *_piece(segment))
            lines.append(_size_row(words, size, total, count, width, mark, bar))
        if part is Part.TOOL and tools is not None:
            lines += _left_out_rows(tools, by_size, width)
    if counted is not None:
        about = (("Template", Tone.STRONG), ("  roles and signs between the pieces", Tone.LABEL))
        lines += [(), _size_row(about, None, total, measured(counted.template), width)]
    return lines


def _counts(prompt: Prompt, tokens: Figure, counted: CountedPrompt | None) -> list[Figure]:
    """The tokens of each segment: counted, else by its share of the bytes."""
    if counted is not None:
        return [counted.of(number) for number in range(len(prompt.segments))]
    if tokens.value is None:
        return [UNKNOWN] * len(prompt.segments)
    each = tokens.value / (prompt.size_bytes or 1)
    return [estimated(each * len(segment.text)) for segment in prompt.segments]


def _sum(figures: Sequence[Figure]) -> Figure:
    known = [figure.value for figure in figures if figure.value is not None]
    if len(known) < len(figures):
        return UNKNOWN
    exact = all(figure.source is Source.MEASURED for figure in figures)
    return measured(sum(known)) if exact else estimated(sum(known))


def _left_out_rows(tools: Tools, by_size: bool, width: int) -> list[Line]:
    """The tools that the user has left out of this prompt: what they would have cost."""
    left = [tool for tool in tools.tools if tool.left_out]
    if by_size:
        left.sort(key=lambda tool: -tool.size_bytes)
    lines: list[Line] = []
    for tool in left:
        mark = text("left out", Tone.LABEL) if tools.is_out(tool) else text("back", Tone.WARN)
        right = (
            *pad(mark, 8),
            *text(" " * _bar_room(width)),
            *spread((), text(format.size(tool.size_bytes), Tone.FAINT), 9),
            *spread((), format.value(tools.tokens(tool), format.count, Tone.FAINT), 8),
            *spread((), text("–", Tone.FAINT), 7),
        )
        lines.append(spread(text(f"  tool {clean(tool.name)}", Tone.FAINT), right, width))
    return lines


def _bar_room(width: int) -> int:
    return max(0, min(30, width - 80)) if width >= 92 else 0


def _size_head(width: int) -> Line:
    right: Line = ()
    for label, size in (("bytes", 9), ("tokens", 8), ("share", 7)):
        right += spread((), text(label, Tone.FAINT), size)
    return spread((), right, width)


def _size_row(
    name: Line,
    size: int | None,
    total: int,
    count: Figure,
    width: int,
    mark: Line = (),
    bar: Line = (),
) -> Line:
    percent = None if size is None else 100 * size / total
    write = format.exact if count.source is Source.MEASURED else format.count
    right = (
        *pad(mark, 8),
        *(bar or text(" " * _bar_room(width))),
        *spread((), text(format.size(size)), 9),
        *spread((), format.value(count, write), 8),
        *spread((), text(format.percent(percent), Tone.LABEL), 7),
    )
    return spread(name, right, width)


def _piece(segment: Segment) -> Line:
    words = text(clean(segment.place))
    about = clean(segment.detail or ("" if segment.part is Part.TOOL else segment.name))
    if segment.part is Part.MESSAGE and segment.detail:
        about = f"{segment.name}, {about}"
    return (*words, (f"  {about}", Tone.LABEL)) if about and about not in segment.place else words


def _kept(segment: Segment, end: int, comparison: Comparison | None) -> Line:
    """Nothing for what the earlier prompt began with, too; else why it has to be read."""
    if comparison is None or comparison.cause in (Cause.FIRST, Cause.SWITCH):
        return ()
    start, shared = end - len(segment.text), comparison.shared_bytes
    if end <= shared:
        return ()
    if start < shared and comparison.place:
        return text("changed", Tone.WARN)
    if start < shared + comparison.cost_bytes:
        return text("again", Tone.WARN)
    return text("new", Tone.LABEL)


# --- prefix -----------------------------------------------------------------------------------


def prefix(
    request: RequestView,
    comparison: Comparison | None,
    width: int,
    counted: CountedPrompt | None = None,
) -> list[Line]:
    """The first difference of the prompt from the one before, its cause and its cost. `counted`:
    its tokens, where they are known exactly."""
    if comparison is None:
        words = (
            "Nothing is known of its prefix: it never went to a backend, or it is older than "
            "the last 500 requests."
        )
        return wrapped(words, width, 4, Tone.LABEL)
    width = min(width, READABLE)
    good = comparison.cause in KEPT
    mark = ("✓", Tone.OK) if good else ("!", Tone.WARN)
    lines: list[Line] = [(mark, (f" {comparison.cause}", Tone.STRONG))]
    where = comparison.where
    if where:
        lines += wrapped(f"The prompt parts at {where}.", width, 3)
    elif comparison.what:
        lines += wrapped(f"{comparison.what}.".capitalize(), width, 3)
    size = comparison.size_bytes or 1
    lines += [(), *_prefix_bar(comparison, width), ()]
    shared, cost = comparison.shared_bytes, comparison.cost_bytes
    if counted is not None and counted.prompt.size_bytes == comparison.size_bytes:
        as_before = counted.up_to(shared)
        again = counted.between(shared, shared + cost)
    else:
        as_before = estimated(comparison.tokens(shared, request.prompt_tokens.value))
        again = estimated(comparison.tokens(cost, request.prompt_tokens.value))
    cells = [
        ("prompt", _amount(size, request.prompt_tokens)),
        ("as before", _amount(shared, as_before)),
        ("cached", format.value(request.cached_tokens, format.exact)),
        ("reused", format.value(request.reuse_percent, format.percent)),
        ("read", (*format.value(_uncached(request), format.exact), (" tokens", Tone.LABEL))),
        ("prefill", format.value(request.prefill_s, format.seconds)),
    ]
    if cost:  # of what was read: what the backend had seen before
        cells += [("read again", _amount(cost, again)), ("costs", _cost(request, again))]
    lines += columns(cells, 2 if width >= 64 else 1, width)
    changed = short_diff(comparison)
    if changed:
        lines += [(), text("What changed", Tone.STRONG)]
        for row in changed:
            tone = Tone.BAD if row.startswith("-") else Tone.OK
            lines += text_lines(row, width, tone, "  ")
    extra = [
        f"compared with {comparison.against}" if comparison.against else "",
        comparison.between,
        comparison.note,
    ]
    notes = [row for words in extra if words for row in wrapped(words, width, 2, Tone.LABEL)]
    return [*lines, *([()] if notes else []), *notes]


def _uncached(request: RequestView) -> Figure:
    """The prompt's tokens that the cache did not hold: those that had to be read."""
    prompt, cached = request.prompt_tokens, request.cached_tokens
    if prompt.value is None or cached.value is None:
        return UNKNOWN
    both = {prompt.source, cached.source}
    known = Source.ESTIMATED if Source.ESTIMATED in both else Source.REPORTED
    return Figure(max(0, prompt.value - cached.value), known)


def _prefix_bar(comparison: Comparison, width: int) -> list[Line]:
    size = comparison.size_bytes or 1
    same = round(width * comparison.shared_bytes / size)
    again = round(width * comparison.cost_bytes / size)
    if comparison.cost_bytes and not again:
        again = 1
    same = min(same, width - again)
    rest = width - same - again
    bar: Line = (("━" * same, Tone.HOT3), ("━" * again, Tone.WARN), ("━" * rest, Tone.TEXT))
    legend = joined(
        [
            (("━ ", Tone.HOT3), ("as before", Tone.LABEL)) if same else (),
            (("━ ", Tone.WARN), ("read again", Tone.LABEL)) if again else (),
            (("━ ", Tone.TEXT), ("new", Tone.LABEL)) if rest else (),
        ],
        "   ",
    )
    return [bar, legend]


def _amount(part: int, tokens: Figure) -> Line:
    """`18.4 kB · ~4,210 tokens`."""
    words = text(format.size(part))
    if tokens.value is None:
        return words
    write = format.count if tokens.source is Source.ESTIMATED else format.exact
    return (*words, (" · ", Tone.FAINT), *format.value(tokens, write), (" tokens", Tone.LABEL))


def _cost(request: RequestView, tokens: Figure) -> Line:
    """The time that the part that is read again took, estimated."""
    rate = request.prefill_tokens_per_s.value
    if not tokens.value or not rate:
        return text(format.UNKNOWN_TEXT, Tone.FAINT)
    return format.value(Figure(tokens.value / rate, Source.ESTIMATED), format.about)
