"""The secrets that the settings name: told to `redaction`, so that no text of ours has them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from anyclaude_tui.config.settings import Settings
from anyclaude_tui.redaction import OWN, is_secret

FROM_ENVIRONMENT = "env:"


def remember(settings: Settings, env: Mapping[str, str] = os.environ) -> None:
    """From now on they are left out wherever text leaves the process."""
    for secret in _secrets(settings, env):
        OWN.add(secret)


def _secrets(settings: Settings, env: Mapping[str, str]) -> Iterator[str]:
    yield settings.proxy.token or ""
    tables = [settings.claude.env]
    keys = [backend.api_key for backend in settings.backends.values()]
    for key in filter(None, (*keys, settings.search.api_key)):
        named = key.startswith(FROM_ENVIRONMENT)
        yield env.get(key.removeprefix(FROM_ENVIRONMENT), "") if named else key
    tables += [backend.env for backend in settings.backends.values()]
    for table in tables:
        yield from (value for name, value in table.items() if is_secret(name))
