"""The session's searches: whether one may be made, by whom, for how long, with what result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

from anyclaude_tui.backends.address import is_local, proxy_of
from anyclaude_tui.config.settings import SearchSettings
from anyclaude_tui.redaction import OWN
from anyclaude_tui.search import providers
from anyclaude_tui.search.base import Provider, Query, Result, SearchError
from anyclaude_tui.search.results import kept

MAX_QUERY_CHARS = 400
"""Brave's limit; a longer query is no query but a prompt."""
OFF = (
    "Web search is off here, so nothing was searched and there are no results. "
    "To turn it on: provider in [search] of config.toml (searxng, brave, tavily or ddgs)."
)


class Searcher:
    """`search()` asks the provider of the settings. Nothing else of ours searches the web."""

    def __init__(
        self,
        settings: SearchSettings,
        clean: Callable[[bytes], bytes] = OWN.clean,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        """`clean` is redaction's: a query that it would change holds a secret."""
        self._clean = clean
        self._env = env
        self._provider: Provider | None = None
        self._wrong: SearchError | None = None
        self.apply(settings)

    def apply(self, settings: SearchSettings) -> None:
        """Other settings, from the next search on."""
        self.settings = settings
        self._provider, self._wrong = None, None
        try:
            self._provider = providers.create(settings, self._env)
        except SearchError as error:
            self._wrong = error

    @property
    def off(self) -> bool:
        """Nobody is to be asked."""
        return self.settings.provider == "off"

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers with the provider's key, for redaction."""
        return self._provider.headers if self._provider is not None else {}

    async def search(self, query: Query) -> tuple[Result, ...]:
        """The results, within the query's domains. Raises SearchError, in time."""
        if self._wrong is not None:
            raise SearchError(str(self._wrong), self._wrong.code, sent=False)
        if self._provider is None:
            raise SearchError(OFF, sent=False)
        self._check(query.text)
        limit_s = self.settings.timeout_s
        import httpx  # 20 ms that a start can do without

        from anyclaude_tui.search.transport import BoundedTransport

        # A proxy of the environment's is not asked for what is on this machine.
        url = self.settings.url or "https://"
        client = httpx.AsyncClient(
            headers={"accept-encoding": "identity"},
            timeout=limit_s,
            follow_redirects=False,
            transport=BoundedTransport(proxy=proxy_of(url), trust_env=not is_local(url)),
        )
        try:
            async with asyncio.timeout(limit_s), client as http:
                return kept(await self._provider.search(query, http), query)
        except TimeoutError:
            words = f"{self._provider.name} did not answer in {limit_s:g} s (timeout_s in [search])"
            raise SearchError(words) from None

    def shown(self, text: str) -> str:
        """A query as it may be written down and shown."""
        return self._clean(text.encode("utf-8", "replace")).decode("utf-8", "replace")

    def _check(self, text: str) -> None:
        """Refuse a text that may not leave the machine. Raises SearchError."""
        if not text.strip():
            raise SearchError("the query is empty", "invalid_tool_input", sent=False)
        if len(text) > MAX_QUERY_CHARS:
            words = f"the query has {len(text)} characters: {MAX_QUERY_CHARS} may be sent"
            raise SearchError(words, "query_too_long", sent=False)
        if self.shown(text) != text:
            words = "the query holds what looks like a key or password, so it was not sent"
            raise SearchError(words, "invalid_tool_input", sent=False)
