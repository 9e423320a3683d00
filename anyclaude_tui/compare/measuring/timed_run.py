"""One timed run over HTTP: through the proxy as Claude Code calls it, or direct.

Definitions are those of docs/metrics.md, computed by
`telemetry/metrics.py` from a `RequestRecord`. Held against the field's tools, vLLM's
`bench serve` (endpoint_request_func.py, serve.py) and guidellm (request_stats.py):

- TTFT, sent → first non-empty delta: as guidellm's first token. vLLM takes the first chunk
  with `choices`, also an empty one (a role-only first chunk), so its TTFT can be shorter.
- tokens/s, (n − 1) / (last − first delta): 1000 / guidellm's `inter_token_latency_ms`, and
  1 / vLLM's TPOT but for the finish chunk, which vLLM takes as the last. guidellm's
  `time_per_output_token_ms` has the TTFT in it: that is no figure of ours.
- n is usage's completion tokens; without usage the counted deltas, *estimated*, as guidellm
  does (vLLM tokenises the text).
- Gaps p50, p95, p99: vLLM's ITL, one per delta, 0 for those that came in one read;
  guidellm has one mean per request.
- Thinking is output, and its first delta is the first token, in all three.
- Prefill tokens/s, (prompt − cached) / prefill: the others have none.

The client runs in our own process; its cost per read is that of one translation (tens of
microseconds), on both ways the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.http_client import start_of
from anyclaude_tui.compare.measuring.run import Run, Taken
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.proxy import attempt
from anyclaude_tui.proxy.roles import ROLE_HEADER
from anyclaude_tui.telemetry.events import Outcome, RequestRecord, Role
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.metrics import RequestView

RECORD_PATIENCE_S = 2.0
"""The proxy ends its record just after the client has read the end."""


async def through_proxy(
    run: Run,
    http: aiohttp.ClientSession,
    url: str,
    token: str,
    hub: Hub,
    body: Mapping[str, Any],
    role: Role = Role.MAIN,
) -> Taken:
    """Send `body` to the proxy at `url`. A failure is a result, with its reason.

    `role`: COMPARE for a run that is only measured; the session then does not count it.
    """
    record = run.record
    before = set(hub.in_flight)
    run.find = lambda: _newest(hub, before)
    headers = {"Authorization": f"Bearer {token}", "anthropic-version": "2023-06-01"}
    headers |= {ROLE_HEADER: role} if role is Role.COMPARE else {}
    data = msgspec.json.encode(body)
    with _Ended(hub) as ended:
        record.accepted_at = time.monotonic()
        try:
            async with http.post(f"{url}/v1/messages", data=data, headers=headers) as response:
                request_id = response.headers.get("request-id", "")
                if response.status != 200:
                    record.status = response.status
                    record.reason = _error_words(await start_of(response))
                    record.outcome = Outcome.ERROR
                else:
                    async for piece in _pieces(response):
                        now = time.monotonic()
                        run.reader.feed(piece)
                        run.heard(now)
        except (aiohttp.ClientError, OSError) as error:
            record.outcome, record.reason = Outcome.ERROR, f"the proxy broke off: {error}"
            request_id = ""
        record.ended_at = time.monotonic()
        proxied = await ended.of(request_id) if request_id else None
    _judge_client(run)
    if proxied is not None:
        proxied.keepalives = max(proxied.keepalives, run.reader.keepalives)
        if record.outcome is Outcome.ERROR and proxied.outcome is not Outcome.ERROR:
            proxied.outcome, proxied.reason = record.outcome, record.reason
    return run.taken(proxied)


async def direct(
    run: Run,
    http: aiohttp.ClientSession,
    endpoint: Endpoint,
    body: Mapping[str, Any],
    limits: Limits,
) -> Taken:
    """Send to the backend what the proxy would send for `body`, without the proxy: the same
    attempt, deadlines and ending, with no client in between."""
    record = run.record

    async def show(out: bytes) -> None:
        run.reader.feed(out)
        run.line.add(time.monotonic() - record.accepted_at, record.attempt.deltas)

    await attempt.alone(endpoint, body, record, show, http=http, limits=limits)
    return run.taken()


def failed(run: Run, reason: str) -> Taken:
    """A run that could not even begin."""
    run.record.outcome, run.record.reason = Outcome.ERROR, reason
    run.record.ended_at = time.monotonic()
    return run.taken()


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    while data := await response.content.readany():
        yield data


def _newest(hub: Hub, before: set[str]) -> RequestRecord | None:
    for key, record in hub.in_flight.items():
        if key not in before:
            return record
    return None


def _judge_client(run: Run) -> None:
    """The client's own view of the ending, for where the proxy's record does not say it."""
    record, reader = run.record, run.reader
    record.stop_reason = reader.stop_reason
    if record.outcome is not None:
        return
    if reader.error:
        record.outcome, record.reason = Outcome.ERROR, reader.error
    elif not reader.stopped:
        record.outcome, record.reason = Outcome.ERROR, "the stream ended without message_stop"
    else:
        record.outcome = Outcome.COMPLETE


def _error_words(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body[:300].decode("utf-8", "replace")


class _Ended:
    """The records of requests that end while it listens."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._records: dict[str, RequestRecord] = {}
        self._news = asyncio.Event()

    def __enter__(self) -> _Ended:
        self._hub.ended_listeners.append(self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self._hub.ended_listeners.remove(self._take)

    def _take(self, record: RequestRecord, _: RequestView) -> None:
        self._records[record.id] = record
        self._news.set()

    async def of(self, request_id: str) -> RequestRecord | None:
        """A copy of that request's record; None when it does not end in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RECORD_PATIENCE_S):
                while request_id not in self._records:
                    self._news.clear()
                    await self._news.wait()
        found = self._records.get(request_id)
        return None if found is None else replace(found)
