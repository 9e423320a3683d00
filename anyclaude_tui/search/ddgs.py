"""The public search engines, asked without a key by the library `ddgs` (the extra `search`).

It blocks, so it runs in a thread; it ends by its own timeout, also when we have given it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from anyclaude_tui.search.base import Provider, Query, Result, SearchError
from anyclaude_tui.search.results import plain, read

INSTALL = "pip install 'anyclaude-tui[search]'"


class Ddgs(Provider):
    """Several public engines, asked at once."""

    name = "ddgs"

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    async def search(self, query: Query, http: httpx.AsyncClient) -> Sequence[Result]:
        """See Provider."""
        try:
            import ddgs
        except ImportError:
            words = f"the library ddgs is not installed: {INSTALL}"
            raise SearchError(words, sent=False) from None
        return read(await asyncio.to_thread(self._ask, ddgs, query), ("title", "href", "body"))

    def _ask(self, library: Any, query: Query) -> list[Mapping[str, Any]]:
        """In a thread. Raises SearchError."""
        try:
            engines = library.DDGS(timeout=max(1, round(self._timeout_s)))
            found: list[Mapping[str, Any]] = engines.text(query.with_sites, max_results=query.count)
        except Exception as error:  # the library raises what its own HTTP client raises, too
            kind, words = type(error).__name__, plain(str(error), 200)
            if "No results" in words:
                return []
            limited = "Ratelimit" in kind
            raise SearchError(
                f"ddgs: {words or kind}", "too_many_requests" if limited else "unavailable"
            ) from None
        return found
