"""Backends made from settings, by their kind. Each class is imported when it is wanted."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from anyclaude_tui.backends.base import Backend, BackendError, CachePolicy
from anyclaude_tui.config.kinds import KINDS, Kind
from anyclaude_tui.config.settings import BackendSettings, CacheSettings


def create(
    name: str, settings: BackendSettings, home: Path, cache: CacheSettings | None = None
) -> Backend:
    """The backend of these settings, not started. `home` is our folder (server-logs/, state/);
    `cache`: what it may keep of its prompt cache, nothing when not given.

    Raises BackendError when the settings cannot work.
    """
    row = KINDS.get(settings.kind)
    if row is None:
        known = ", ".join(KINDS)
        raise BackendError(f"{settings.kind!r} is not a kind of backend: use one of {known}")
    if lack := row.lack(settings):
        raise BackendError(f"{name}: {lack}: {row.how_to_set}")
    make: Any = class_of(row)
    backend: Backend = make(name, settings, home)
    if cache is not None:
        keep_on_disk(backend, cache)
    return backend


def keep_on_disk(backend: Backend, cache: CacheSettings) -> None:
    """Set the limits of a backend's prompt cache on disk, from its next start on."""
    size_bytes, age_s = int(cache.max_gb * 2**30), cache.max_days * 86_400.0
    backend.cache_policy = CachePolicy(cache.disk, size_bytes, age_s)


def class_of(row: Kind) -> type[Backend]:
    """The class of a kind; imports its module."""
    module, _, name = row.backend.partition(":")
    found = getattr(import_module(module), name)
    assert isinstance(found, type)
    assert issubclass(found, Backend)
    return found
