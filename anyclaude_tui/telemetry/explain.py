"""The prefix explainer: keeps the last prompts and says where a new one parts from them.

An observer of the proxy; memory is bounded by bytes and by count. A comparison takes about
a millisecond per 100 KB, so `observers.py` has it done when the request is on its way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.templates.parting import Parting
from anyclaude_tui.config.kinds import is_prefix_cached
from anyclaude_tui.figures import Source, estimated
from anyclaude_tui.prefix.divergence import (
    Cause,
    Comparison,
    compare,
    rendered_anew,
    shared_bytes,
)
from anyclaude_tui.prefix.reading import PromptReader
from anyclaude_tui.prefix.segments import Part, Prompt
from anyclaude_tui.telemetry.events import RequestRecord, Role
from anyclaude_tui.telemetry.why import why

PROMPTS_KEPT = 64
PROMPT_BYTES = 32 * 1024 * 1024
COMPARISONS_KEPT = 500
SMALL_LOSS = 0.02
"""Less of a rendering is not worth a word: a line end, an empty thinking block."""
_SEGMENT_COST = 300
"""The bytes that a segment takes besides its text."""

_Cache = tuple[str, str, str]
"""(backend, URL, model): a server that was started anew has an empty cache."""
_Conversation = tuple[str, str, str]
"""(session, agent, role)"""


@dataclass(frozen=True, slots=True)
class _Known:
    prompt: Prompt
    cost_bytes: int


class Explainer:
    """Used on the session's loop."""

    def __init__(self, max_bytes: int = PROMPT_BYTES, max_prompts: int = PROMPTS_KEPT) -> None:
        self._max_bytes = max_bytes
        self._max_prompts = max_prompts
        self._known: OrderedDict[tuple[_Cache, _Conversation], _Known] = OrderedDict()
        """In the order in which they were sent, the newest last."""
        self._bytes = 0
        self._reader = PromptReader()
        self._last_cache: OrderedDict[_Conversation, _Cache] = OrderedDict()
        self._compared: OrderedDict[str, tuple[_Cache, Comparison, int]] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """The bytes of memory that the kept prompts take, estimated."""
        return self._bytes

    def comparison(self, request_id: str) -> Comparison | None:
        """The relation of a request's prompt to the one before, for the last requests."""
        found = self._compared.get(request_id)
        return found[1] if found else None

    def sent(
        self, record: RequestRecord, body: Mapping[str, Any], upstream: bytes, endpoint: Endpoint
    ) -> None:
        """Compare its prompt with those before, and keep it. Wants no reply."""
        if not endpoint.model:
            return  # no model reads it (a web search)
        cache = (record.backend, endpoint.url, endpoint.model)
        earlier = self._compared.get(record.id)
        if earlier is not None and earlier[0] == cache:
            return  # sent again: it would be compared with itself
        prompt = self._reader.prompt(upstream, body)
        conversation = (record.session_id, record.agent_id, str(record.role))
        comparison = self._compare(cache, conversation, prompt)
        warm_bytes = self._warm_bytes(cache, prompt, endpoint.slots.number)
        self._compared[record.id] = (cache, comparison, warm_bytes)
        while len(self._compared) > COMPARISONS_KEPT:
            self._compared.popitem(last=False)
        self._keep(cache, conversation, prompt)

    def grew(self, request_id: str) -> bool:
        """True if its messages go on from the earlier prompt, and nothing was lost by them."""
        found = self.comparison(request_id)
        return found is not None and found.cause is Cause.EXTENDED

    def rendered(self, request_id: str, parting: Parting) -> None:
        """The renderings were compared: what the messages told may not be so."""
        found = self._compared.get(request_id)
        if found is None or parting.lost <= SMALL_LOSS * max(1, parting.before):
            return
        cache, told, warm_bytes = found
        comparison = rendered_anew(
            told,
            parting.shared / max(1, parting.now),
            parting.lost / parting.before,
            parting.message,
        )
        warm_bytes = min(warm_bytes, comparison.shared_bytes)
        self._compared[request_id] = (cache, comparison, warm_bytes)

    def ended(self, record: RequestRecord) -> None:
        """Fill in what was reused where the backend does not say, and the Why."""
        attempt = record.attempt
        found = self._compared.get(record.id)
        comparison, warm_bytes = (found[1], found[2]) if found else (None, 0)
        if (
            comparison is not None
            and attempt.cached_tokens.source is Source.UNKNOWN
            and is_prefix_cached(record.kind)
            and attempt.first_delta_at is not None
        ):
            attempt.cached_tokens = estimated(
                comparison.tokens(warm_bytes, attempt.prompt_tokens.value)
            )
        record.why = why(record, comparison)

    # --- against what ---------------------------------------------------------------------------

    def _compare(self, cache: _Cache, conversation: _Conversation, now: Prompt) -> Comparison:
        own = self._known.get((cache, conversation))
        aside = conversation[2] in (Role.SUBAGENT, Role.BACKGROUND)
        # Background requests are of many kinds: the last one is no measure for another.
        if (
            own is not None
            and conversation[2] == Role.BACKGROUND
            and _front(own.prompt) != _front(now)
        ):
            own = None
        if own is not None and conversation[0]:
            between = self._between(cache, conversation)
            return replace(compare(own.prompt, now), between=between)
        last = self._last_cache.get(conversation)
        if conversation[0] and last is not None and last != cache:
            return Comparison(
                Cause.SWITCH, size_bytes=now.size_bytes, what=_switch_words(last, cache)
            )
        nearest = self._nearest(cache, conversation, now)
        if nearest is not None and aside and conversation[0] and _front(nearest) != _front(now):
            nearest = None
        if nearest is None:
            return Comparison(Cause.FIRST, size_bytes=now.size_bytes)
        same = not conversation[0] and _shares_messages(nearest, now)
        found = compare(nearest, now, same_conversation=same)
        return found if same else replace(found, against="an earlier conversation")

    def _nearest(self, cache: _Cache, conversation: _Conversation, now: Prompt) -> Prompt | None:
        """The prompt of the same role that shares most, the newest of equals; for a background
        request also the conversation's own, which some go on from (a recap)."""
        roles = {conversation[2]}
        if conversation[2] == Role.BACKGROUND:
            roles.add(Role.MAIN)
        best: tuple[int, Prompt] | None = None
        for (where, who), known in self._known.items():
            if where != cache or who[2] not in roles:
                continue
            shared = shared_bytes(known.prompt, now)
            if best is None or shared >= best[0]:
                best = (shared, known.prompt)
        return best[1] if best else None

    def _between(self, cache: _Cache, conversation: _Conversation) -> str:
        """The requests on this cache after the conversation's own last prompt, in words."""
        others: list[str] = []
        for where, who in reversed(self._known):
            if where == cache and who == conversation:
                break
            if where == cache:
                others.append("a subagent's" if who[1] else f"a {who[2]}")
        if not others:
            return ""
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        return f"{others[0]} request{more} ran in between"

    def _warm_bytes(self, cache: _Cache, now: Prompt, slots: int) -> int:
        """The longest prefix shared with the prompts that the backend's slots saw last."""
        recent = [known for (where, _), known in reversed(self._known.items()) if where == cache]
        return max((shared_bytes(k.prompt, now) for k in recent[: max(1, slots)]), default=0)

    # --- what is kept ---------------------------------------------------------------------------

    def _keep(self, cache: _Cache, conversation: _Conversation, prompt: Prompt) -> None:
        key = (cache, conversation)
        self._forget(key)
        cost = prompt.size_bytes + _SEGMENT_COST * len(prompt.segments)
        self._last_cache[conversation] = cache
        self._last_cache.move_to_end(conversation)
        while len(self._last_cache) > 4 * self._max_prompts:
            self._last_cache.popitem(last=False)
        if cost > self._max_bytes:
            return
        self._known[key] = _Known(prompt, cost)
        self._bytes += cost
        while self._bytes > self._max_bytes or len(self._known) > self._max_prompts:
            self._forget(next(iter(self._known)))

    def _forget(self, key: tuple[_Cache, _Conversation]) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._bytes -= known.cost_bytes


def _front(prompt: Prompt) -> list[bytes]:
    """The text before the messages: the same for all requests of a kind."""
    return [segment.text for segment in prompt.segments if segment.part is not Part.MESSAGE]


def _shares_messages(before: Prompt, now: Prompt) -> bool:
    """True if the first message is the same: a client that names no session goes on."""
    first = [next((s for s in p.segments if s.part is Part.MESSAGE), None) for p in (before, now)]
    return first[0] is not None and first[1] is not None and first[0].text == first[1].text


def _switch_words(last: _Cache, cache: _Cache) -> str:
    if last[0] != cache[0]:
        return f"the conversation came from {last[0]}, so the cache is cold"
    if last[2] != cache[2]:
        return f"the model changed from {last[2]} to {cache[2]}, so the cache is cold"
    return f"{cache[0]} was started anew, so the cache is cold"
