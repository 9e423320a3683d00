"""The life of one request: accepted → queued → sent → prefill → decode → ended.

Every path leads to one of four endings (docs/architecture.md, "The promise on streams"): complete,
an honest limit, an error that says what happened, cancelled by the client. This module
alone holds the clock, the sockets and the deadlines; what it sends is made by pure code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

import msgspec

from anyclaude_tui.backends.base import Backend, BackendError, Endpoint
from anyclaude_tui.proxy.admission import Moved
from anyclaude_tui.proxy.context import Lane, Services
from anyclaude_tui.proxy.deadlines import Due, Stage, Timers
from anyclaude_tui.proxy.downstream import PLAIN_COMMIT_S, Reply
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.polling import polled
from anyclaude_tui.proxy.recording import note_ending, note_read, note_request
from anyclaude_tui.proxy.reply import error_answers
from anyclaude_tui.proxy.reply.endings import Ending
from anyclaude_tui.proxy.reply.translator import Translator
from anyclaude_tui.proxy.request.openai import UpstreamRequest
from anyclaude_tui.proxy.upstream import Broken, Unreachable, Upstream
from anyclaude_tui.proxy.wire.sse import EventTooLarge, reader_for
from anyclaude_tui.proxy.wire_format import fitted, native_body, translated, translator_for
from anyclaude_tui.telemetry.events import Outcome, Phase, RequestRecord, Truncation

LOOK_S = 1.0
"""The watcher looks this often at least: what it waits for may have changed meanwhile."""


class Exchange:
    """One request from acceptance to its ending. `run()` never leaves the client without one."""

    def __init__(
        self,
        services: Services,
        record: RequestRecord,
        body: Mapping[str, Any],
        reply: Reply,
        *,
        client_headers: Mapping[str, str] | None = None,
        slow: bool = False,
    ) -> None:
        """`client_headers`: those of the client's that a native server also gets.

        `slow`: the translation may take long (`slow_to_translate`).
        """
        self._services = services
        self._record = record
        self._body = body
        self._reply = reply
        self._client_headers = dict(client_headers or {})
        self._slow = slow
        commit_s = None if reply.streaming else PLAIN_COMMIT_S
        self._timers = Timers(services.limits, record.accepted_at, quiet_commit_s=commit_s)
        self._translator = translator_for(record, None, 0, services.memory)
        self._patience = asyncio.timeout(None)
        self._expired: Due | None = None
        self._silence_s = 0.0
        self._taps: list[Callable[[bytes], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._interrupted: tuple[ApiError, Outcome] | None = None
        self._telling = asyncio.Lock()

    def interrupt(self, error: ApiError, outcome: Outcome = Outcome.ERROR) -> None:
        """End it now with this error; `outcome` is what it counts as."""
        if self._interrupted is None:
            self._interrupted = (error, outcome)
            if self._task is not None:
                self._task.cancel()

    async def run(self) -> None:
        """Serve the request. Raises only CancelledError (the client left)."""
        self._task = asyncio.current_task()
        self._services.hub.begin(self._record)
        watcher = asyncio.create_task(self._watch())
        try:
            if self._interrupted is not None:  # before it began
                raise self._interrupted[0]
            await self._live()
        except ApiError as error:
            await self._give_error(error)
        except ConnectionError:
            self._gone()
        except asyncio.CancelledError:
            if self._interrupted is None:
                self._gone()
                raise
            assert self._task is not None
            self._task.uncancel()
            reason, outcome = self._interrupted
            await self._give_error(reason)
            self._record.outcome = outcome
        except Exception as error:
            await self._give_error(self._fault(error))
        finally:
            watcher.cancel()
            self._close_record()

    def _close_record(self) -> None:
        record, services = self._record, self._services
        record.status = self._reply.status
        record.ended_at = self._now()
        record.phase = Phase.ENDED
        record.queue_position = None
        try:
            for observer in services.observers:
                observer.ended(record)
        finally:
            services.hub.end(record)

    # --- the way of the request -------------------------------------------------------------

    async def _live(self) -> None:
        for attempt in range(self._services.limits.retries + 1):
            lane, ending = await self._through_a_lane()
            if not ending.retry or attempt == self._services.limits.retries:
                break
            self._record.retries += 1
            self._record.reason = f"{ending.reason}; sending again"
            self._renew_translator(None, 0)
            await self._recover(lane)
        await self._finish(ending)

    async def _through_a_lane(self) -> tuple[Lane, Ending]:
        async with AsyncExitStack() as inside:
            lane = await self._enter_lane(inside)
            self._record.queue_position = None
            watched = polled(lane, self._record, self._timers, self._services.clock)
            await inside.enter_async_context(watched)
            return lane, await self._attempt(lane.backend)

    async def _enter_lane(self, inside: AsyncExitStack) -> Lane:
        """Wait for a backend and in its line; from the start where a switch sends us away."""
        record, patience_s = self._record, self._services.limits.queue_s
        self._enter(Stage.WAITING, Phase.QUEUED)
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    record.queue_position = None
                    lane = await self._services.routes.lane(record.role)
                    record.backend, record.kind = lane.backend.name, lane.backend.kind
                    record.simulated = lane.backend.simulated
                    with suppress(Moved):
                        place = lane.gate.enter(record.role, self._place)
                        await inside.enter_async_context(place)
                        record.admitted_at = self._now()
                        return lane
        except BackendError as error:
            raise ApiError("api_error", str(error), retry=False) from error
        except TimeoutError:
            words = f"no backend became ready in {patience_s:g} s"
            if record.queue_position is not None:
                words = (
                    f"waited {patience_s:g} s in line for {record.backend}, which is busy with "
                    "other requests: try again, or raise queue_s in [limits]"
                )
            raise ApiError("timeout_error", words) from None

    async def _attempt(self, backend: Backend) -> Ending:
        """Send it once. Raises ApiError for an answer that is an error."""
        try:
            endpoint = backend.endpoint
        except BackendError as error:
            return self._translator.close(Truncation.CUT, str(error))
        request = await translated(self._body, endpoint, self._services.memory, self._slow)
        note_request(self._record, request, endpoint)
        request, prompt_tokens = await fitted(request, endpoint, self._services, self._record)
        body = request.body
        if endpoint.native:
            body = native_body(self._body, request, endpoint, self._services.memory)
        data = msgspec.json.encode(body)
        translator = self._renew_translator(request, prompt_tokens, native=endpoint.native)
        taps = [o.sent(self._record, self._body, data, endpoint) for o in self._services.observers]
        self._taps = [tap for tap in taps if tap is not None]
        self._timers.silent_calls = endpoint.dialect.silent_tool_calls and bool(request.tools)
        self._enter(Stage.FIRST_DELTA, Phase.SENT)
        self._record.sent_at = self._now()
        ending = await self._patiently(endpoint, data)
        tokens = translator.facts.prompt_tokens
        if tokens:
            self._services.counter.learn(
                endpoint.label or endpoint.model, request.prompt_bytes, tokens
            )
        return ending

    async def _patiently(self, endpoint: Endpoint, data: bytes) -> Ending:
        """Send and read within the deadlines that the watcher keeps."""
        self._patience = asyncio.timeout(None)
        self._expired = None
        try:
            async with self._patience, self._open(endpoint, data) as upstream:
                self._record.headers_at = self._now()
                if upstream.status != 200:
                    return await self._refused(upstream, endpoint)
                return await self._pump(upstream)
        except TimeoutError:
            return self._late()
        except Unreachable as error:
            return self._translator.close(Truncation.CUT, f"backend not reached: {error}")
        finally:
            self._timers.enter(Stage.WAITING, self._now())

    def _open(self, endpoint: Endpoint, data: bytes) -> Upstream:
        if endpoint.native:
            endpoint = replace(endpoint, headers={**self._client_headers, **endpoint.headers})
        return Upstream(self._services.http, endpoint, data, self._services.limits.connect_s)

    async def _pump(self, upstream: Upstream) -> Ending:
        """Backend's bytes → events → the client, until one side ends."""
        translator, record, timers = self._translator, self._record, self._timers
        reader = reader_for(upstream.content_type, self._services.limits.max_event_bytes)
        clock = self._services.clock
        try:
            async for data in upstream.read():
                arrived = clock.now()
                out = translator.feed(reader.feed(data))
                note_read(record, timers, translator.facts, len(data), arrived, clock.now())
                if out:
                    await self._send(out)
                if translator.finished:
                    return translator.close()
            out = translator.feed(reader.end())
            if out:
                await self._send(out)
        except EventTooLarge as error:
            return translator.close(Truncation.MALFORMED, str(error))
        except Broken as error:
            return translator.close(Truncation.CUT, str(error))
        return translator.close()

    async def _refused(self, upstream: Upstream, endpoint: Endpoint) -> Ending:
        """The backend answered with an error status: pass on its words, or bring it back."""
        if upstream.location:
            words = f"the backend redirects to {upstream.location}: set its url to that"
            raise ApiError("api_error", words, retry=False)
        body = await upstream.error_body()
        error = error_answers.from_upstream(
            upstream.status,
            upstream.content_type,
            body,
            prompt_tokens=int(self._record.prompt_tokens.value or 0) or None,
            window_tokens=endpoint.window_tokens,
        )
        if any(words in error.message for words in endpoint.dialect.dead_words):
            return self._translator.close(Truncation.CUT, error.message)
        raise error

    def _late(self) -> Ending:
        """A deadline passed. Waiting once more for the same would not be honest: no retry."""
        limits = self._services.limits
        if self._expired is Due.TAIL_LATE:
            return self._translator.close()
        if self._expired is Due.FIRST_DELTA_LATE:
            reason = f"the backend sent nothing for {limits.first_byte_s:g} s"
        else:
            reason = f"the backend fell silent for {self._silence_s:.0f} s in mid-reply"
        return replace(self._translator.close(Truncation.STALL, reason), retry=False)

    async def _recover(self, lane: Lane) -> None:
        """Have the backend brought back before the request is sent again."""
        self._enter(Stage.WAITING, Phase.QUEUED)
        try:
            async with asyncio.timeout(self._services.limits.recover_s):
                await self._services.routes.recover(self._record.role, lane)
        except (BackendError, TimeoutError) as error:
            words = str(error) or "the backend did not come back in time"
            raise ApiError("api_error", words, retry=False) from error

    # --- what the client gets -----------------------------------------------------------------

    async def _send(self, data: bytes) -> None:
        """Hand bytes of the stream to the client."""
        for tap in self._taps:
            tap(data)
        if self._reply.streaming:
            await self._tell(self._reply.write, data)

    async def _tell(self, say: Callable[..., Awaitable[None]], *what: object) -> None:
        """Say it to the client. While it is slow to take it, the backend waits (backpressure)
        and no keepalive is due."""
        timers = self._timers
        async with self._telling:
            timers.writing_since = self._now()
            try:
                await say(*what)
            finally:
                timers.writing_since = None
            timers.committed = True
            timers.told_at = self._now()

    async def _finish(self, ending: Ending) -> None:
        """Write the ending that the translator decided on."""
        note_ending(self._record, ending, self._translator.facts)
        streams = self._reply.streaming
        if ending.error is not None and not (streams and self._reply.committed):
            await self._tell(self._reply.error, ending.error)
        elif streams:
            await self._send(ending.data)
            await self._tell(self._reply.end)
        else:
            whole = msgspec.json.encode(self._translator.message())
            await self._tell(self._reply.whole, whole)

    async def _give_error(self, error: ApiError) -> None:
        """End with an error from outside the stream (refused, no backend, our own fault)."""
        ending = self._translator.fail(error)
        if ending.error is None and not self._reply.committed:  # what it had decided on failed
            ending = Ending(b"", Outcome.ERROR, error=error, reason=error.message)
        try:
            await self._finish(ending)
        except ConnectionError:
            self._gone()

    def _fault(self, error: Exception) -> ApiError:
        """Our own: it must not look like an ending of the model."""
        words = f"fault in the proxy: {error!r}"
        self._services.hub.notice("error", words)
        return ApiError("api_error", words)

    def _gone(self) -> None:
        self._record.outcome = Outcome.CANCELLED
        self._record.truncation = None
        self._record.reason = "the client left"

    # --- the watcher ----------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Keepalives and deadlines, beside the reading: nothing of it costs a chunk anything."""
        try:
            while await self._looked():
                pass
        except ConnectionError:
            pass  # the reading side meets it too
        except Exception as error:  # nothing would keep the deadlines any more
            self.interrupt(self._fault(error))

    async def _looked(self) -> bool:
        """Wait for what is due next, and do it; False when the watch is over."""
        wait_s = self._timers.next_due(self._now()) + 0.001
        await self._services.clock.sleep(min(wait_s, LOOK_S))
        due = self._timers.due(self._now())
        if due is Due.COMMIT or due is Due.KEEPALIVE:
            await self._keepalive(due)
        elif due is Due.CLIENT_STUCK:
            self._reply.abort()  # the write that waits ends with a ConnectionError
            return False
        elif due is not None:
            self._expired = due
            self._silence_s = self._now() - self._timers.heard_at
            self._enter(Stage.WAITING, self._record.phase)
            self._patience.reschedule(asyncio.get_running_loop().time())
        return True

    async def _keepalive(self, due: Due) -> None:
        """Tell the client something that it counts.

        Source: `docs/protocol/claude-code.md`, "Keepalives that work".
        """
        if due is Due.KEEPALIVE:
            if self._reply.behind:  # it has something to read; more would only pile up
                self._timers.told_at = self._now()
                return
            self._record.keepalives += 1
        data = b" "  # white space before a JSON value is nothing to its parser
        if self._reply.streaming:
            started = self._translator.started
            data = self._translator.keepalive() if started else self._translator.start()
        await self._tell(self._reply.write, data)

    # --- small things ---------------------------------------------------------------------------

    def _renew_translator(
        self, request: UpstreamRequest | None, prompt_tokens: int, *, native: bool = False
    ) -> Translator:
        """A translator for another try; what the client has of the reply stays."""
        translator = translator_for(
            self._record, request, prompt_tokens, self._services.memory, native=native
        )
        translator.started = self._reply.committed
        self._translator = translator
        return translator

    def _enter(self, stage: Stage, phase: Phase) -> None:
        self._timers.enter(stage, self._now())
        self._record.phase = phase

    def _place(self, place: int) -> None:
        self._record.queue_position = place
        self._record.queued_behind = max(place, self._record.queued_behind or 0)

    def _now(self) -> float:
        return self._services.clock.now()
