"""What the sub-commands do, on a session: the part of the command line that imports a lot."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from anyclaude_tui import config as configuration
from anyclaude_tui import legacy
from anyclaude_tui.aftermath import Aftermath
from anyclaude_tui.backends.address import HIDDEN, shown
from anyclaude_tui.config import Settings, is_secret
from anyclaude_tui.door import SessionThread
from anyclaude_tui.failure import Failed
from anyclaude_tui.session import Session
from anyclaude_tui.signals import ENDING, Stop, on_signals
from anyclaude_tui.telemetry import files
from anyclaude_tui.telemetry.hub import Notice
from anyclaude_tui.terminal.claude import INSTALL_HINT, ClaudeMissing, find
from anyclaude_tui.terminal.foreground import foreground


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


def start_session_thread(options: argparse.Namespace) -> tuple[Settings, SessionThread]:
    """The session on its own loop, for the dashboard. Raises ConfigError or Failed."""
    settings = configuration.load()
    configuration.resolve(getattr(options, "backend", None), settings)  # a mistake shows at once
    find(settings.claude)
    log_file = _log_file()
    thread = SessionThread(lambda: make_session(options, settings, log_file=log_file))
    try:
        thread.start()
    except OSError as error:
        _explain(error, settings.proxy.port)
        raise
    return settings, thread


def serve(options: argparse.Namespace) -> int:
    """Backend and proxy; one JSON line on stdout when ready; until SIGTERM or SIGINT."""
    settings = configuration.load()
    session = make_session(options, settings)

    async def main() -> int:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        stop = Stop(lambda: loop.call_soon_threadsafe(stopped.set))
        with on_signals(stop, *ENDING, signal.SIGINT):
            async with _Running(session):
                if await _before(stopped, session.ready()):
                    session.hub.notice_listeners.append(_tell)
                    status = session.switchboard.statuses()[0]
                    line = {
                        "url": session.url,
                        "token": session.token,
                        "backend": status.name,
                        "model": status.model,
                        "pid": os.getpid(),
                    }
                    print(msgspec.json.encode(line).decode(), flush=True)
                    await stopped.wait()
        return 0

    return asyncio.run(main())


def run_claude(options: argparse.Namespace) -> int:
    """Backend and proxy up, Claude Code in this terminal; its exit code."""
    settings = configuration.load()
    if find(settings.claude) is None:
        raise ClaudeMissing(
            f"Claude Code is not installed: {INSTALL_HINT}. Or start the dashboard "
            "(`anyclaude-tui`): a small chat client runs there in its place."
        )
    log_file = _log_file()
    session = make_session(options, settings, log_file=log_file)
    aftermath = Aftermath(session.hub, session.observers.note)

    async def main() -> int:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        stop = Stop(lambda: loop.call_soon_threadsafe(stopped.set))
        with on_signals(stop, *ENDING):
            async with _Running(session):
                print(f"anyclaude-tui: starting {session.first}…", file=sys.stderr, flush=True)
                if await _before(stopped, session.ready()):
                    code = await foreground(await session.claude(), stopped, stop)
                    with suppress(OSError):  # the window is closed
                        for line in aftermath.summary(session.switchboard.statuses(), log_file):
                            print(f"anyclaude-tui: {line}", file=sys.stderr, flush=True)
                    return code
        return 128 + stop.number

    return asyncio.run(main())


def config(options: argparse.Namespace) -> int:
    """`config path | show | check | import FILE`."""
    path = configuration.home() / "config.toml"
    if options.action == "import":
        return _import(Path(options.file) if options.file else None, path)
    if options.file:
        raise Failed(f"config {options.action} takes no file: did you mean `config import`?", 2)
    if options.action == "path":
        print(path)
        return 0
    settings = configuration.load()
    if options.action == "check":
        configuration.resolve(None, settings)
        old = configuration.legacy_file(os.environ, Path.cwd())
        if path.exists():
            print(f"{path} is right")
        elif old is not None:
            print(f"{old} is understood; `anyclaude-tui config import` makes {path} of it")
        else:
            print(f"{path} does not exist; the defaults are used")
        return 0
    print(tomli_w.dumps(_shown(msgspec.to_builtins(settings))), end="")
    return 0


def _import(source: Path | None, path: Path) -> int:
    """Write `config.toml` from an `.anyclauderc.json`. Raises Failed or ConfigError."""
    source = source or legacy.find(Path.cwd(), Path.home())
    if source is None:
        raise Failed(
            f"there is no {legacy.FILE_NAME} here or in your home: name it, "
            f"`anyclaude-tui config import /path/to/{legacy.FILE_NAME}`",
            2,
        )
    if path.exists():
        raise Failed(f"{path} exists already: rename it first if the import shall replace it")
    made, notes = configuration.from_legacy(source)
    files.private_dir(path.parent)
    path.touch(mode=0o600)
    path.write_text(tomli_w.dumps(made), encoding="utf-8")
    print(f"Wrote {path} from {source}")
    for note in notes:
        print(f"  {note}")
    print("Next: `anyclaude-tui doctor` says whether its backends can be used.")
    return 0


class _Running:
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
        raise Failed(
            f"port {port} is taken by another program: set another one, or 0 for a free one, "
            "as [proxy] port in config.toml (or with `serve --port`)"
        ) from error


def _tell(notice: Notice) -> None:
    if notice.level != "info":
        print(f"anyclaude-tui: {notice.text}", file=sys.stderr, flush=True)


def _log_file() -> Path:
    """Where the debug log goes, and what libraries log, when the terminal is taken."""
    path = configuration.home() / "server-logs" / "proxy.log"
    logging.basicConfig(level=logging.WARNING, handlers=[_FileLog(path)])
    return path


class _FileLog(logging.Handler):
    """Makes the file, for its owner only, when there is something to write."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            files.append_line(self._path, self.format(record).encode(errors="replace"))


async def _before(stopped: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Whether the work was done before the stop, which cancels it. Raises what it raises."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        working.cancel()
        stopping.cancel()


def _shown(value: Any) -> Any:
    """Settings for the screen: no secrets, and no None, which TOML does not have."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {
            key: HIDDEN if is_secret(key) and item else _shown(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value
