"""One attempt: a translated request sent to its backend once, its reply read to the ending.

An exchange makes one for each try; the comparison's direct runs make one alone (`alone`).
So deadlines, redirects, dead words and error answers are judged in one place for both.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.loading import is_loading
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.proxy.clock import Clock
from anyclaude_tui.proxy.deadlines import Due, Stage, Timers
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.recording import note_ending, note_read, note_request
from anyclaude_tui.proxy.reply import error_answers
from anyclaude_tui.proxy.reply.endings import Ending
from anyclaude_tui.proxy.reply.translator import Translator
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.learnt import Learnt, with_tool_names
from anyclaude_tui.proxy.request.openai import UpstreamRequest
from anyclaude_tui.proxy.request.token_counter import TokenCounter
from anyclaude_tui.proxy.upstream import Broken, Unreachable, Upstream
from anyclaude_tui.proxy.watcher import Watcher
from anyclaude_tui.proxy.wire.sse import EventTooLarge, is_plain_text, reader_for
from anyclaude_tui.proxy.wire_format import WireFormat, unsent
from anyclaude_tui.telemetry.events import Phase, RequestRecord, Truncation

HEAD_BYTES = 4096
"""So much of a body that is no stream is kept for its words."""
LOADING_POLL_S = 1.0
"""A backend that loads its model is asked again after so long."""

Deliver = Callable[[bytes], Awaitable[None]]


class Attempt:
    """One try. `run()` sends and reads; a watcher beside it calls `expire` at a deadline."""

    def __init__(
        self,
        endpoint: Endpoint,
        request: UpstreamRequest,
        translator: Translator,
        record: RequestRecord,
        timers: Timers,
        deliver: Deliver,
        *,
        http: aiohttp.ClientSession,
        limits: Limits,
        clock: Clock,
    ) -> None:
        """`deliver` takes the client's bytes as they are made; while it waits, so does the
        reading (backpressure)."""
        self.data = request.data()
        """The body as it is sent."""
        self.status: int | None = None
        """The backend's HTTP status, once it has answered."""
        self._endpoint = endpoint
        self._body = request.body
        self._translator = translator
        self._record = record
        self._timers = timers
        self._deliver = deliver
        self._http = http
        self._limits = limits
        self._clock = clock
        self._silent_calls = endpoint.dialect.silent_tool_calls and bool(request.tools)
        self._patience = asyncio.timeout(None)
        self._expired: Due | None = None
        self._failed: ApiError | None = None
        self._silence_s = 0.0

    async def run(self) -> Ending:
        """Send it, and read until one side ends or `expire` is called.

        Raises ApiError for an answer that is an error; what `deliver` raises passes through.
        """
        record, timers = self._record, self._timers
        timers.silent_calls = self._silent_calls
        timers.enter(Stage.FIRST_DELTA, self._clock.now())
        record.phase = Phase.SENT
        record.attempt.sent_at = self._clock.now()
        try:
            async with self._patience:
                while (ending := await self._sent()) is None:
                    record.reason = "the backend loads its model"
                    await self._clock.sleep(LOADING_POLL_S)
                return ending
        except TimeoutError:
            return self._late()
        except Unreachable as error:
            return self._translator.close(Truncation.CUT, f"backend not reached: {error}")
        finally:
            timers.enter(Stage.WAITING, self._clock.now())

    async def _sent(self) -> Ending | None:
        """Send it and read what comes; None from a backend that still loads its model."""
        attempt, loading = self._record.attempt, self.status is not None
        async with Upstream(
            self._http, self._endpoint, self.data, self._limits.connect_s
        ) as upstream:
            attempt.headers_at = self._clock.now()
            self.status = upstream.status
            if upstream.status != 200:
                return await self._refused(upstream)
            if loading:
                attempt.loaded_at, self._record.reason = attempt.headers_at, ""
            return await self._pump(upstream)

    def lesson(self, error: ApiError, learnt: Learnt) -> str:
        """The backend's preference about this request that its refusal teaches, in words; "" where
        nothing new. An overflow, the only 400, is the client's to act on."""
        if error.status == 400:
            return ""
        words = learnt.learn(self._endpoint, self._body, error.message)
        if not words and not self._endpoint.native:
            error.message = with_tool_names(error.message, self._body)
        return words

    def expire(self, due: Due) -> None:
        """A deadline has passed: the connection is closed, and `run` gives the ending for it."""
        self._expired = due
        self._silence_s = self._clock.now() - self._timers.heard_at
        self._give_up()

    def fail(self, error: ApiError) -> None:
        """Close the connection; `run` raises this error."""
        self._failed = error
        self._give_up()

    def _give_up(self) -> None:
        self._timers.enter(Stage.WAITING, self._clock.now())
        self._patience.reschedule(asyncio.get_running_loop().time())

    async def _pump(self, upstream: Upstream) -> Ending:
        """Backend's bytes → events → the client, until one side ends."""
        translator, record, timers = self._translator, self._record, self._timers
        reader = reader_for(upstream.content_type, self._limits.max_event_bytes)
        clock = self._clock
        if "html" in upstream.content_type:
            raise await self._no_reply(upstream)
        head = b""
        try:
            async for data in upstream.read():
                if not translator.facts.chunks and len(head) < HEAD_BYTES:
                    head += data
                arrived = clock.now()
                out = translator.feed(reader.feed(data))
                note_read(record, timers, translator.facts, len(data), arrived, clock.now())
                if out:
                    await self._deliver(out)
                if translator.finished:
                    return translator.close()
            out = translator.feed(reader.end())
            if out:
                await self._deliver(out)
        except EventTooLarge as error:
            return translator.close(Truncation.MALFORMED, str(error))
        except Broken as error:
            return translator.close(Truncation.CUT, str(error))
        if not translator.facts.chunks and is_plain_text(head):
            raise self._no_reply_words(error_answers.from_upstream(502, "", head))
        return translator.close()

    async def _no_reply(self, upstream: Upstream) -> ApiError:
        """A 200 that is a page: a login, a gateway's. Asking again would bring it again."""
        body = await upstream.error_body()
        return self._no_reply_words(error_answers.from_upstream(502, upstream.content_type, body))

    @staticmethod
    def _no_reply_words(error: ApiError) -> ApiError:
        error.message = f"the backend answered with a page instead of a reply: {error.message}"
        return error

    async def _refused(self, upstream: Upstream) -> Ending | None:
        """The backend answered with an error status: pass on its words, or have it brought
        back (an ending that may be retried). None: it loads its model."""
        if upstream.location:
            words = f"the backend redirects to {upstream.location}: set its url to that"
            raise ApiError("api_error", words, retry=False)
        body = await upstream.error_body()
        error = error_answers.from_upstream(
            upstream.status,
            upstream.content_type,
            body,
            prompt_tokens=int(self._record.attempt.prompt_tokens.value or 0) or None,
            window_tokens=self._endpoint.window_tokens,
            native=self._endpoint.native,
        )
        if is_loading(upstream.status, error.message):
            return None
        if any(words in error.message for words in self._endpoint.dialect.dead_words):
            return self._translator.close(Truncation.CUT, error.message)
        raise error

    def _late(self) -> Ending:
        """A deadline passed. Waiting once more for the same would not be honest: no retry."""
        if self._failed is not None:
            raise self._failed
        if self._expired is Due.TAIL_LATE:
            return self._translator.close()
        if self._expired is Due.FIRST_DELTA_LATE:
            late_s = self._limits.first_byte_s
            reason = f"the backend sent nothing for {late_s:g} s"
            if self.status == 503:
                reason = f"the backend still loads its model after {late_s:g} s"
        else:
            reason = f"the backend fell silent for {self._silence_s:.0f} s in mid-reply"
        return replace(self._translator.close(Truncation.STALL, reason), retry=False)


async def alone(
    endpoint: Endpoint,
    body: Mapping[str, Any],
    record: RequestRecord,
    deliver: Deliver,
    *,
    http: aiohttp.ClientSession,
    limits: Limits,
    clock: Clock | None = None,
) -> None:
    """One attempt without an exchange around it: what the proxy would send for `body`, read
    as the proxy reads it, with no client in between.

    `record` holds what happened: times from the moment it is sent, and the ending. Raises
    nothing for what a backend does.
    """
    clock, learnt = clock or Clock(), Learnt()
    while True:
        own = limits.of(endpoint.wanted)
        one = _Alone(learnt.applied(endpoint), record, deliver, http, own, clock)
        try:
            ending = await one.run(body)
        except ApiError as error:
            ending = one.translator.fail(error)
        error_words = ending.error if not one.translator.shown else None
        if one.attempt is None or error_words is None:
            break
        if not one.attempt.lesson(error_words, learnt):
            break
    await deliver(ending.data)
    note_ending(record, ending, one.translator.facts)
    record.ended_at = clock.now()


class _Alone:
    """One try of `alone`, with a watcher that keeps the backend's deadlines only."""

    def __init__(
        self,
        endpoint: Endpoint,
        record: RequestRecord,
        deliver: Deliver,
        http: aiohttp.ClientSession,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._wire = WireFormat.for_(endpoint)
        self._record = record
        self._deliver = deliver
        self._http = http
        self._limits = limits
        self._clock = clock
        self._memory = CallMemory()
        self.translator = unsent(record, self._memory)
        self.attempt: Attempt | None = None

    async def run(self, body: Mapping[str, Any]) -> Ending:
        """Translate, send and read. Raises ApiError."""
        wire, record, clock = self._wire, self._record, self._clock
        request = await wire.request(body, self._memory)
        note_request(record, request, wire.endpoint)
        request, tokens = await wire.fit(request, TokenCounter(), self._http, record)
        self.translator = wire.translator(record, request, tokens, self._memory)
        # Nobody is kept waiting: the reply is never begun for a keepalive's sake.
        timers = Timers(self._limits, clock.now(), quiet_commit_s=math.inf)
        self.attempt = attempt = Attempt(
            wire.endpoint,
            request,
            self.translator,
            record,
            timers,
            self._deliver,
            http=self._http,
            limits=self._limits,
            clock=clock,
        )
        record.prompt_bytes = len(attempt.data)
        record.accepted_at = clock.now()
        watcher = Watcher(timers, clock, late=attempt.expire, failed=_fault_of(attempt))
        try:
            async with watcher:
                return await attempt.run()
        finally:
            record.status = attempt.status


def _fault_of(attempt: Attempt) -> Callable[[Exception], None]:
    def failed(error: Exception) -> None:
        attempt.fail(ApiError("api_error", f"fault in the measuring client: {error!r}"))

    return failed
