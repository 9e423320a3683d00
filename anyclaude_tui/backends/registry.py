"""Backends made from settings, by their kind. Each class is imported when it is wanted."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from anyclaude_tui.backends.base import Backend, BackendError
from anyclaude_tui.config.kinds import KINDS, Kind
from anyclaude_tui.config.loading import how_to_set
from anyclaude_tui.config.settings import BackendSettings


def create(name: str, settings: BackendSettings, home: Path) -> Backend:
    """The backend of these settings, not started. `home` is our folder (server-logs/, state/).

    Raises BackendError when the settings cannot work.
    """
    row = KINDS.get(settings.kind)
    if row is None:
        known = ", ".join(KINDS)
        raise BackendError(f"{settings.kind!r} is no kind of backend: use one of {known}")
    if lack := row.lack(settings):
        raise BackendError(f"{name}: {lack}: {how_to_set(row)}")
    make: Any = class_of(row)
    backend: Backend = make(name, settings, home)
    return backend


def class_of(row: Kind) -> type[Backend]:
    """The class of a kind; imports its module."""
    module, _, name = row.backend.partition(":")
    found = getattr(import_module(module), name)
    assert isinstance(found, type)
    assert issubclass(found, Backend)
    return found
