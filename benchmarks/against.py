"""`make bench-against REV=…`: what another commit costs and what this one does, in one run.

    python -m benchmarks.against REV [--turns 5] [--requests | --memory | --screen] [--peer CMD]

Both run as `serve` under the same Python and libraries, REV from a worktree that is removed at the
end; each turn starts both anew. Ratios are made turn by turn, so that what else the machine does
falls out of them; beside them stands the smallest and the largest. "Added" is what is over a direct
connection in the same turn. `--peer` puts another proxy beside them (`peers.py`): what it takes for
the same body, from the same turns.
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Literal

from anyclaude_tui.telemetry.metrics import percentile
from benchmarks.bench import PAUSE_S, Row, client_gone, flood, slow_reader
from benchmarks.bodies import body, claude_code, turns
from benchmarks.check import violations
from benchmarks.client import Target, ask, many
from benchmarks.targets import Runner, peer, pin, relay, serve
from benchmarks.upstream import UpstreamProcess

HERE = Path(__file__).parent.parent
SHORT = "paced 2 1000"
TRIES = 40
LONG_TURNS, LONG_TRIES = 1_000, 8
FLOOD = 400_000
GROWING_STEP = 10
"""Of a conversation of LONG_TURNS turns every so many are sent."""
SETTLED_S = 1.0
LEAST_MB = 0.25
"""Less growth than this is the allocator's."""
FIGURES = {
    "ttft_claude_ms": ("added TTFT, 125 KB in Claude Code's form, ms", 0.4),
    "cpu_claude_ms": ("CPU per request, the same body, ms", 0.4),
    "ttft_long_ms": ("added TTFT, 1,000 turns of which the last is new, ms", 0.2),
    "cpu_long_ms": ("CPU per request, the same, ms", None),
    "cpu_paced_s": ("CPU s per 100k chunks, 16 × 100/s", 0.7),
    "rss_idle_mb": ("RSS idle, MB", 0.75),
    "rss_grown_mb": ("RSS after 1,000 turns of a growing conversation, MB", 0.5),
    "rss_growth_mb": ("of that grown since idle, MB", None),
    "ready_s": ("start to the ready line, s", 0.5),
    "cpu_flood_s": ("CPU s per 100k chunks, flood", 1.0),
    "chunk_200_p50_ms": ("latency per chunk at 200/s, p50 ms", 1.0),
    "slow_reader_growth_mb": ("slow reader: growth, MB", 1.0),
    "client_gone_ms": ("client gone → upstream closed, ms", 1.0),
}
"""Figure → its name, and what the ratio is to be at most."""
ADDED = ("ttft_claude_ms", "ttft_long_ms")
BESIDE = {
    "ttft_claude_ms": "added TTFT, ms",
    "cpu_claude_ms": "CPU per request, ms",
    "rss_idle_mb": "RSS idle, MB",
    "ready_s": "start to ready, s",
}
"""Figures that are taken of peers."""
PEER = "peer "
What = Literal["all", "requests", "memory"]
"""The part that is measured: of requests alone; start and memory."""


Runners = Mapping[str, Runner]


async def of_requests(runners: Runners, payloads: Sequence[bytes], name: str) -> dict[str, Row]:
    """TTFT and CPU in ms of requests of one conversation, each sent to all, one after the other."""
    ttft_ms: dict[str, list[float]] = {who: [] for who in runners}
    for runner in runners.values():
        await ask(runner.target, payloads[0], session=name)  # what is seen for the first time
    await asyncio.sleep(PAUSE_S)
    before = {who: runner.cpu_s() for who, runner in runners.items()}
    for payload in payloads[1:]:
        for who, runner in runners.items():
            ttft_ms[who].append((await ask(runner.target, payload, session=name)).ttft_ms)
            await asyncio.sleep(2 * PAUSE_S)  # what is done afterwards is a cost too
    count = len(payloads) - 1
    return {
        who: {
            f"ttft_{name}_ms": median(ttft_ms[who]),
            f"cpu_{name}_ms": 1000 * (runner.cpu_s() - before[who]) / count,
        }
        for who, runner in runners.items()
    }


async def measure(runners: Runners, upstream: UpstreamProcess, what: What) -> dict[str, Row]:
    """Every figure of all, once; step by step in turns. Of a peer: those of a request alone."""
    rows: dict[str, Row] = {
        who: {"rss_idle_mb": runner.rss() / 1e6, "ready_s": runner.start_s or 0.0}
        for who, runner in runners.items()
    }
    ours = {who: runner for who, runner in runners.items() if not who.startswith(PEER)}
    found = await of_requests(runners, [claude_code(SHORT)] * TRIES, "claude")
    if what != "memory":
        long = [turns(LONG_TURNS, number, SHORT) for number in range(LONG_TRIES)]
        for who, row in (await of_requests(ours, long, "long")).items():
            found[who] |= row
    for who, runner in runners.items():
        rows[who] |= found[who]
        if runner.process is not None and who in ours and what != "requests":
            rows[who] |= await grown(runner)
            rows[who] |= await streams(runner, upstream) if what == "all" else {}
    return rows


async def grown(runner: Runner) -> Row:
    """Memory after a conversation that grew."""
    for count in range(GROWING_STEP, LONG_TURNS + 1, GROWING_STEP):
        await ask(runner.target, turns(count, 0, SHORT), session="growing")
    await asyncio.sleep(SETTLED_S)
    grown_mb = runner.rss() / 1e6
    return {"rss_grown_mb": grown_mb, "rss_growth_mb": grown_mb - runner.idle_bytes / 1e6}


async def streams(runner: Runner, upstream: UpstreamProcess) -> Row:
    """The cost of a stream, and how late it is."""
    target, row = runner.target, Row()
    before = runner.cpu_s()
    paced = await many(target, body("paced 300 100"), 16)
    row["cpu_paced_s"] = (runner.cpu_s() - before) / sum(one.deltas for one in paced) * 1e5
    row["cpu_flood_s"] = (await flood(runner, 1, FLOOD)).cpu_s_per_100k
    late_ms = (await ask(target, body("paced 400 200"))).latencies_ms
    row["chunk_200_p50_ms"] = percentile(late_ms, 50) or 0.0
    row["slow_reader_growth_mb"] = max(LEAST_MB, await slow_reader(runner))
    row["client_gone_ms"] = await client_gone(runner, upstream) or float("inf")
    row["violations"] = float(len(await violations(target)))
    return row


@contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """The files of a commit, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path, git = Path(folder, "tree"), ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(path), revision], check=True)
        try:
            yield path
        finally:
            subprocess.run([*git, "remove", "--force", str(path)], check=True)


async def run(
    revision: str, rounds: int, out: Path, what: What = "all", peers: Sequence[str] = ()
) -> None:
    """Both commits in turns, and the report."""
    rows: dict[str, list[Row]] = {"before": [], "now": []}
    others: dict[str, list[Row]] = {}
    relay_mb: list[float] = []
    with worktree(revision) as tree, UpstreamProcess() as upstream:
        for source in (tree, HERE):  # bytecode is made once, at an installation
            compileall.compile_dir(source / "anyclaude_tui", quiet=1)
            with serve(upstream, source):  # so are the libraries'
                pass
        for turn in range(rounds):
            print(f"turn {turn + 1}/{rounds}", file=sys.stderr)
            with ExitStack() as stack:
                order = [("before", tree), ("now", HERE)]
                # Who is first has the machine colder or warmer: they change places.
                made = {
                    name: stack.enter_context(serve(upstream, source))
                    for name, source in (order if turn % 2 else order[::-1])
                }
                beside = {
                    f"{PEER}{number}": stack.enter_context(peer(number, command, upstream))
                    for number, command in enumerate(peers, 1)
                }
                bytes_only = stack.enter_context(relay(upstream))
                await asyncio.sleep(SETTLED_S)
                relay_mb.append(bytes_only.rss() / 1e6)
                pin([*made.values(), *beside.values(), bytes_only], upstream)
                direct = Runner(Target("direct", upstream.port), None)
                found = await measure({"direct": direct, **made, **beside}, upstream, what)
            for name, taken in rows.items():
                added = {
                    key: found[name][key] - found["direct"][key]
                    for key in ADDED
                    if key in found[name]
                }
                taken.append(found[name] | added)
            for key, runner in beside.items():
                row = found[key]
                row["ttft_claude_ms"] -= found["direct"]["ttft_claude_ms"]
                others.setdefault(runner.target.name, []).append(row)
    write(rows, revision, median(relay_mb), out, others)


def write(
    rows: Mapping[str, Sequence[Row]],
    revision: str,
    relay_mb: float,
    out: Path,
    peers: Mapping[str, Sequence[Row]],
) -> None:
    """Print the table; write it to `out`, and the figures beside it."""
    log = ["git", "-C", str(HERE), "log", "-1", "--format=%h %s"]
    before, now = (
        subprocess.run([*log, one], capture_output=True, text=True, check=True).stdout.strip()
        for one in (revision, "HEAD")
    )
    lines = [
        "# Against an earlier commit",
        "",
        f"Made by `make bench-against REV={revision}`. Before: {before}. Now: {now}, and what is "
        f"not committed. Medians of {len(rows['now'])} turns (smallest–largest), both in turns in "
        "one run, requests by turns too, `serve` pinned to one core; the ratio is the median of "
        "each turn's own.",
        "",
        "| | before | now | ratio | at most | |",
        "|---|---|---|---|---|---|",
    ]
    for key, (label, target) in FIGURES.items():
        if key not in rows["now"][0]:
            continue
        was, became = ([row[key] for row in rows[name]] for name in ("before", "now"))
        ratios = [b / a for a, b in zip(was, became, strict=True)]
        reached = "" if target is None else "yes" if median(ratios) <= target else "NO"
        wanted = "" if target is None else f"{target:g}"
        cells = (_spread(was), _spread(became), f"**{_spread(ratios)}**", wanted, reached)
        lines.append(f"| {label} | {' | '.join(cells)} |")
    idle = median(row["rss_idle_mb"] for row in rows["now"])
    broken = [sum(row.get("violations", 0) for row in rows[name]) for name in ("before", "now")]
    lines += [
        "",
        f"RSS idle is {idle / relay_mb:.2f} × that of the byte relay ({relay_mb:.0f} MB). Replies "
        f"that break the protocol: {broken[0]:.0f} before, {broken[1]:.0f} now. Load of the "
        f"machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.",
        "",
    ]
    if peers:
        lines += ["| beside it, the same body | " + " | ".join(BESIDE.values()) + " |"]
        lines += ["|---" * (len(BESIDE) + 1) + "|"]
        for name, taken in {"anyclaude-tui": rows["now"], **peers}.items():
            figures = " | ".join(_spread([row[key] for row in taken]) for key in BESIDE)
            lines.append(f"| {name} | {figures} |")
        lines.append("")
    text = "\n".join(lines)
    sys.stdout.write(text)
    out.write_text(text, encoding="utf-8")
    out.with_suffix(".json").write_text(
        json.dumps({**rows, **peers}, indent=1) + "\n", encoding="utf-8"
    )


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revision")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "benchmarks" / "AGAINST.md")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--requests", dest="what", action="store_const", const="requests")
    only.add_argument("--memory", dest="what", action="store_const", const="memory")
    only.add_argument("--screen", action="store_true", help="only what the terminal gets")
    parser.add_argument("--peer", action="append", default=[], metavar="CMD")
    parser.set_defaults(what="all")
    options = parser.parse_args()
    if options.screen:
        from benchmarks import screen

        print(screen.compare(options.revision, 60.0, options.turns))
        sys.exit()
    start = time.monotonic()
    asyncio.run(run(options.revision, options.turns, options.out, options.what, options.peer))
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
