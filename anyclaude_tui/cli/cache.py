"""`anyclaude-tui cache status | clear`: what is kept of prompts, and its end."""

from __future__ import annotations

import argparse
from pathlib import Path

from anyclaude_tui import config as configuration
from anyclaude_tui.backends import prompt_cache
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.config.loading import load
from anyclaude_tui.figures import counted, size
from anyclaude_tui.session import fronts
from anyclaude_tui.tables import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `cache` to its parser."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("status", "clear"),
        default="status",
        help="what is kept on disk (default); remove all of it",
    )


def run(options: argparse.Namespace) -> int:
    """Do it. Raises ConfigError, OSError or Failed."""
    home = configuration.home()
    print(cleared(home) if options.action == "clear" else status(home))
    return 0


def status(home: Path) -> str:
    """The report of `cache status`: prompts on disk, folder and limits. Raises ConfigError."""
    settings = load()
    kept = prompt_cache.usage(home)
    disk = "on" if settings.cache.disk else "off ([cache] disk = true turns it on)"
    warming = "on" if settings.warming.enabled else "off ([warming] enabled)"
    rows = [
        ("on disk", disk),
        ("kept", f"{counted(kept.files, 'prompt')}, {size(kept.size_bytes)}"),
        ("limits", f"{settings.cache.max_gb:g} GiB, {counted(settings.cache.max_days, 'day')}"),
        ("folder", str(home / prompt_cache.FOLDER)),
        ("warming", warming),
        ("fronts", f"{counted(fronts.count(home), 'beginning')} of conversations"),
        ("stable front", settings.proxy.stable_front),
    ]
    return table(rows)


def cleared(home: Path) -> str:
    """Remove the caches and the fronts; what that was. Raises Failed."""
    try:
        kept = prompt_cache.clear(home)
        begun = fronts.clear(home)
    except OSError as error:
        where = error.filename or home
        raise Failed(
            f"not all of it could be removed ({error.strerror}): make {where} writable and do it "
            "again"
        ) from None
    words = f"removed: {counted(kept.files, 'prompt')}, {size(kept.size_bytes)}"
    words += f"; {counted(begun, 'beginning')} of conversations"
    return f"{words}. A server that runs keeps what it has in memory until it is restarted"
