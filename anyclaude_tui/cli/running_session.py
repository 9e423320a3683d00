"""A session made from the options of a sub-command, started, and stopped whatever happens."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from anyclaude_tui import config as configuration
from anyclaude_tui.backends import machine
from anyclaude_tui.claude_code.launch import find
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.config import project
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.redaction import OWN
from anyclaude_tui.session.session import Session
from anyclaude_tui.session.thread import SessionThread
from anyclaude_tui.telemetry import files


def make_session(
    options: argparse.Namespace, settings: Settings, *, log_file: Path | None = None
) -> Session:
    """A session from the command line's options. Raises ConfigError."""
    return Session(
        settings,
        home=configuration.home(),
        backend=getattr(options, "backend", None),
        port=getattr(options, "port", None),
        token=getattr(options, "token", None),
        claude_args=options.claude_args,
        log_file=log_file,
    )


def start_session_thread(
    options: argparse.Namespace,
) -> tuple[configuration.Loaded, SessionThread]:
    """The session on its own loop, for the dashboard. Raises ConfigError or Failed."""
    loaded = configuration.read()
    settings = loaded.settings
    configuration.resolve(getattr(options, "backend", None), settings)  # a mistake shows at once
    find(settings.claude)
    log_file = libraries_log()

    asked = project.unanswered(loaded.left_out, configuration.home())  # the dashboard does

    def make() -> Session:
        session = make_session(options, settings, log_file=log_file)
        for left in loaded.left_out:
            if left.file not in asked:
                session.hub.notice("warning", str(left))
        return session

    thread = SessionThread(make)
    try:
        thread.start()
    except OSError as error:
        _explain(error, settings.proxy.port)
        raise
    return loaded, thread


class Running:
    """`async with`: the session started, and stopped whatever happens."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def __aenter__(self) -> None:
        try:
            await self._session.start()
        except OSError as error:
            _explain(error, self._session.port)
            raise

    async def __aexit__(self, *_: object) -> None:
        await self._session.stop()


def _explain(error: OSError, port: int) -> None:
    """Raises Failed for a port that is taken."""
    if error.errno == errno.EADDRINUSE:
        owner = machine.port_owner(port)
        raise Failed(
            f"port {port} is taken by {owner or 'another program'}: set another one, or 0 for a "
            "free one, as [proxy] port in config.toml (or with `serve --port`)"
        ) from error


def libraries_log() -> Path:
    """Send the logs to a file, ours and the libraries', where the terminal is taken; its path."""
    path = configuration.home() / "server-logs" / "proxy.log"
    logging.basicConfig(level=logging.WARNING, handlers=[_FileLog(path)])
    return path


class _FileLog(logging.Handler):
    """A log file, for its owner only, that is made when there is something to write."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            line = OWN.clean(self.format(record).encode(errors="replace"))
            files.append_line(self._path, line)


async def finished_before(stopped: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """True if the work was done before the stop, which cancels it. Raises what it raises."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        working.cancel()
        stopping.cancel()
