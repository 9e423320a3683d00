"""Comparisons for the tests of the compare screens: made-up figures, fixed for ever."""

from __future__ import annotations

import concurrent.futures
from dataclasses import replace

from anyclaude_tui.compare.job import Job, Order
from anyclaude_tui.compare.measuring.client_reader import ANSWER
from anyclaude_tui.compare.measuring.live import Live, after, begin
from anyclaude_tui.compare.measuring.plan import Step, make_plan
from anyclaude_tui.compare.measuring.progress import (
    BringingUp,
    BroughtUp,
    Planned,
    Progress,
    RunEnded,
    Running,
    TargetFailed,
)
from anyclaude_tui.compare.report.saved import Saved, save
from anyclaude_tui.compare.samples import Comparison, Prefix, Sample, Target, Way
from anyclaude_tui.compare.workload import builtin
from anyclaude_tui.telemetry.events import Phase
from anyclaude_tui.telemetry.metrics import view
from tests.compare.made_up import Made, comparison
from tests.screens import fakes

FAST = Target("fast", "simulator", "fast", "gpt-oss-20b", simulated=True, window_tokens=131_072)
SLOW = Target("slow", "mlx_lm", "slow", "qwen3-42b-thinking", window_tokens=40_960, bring_up_s=8.2)
STARTED = 1_000.0
WALL = 1_763_000_000.0
THOUGHT = "Where is the limit read? In the client's constructor, once."
REPLY = (
    "The retry limit is read once, when the client is made, so a change in the settings has "
    "no effect on those that run.\n\n1. Read it at each request instead.\n2. Say so in the log."
)


def finished(*, failed: bool = False) -> Comparison:
    """Three runs of two workloads on a fast and a slow target."""
    slow = Made(120.0, 12.0, 140, 110, fails="the backend died: out of memory" if failed else "")
    made = comparison(7, Made(1900.0, 65.0, 20, 90), slow, workloads=("short", "long"))
    names = {"a": FAST, "b": SLOW}
    samples = tuple(
        replace(
            sample,
            target=names[sample.target].name,
            text=REPLY,
            timeline=_timeline(sample),
        )
        for sample in made.samples
    )
    return replace(made, targets=(FAST, SLOW), samples=samples, started_wall=WALL, seconds=734.0)


def _timeline(sample: Sample) -> tuple[tuple[float, int], ...]:
    first, decode = sample.view.ttft_s.value or 0.0, sample.view.decode_s.value or 0.0
    count = sample.view.deltas
    return tuple((first + decode * n / 40, round(count * n / 40)) for n in range(1, 41))


def saved(*, failed: bool = False) -> Saved:
    """As it is kept; the program's version is always the same."""
    return replace(save(finished(failed=failed)), program="1.0")


def order(stop_active: bool = False) -> Order:
    """What would be run for it."""
    return Order(("fast", "slow"), tuple(builtin()), 3, ("simulator", "mlx_lm"), stop_active)


def running(step: Step, number: int, phase: Phase = Phase.DECODE) -> Running:
    """A run in the middle."""
    record = fakes.decoding() if phase is Phase.DECODE else fakes.prefilling()
    record.prompt_bytes, record.message_count, record.tool_count = 76_400, 5, 12
    now = view(record, fakes.NOW)
    points = tuple((4.0 + n / 10, 4 * n) for n in range(1, 38))
    text = f"{THOUGHT}\n{ANSWER}\n{REPLY}" if phase is Phase.DECODE else ""
    return Running(step, number, 22, 184.0, now, text, points if text else ())


def told(*, upto: int = 9, phase: Phase = Phase.DECODE) -> list[Progress]:
    """What a comparison tells until its run `upto` goes on; one of its runs has failed."""
    visits = make_plan(["fast", "slow"], builtin(), 2, together=False)
    steps = [step for visit in visits for step in visit.steps]
    samples = {(s.target, s.workload, s.way, s.prefix, s.run): s for s in finished().samples}
    bad = finished(failed=True).samples[-1]
    news: list[Progress] = [Planned(visits, len(steps))]
    up: set[str] = set()
    for number, step in enumerate(steps[:upto], 1):
        if step.target not in up:
            up.add(step.target)
            news += [BringingUp(step.target), BroughtUp(FAST if step.target == "fast" else SLOW)]
        if number == upto:
            news.append(running(step, number, phase))
            break
        key = (step.target, step.workload, step.way, step.prefix, step.run)
        sample = samples.get(key) or samples["fast", "short", Way.PROXY, Prefix.COLD, 1]
        if number == 4:
            sample = replace(bad, target=step.target)
        sample = replace(sample, workload=step.workload, way=step.way, prefix=step.prefix)
        sample = replace(sample, run=step.run)
        news.append(RunEnded(step, sample, number, len(steps), 190.0))
    return news


def live(*news: Progress, targets: tuple[Target, ...] = (FAST, SLOW)) -> Live:
    """After these news, the runs' at second 31."""
    value = begin([replace(t, model="", window_tokens=None) for t in targets], STARTED)
    for one in news:
        value = after(value, one, STARTED + 31.0)
    return value


def left_out(name: str = "slow") -> TargetFailed:
    """A target that did not come up."""
    return TargetFailed(name, "port 8080 is taken by PID 812 (python): end that process")


class Held(Job):
    """A job that is never begun: it shows what the test wants."""

    def __init__(self, value: Live, stop_active: bool = False) -> None:
        self.live = value
        self.result = None
        self.stopped = 0
        self.order = order(stop_active)
        self.future: concurrent.futures.Future[None] = concurrent.futures.Future()

    def start(self) -> concurrent.futures.Future[None]:
        return self.future

    def stop(self) -> None:
        self.stopped += 1
