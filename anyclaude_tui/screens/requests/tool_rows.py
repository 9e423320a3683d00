"""The lines about the tools of a request: their cost, those left out, and the saving. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from anyclaude_tui.figures import UNKNOWN, Figure, Source, estimated
from anyclaude_tui.session.tool_sizes import ToolSize
from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, joined, pad, spread, text, wrapped

_BYTES, _TOKENS, _SECONDS = 9, 9, 8


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of one request, and what its backend's user leaves out from now on."""

    tools: tuple[ToolSize, ...]
    patterns: tuple[str, ...]
    """`leave_out` as it is set."""
    prompt_tokens: Figure
    prompt_bytes: int
    """Of what went upstream."""
    speed: Figure
    """Tokens per second of this backend's prefill."""
    own: bool = False
    """The backend has a `leave_out` of its own."""

    def is_out(self, tool: ToolSize) -> bool:
        """True if the next conversation is without this tool."""
        return any(fnmatchcase(tool.name, pattern) for pattern in self.patterns)

    def toggled(self, tool: ToolSize) -> tuple[str, ...] | None:
        """The patterns with this tool left out, or taken back; None where a pattern with a
        `*` leaves out more than it."""
        if not self.is_out(tool):
            return (*self.patterns, _literal(tool.name))
        kept = tuple(one for one in self.patterns if one not in (tool.name, _literal(tool.name)))
        return None if any(fnmatchcase(tool.name, one) for one in kept) else kept

    def tokens(self, tool: ToolSize) -> Figure:
        """Counted with the model's tokenizer, else by its share of the prompt's bytes."""
        if tool.tokens.value is not None:
            return tool.tokens
        if self.prompt_tokens.value is None or not self.prompt_bytes:
            return UNKNOWN
        return estimated(self.prompt_tokens.value * tool.size_bytes / self.prompt_bytes)

    def seconds(self, tokens: Figure) -> Figure:
        """The seconds that the backend takes to read so many uncached tokens, estimated."""
        if tokens.value is None or not self.speed.value:
            return UNKNOWN
        return estimated(tokens.value / self.speed.value)

    def total(self, tools: Iterable[ToolSize]) -> Figure:
        """The tokens of these tools together."""
        figures = [self.tokens(tool) for tool in tools]
        if any(figure.value is None for figure in figures):
            return UNKNOWN
        guessed = any(figure.source is Source.ESTIMATED for figure in figures)
        value = sum(figure.value or 0.0 for figure in figures)
        return Figure(value, Source.ESTIMATED if guessed else Source.MEASURED)


def _literal(name: str) -> str:
    """A pattern that is this name only."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


_STATES = {
    (False, False): "",
    (False, True): "out next",
    (True, False): "back next",
    (True, True): "left out",
}
"""Words for (it was left out of this request, it is from the next conversation on)."""


def _span(value: float) -> str:
    """A guess at a time: 0.4 s, 12 s, 1m 24s."""
    return format.about(value) if value >= 9.95 else f"{value:.1f} s"


def head(width: int) -> Line:
    """The names of the columns."""
    right: Line = ()
    for label, size in (("bytes", _BYTES), ("tokens", _TOKENS), ("prefill", _SECONDS)):
        right += spread((), text(label, Tone.FAINT), size)
    return spread(text("   next conversation", Tone.FAINT), right, width)


def row(tools: Tools, tool: ToolSize, width: int) -> Line:
    """One tool: whether it is offered, and what it costs."""
    out = tools.is_out(tool)
    mark: Line = (("○ ", Tone.FAINT),) if out else (("● ", Tone.LIVE),)
    tokens = tools.tokens(tool)
    right = (
        *spread((), text(format.size(tool.size_bytes), Tone.LABEL), _BYTES),
        *spread((), format.value(tokens, format.count), _TOKENS),
        *spread((), format.value(tools.seconds(tokens), _span), _SECONDS),
    )
    state = _STATES[tool.left_out, out]
    room = max(4, width - 2 - len("back next") - 3 - _BYTES - _TOKENS - _SECONDS)
    name = pad(fit(text(clean(tool.name), Tone.LABEL if out else Tone.TEXT), room), room)
    words = text(f" {state:9}", Tone.LABEL if tool.left_out and out else Tone.WARN)
    return spread((*mark, *name, *words), right, width)


def summary(tools: Tools, width: int) -> list[Line]:
    """The cost of the tools in this request and in the next conversation, and the saving."""
    sent = [tool for tool in tools.tools if not tool.left_out]
    kept = [tool for tool in tools.tools if not tools.is_out(tool)]
    out = [tool for tool in tools.tools if tools.is_out(tool)]
    lines = [
        fit(_cost("this request", tools, sent), width),
        fit(_cost("from the next", tools, kept), width),
    ]
    saved = tools.total(out)
    if out:
        many = format.counted(len(out), "tool")
        words = (
            (f"{'saves':15}", Tone.LABEL),
            *format.value(saved, format.exact, Tone.OK),
            (" tokens, ", Tone.LABEL),
            *format.value(tools.seconds(saved), _span, Tone.OK),
            (f" of prefill: {many} left out", Tone.LABEL),
        )
        lines.append(fit(words, width))
    else:
        lines.append(fit(text("nothing is left out", Tone.LABEL), width))
    if not tools.speed.value:
        lines += wrapped(
            "Seconds are not known: this backend has read no prompt of 500 tokens yet.",
            width,
            2,
            Tone.LABEL,
        )
    return lines


def _cost(label: str, tools: Tools, some: Sequence[ToolSize]) -> Line:
    tokens = tools.total(some)
    return (
        (f"{label:15}", Tone.LABEL),
        *text(format.counted(len(some), "tool")),
        (", ", Tone.LABEL),
        *format.value(tokens, format.exact),
        (" tokens, ", Tone.LABEL),
        *format.value(tools.seconds(tokens), _span),
    )


def brief(tools: Tools) -> Line:
    """One line for the sizes of a prompt: what is left out of it, and what will be."""
    gone = [tool for tool in tools.tools if tool.left_out]
    parts: list[Line] = []
    if gone:
        parts.append(_saving(f"{format.counted(len(gone), 'tool')} left out", tools, gone))
    changes = [tool for tool in tools.tools if tools.is_out(tool) != tool.left_out]
    more = [tool for tool in changes if not tool.left_out]
    back = [tool for tool in changes if tool.left_out]
    if more:
        parts.append(_saving(f"next conversation: {len(more)} out", tools, more))
    if back:
        parts.append(text(f"{'' if more else 'next conversation: '}{len(back)} back", Tone.LABEL))
    return joined(parts)


def _saving(words: str, tools: Tools, some: Collection[ToolSize]) -> Line:
    tokens = tools.total(some)
    return (
        (f"{words}: ", Tone.LABEL),
        *format.value(tokens, format.exact, Tone.OK),
        (" tokens, ", Tone.LABEL),
        *format.value(tools.seconds(tokens), _span, Tone.OK),
    )
