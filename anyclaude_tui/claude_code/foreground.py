"""Claude Code in our own terminal, as a shell would run it (`anyclaude-tui run`).

It is in our process group, so Ctrl+Z stops us both and `fg` wakes us both (measured with
2.1.329). Ctrl+C and Ctrl+\\ reach us both too, but they are meant for it alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import termios
from collections.abc import Iterator

from anyclaude_tui.claude_code.launch import INSTALL_HINT, ClaudeMissing, Launch
from anyclaude_tui.signals import Stop, on_signals

GRACE_S = 3.0
"""After the signal that ends us it gets this long to end by itself."""


async def foreground(launch: Launch, stopped: asyncio.Event, stop: Stop) -> int:
    """Run it to its end; its exit code, 128 + N when signal N has ended it.

    When `stopped` is set it is given the signal that came. Raises ClaudeMissing when it
    cannot be run.
    """
    with on_signals(lambda _: None, signal.SIGINT, signal.SIGQUIT), _terminal_kept():
        try:
            process = await asyncio.create_subprocess_exec(
                *launch.argv, env=launch.env, cwd=launch.cwd
            )
        except OSError as error:
            raise ClaudeMissing(
                f"{launch.argv[0]} cannot be run ({error.strerror}): correct [claude] command in "
                f"config.toml, or install Claude Code: {INSTALL_HINT}"
            ) from error
        ended, stopping = asyncio.create_task(process.wait()), asyncio.create_task(stopped.wait())
        try:
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                process.send_signal(stop.number)
                await asyncio.wait({ended}, timeout=GRACE_S)
        finally:
            stopping.cancel()
            if not ended.done():
                process.kill()
            code = await ended
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """The terminal is as it was afterwards, also when the program was killed in raw mode."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # its window is closed
            termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
