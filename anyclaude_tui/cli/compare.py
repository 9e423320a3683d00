"""`anyclaude-tui compare A B [C…]`: progress on stderr, the report on stdout, files on request.

Ctrl+C stops it and reports what there is; a second one ends at once.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from anyclaude_tui import config as configuration
from anyclaude_tui.cli import settings as command_settings
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.compare.diagnosis.causes import Cause
from anyclaude_tui.compare.measuring.comparer import Comparer
from anyclaude_tui.compare.report import history, rich_text
from anyclaude_tui.compare.report.markdown import to_markdown
from anyclaude_tui.compare.report.progress_line import ProgressLine
from anyclaude_tui.compare.report.saved import save, to_json
from anyclaude_tui.compare.samples import Comparison
from anyclaude_tui.compare.workload import (
    QUICK,
    SUITE,
    Workload,
    WorkloadError,
    also_logged,
    builtin,
    from_file,
    from_prompt,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `compare`."""
    parser.add_argument(
        "targets", nargs="+", metavar="TARGET", help="a configured backend, or KIND[:REST]"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--prompt", metavar="TEXT", help="ask this")
    what.add_argument(
        "--trace", metavar="FILE", type=Path, help="send the request of a trace, or a JSON body"
    )
    what.add_argument(
        "--workload",
        metavar="NAMES",
        default=",".join(QUICK),
        help=f"built-in workloads: {', '.join(SUITE)}, or all (default: {','.join(QUICK)})",
    )
    parser.add_argument(
        "--runs", type=_runs, default=3, metavar="N", help="timed runs of each kind (default: 3)"
    )
    parser.add_argument(
        "--max-tokens", type=_runs, default=None, metavar="N", help="longest reply, in tokens"
    )
    parser.add_argument("--logging", action="store_true", help="measure with full logging as well")
    parser.add_argument(
        "--together",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="all targets up at once, or one at a time (default: as memory allows)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure as JSON")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write a report")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write a picture of the report")


def compare(options: argparse.Namespace) -> int:
    """Run it. Returns 0, 1 when a target could not be measured, 130 when it was stopped.

    Raises Failed or ConfigError.
    """
    settings = command_settings.load().settings
    workloads = _workloads(options)
    if options.logging:
        workloads = [also_logged(workload) for workload in workloads]
    home = configuration.home()
    for path in (options.json, options.markdown, options.svg):
        _must_be_writable(path)
    with ProgressLine(Console(stderr=True)) as line:
        comparer = Comparer(
            settings,
            home,
            options.targets,
            workloads,
            runs=options.runs,
            listen=line,
            together=options.together,
        )
        comparison = asyncio.run(_until_done(comparer))
    saved = save(comparison)
    kept = history.keep(home, saved)
    Console().print(rich_text.render(saved))
    print(f"kept in {kept}", file=sys.stderr)
    if options.json:
        options.json.write_bytes(to_json(saved))
    if options.markdown:
        options.markdown.write_text(to_markdown(saved), encoding="utf-8")
    if options.svg:
        options.svg.write_text(rich_text.to_svg(saved), encoding="utf-8")
    if comparison.stopped:
        return 130
    return 1 if saved.verdict.cause is Cause.FAILED else 0


async def _until_done(comparer: Comparer) -> Comparison:
    """Run it; the first SIGINT or SIGTERM stops it properly."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        comparer.stop()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        return await comparer.run()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _workloads(options: argparse.Namespace) -> Sequence[Workload]:
    try:
        if options.prompt is not None:
            return [from_prompt(options.prompt, max_tokens=options.max_tokens)]
        if options.trace is not None:
            return [from_file(options.trace, max_tokens=options.max_tokens)]
        names = SUITE if options.workload == "all" else tuple(options.workload.split(","))
        return builtin(names, max_tokens=options.max_tokens)
    except WorkloadError as error:
        raise Failed(str(error), 2) from None


def _must_be_writable(path: Path | None) -> None:
    """A comparison takes minutes: a wrong path is told before, not after."""
    if path is not None and not path.absolute().parent.is_dir():
        raise Failed(f"{path}: there is no folder {path.parent}: make it, or give another path", 2)


def _runs(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number
