"""Brave's search API. Source: its documentation of web search (2026-11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx

from anyclaude_tui.search.answers import ask
from anyclaude_tui.search.base import Provider, Query, Result
from anyclaude_tui.search.results import read

URL = "https://api.search.brave.com/res/v1"
MOST = 20
"""Results in one answer."""


class Brave(Provider):
    """Brave, asked with a key of the user's."""

    name = "brave"

    def __init__(self, url: str | None, key: str) -> None:
        self._url = (url or URL).rstrip("/")
        self._key = key

    @property
    def headers(self) -> dict[str, str]:
        """See Provider."""
        return {"x-subscription-token": self._key}

    async def search(self, query: Query, http: httpx.AsyncClient) -> Sequence[Result]:
        """See Provider."""
        params: dict[str, str | int] = {"q": query.with_sites, "count": min(MOST, query.count)}
        request = http.build_request(
            "GET", f"{self._url}/web/search", params=params, headers=self.headers
        )
        answer = await ask(http, self.name, request)
        web = answer.get("web")
        items = web.get("results") if isinstance(web, Mapping) else None
        return read(items, ("title", "url", "description", "age"))
