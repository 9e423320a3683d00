"""SearXNG, one's own or a friend's: `GET /search?format=json`.

Source: SearXNG's documentation of its search API. A server that does not list `json` under
`search.formats` of its settings answers 403.
"""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from anyclaude_tui.search.answers import ask, results_of
from anyclaude_tui.search.base import Provider, Query, Result, SearchError
from anyclaude_tui.search.results import plain, read


class SearXng(Provider):
    """The server at `url`; a key, where a proxy before it wants one, goes as Bearer."""

    name = "searxng"

    def __init__(self, url: str, key: str | None = None) -> None:
        self._url = url.rstrip("/").removesuffix("/search")
        self._key = key

    @property
    def headers(self) -> dict[str, str]:
        """See Provider."""
        return {"authorization": f"Bearer {self._key}"} if self._key else {}

    async def search(self, query: Query, http: httpx.AsyncClient) -> Sequence[Result]:
        """See Provider."""
        params = {"q": query.with_sites, "format": "json"}
        request = http.build_request(
            "GET", f"{self._url}/search", params=params, headers=self.headers
        )
        try:
            answer = await ask(http, self.name, request)
        except SearchError as error:
            if error.status != 403:
                raise
            words = f"{error}, and whether json is among search.formats in its settings.yml"
            raise SearchError(words) from None
        found = read(results_of(answer, self.name), ("title", "url", "content", "publishedDate"))
        silent = answer.get("unresponsive_engines")
        if not found and isinstance(silent, list) and silent:
            names = ", ".join(plain(one[0], 30) for one in silent[:5] if isinstance(one, list))
            raise SearchError(f"{self.name} found nothing: these did not answer it: {names}")
        return found
