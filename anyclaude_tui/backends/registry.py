"""The kinds of backend by name. Each is imported when it is wanted, and not before."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from anyclaude_tui.backends.base import Backend, BackendError
from anyclaude_tui.config.settings import BackendSettings

_CLASSES = {
    "simulator": "simulator.backend:SimulatorBackend",
    "mlx_lm": "mlx_lm:MlxLmBackend",
    "vllm_mlx": "vllm_mlx:VllmMlxBackend",
    "lmstudio": "lmstudio.backend:LmStudioBackend",
    "openai": "openai:OpenAiBackend",
    "anthropic": "anthropic:AnthropicBackend",
}
"""Kind → module and class in this package. A new backend is one file and one line here."""


def create(name: str, settings: BackendSettings, home: Path) -> Backend:
    """The backend of these settings, not started. `home` is our folder (server-logs/, state/).

    Raises BackendError when the settings cannot work.
    """
    where = _CLASSES.get(settings.kind)
    if where is None:
        known = ", ".join(_CLASSES)
        raise BackendError(f"{settings.kind!r} is no kind of backend: use one of {known}")
    module, _, cls = where.partition(":")
    make: Any = getattr(import_module(f"anyclaude_tui.backends.{module}"), cls)
    backend: Backend = make(name, settings, home)
    return backend
