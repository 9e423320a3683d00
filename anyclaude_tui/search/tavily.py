"""Tavily's search API. Source: its API reference (2026-11)."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from anyclaude_tui.search.answers import ask, results_of
from anyclaude_tui.search.base import Provider, Query, Result
from anyclaude_tui.search.results import read

URL = "https://api.tavily.com"
MOST = 20
"""Results in one answer."""


class Tavily(Provider):
    """Tavily, asked with a key of the user's."""

    name = "tavily"

    def __init__(self, url: str | None, key: str) -> None:
        self._url = (url or URL).rstrip("/")
        self._key = key

    @property
    def headers(self) -> dict[str, str]:
        """See Provider."""
        return {"authorization": f"Bearer {self._key}"}

    async def search(self, query: Query, http: httpx.AsyncClient) -> Sequence[Result]:
        """See Provider."""
        body = {
            "query": query.text,
            "max_results": min(MOST, query.count),
            "include_domains": list(query.allowed),
            "exclude_domains": list(query.blocked),
        }
        request = http.build_request("POST", f"{self._url}/search", json=body, headers=self.headers)
        answer = await ask(http, self.name, request)
        return read(results_of(answer, self.name), ("title", "url", "content", "published_date"))
