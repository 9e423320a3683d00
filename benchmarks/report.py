"""The bench's figures as tables: medians, spread, limits, and ratios to the byte relay."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.targets import IN_DASHBOARD, OURS

Rows = Mapping[str, Sequence[Mapping[str, float]]]
"""Target → its figures, turn by turn."""
RELAY, DIRECT = "byte relay", "direct"

LABELS = {
    "ttft_small_p50_ms": "TTFT, small body, p50 ms",
    "ttft_small_p95_ms": "TTFT, small body, p95 ms",
    "ttft_large_p50_ms": "TTFT, 125 KB body, p50 ms",
    "ttft_large_p95_ms": "TTFT, 125 KB body, p95 ms",
    "ttft_claude_p50_ms": "TTFT, 125 KB in Claude Code's form, p50 ms",
    "ttft_claude_p95_ms": "TTFT, 125 KB in Claude Code's form, p95 ms",
    "flood_1_chunks_per_s": "flood, 1 stream, chunks/s",
    "flood_16_chunks_per_s": "flood, 16 streams, chunks/s",
    "flood_64_chunks_per_s": "flood, 64 streams, chunks/s",
    "chunk_50_p50_ms": "latency per chunk at 50/s, p50 ms",
    "chunk_50_p99_ms": "latency per chunk at 50/s, p99 ms",
    "chunk_200_p50_ms": "latency per chunk at 200/s, p50 ms",
    "chunk_200_p99_ms": "latency per chunk at 200/s, p99 ms",
    "chunk_200_max_ms": "latest of 1,000 chunks at 200/s, ms",
    "blocked_max_ms": "the same, the outer terminal not reading for 3 s, ms",
    "chunk_1000_p50_ms": "latency per chunk at 1000/s, p50 ms",
    "chunk_1000_p99_ms": "latency per chunk at 1000/s, p99 ms",
    "cpu_flood_s_per_100k": "CPU s per 100k chunks, flood",
    "cpu_paced_s_per_100k": "CPU s per 100k chunks, 16 × 100/s",
    "cpu_idle_percent": "CPU while nothing streams, %",
    "rss_idle_mb": "RSS idle, MB",
    "rss_peak_mb": "RSS peak, MB",
    "slow_reader_growth_mb": "slow reader, 250 MB flood: growth, MB",
    "client_gone_ms": "client gone → upstream closed, ms",
    "cold_start_s": "cold start, s",
    "violations": "replies that break the protocol",
}
NO_RATIO = ("violations", "slow_reader_growth_mb", "cold_start_s", "blocked_max_ms")


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit that a figure must keep to. `added`: over the direct connection's."""

    target: str
    key: str
    limit: float
    added: bool = False
    at_least: bool = False

    def verdict(self, middle: Mapping[str, Mapping[str, float]]) -> tuple[float, bool]:
        """The median and whether it keeps to the limit."""
        value = middle[self.target][self.key]
        if self.added:
            value -= middle[DIRECT][self.key]
        return value, value >= self.limit if self.at_least else value <= self.limit

    @property
    def words(self) -> str:
        sign = "≥" if self.at_least else "≤"
        added = "added " if self.added else ""
        return f"{self.target}: {added}{LABELS[self.key]} {sign} {_number(self.limit)}"


LIMITS = (
    Limit(OURS, "ttft_large_p50_ms", 1.0, added=True),
    Limit(OURS, "flood_1_chunks_per_s", 250_000, at_least=True),
    Limit(OURS, "cpu_paced_s_per_100k", 7.0),
    Limit(OURS, "rss_idle_mb", 70.0),
    Limit(OURS, "slow_reader_growth_mb", 8.0),
    Limit(OURS, "client_gone_ms", 10.0),
    Limit(OURS, "violations", 0.0),
    Limit(IN_DASHBOARD, "chunk_200_p50_ms", 0.5, added=True),
    Limit(IN_DASHBOARD, "chunk_200_p99_ms", 8.0, added=True),
    Limit(IN_DASHBOARD, "blocked_max_ms", 50.0, added=True),
    Limit(IN_DASHBOARD, "violations", 0.0),
)


def write(rows: Rows, out: Path, notes: Sequence[str], start_up: Sequence[str]) -> None:
    """Print the tables, and write them to `out` and the figures beside it as JSON.

    `start_up`: the lines of that table.
    """
    middle = {
        name: {key: median(row[key] for row in taken if key in row) for key in _keys(taken)}
        for name, taken in rows.items()
    }
    turns = len(next(iter(rows.values())))
    lines = [
        "# What the proxy adds",
        "",
        f"Made by `make bench` on {_machine()}; Python {platform.python_version()}, "
        f"aiohttp {version('aiohttp')}, msgspec {version('msgspec')}, "
        f"Textual {version('textual')}. Medians of {turns} turns (smallest–largest), all "
        "targets in turns in one run; the model server is the bench's own. Compare the columns "
        "with one another, not with another machine's.",
        "",
        *(f"- {note}" for note in notes),
        "",
        "## Limits",
        "",
        "| limit | median | |",
        "|---|---|---|",
        *_limits(middle),
        "",
        "## Figures",
        "",
        "| | " + " | ".join(rows) + " |",
        "|---|" + "---|" * len(rows),
    ]
    for key, label in LABELS.items():
        lines.append(f"| {label} | " + " | ".join(_cell(rows[name], key) for name in rows) + " |")
    lines += [
        "",
        "–: does not apply; for a client that left: the upstream was not closed within 10 s.",
        "",
        "## Ratios to the byte relay",
        "",
        "| | " + " | ".join(rows) + " |",
        "|---|" + "---|" * len(rows),
    ]
    for key, label in LABELS.items():
        base = middle[RELAY].get(key)
        if base and key not in NO_RATIO:
            ratios = (_ratio(middle[name].get(key), base) for name in rows)
            lines.append(f"| {label} | " + " | ".join(ratios) + " |")
    lines += ["", "## Start-up", "", *start_up]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    out.write_text(text, encoding="utf-8")
    out.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _machine() -> str:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{os.cpu_count()} × {name}, {platform.system()} {platform.release()}"


def _limits(middle: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = []
    for limit in LIMITS:
        value, kept = limit.verdict(middle)
        lines.append(f"| {limit.words} | {_number(value)} | {'kept' if kept else 'NOT KEPT'} |")
    return lines


def _keys(taken: Sequence[Mapping[str, float]]) -> dict[str, None]:
    return {key: None for row in taken for key in row}


def _cell(taken: Sequence[Mapping[str, float]], key: str) -> str:
    values = [row[key] for row in taken if key in row]
    if not values:
        return "–"
    low, high = _number(min(values)), _number(max(values))
    return _number(median(values)) + (f" ({low}–{high})" if low != high else "")


def _ratio(value: float | None, base: float) -> str:
    return "–" if value is None else f"{value / base:.2f}"


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value / 1000:.0f}k"
    return f"{value:.2f}" if abs(value) < 10 and value != int(value) else f"{value:.0f}"
