"""`anyclaude-tui serve`: the proxy alone, for any client."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

import msgspec

from anyclaude_tui.cli import settings
from anyclaude_tui.cli.running_session import Running, finished_before, make_session
from anyclaude_tui.printable import printable
from anyclaude_tui.signals import ENDING, Stop, on_signals
from anyclaude_tui.telemetry.hub import Notice


def serve(options: argparse.Namespace) -> int:
    """Backend and proxy; one JSON line on stdout when ready; until SIGTERM or SIGINT."""
    loaded = settings.load()
    session = make_session(options, loaded.settings)

    async def main() -> int:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        stop = Stop(lambda: loop.call_soon_threadsafe(stopped.set))
        with on_signals(stop, *ENDING, signal.SIGINT):
            async with Running(session):
                if await finished_before(stopped, session.ready()):
                    session.hub.notice_listeners.append(_tell)
                    status = session.switchboard.statuses()[0]
                    line = {
                        "url": session.url,
                        "token": session.token,
                        "backend": status.name,
                        "model": status.model,
                        "pid": os.getpid(),
                        "settings": loaded.sources,
                    }
                    print(msgspec.json.encode(line).decode(), flush=True)
                    await stopped.wait()
        return 0

    return asyncio.run(main())


def _tell(notice: Notice) -> None:
    if notice.level != "info":
        print(f"anyclaude-tui: {printable(notice.text)}", file=sys.stderr, flush=True)
