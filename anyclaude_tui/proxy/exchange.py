"""The life of one request: accepted → queued → sent → prefill → decode → ended.

Every path leads to one of four endings (docs/architecture.md, "The promise on streams"):
complete, an honest limit, an error that says what happened, cancelled by the client. One try is
`attempt.py`'s, the client's side `downstream.py`'s, the deadlines `watcher.py`'s; this
module joins them and decides what comes next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from anyclaude_tui.backends.address import is_local
from anyclaude_tui.backends.base import Backend, BackendError, Endpoint
from anyclaude_tui.figures import estimated, reported
from anyclaude_tui.proxy.admission import Gate, Moved, Place
from anyclaude_tui.proxy.attempt import Attempt
from anyclaude_tui.proxy.context import Route, Services
from anyclaude_tui.proxy.deadlines import Due, Stage, Timers
from anyclaude_tui.proxy.downstream import PLAIN_COMMIT_S, Downstream, Reply
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.polling import polled
from anyclaude_tui.proxy.recording import note_ending, note_request
from anyclaude_tui.proxy.reply.endings import Ending
from anyclaude_tui.proxy.reply.translator import Translator
from anyclaude_tui.proxy.watcher import Watcher
from anyclaude_tui.proxy.wire_format import WireFormat, unsent
from anyclaude_tui.telemetry.events import Outcome, Phase, RequestRecord, Truncation


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
        client_query: str = "",
        slow: bool = False,
        received: bytes = b"",
    ) -> None:
        """`client_headers`, `client_query`: those of the client's that a native server also gets.

        `slow`: the translation may take long (`slow_to_translate`). `received`: the body's bytes.
        """
        self._services = services
        self._record = record
        self._body = body
        self._reply = reply
        self._client_headers = dict(client_headers or {})
        self._client_query = client_query
        self._slow = slow
        self._received = received
        commit_s = None if reply.streaming else PLAIN_COMMIT_S
        self._timers = Timers(services.limits, record.accepted_at, quiet_commit_s=commit_s)
        self._speaker: Translator | None = None
        speaker = partial(getattr, self, "_translator")
        self._client = Downstream(reply, record, self._timers, services.clock, speaker)
        self._attempt: Attempt | None = None
        self._place: Place | None = None
        self._task: asyncio.Task[None] | None = None
        self._interrupted: tuple[ApiError, Outcome] | None = None

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
        watcher = Watcher(
            self._timers,
            self._services.clock,
            late=self._late,
            failed=lambda error: self.interrupt(self._fault(error)),
            client=self._client,
        )
        try:
            async with watcher:
                await self._served()
        finally:
            self._close_record()

    async def _served(self) -> None:
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

    def _close_record(self) -> None:
        record, services = self._record, self._services
        record.status = self._reply.status
        record.ended_at = self._now()
        record.phase = Phase.ENDED
        record.queue_position = None
        services.hub.leave(record)
        services.afterwards(self._count)

    def _count(self) -> None:
        """Tell those who keep books; nobody waits for it."""
        try:
            for observer in self._services.observers:
                observer.ended(self._record)
        finally:
            self._services.hub.end(self._record)

    # --- the way of the request -------------------------------------------------------------

    async def _live(self) -> None:
        for attempt in range(self._services.limits.retries + 1):
            route, ending = await self._take_a_route()
            most = self._services.limits.retries
            told = ending.error is not None and ending.truncation is None
            if not ending.retry or attempt >= (min(most, 1) if told else most):
                break
            self._record.retries += 1
            self._record.reason = f"{ending.reason}; sending again"
            self._speak_with(unsent(self._record, self._services.memory))
            await self._recover(route)
        await self._finish(ending)

    async def _take_a_route(self) -> tuple[Route, Ending]:
        async with AsyncExitStack() as inside:
            route = await self._enter_route(inside)
            self._record.queue_position = None
            watched = polled(route, self._record, self._timers, self._services.clock)
            await inside.enter_async_context(watched)
            return route, await self._try(route.backend)

    async def _enter_route(self, inside: AsyncExitStack) -> Route:
        """Wait for a backend and in its line; from the start where a switch sends us away."""
        record, patience_s = self._record, self._services.limits.queue_s
        self._enter(Stage.WAITING, Phase.QUEUED)
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    record.queue_position = None
                    route = await self._services.router.route(record.role)
                    record.backend, record.kind = route.backend.name, route.backend.kind
                    record.simulated = route.backend.simulated
                    with suppress(Moved):
                        alone = is_local(route.backend.endpoint.url)
                        moved = partial(self._moved_up, route.gate)
                        entry = route.gate.enter(record.role, moved, alone=alone)
                        self._place = await inside.enter_async_context(entry)
                        record.admitted_at = self._now()
                        return route
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

    async def _try(self, backend: Backend) -> Ending:
        """Send it; once more for each thing that its refusal teaches. Raises ApiError for an
        answer that is an error."""
        renewed = False
        while True:
            try:
                endpoint = self._services.endpoint(backend, self._record, self._body)
            except BackendError as error:
                return self._translator.close(Truncation.CUT, str(error))
            self._attempt = None
            try:
                ending = await self._try_once(endpoint)
            except ApiError as error:
                if error.overflow and not renewed:
                    renewed = True
                    if await self._has_more_room(backend, endpoint):
                        continue
                if not self._teaches(error):
                    raise
            else:
                error_in_stream = None if self._translator.shown else ending.error
                if error_in_stream is None or not self._teaches(error_in_stream):
                    return ending

    async def _has_more_room(self, backend: Backend, endpoint: Endpoint) -> bool:
        """True if the backend's window is larger by now: it may have been started anew, or have
        loaded its model again."""
        with suppress(BackendError):
            before = backend.endpoint.window_tokens
            await backend.renew()
            now = backend.endpoint.window_tokens
            return now is not None and now > (before or endpoint.window_tokens or 0)
        return False

    def _teaches(self, error: ApiError) -> bool:
        """True if the backend's refusal taught how it wants the request; the user is told."""
        if self._attempt is None:
            return False
        learnt = self._attempt.lesson(error, self._services.learnt)
        if learnt:
            self._services.hub.notice("info", f"{self._record.backend}: {learnt}")
        return bool(learnt)

    async def _try_once(self, endpoint: Endpoint) -> Ending:
        services, record = self._services, self._record
        wire = WireFormat.for_(endpoint, self._client_headers, self._client_query)
        request = await wire.request(self._body, services.memory, slow=self._slow)
        note_request(record, request, endpoint)
        limits = services.limits.of(endpoint.wanted)
        self._timers.limits = limits
        request, prompt_tokens = await wire.fit(request, services.counter, services.http, record)
        translator = wire.translator(record, request, prompt_tokens, services.memory)
        self._speak_with(translator)
        self._attempt = attempt = Attempt(
            wire.endpoint,
            request,
            translator,
            record,
            self._timers,
            self._deliver,
            http=services.http,
            limits=limits,
            clock=services.clock,
        )
        request = replace(request, encoded=())  # not to be kept while the reply comes
        if request.tools:
            services.tools_are_offered()
        taps = [
            o.sent(record, self._body, attempt.data, endpoint, self._received)
            for o in services.observers
        ]
        self._client.taps = [tap for tap in taps if tap is not None]
        model = endpoint.label or endpoint.model
        try:
            ending = await attempt.run()
        except ApiError as error:
            if error.prompt_tokens:
                record.attempt.prompt_tokens = reported(error.prompt_tokens)
                services.counter.learn(model, request.prompt_bytes, error.prompt_tokens)
            raise
        tokens, cached = translator.facts.prompt_tokens, translator.facts.cached_tokens
        if tokens:
            services.counter.learn(model, request.prompt_bytes, tokens)
            if services.learnt.tells_cached(endpoint, cached) and cached is None:
                record.attempt.cached_tokens = estimated(0)
        return ending

    def _late(self, due: Due) -> None:
        """The backend's deadline has passed."""
        if self._attempt is not None:
            self._attempt.expire(due)

    async def _recover(self, route: Route) -> None:
        """Have the backend brought back before the request is sent again."""
        self._enter(Stage.WAITING, Phase.QUEUED)
        try:
            async with asyncio.timeout(self._services.limits.recover_s):
                await self._services.router.recover(self._record.role, route)
        except (BackendError, TimeoutError) as error:
            words = str(error) or "the backend did not come back in time"
            raise ApiError("api_error", words, retry=False) from error

    # --- how it ends --------------------------------------------------------------------------

    async def _finish(self, ending: Ending) -> None:
        note_ending(self._record, ending, self._translator.facts)
        await self._client.finish(ending)

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

    # --- small things ---------------------------------------------------------------------------

    @property
    def _translator(self) -> Translator:
        """The speaker to the client: until something has been sent one that knows no backend, which
        most requests do without."""
        if self._speaker is None:
            self._speaker = unsent(self._record, self._services.memory)
        return self._speaker

    def _speak_with(self, translator: Translator) -> None:
        """Another try has a translator of its own; what the client has of the reply stays."""
        translator.started = self._reply.committed
        self._speaker = translator

    def _enter(self, stage: Stage, phase: Phase) -> None:
        self._timers.enter(stage, self._now())
        self._record.phase = phase

    async def _deliver(self, data: bytes) -> None:
        """Hand bytes of the reply to the client; with its first word the prompt has been read."""
        if self._place is not None and self._record.attempt.first_delta_at is not None:
            self._place.read()
        await self._client.send(data)

    def _moved_up(self, gate: Gate, place: int) -> None:
        self._record.queue_position = place
        self._record.waits_for = gate.ahead_of(self._record.role) or self._record.waits_for
        self._record.queued_behind = max(place, self._record.queued_behind or 0)

    def _now(self) -> float:
        return self._services.clock.now()
