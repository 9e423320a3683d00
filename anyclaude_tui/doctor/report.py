"""`anyclaude-tui doctor`: what is installed, running and broken, each with its remedy.

Looks only. Exit code 1 when something needed is broken; `--json` for scripts and for
reports of faults.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from anyclaude_tui import __version__, config
from anyclaude_tui.config.kinds import DEFAULT, KINDS
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.doctor import machine as machine_checks
from anyclaude_tui.doctor import terminal as terminal_checks
from anyclaude_tui.doctor.check import Check, Level
from anyclaude_tui.figures import counted
from anyclaude_tui.printable import printable
from anyclaude_tui.redaction import shown

SIGNS = {Level.OK: "✓", Level.NOTE: "·", Level.WARNING: "!", Level.BROKEN: "✗"}
ASCII_SIGNS = {Level.OK: "ok", Level.NOTE: "--", Level.WARNING: "!!", Level.BROKEN: "XX"}
COLOURS = {Level.OK: "32", Level.NOTE: "2", Level.WARNING: "33", Level.BROKEN: "31"}
NAME_COLUMNS = 24
WIDTH_MOST = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `doctor` besides --backend."""
    parser.add_argument("--json", action="store_true", help="everything as JSON on stdout")
    parser.add_argument(
        "--try",
        dest="try_model",
        action="store_true",
        help="also start the backend and try what Claude Code needs of its model",
    )


def doctor(options: argparse.Namespace) -> int:
    """Look, print, and return 1 when something needed is broken."""
    backend = getattr(options, "backend", None)
    found = asyncio.run(examine(backend, try_model=options.try_model))
    good = not any(check.level is Level.BROKEN for check in found)
    if options.json:
        report = {"version": __version__, "ok": good, "checks": [asdict(one) for one in found]}
        print(json.dumps(report, indent=1, ensure_ascii=not _unicode()))
    else:
        width = min(WIDTH_MOST, shutil.get_terminal_size().columns)
        for line in lines(found, width, colour=_colour(), signs=_signs()):
            print(line)
    return 0 if good else 1


async def examine(backend: str | None = None, *, try_model: bool = False) -> list[Check]:
    """All checks, in the order of the report. `backend` is the command line's; `try_model`
    starts it and sends its model a few requests, which may take minutes."""
    from anyclaude_tui.doctor import backends as backend_checks

    home = config.home()
    settings, its = machine_checks.settings(home)
    journal_of = None if settings.proxy.stable_front == "off" else home
    return [
        *machine_checks.python(),
        machine_checks.memory(),
        machine_checks.disk(home),
        machine_checks.files(home),
        *its,
        machine_checks.proxy_port(settings.proxy.port),
        *terminal_checks.here(),
        *machine_checks.claude_code(settings.claude, home=journal_of),
        *await backend_checks.checks(settings, home, backend),
        *(await _tried(settings, home, backend) if try_model else ()),
    ]


async def _tried(settings: Settings, home: Path, backend: str | None) -> list[Check]:
    """The test whether this model can drive Claude Code. Through the proxy, point by point."""
    from anyclaude_tui.backends.base import BackendError
    from anyclaude_tui.compare import fitness

    name = backend or settings.backend or DEFAULT
    group, of_template = f"The model of {shown(name)}", f"The chat template of {shown(name)}"
    found: list[Check] = []
    template: list[Check] = []
    try:
        simulated = KINDS[config.resolve(name, settings)[1].kind].simulated
        async for point in fitness.check(settings, home, name):
            if point.of_template:
                template.append(Check(of_template, point.name, Level.NOTE, point.said))
                continue
            if point.passed:
                found.append(Check(group, point.name, Level.OK, point.said))
                continue
            bad = Level.BROKEN if point.needed else Level.WARNING
            # A simulated model fails what it does not simulate: no fault of anything.
            level = Level.NOTE if point.passed is None or simulated else bad
            found.append(Check(group, point.name, level, point.said, point.remedy))
    except (BackendError, config.ConfigError, OSError) as error:
        words = "correct what is said above, or see server-logs/ in our folder"
        found.append(Check(group, "start", Level.BROKEN, str(error), words))
    return found + template


def _safe(check: Check) -> Check:
    """Its words may be a server's, or a file's."""
    return replace(
        check,
        name=printable(check.name),
        detail=printable(check.detail, lines=True),
        remedy=printable(check.remedy, lines=True),
    )


def lines(
    found: Iterable[Check], width: int, *, colour: bool, signs: dict[Level, str]
) -> list[str]:
    """The report in `width` columns."""
    made: list[str] = []
    group = ""
    checks = [_safe(check) for check in found]
    for check in checks:
        if check.group != group:
            group = check.group
            made += ["", _paint(group, "1", colour)]
        sign = _paint(signs[check.level], COLOURS[check.level], colour)
        pad = " " * (3 - len(signs[check.level]))
        indent = " " * (NAME_COLUMNS + 5)
        text = _wrap(check.detail, width - len(indent)) or [""]
        if len(check.name) < NAME_COLUMNS:
            made.append(f"  {sign}{pad}{check.name:<{NAME_COLUMNS}}{text.pop(0)}")
        else:
            made.append(f"  {sign}{pad}{check.name}")
        made += [indent + more for more in text]
        if check.remedy:
            arrow = "→ " if signs is SIGNS else "> "
            remedy = _wrap(check.remedy, width - len(indent) - 2)
            made += [indent + (arrow if n == 0 else "  ") + row for n, row in enumerate(remedy)]
    return [*made[1:], "", _summary(checks)]


def _wrap(words: str, width: int) -> list[str]:
    """Paths and commands stay whole, so that they can be copied."""
    return textwrap.wrap(words, max(24, width), break_long_words=False, break_on_hyphens=False)


def _summary(found: Sequence[Check]) -> str:
    broken = sum(check.level is Level.BROKEN for check in found)
    warnings = sum(check.level is Level.WARNING for check in found)
    if broken:
        return f"{counted(broken, 'thing')} broken, {counted(warnings, 'warning')}."
    if warnings:
        return f"Nothing is broken; {counted(warnings, 'warning')}."
    return "All is well."


def _paint(words: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{words}\x1b[0m" if colour else words


def _colour() -> bool:
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _signs() -> dict[Level, str]:
    return SIGNS if _unicode() else ASCII_SIGNS
