"""The checks of `doctor` on the backends: each one configured, and the others on this machine.

Servers are asked, models are read; nothing is started and no model is loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from anyclaude_tui.backends.base import BackendError, Finding, Tool
from anyclaude_tui.backends.discovery import USUAL_PORTS, Discovery, discover
from anyclaude_tui.backends.registry import create
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.naming import resolve
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.doctor.check import Check, Level
from anyclaude_tui.redaction import shown

GROUP = "Backends"
OFFERS_SHOWN = 16


async def checks(settings: Settings, home: Path, wanted: str | None = None) -> list[Check]:
    """Every backend. `wanted` is the command line's; it, or else the settings' own, is the one
    whose failure counts as broken."""
    wanted = wanted or settings.backend
    names = dict.fromkeys([*([wanted] if wanted else []), *settings.backends])
    found = await asyncio.gather(*(_one(name, settings, home, name == wanted) for name in names))
    lines = [check for checks in found for check in checks]
    with suppress(BackendError, ConfigError):
        where = settings.discovery
        ports = (*USUAL_PORTS, *where.ports)
        found_here = await discover(
            settings.backends, ports=ports, model_folders=where.model_folders
        )
        lines += _offers(found_here, bool(lines))
    return lines


async def _one(name: str, settings: Settings, home: Path, needed: bool) -> list[Check]:
    """A backend's lines; trouble with one that is not needed is a warning."""
    words = shown(name)
    if needed and name == settings.backend:
        words += " (the default)"
    bad = Level.BROKEN if needed else Level.WARNING
    try:
        resolved, its = resolve(name, settings)
        findings = await create(resolved, its, home).look()
    except ConfigError as error:
        return [Check(GROUP, words, bad, str(error), "correct it there, or in config.toml")]
    except BackendError as error:
        what, _, remedy = str(error).rpartition(": ")
        remedy = remedy if what else "correct its settings"
        return [Check(GROUP, words, bad, what or str(error), remedy)]
    lines = [Check(GROUP, words, _level(one), one.words, one.remedy) for one in findings]
    if set_ := ", ".join(its.wanted(settings.tools).in_words()):
        lines.append(Check(GROUP, words, Level.OK, f"set for every request: {set_}"))
    return lines


def _level(found: Finding) -> Level:
    if not found.remedy:
        return Level.OK
    return Level.NOTE if found.minor else Level.WARNING


def _offers(found: Discovery, configured: bool) -> Iterator[Check]:
    """The other backends that could be used; a warning where there is none at all."""
    usable = [offer for offer in found.offers if offer.usable]
    for offer in found.offers[:OFFERS_SHOWN]:
        level = Level.OK if offer.usable else Level.NOTE
        words = f"{offer.detail}; use: --backend {offer.spec}" if offer.usable else offer.detail
        yield Check("Found here", offer.title, level, words)
    missing = [tool for tool in found.tools if tool.where is None]
    there = [tool.title for tool in found.tools if tool.where is not None]
    yield Check(
        "Found here",
        "model servers",
        Level.OK if there else Level.NOTE,
        f"installed: {', '.join(there) or 'none'}",
        "" if there else _how_to_install(missing),
    )
    if not usable and not configured:
        yield Check(
            "Found here",
            "models",
            Level.WARNING,
            f"no model server runs, and no model is in {found.looked_in}: "
            "only the simulator can be used",
            "start LM Studio, or download a GGUF or an MLX model; README.md, Backends, has each in "
            "three lines",
        )


def _how_to_install(missing: Sequence[Tool]) -> str:
    return "; ".join(f"{tool.title}: {tool.hint}" for tool in missing[:3])
