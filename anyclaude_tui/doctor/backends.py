"""What `doctor` finds out about the backends: each one configured, and what else is there.

Servers are asked, models are read; nothing is started and no model is loaded.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import httpx

from anyclaude_tui.backends import http, mlx_lm
from anyclaude_tui.backends.address import is_local
from anyclaude_tui.backends.anthropic import AnthropicBackend
from anyclaude_tui.backends.attached import AttachedBackend
from anyclaude_tui.backends.base import Backend, BackendError
from anyclaude_tui.backends.discovery import Discovery, discover
from anyclaude_tui.backends.flavours import ask_models, inspect
from anyclaude_tui.backends.lmstudio.api import is_lm_studio, list_models
from anyclaude_tui.backends.lmstudio.backend import SMALL_WINDOW_TOKENS
from anyclaude_tui.backends.lmstudio.files import lms_program
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.models import memory
from anyclaude_tui.backends.registry import create
from anyclaude_tui.backends.supervision.supervised import SupervisedBackend
from anyclaude_tui.config.loading import ConfigError, resolve
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.doctor.check import Check, Level
from anyclaude_tui.redaction import shown

GROUP = "Backends"
PYTHON_TIMEOUT_S = 10.0
Finding = tuple[Level, str, str]
"""Level, what was found, remedy."""


async def checks(settings: Settings, home: Path, wanted: str | None = None) -> list[Check]:
    """Every backend. `wanted` is the command line's; it, or else the settings' own, is the one
    whose failure counts as broken."""
    wanted = wanted or settings.backend
    names = dict.fromkeys([*([wanted] if wanted else []), *settings.backends])
    found = await asyncio.gather(*(_one(name, settings, home, name == wanted) for name in names))
    lines = [check for checks in found for check in checks]
    with suppress(BackendError, ConfigError):
        lines += _offers(await discover(settings.backends), bool(lines))
    return lines


async def _one(name: str, settings: Settings, home: Path, needed: bool) -> list[Check]:
    """A backend's lines; trouble with one that is not needed is a warning."""
    words = shown(name)
    if needed and name == settings.backend:
        words += " (the default)"
    try:
        resolved, its = resolve(name, settings)
        findings = await _findings(create(resolved, its, home), its)
    except ConfigError as error:
        findings = [(Level.BROKEN, str(error), "correct the name, or add it to config.toml")]
    except BackendError as error:
        what, _, remedy = str(error).rpartition(": ")
        findings = [(Level.BROKEN, what or remedy, remedy if what else "correct its settings")]
    return [
        Check(
            GROUP,
            words,
            Level.WARNING if level is Level.BROKEN and not needed else level,
            found,
            remedy,
        )
        for level, found, remedy in findings
    ]


async def _findings(backend: Backend, settings: BackendSettings) -> list[Finding]:
    """What there is to say about a backend. Raises BackendError where it cannot be used."""
    if isinstance(backend, SupervisedBackend) and settings.kind in ("mlx_lm", "vllm_mlx"):
        return await _ours(backend, settings)
    if isinstance(backend, AttachedBackend):
        try:
            async with backend.client() as client:
                if settings.kind == "lmstudio":
                    return await _lm_studio(client, backend, settings)
                return await _server(client, backend, settings)
        except httpx.HTTPError as error:
            raise http.unreachable(backend.base_url, error) from None
    return [(Level.OK, "simulated: no model, made-up words", "")]


async def _ours(backend: SupervisedBackend, settings: BackendSettings) -> list[Finding]:
    """A server that we would start: its program and its model."""
    if settings.kind == "mlx_lm":
        if not await asyncio.to_thread(_has_mlx_lm, settings.python):
            place = f" for {settings.python}" if settings.python else ""
            raise BackendError(f"mlx_lm is not installed{place}: {mlx_lm.install(settings.python)}")
    else:
        await backend.check()  # that its program is there
    model = settings.model or ""
    if not modelfiles.is_path(model):
        return [(Level.OK, f"{model}, from the Hugging Face hub at the start", "")]
    files = await asyncio.to_thread(modelfiles.read, Path(model).expanduser())
    window = settings.context_window or files.window_tokens
    words = f"{files.path.name}, {files.weight_bytes / 2**30:.1f} GiB"
    findings: list[Finding] = [(Level.OK, words + _tokens(window), "")]
    warning = memory.estimate(files, settings.context_window).warning()
    if warning:
        what, _, remedy = warning.rpartition(": ")
        findings.append((Level.WARNING, what, remedy))
    return [*findings, *_fitness(files, window)]


def _has_mlx_lm(python: str | None) -> bool:
    """Whether the Python that would run it has mlx_lm."""
    if python is None:
        return find_spec("mlx_lm") is not None
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('mlx_lm') is None)"
    try:
        done = subprocess.run(
            [str(Path(python).expanduser()), "-c", code], check=False, timeout=PYTHON_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _fitness(files: modelfiles.ModelFiles, window: int | None) -> Iterator[Finding]:
    """Whether Claude Code can work with the model, as far as its files tell."""
    yield from _small(window, "take a model with a larger context window")
    template = files.chat_template
    if template is None:
        yield (
            Level.WARNING,
            "the model has no chat template: it is a base model",
            "take the instruct version of the model",
        )
    elif "tools" not in template:
        yield (
            Level.WARNING,
            "the model's chat template knows no tools: Claude Code's would not reach it",
            "take a model that was trained for tool calls",
        )


async def _server(
    client: httpx.AsyncClient, backend: AttachedBackend, settings: BackendSettings
) -> list[Finding]:
    """A server that runs already."""
    if isinstance(backend, AnthropicBackend):
        await backend.answers(client)
        return [(Level.OK, f"answers at {backend.base_url} (Messages API)", "")]
    server = await inspect(client, backend.base_url, await ask_models(client, backend.base_url))
    names = [model.id for model in server.models]
    chosen = next((model for model in server.models if model.id == settings.model), None)
    chosen = chosen or next((model for model in server.models if model.loaded), None)
    chosen = chosen or (server.models[0] if server.models else None)
    if chosen is None:
        raise BackendError(f"{backend.base_url} lists no model: load one there")
    window = settings.context_window or chosen.window_tokens or server.window_tokens
    model = settings.model or chosen.detail or chosen.id
    words = f"{server.flavour} at {backend.base_url}, {model}"
    findings: list[Finding] = [
        (Level.OK, words + (_tokens(window) or ", context window unknown"), "")
    ]
    if not window:
        findings.append(
            (
                Level.NOTE,
                "it does not tell its context window, so Claude Code cannot compact in time",
                "set context_window for it",
            )
        )
    if settings.model and settings.model not in names and chosen.id != mlx_lm.MODEL_NAME:
        known = ", ".join(names[:5])
        findings.append(
            (Level.WARNING, f"it lists no {settings.model!r}", f"set model to one of: {known}")
        )
    findings += _small(window, "start the server with a larger context")
    return findings


async def _lm_studio(
    client: httpx.AsyncClient, backend: AttachedBackend, settings: BackendSettings
) -> list[Finding]:
    """LM Studio: not running is no fault where `lms` can start it."""
    if not await is_lm_studio(client):
        if lms_program() and is_local(backend.base_url):
            return [(Level.OK, "not running; its server is started when it is needed", "")]
        raise BackendError(
            f"LM Studio does not answer at {backend.base_url}: open it and start its server "
            "(Developer, Start Server)"
        )
    models = await list_models(client)
    if not models:
        raise BackendError("LM Studio has no model: download one there")
    loaded = [model for model in models if model.loaded]
    if not loaded:
        words = f"{len(models)} models, none loaded: one is loaded when it is needed"
        return [(Level.OK, words, "")]
    window = loaded[0].context_tokens
    words = f"{loaded[0].id}" + (f", loaded with {window:,} tokens" if window else "")
    remedy = "press ! in the backends screen (Ctrl+] b), or load it again with 65,536 tokens"
    return [(Level.OK, words, ""), *_small(window, remedy)]


def _small(window: int | None, remedy: str) -> Iterator[Finding]:
    if window is not None and window < SMALL_WINDOW_TOKENS:
        words = (
            f"a context of {window:,} tokens is too small: Claude Code's own prompt needs more "
            "than 25,000"
        )
        yield Level.WARNING, words, remedy


def _offers(found: Discovery, configured: bool) -> Iterator[Check]:
    """What else could be used; a warning where there is nothing at all."""
    usable = [offer for offer in found.offers if offer.usable]
    for offer in found.offers[:8]:
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
            "no model server runs and no model is on this disk: only the simulator can be used",
            "start LM Studio, or download an MLX model; README.md, Backends, has each in three "
            "lines",
        )


def _how_to_install(missing: Sequence[object]) -> str:
    hints = [f"{getattr(tool, 'title', '')}: {getattr(tool, 'hint', '')}" for tool in missing[:3]]
    return "; ".join(hints)


def _tokens(window: int | None) -> str:
    return f", {window:,} tokens" if window else ""
