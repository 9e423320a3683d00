"""The bench's report: medians and spread, and limits that are kept or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.report import LABELS, LIMITS, write
from benchmarks.targets import IN_DASHBOARD, OURS

GOOD = {limit.key: limit.limit for limit in LIMITS}


def rows(ours: dict[str, float]) -> dict[str, list[dict[str, float]]]:
    direct = dict.fromkeys(LABELS, 0.0)
    relay = dict.fromkeys(LABELS, 2.0)
    return {
        "direct": [direct] * 3,
        "byte relay": [relay] * 3,
        OURS: [ours, ours, {**ours, "chunk_50_p50_ms": 7.0}],
        IN_DASHBOARD: [GOOD | {"blocked_max_ms": 50.0}] * 3,
    }


def report(tmp_path: Path, ours: dict[str, float]) -> str:
    out = tmp_path / "RESULTS.md"
    write(rows(ours), out, ["a note"], ["| start-up |"])
    return out.read_text(encoding="utf-8")


def test_what_is_at_its_limit_is_within_it(tmp_path: Path) -> None:
    text = report(tmp_path, GOOD | {"chunk_50_p50_ms": 1.0})
    assert text.count("| kept |") == len(LIMITS)
    assert "NOT KEPT" not in text
    assert "- a note" in text
    assert "| start-up |" in text


@pytest.mark.parametrize(
    ("key", "value"),
    [("ttft_large_p50_ms", 1.1), ("flood_1_chunks_per_s", 249_000), ("violations", 1.0)],
)
def test_what_is_beyond_its_limit_says_so(tmp_path: Path, key: str, value: float) -> None:
    text = report(tmp_path, GOOD | {"chunk_50_p50_ms": 1.0, key: value})
    assert text.count("NOT KEPT") == 1


def test_medians_spread_ratios_and_what_does_not_apply(tmp_path: Path) -> None:
    text = report(tmp_path, GOOD | {"chunk_50_p50_ms": 1.0})
    assert "| 1 (1–7) |" in text
    assert "| 0.00 | 1.00 | 0.50 |" in text, "the ratio to the relay"
    assert "| – |" in text
    figures = json.loads((tmp_path / "RESULTS.json").read_text(encoding="utf-8"))
    assert [row["chunk_50_p50_ms"] for row in figures[OURS]] == [1.0, 1.0, 7.0]
