"""Small charts as SVG text: lines over a size, on logarithmic axes or plain ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 34, 40
COLORS = ("#2563eb", "#d97706", "#16a34a")
PER_ROW = 2


@dataclass(slots=True)
class Line:
    """One line and its name in the legend."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]


@dataclass(slots=True)
class Plot:
    """One chart; `log` for both axes."""

    title: str
    x: str
    y: str
    lines: list[Line]
    log: bool = True


@dataclass(slots=True)
class _Axis:
    low: float
    high: float
    log: bool
    start: float
    end: float

    def place(self, value: float) -> float:
        low, high, value = (_scaled(v, self.log) for v in (self.low, self.high, value))
        return self.start + (value - low) / ((high - low) or 1) * (self.end - self.start)

    def ticks(self) -> list[float]:
        if not self.log:
            return [self.low + (self.high - self.low) * part / 4 for part in range(5)]
        first, last = round(math.log10(self.low)), round(math.log10(self.high))
        return [10.0**power for power in range(first, last + 1)]


def draw(plots: Sequence[Plot]) -> str:
    """All charts in one SVG, two in a row."""
    rows = math.ceil(len(plots) / PER_ROW)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * PER_ROW}" '
        f'height="{HEIGHT * rows}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, plot in enumerate(plots):
        left, top = number % PER_ROW * WIDTH, number // PER_ROW * HEIGHT
        parts += [f'<g transform="translate({left},{top})">', *_plot(plot), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _plot(plot: Plot) -> list[str]:
    x, y = _axes(plot)
    parts = [f'<text x="{LEFT}" y="16" font-weight="bold">{escape(plot.title)}</text>']
    for value in y.ticks():
        at = y.place(value)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#e5e7eb"/>')
        parts.append(_text(LEFT - 6, at + 4, _short(value), "end"))
    for value in x.ticks():
        at = x.place(value)
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e5e7eb"/>')
        parts.append(_text(at, HEIGHT - BOTTOM + 14, _short(value), "middle"))
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 8, plot.x, "end"))
    for number, line in enumerate(plot.lines):
        color = COLORS[number % len(COLORS)]
        points = [
            (x.place(a), y.place(max(b, y.low))) for a, b in zip(line.xs, line.ys, strict=True)
        ]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{color}"/>' for a, b in points]
        name = plot.y if line.name == "CPU" else line.name
        parts.append(_text(LEFT + 170 * number, 30, name, "start", color))
    return parts


def _axes(plot: Plot) -> tuple[_Axis, _Axis]:
    xs = [x for line in plot.lines for x in line.xs]
    ys = [y for line in plot.lines for y in line.ys]
    ends = (LEFT, WIDTH - RIGHT), (HEIGHT - BOTTOM, TOP + 6)
    if plot.log:
        return (
            _Axis(_down(min(xs)), _up(max(xs)), True, *ends[0]),
            _Axis(_down(max(min(ys), 1e-3)), _up(max(ys)), True, *ends[1]),
        )
    return _Axis(0, max(xs), False, *ends[0]), _Axis(0, max(ys) * 1.1, False, *ends[1])


def _scaled(value: float, log: bool) -> float:
    return math.log10(value) if log else value


def _down(value: float) -> float:
    return float(10.0 ** math.floor(math.log10(value)))


def _up(value: float) -> float:
    return float(10.0 ** math.ceil(math.log10(value)))


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:.3g}"


def _text(x: float, y: float, words: str, anchor: str, color: str = "#374151") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">'
        f"{escape(words)}</text>"
    )
