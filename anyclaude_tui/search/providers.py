"""The providers by name; a new one is its file and a line here."""

from __future__ import annotations

import os
from collections.abc import Mapping

from anyclaude_tui.config.settings import SearchSettings
from anyclaude_tui.search.base import Provider, SearchError

ENV = "env:"


def create(settings: SearchSettings, env: Mapping[str, str] = os.environ) -> Provider | None:
    """The provider of these settings; None where search is off. Raises SearchError."""
    name, url, key = settings.provider, settings.url, _key(settings.api_key, env)
    if name == "off":
        return None
    if name == "searxng":
        from anyclaude_tui.search.searxng import SearXng

        if not url:
            raise _wrong('provider = "searxng" needs url, the server\'s address')
        return SearXng(url, key)
    if name == "ddgs":
        from anyclaude_tui.search.ddgs import Ddgs

        return Ddgs(settings.timeout_s)
    if not key:
        raise _wrong(f'provider = "{name}" needs api_key, for example "env:SEARCH_API_KEY"')
    if name == "brave":
        from anyclaude_tui.search.brave import Brave

        return Brave(url, key)
    from anyclaude_tui.search.tavily import Tavily

    return Tavily(url, key)


def _key(given: str | None, env: Mapping[str, str]) -> str | None:
    if given is None or not given.startswith(ENV):
        return given
    name = given.removeprefix(ENV)
    if not env.get(name):
        raise _wrong(f"api_key is to be read from {name}, which is not set in the environment")
    return env[name]


def _wrong(words: str) -> SearchError:
    return SearchError(f"[search] in config.toml: {words}", sent=False)
