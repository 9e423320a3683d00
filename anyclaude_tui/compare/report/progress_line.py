"""The progress of a comparison on a terminal: one line that is rewritten, or plain lines.

On a terminal the newest line shows the run as it goes; where stderr is a file or a pipe,
each run is told once, when it has ended.
"""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from anyclaude_tui import figures
from anyclaude_tui.compare.measuring.plan import Step
from anyclaude_tui.compare.measuring.progress import (
    BringingUp,
    BroughtUp,
    Progress,
    RunEnded,
    Running,
    TargetFailed,
)
from anyclaude_tui.compare.report.rich_text import why
from anyclaude_tui.printable import printable
from anyclaude_tui.telemetry.events import Phase
from anyclaude_tui.telemetry.metrics import RequestView


class ProgressLine:
    """A listener for `Comparer`; a context manager, so that the line is put away."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = (
            Live(console=console, transient=True, refresh_per_second=8)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> ProgressLine:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show one piece of news."""
        if isinstance(progress, Running):
            if self._live is not None:
                self._live.update(Text(running(progress), no_wrap=True, overflow="ellipsis"))
        elif isinstance(progress, BringingUp):
            self._say(f"starting {progress.target} …")
        elif isinstance(progress, BroughtUp):
            target = progress.target
            up = f" in {figures.seconds(target.bring_up_s)}" if target.bring_up_s else ""
            simulated = " (SIMULATED)" if target.simulated else ""
            self._say(f"{target.name} is up{up}: {target.model}{simulated}")
        elif isinstance(progress, TargetFailed):
            self._say(f"{progress.target} is left out: {progress.reason}")
        elif isinstance(progress, RunEnded):
            self._say(ended(progress))

    def _say(self, text: str) -> None:
        self._console.print(escape(printable(text)), highlight=False, soft_wrap=True)


def running(progress: Running) -> str:
    """One line on the run that is going on."""
    start = f"[{progress.number}/{progress.total}] {_name(progress.step)}"
    view = progress.view
    if view is None:
        return start
    return f"{start}: {_state(view)}{_left(progress.eta_s)}"


def ended(progress: RunEnded) -> str:
    """One line on a run that has ended."""
    sample = progress.sample
    start = f"[{progress.number}/{progress.total}] {_name(progress.step)}"
    if not sample.ok and (sample.run or not sample.ended_well):
        return f"{start}: failed, {why(sample)}{_left(progress.eta_s)}"
    return f"{start}: {_figures(sample.view)}{_left(progress.eta_s)}"


def _name(step: Step) -> str:
    run = f"run {step.run}" if step.run else "warm-up"
    return f"{step.target} · {step.workload} {step.prefix} {step.way} {run}"


def _state(view: RequestView) -> str:
    if view.ttft_s.value is not None:
        return _figures(view)
    if view.phase is Phase.PREFILL and view.prefill_total_tokens:
        done, total = view.prefill_done_tokens or 0, view.prefill_total_tokens
        return f"prefill {figures.exact(done)} of {figures.exact(total)} tokens"
    return f"{view.phase} {figures.seconds(view.elapsed_s)}"


def _figures(view: RequestView) -> str:
    parts = [f"TTFT {figures.seconds(view.ttft_s.value)}"]
    speed = view.tokens_per_s
    if speed.value is not None:
        parts.append(figures.marked(speed, figures.rate(speed.value)) + " tokens/s")
    parts.append(f"{view.chunks or view.deltas} chunks")
    if view.keepalives:
        parts.append(f"{view.keepalives} keepalives")
    return ", ".join(parts)


def _left(eta_s: float | None) -> str:
    return f" · about {figures.seconds(eta_s)} left" if eta_s else ""
