"""`anyclaude-tui template PATH|URL`: what a chat template does with Claude Code's requests."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from anyclaude_tui.backends import flavours, http
from anyclaude_tui.backends.address import address
from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.http_client import HttpError
from anyclaude_tui.backends.models import files
from anyclaude_tui.backends.templates.probe import NoTemplateError, of_text
from anyclaude_tui.backends.templates.profile import Profile
from anyclaude_tui.backends.templates.profile_table import rows
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.tables import table

CHAT_TIMEOUT_S = 60.0
_BASE = Dialect(enable_thinking=True, reasoning_history="reasoning_content")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `template` to its parser."""
    parser.add_argument("what", metavar="PATH|URL", help="a model's folder, a template, a server")
    parser.add_argument("--json", action="store_true", help="the profile as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the profile. Raises Failed where none can be had."""
    try:
        found = asyncio.run(_profile(options.what))
    except (BackendError, NoTemplateError, ValueError) as error:
        raise Failed(str(error)) from None
    if options.json:
        print(json.dumps(asdict(found) | {"warnings": found.warnings}, indent=1))
    else:
        print("\n".join(lines(found)))
    return 0


async def _profile(what: str) -> Profile:
    if what.startswith(("http://", "https://")):
        return await _of_server(what)
    path = Path(what).expanduser()
    if path.is_file():
        return await of_text(path.read_text(encoding="utf-8", errors="replace"), {}, _BASE)
    model = files.read(path)
    if model.chat_template is None:
        raise Failed(f"{path} has no chat template")
    return await of_text(model.chat_template, model.special_tokens, _BASE, trims=model.trims)


async def _of_server(url: str) -> Profile:
    base = address(url).base
    try:
        async with http.client(base) as client:
            server = await flavours.inspect(client, base, await flavours.ask_models(client, base))
            if not server.models:
                raise Failed(f"{base} lists no model: load one there")
            model = next((one.id for one in server.models if one.loaded), server.models[0].id)
            found = await flavours.profile_of(client, server, model, CHAT_TIMEOUT_S)
    except HttpError as error:
        raise http.unreachable(base, error) from None
    if found is None:
        raise Failed(f"{base} tells neither its template nor the tokens of a prompt")
    return found


def lines(found: Profile) -> Iterator[str]:
    """The profile as a table, with what follows from it."""
    yield table(rows(found))
    for warning in found.warnings:
        yield f"! {warning}"
