"""The results of `first_token` as Markdown: ratios, and the seconds that they are of."""

from __future__ import annotations

import os
from typing import Any

CASES = (
    ("kill", "after kill -9 and restart, another question", "≥ 20 × sooner"),
    ("conversation", "new conversation, same folder", "≥ 30 ×"),
    ("commit", "after a git commit", "≥ 10 ×"),
    ("CLAUDE.md", "after CLAUDE.md was edited", "≥ 10 ×"),
    ("switch", "next turn after a switch and 30 s of reading", "≥ 20 ×"),
)
HEAD = "| | before | now | sooner | than cold | target |\n|---|---|---|---|---|---|\n"


def table(found: dict[str, Any], commit: str) -> str:
    """The page; parts that were not measured are left out."""
    words = (
        f"# The first token\n\nBefore: commit {commit}. Now: with `[cache] disk = true`. Random "
        f"weights, on {os.cpu_count()} cores, the real `claude -p`. Where the cold times of both "
        "differ other work ran on the machine. So *sooner* compares shares of each tree's own cold "
        "time, and *than cold* is of the new one's.\n"
    )
    rows = [*_second(found), *_search(found), *_beside(found)]
    if "plain now" in found:
        rows = [*_cases(found, "plain"), *rows]
        size = f"{found['layers']} layers of {found['hidden']}"
        words += f"\n## mlx_lm\n\n{size}. {_cold(found, 'plain')}\n\n"
    if rows:
        words += HEAD + "\n".join(rows) + "\n"
    if "llama now" in found:
        words += (
            f"\n## llama.cpp\n\n{found['llama']}. {_cold(found, 'llama')} Before, llama.cpp could "
            "only be attached: the benchmark starts that server itself, with the flags that we "
            "give ours but for `--slot-save-path`, kills it and starts it again.\n\n"
        )
        words += HEAD + "\n".join(_cases(found, "llama")) + "\n"
    return words


def _cold(found: dict[str, Any], part: str) -> str:
    before, now = found[f"{part} before"]["cold"], found[f"{part} now"]["cold"]
    return (
        f"A prompt of {now['tokens']:,} tokens read cold: {before['ttft_s']:.1f} s before, "
        f"{now['ttft_s']:.1f} s now."
    )


def _cases(found: dict[str, Any], part: str) -> list[str]:
    before, now = found[f"{part} before"], found[f"{part} now"]
    old_cold, new_cold = before["cold"]["ttft_s"], now["cold"]["ttft_s"]
    rows = []
    for name, words, target in CASES:
        old, new = before[name]["ttft_s"], now[name]["ttft_s"]
        sooner = (old / old_cold) / (new / new_cold)  # the load may have changed in between
        rows.append(
            f"| {words} | {old:.2f} s ({before[name]['reused']:.0%} reused) | {new:.2f} s "
            f"({now[name]['reused']:.0%}) | {sooner:.0f} × | {new_cold / new:.0f} × | {target} |"
        )
    return rows


def _second(found: dict[str, Any]) -> list[str]:
    rows = []
    for kind in ("sliding", "hybrid"):
        if f"{kind} now" not in found:
            continue
        old, new = found[f"{kind} before"], found[f"{kind} now"]
        rows.append(
            f"| second conversation, {kind} | {old['ttft_s']:.2f} s ({old['reused']:.0%} reused) | "
            f"{new['ttft_s']:.2f} s ({new['reused']:.0%}) | {old['ttft_s'] / new['ttft_s']:.1f} × "
            "| – | ≥ 90 % reused |"
        )
    return rows


def _search(found: dict[str, Any]) -> list[str]:
    if "search" not in found:
        return []
    own, ours = found["search"]
    words = f"{own:.2f} s | {ours:.3f} s | {own / ours:.0f} × | – | ≤ 0.3 s |"
    return [f"| look-up of 70 tokens beside a cached 100,000 | {words}"]


def _beside(found: dict[str, Any]) -> list[str]:
    if "beside now" not in found:
        return []
    (old_cold, old), (new_cold, new) = found["beside before"], found["beside now"]
    words = f"{old / old_cold:.2f} × cold | {new / new_cold:.2f} × cold | {old / new:.1f} ×"
    return [f"| a request in the middle of warming | {words} | – | ≤ 1.1 × cold + one step |"]
