"""`anyclaude-tui run`: Claude Code in this terminal, without the dashboard."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress

from anyclaude_tui.claude_code.foreground import foreground
from anyclaude_tui.claude_code.launch import INSTALL_HINT, ClaudeMissing, find
from anyclaude_tui.cli import settings as command_settings
from anyclaude_tui.cli.run_summary import RunSummary
from anyclaude_tui.cli.running_session import Running, finished_before, libraries_log, make_session
from anyclaude_tui.printable import printable
from anyclaude_tui.signals import ENDING, Stop, on_signals


def run_claude(options: argparse.Namespace) -> int:
    """Backend and proxy up, Claude Code in this terminal; its exit code."""
    settings = command_settings.load().settings
    if find(settings.claude) is None:
        raise ClaudeMissing(
            f"Claude Code is not installed: {INSTALL_HINT}. Or start the dashboard "
            "(`anyclaude-tui`): a small chat client runs there in its place."
        )
    log_file = libraries_log()
    session = make_session(options, settings, log_file=log_file)
    summary = RunSummary(session.hub, session.observers.note)

    async def main() -> int:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        stop = Stop(lambda: loop.call_soon_threadsafe(stopped.set))
        with on_signals(stop, *ENDING):
            async with Running(session):
                print(f"anyclaude-tui: starting {session.first}…", file=sys.stderr, flush=True)
                if await finished_before(stopped, session.ready()):
                    launch = await session.claude()
                    for words in launch.concerns:
                        print(f"anyclaude-tui: {printable(words)}", file=sys.stderr, flush=True)
                    code = await foreground(launch, stopped, stop)
                    with suppress(OSError):  # the window is closed
                        for line in summary.lines(session.switchboard.statuses(), log_file):
                            print(f"anyclaude-tui: {printable(line)}", file=sys.stderr, flush=True)
                    return code
        return 128 + stop.number

    return asyncio.run(main())
