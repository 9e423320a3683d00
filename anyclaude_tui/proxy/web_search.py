"""A WebSearch of Claude Code's from acceptance to its ending: answered here, by no model.

A local server has no web search, and the model behind it would invent one. The life of the
request is the exchange's: keepalives, a client that leaves, one ending, the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from anyclaude_tui.backends.address import is_local
from anyclaude_tui.backends.base import BackendError, BackendStatus, Endpoint
from anyclaude_tui.config import kinds
from anyclaude_tui.proxy.context import Services
from anyclaude_tui.proxy.downstream import Reply
from anyclaude_tui.proxy.exchange import Exchange
from anyclaude_tui.proxy.reply.web_search import SearchReply
from anyclaude_tui.proxy.request.web_search import Wanted, wanted
from anyclaude_tui.search.base import Query, SearchError
from anyclaude_tui.search.results import domains, spoken
from anyclaude_tui.search.searcher import Searcher
from anyclaude_tui.telemetry.events import Phase, RequestRecord, Role, WebSearch


def ours(body: Mapping[str, Any], services: Services) -> Wanted | None:
    """The searches that we answer; None for every other request, and where the backend is a
    service of Anthropic's API that searches itself."""
    if services.searcher is None:
        return None
    found = wanted(body)
    if found is None:
        return None
    try:
        status = services.router.peek(Role.BACKGROUND).backend.status()
    except BackendError:
        return found
    return None if is_a_service(status) else found


def is_a_service(status: BackendStatus) -> bool:
    """True if it is a service of Anthropic's API elsewhere: it makes web searches itself, and says
    which domains may be fetched."""
    return kinds.searches(status.kind) and not is_local(status.url or "")


class SearchExchange(Exchange):
    """One WebSearch request."""

    def __init__(
        self,
        services: Services,
        record: RequestRecord,
        body: Mapping[str, Any],
        reply: Reply,
        asked: Wanted,
    ) -> None:
        super().__init__(services, record, body, reply)
        assert services.searcher is not None
        self._searcher: Searcher = services.searcher
        self._asked = asked
        message_id = f"msg_{record.id.removeprefix('req_')}"
        self._answer = SearchReply(message_id, record.requested_model, record.id)

    async def _live(self) -> None:
        record, searcher = self._record, self._searcher
        self._speak_with(self._answer)
        record.backend, record.kind = searcher.settings.provider, "search"
        record.role = Role.BACKGROUND
        record.admitted_at = record.attempt.sent_at = self._now()
        record.phase = Phase.SENT
        self._note_sent()
        queries = self._asked.queries[: self._asked.most]
        texts = [await self._one(query) for query in queries]
        left = len(self._asked.queries) - len(queries)
        if left > 0:
            data = self._answer.begin("") + self._answer.failed("max_uses_exceeded")
            await self._client.send(data)
            texts.append(f"{left} more searches were asked for than may be made at once.")
        await self._client.send(self._answer.say("\n\n".join(texts)))
        failed = [search.error for search in record.searches if search.error]
        ending = self._answer.end("; ".join(dict.fromkeys(failed)))
        record.outcome, record.reason = ending.outcome, ending.reason
        record.stop_reason = ending.stop_reason
        await self._client.finish(ending)

    async def _one(self, text: str) -> str:
        """Make one search and send its blocks; what there is to say about it."""
        answer, record, name = self._answer, self._record, self._searcher.settings.provider
        shown = self._searcher.shown(text)
        search = WebSearch(name, shown, started_at=self._now())
        record.searches.append(search)
        await self._client.send(answer.begin(shown))
        try:
            count = self._searcher.settings.results
            allowed, blocked = domains(self._asked.allowed), domains(self._asked.blocked)
            query = Query(text, allowed, blocked, count)
            results = await self._searcher.search(query)
        except SearchError as error:
            search.error, search.sent = str(error), error.sent
            words, data = f"No search results: {error}", answer.failed(error.code)
        else:
            search.results, search.sent = len(results), True
            words, data = spoken(results, query, name), answer.found(results)
        search.ended_at = self._now()
        answer.sent += search.sent
        record.web_searches += search.sent
        await self._client.send(data)
        return words

    def _note_sent(self) -> None:
        """For those who keep what was said; the provider's key becomes a known secret."""
        record = self._record
        endpoint = Endpoint(
            url=self._searcher.settings.url or "", model="", headers=dict(self._searcher.headers)
        )
        queries = [self._searcher.shown(text) for text in self._asked.queries]
        upstream = msgspec.json.encode({"queries": queries})
        taps = [o.sent(record, self._body, upstream, endpoint) for o in self._services.observers]
        self._client.taps = [tap for tap in taps if tap is not None]
