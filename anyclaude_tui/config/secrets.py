"""The secrets that the settings name: told to `redaction`, so that no text of ours has them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from anyclaude_tui.config.settings import Settings
from anyclaude_tui.redaction import OWN, is_secret

FROM_ENVIRONMENT = "env:"


def remember(settings: Settings, env: Mapping[str, str] = os.environ) -> None:
    """From now on they are left out wherever text leaves the process."""
    for secret in _secrets(settings, env):
        OWN.add(secret)
    for backend in settings.backends.values():
        OWN.add_headers({name: _value(value, env) for name, value in backend.headers.items()})


def is_hidden(key: Sequence[str], value: object) -> bool:
    """True if a setting's value is not for screens: a secret by its name, or a header; the name of
    a variable of the user's own is for screens."""
    named = isinstance(value, str) and value.startswith(FROM_ENVIRONMENT)
    return not named and (is_secret(key[-1]) or "headers" in key[:-1])


def _secrets(settings: Settings, env: Mapping[str, str]) -> Iterator[str]:
    yield settings.proxy.token or ""
    tables = [settings.claude.env]
    keys = [backend.api_key for backend in settings.backends.values()]
    for key in filter(None, (*keys, settings.search.api_key)):
        yield _value(key, env)
    tables += [backend.env for backend in settings.backends.values()]
    for table in tables:
        yield from (value for name, value in table.items() if is_secret(name))


def _value(given: str, env: Mapping[str, str]) -> str:
    """A value as it is sent: `env:NAME` is read; empty where that is not set."""
    named = given.startswith(FROM_ENVIRONMENT)
    return env.get(given.removeprefix(FROM_ENVIRONMENT), "") if named else given
