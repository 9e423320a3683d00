"""The bench's figures as a table: medians, spread, and the ratio to the byte relay."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median

Rows = dict[str, list[dict[str, float]]]

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
    "chunk_200_blocked_max_ms": "latest chunk at 200/s, max ms (terminal not reading for 3 s)",
    "chunk_1000_p50_ms": "latency per chunk at 1000/s, p50 ms",
    "chunk_1000_p99_ms": "latency per chunk at 1000/s, p99 ms",
    "cpu_flood_s_per_100k": "CPU s per 100k chunks, flood",
    "cpu_paced_s_per_100k": "CPU s per 100k chunks, 16 × 100/s",
    "rss_idle_mb": "RSS idle, MB",
    "rss_peak_mb": "RSS peak, MB",
    "slow_reader_growth_mb": "slow reader, 250 MB flood: growth, MB",
    "client_gone_ms": "client gone → upstream closed, ms",
    "cold_start_s": "cold start, s",
    "violations": "violations of the event order",
}


def write(rows: Rows, out: Path) -> None:
    """Print the table, and write it to `out` and beside it as JSON."""
    middle = {
        name: {key: median(row[key] for row in taken if key in row) for key in taken[0]}
        for name, taken in rows.items()
    }
    lines = [
        "# What the proxy adds",
        "",
        f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()}, "
        f"aiohttp {version('aiohttp')}, msgspec {version('msgspec')}. "
        f"Median of {len(next(iter(rows.values())))} turns (smallest–largest); simulated model "
        "server; compare the columns of this table, not with other machines.",
        "",
        "| | " + " | ".join(rows) + " | added to direct | ratio to relay |",
        "|---|" + "---|" * (len(rows) + 2),
    ]
    for key, label in LABELS.items():
        cells = [_cell(rows[name], key) for name in rows]
        ours, relay = middle["anyclaude-tui"].get(key), middle["byte relay"].get(key)
        direct = middle["direct"].get(key)
        added = f"{ours - direct:.2f}" if key.endswith("_ms") and ours and direct else ""
        ratio = f"{ours / relay:.2f}" if ours is not None and relay else ""
        lines.append(f"| {label} | " + " | ".join(cells) + f" | {added} | {ratio} |")
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    out.write_text(text, encoding="utf-8")
    out.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _cell(taken: list[dict[str, float]], key: str) -> str:
    values = [row[key] for row in taken if key in row]
    if not values:
        return "–"
    return f"{_number(median(values))} ({_number(min(values))}–{_number(max(values))})"


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value / 1000:.0f}k"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
