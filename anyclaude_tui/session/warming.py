"""The prompt is read before anybody asks, whenever a backend near by has become ready.

What is read: the running conversation, else what this folder's last one began with
(`fronts.py`). A request of the user's goes first: at most one step or piece of ours is before
it. Whether it was of use is told by the next request's cached tokens. docs/prompt-cache.md
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from anyclaude_tui.backends.base import Backend, BackendError, BackendState, Endpoint
from anyclaude_tui.config.settings import WarmingSettings
from anyclaude_tui.prefix.divergence import compare
from anyclaude_tui.prefix.segments import Prompt, prompt_of
from anyclaude_tui.proxy.context import Route, Services
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.request.openai import UpstreamRequest
from anyclaude_tui.session.fronts import AGENT, Fronts
from anyclaude_tui.session.obstacles import obstacle
from anyclaude_tui.session.own_record import own_record
from anyclaude_tui.session.prefill_speeds import PrefillSpeeds
from anyclaude_tui.session.switchboard import SERVING, Switchboard
from anyclaude_tui.telemetry.events import Outcome, Phase, RequestRecord, Role
from anyclaude_tui.telemetry.metrics import prefill_eta_s
from anyclaude_tui.telemetry.warmth import Warming, Warmth, judged

RESTORED_S = 3.0
"""A backend that has read its cache from disk is left alone for so long."""
PIECE_S = 2.0
"""Seconds that a request may have to wait, where a prefill that is stopped leaves nothing."""
FIRST_PIECE_BYTES = 4_000
WINDOW_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Source:
    """The prompt to be read."""

    body: Mapping[str, Any]
    conversation: bool
    share: float = 1.0


class Warmer:
    """`run()` beside the proxy. An observer too: it judges what came of it."""

    def __init__(
        self,
        services: Services,
        switchboard: Switchboard,
        fronts: Fronts,
        settings: WarmingSettings,
        folder: str,
        first: Callable[[Route], Awaitable[None]],
    ) -> None:
        """`folder`: the working directory of the conversations to come. `first`: what is done with
        a backend that has become ready before anything is read."""
        self._first = first
        self.settings = settings
        self.kind = ""
        """The kind of client that is expected; "" for whichever was last."""
        self._services = services
        self._switchboard = switchboard
        self._fronts = fronts
        self._folder = folder
        self._ready: tuple[Any, ...] | None = None
        self._task: asyncio.Task[bool] | None = None
        self._stop = False
        self._record: RequestRecord | None = None
        self._warmth = Warmth()
        self._whole = True
        self._backend: Backend | None = None
        self._unjudged = False
        self._next: tuple[str, bytes, Mapping[str, Any]] | None = None
        self._read_prompt: Prompt | None = None
        self._speeds = PrefillSpeeds()

    @property
    def warmth(self) -> Warmth:
        """The state of the active backend's prompt cache, for screens."""
        record, warmth = self._record, self._warmth
        if warmth.warming is not Warming.RUNS or record is None or not self._whole:
            return warmth
        attempt = record.attempt
        return replace(
            warmth,
            done_tokens=attempt.prefill_done_tokens or 0,
            total_tokens=attempt.prefill_total_tokens or 0,
            left_s=prefill_eta_s(record, self._services.clock.now()),
        )

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            changed = self._switchboard.changed
            changed.clear()  # before the look: what changes during it is looked at again
            try:
                route = self._just_ready()
                if route is not None:
                    await self._first(route)
                    await self._warm(route)
            except BackendError:
                pass
            except Exception as error:  # nobody's request hangs on it
                self._services.hub.notice("error", f"fault in the warming: {error!r}")
            await changed.wait()

    # --- Observer -----------------------------------------------------------------------------

    def sent(
        self,
        record: RequestRecord,
        body: Mapping[str, Any],
        upstream: bytes,
        endpoint: Endpoint,
        received: bytes = b"",
    ) -> None:
        """See Observer."""
        if self._unjudged and record.role is Role.MAIN:
            self._next = (record.id, upstream, body)

    def ended(self, record: RequestRecord) -> None:
        """See Observer: the next request tells what was of use."""
        self._speeds.note(record)
        cached = record.attempt.cached_tokens.value
        if not self._unjudged or record.role is not Role.MAIN or cached is None:
            return
        if self._ready is None or record.backend != self._ready[0]:
            return
        self._unjudged = False
        self._attribute(record, int(cached))
        if self._warmth.warming in (Warming.DONE, Warming.STOPPED):
            changed = self._changed(record.id)
            self._warmth = replace(judged(self._warmth, int(cached), changed), warming=Warming.DONE)
        self._warmth = replace(self._warmth, fresh=False)
        self._read_prompt = self._next = None

    def _changed(self, request_id: str) -> str:
        """The first difference between the request's prompt and the one that was read, in words."""
        if self._next is None or self._next[0] != request_id or self._read_prompt is None:
            return ""
        _, upstream, body = self._next
        with suppress(msgspec.DecodeError, AttributeError, TypeError, ValueError):
            now = prompt_of(msgspec.json.decode(upstream), body)
            found = compare(self._read_prompt, now)
            return f"it changed at {found.where}" if found.place else ""
        return ""

    def _attribute(self, record: RequestRecord, cached: int) -> None:
        """Divide the cached tokens into restored and warmed ones: the backend was cold before."""
        with suppress(BackendError):
            facts = self._switchboard.peek(Role.MAIN).backend.status().cache
            restored = min(cached, facts.restored_tokens) if facts is not None else 0
            warm = self._record
            if warm is not None and warm.attempt.cached_tokens.value is not None:
                restored = min(restored, int(warm.attempt.cached_tokens.value))
            record.restored_tokens = restored
            if warm is not None:  # of a reading that was stopped the last step is not known
                done = self._warmth.warming is Warming.DONE
                most = self._warmth.done_tokens if done else cached
                record.warmed_tokens = max(0, min(cached, most) - restored)
            read_before = record.restored_tokens + record.warmed_tokens
            record.saved_s = self._speeds.seconds(record.backend, read_before) or 0.0

    # --- when -----------------------------------------------------------------------------------

    def _just_ready(self) -> Route | None:
        """The route of the active backend, once for each time that it has become ready."""
        if self._switchboard.switching:
            return None
        try:
            route = self._switchboard.peek(Role.MAIN)
        except BackendError:
            return None
        status = route.backend.status()
        serving = SERVING if status.supervised else (BackendState.READY,)
        if status.state not in serving:
            self._ready = None
            return None
        backend = route.backend
        warms = backend.endpoint.warms  # a server of ours may tell after its first answer
        now = (status.name, status.pid, status.url, status.model, backend.generation, warms)
        if now == self._ready:
            return None
        self._ready, self._warmth, self._record = (
            now,
            Warmth(fresh=warms != ""),
            None,
        )
        self._unjudged = True
        return route

    # --- what -----------------------------------------------------------------------------------

    async def _sources(self) -> list[Source]:
        found: list[Source] = []
        last = self._fronts.last
        if last is not None:
            found.append(Source(last, conversation=True))
        else:
            front = await self._fronts.newest(self._folder, self.kind)
            if front is not None:
                found.append(Source(front.body, conversation=False, share=front.share))
        if self.settings.agents:
            front = await self._fronts.newest(self._folder, AGENT)
            if front is not None:
                found.append(Source(front.body, conversation=False, share=front.share))
        return found

    async def _warm(self, route: Route) -> None:
        """Read what there is to read on a backend that has just become ready."""
        endpoint = route.backend.endpoint
        if not self.settings.enabled or not endpoint.warms or endpoint.native:
            return
        facts = route.backend.status().cache
        if facts is not None and facts.restored_tokens:
            await asyncio.sleep(RESTORED_S)  # it is warm, most often: who asks now is not held up
        for source in await self._sources():
            why = await route.backend.not_loaded() or obstacle()
            if route.gate.busy or route.gate.closed:  # the request that runs reads it itself
                return
            if why:
                self._warmth = Warmth(Warming.GIVEN_UP, why=why)
                return
            if not await self._read(route, source):
                return

    async def _read(self, route: Route, source: Source) -> bool:
        """Read a source ahead; True if it was read to its end."""
        from anyclaude_tui.proxy.wire_format import WireFormat  # a start has nothing to read ahead

        services = self._services
        endpoint = services.endpoint(route.backend, self._new_record(route.backend), source.body)
        try:
            request = await WireFormat.for_(endpoint).request(source.body, services.memory)
        except ApiError:
            return False
        model = endpoint.label or endpoint.model
        tokens = services.counter.estimate(model, request.prompt_bytes)
        if endpoint.window_tokens and tokens > WINDOW_SHARE * endpoint.window_tokens:
            return False
        self._whole = endpoint.warms == "whole"
        self._read_prompt = prompt_of(request.body, source.body)
        self._warmth = Warmth(Warming.RUNS, conversation=source.conversation, share=source.share)
        self._stop = False
        self._backend = route.backend
        read = self._in_one if self._whole else self._in_pieces
        self._task = asyncio.create_task(read(route.backend, endpoint, request))
        route.gate.guest = self
        try:
            done = await self._watched(self._task)
        except ApiError as error:
            self._warmth = replace(
                self._warmth, warming=Warming.GIVEN_UP, why=f"the server refused: {error.message}"
            )
            return False
        finally:
            route.gate.guest = None
            if not self._task.done():
                self._task.cancel()
            self._close()
        return done

    async def _watched(self, task: asyncio.Task[bool]) -> bool:
        while not task.done():
            await asyncio.wait([task], timeout=1.0)
            if not task.done() and (why := obstacle()):
                task.cancel()
                await asyncio.wait([task])
                self._warmth = replace(self._warmth, warming=Warming.GIVEN_UP, why=why)
                return False
        if task.cancelled():
            if self._stop:
                self._stopped()
            return False
        done = task.result()
        if self._stop and not done:
            self._stopped()
        elif done:
            read = self._tokens()
            self._warmth = replace(
                self._warmth, warming=Warming.DONE, done_tokens=read, total_tokens=read
            )
        else:
            why = (self._record.reason if self._record else "") or "the reply was cut off"
            self._warmth = replace(self._warmth, warming=Warming.GIVEN_UP, why=why)
        return done

    def _stopped(self) -> None:
        shown = self.warmth
        self._warmth = replace(shown, warming=Warming.STOPPED)

    async def give_way(self) -> None:
        """See Guest. A server of ours keeps what it has read; others end their piece."""
        task = self._task
        if task is None or task.done():
            return
        self._stop = True
        if not self._whole:
            await asyncio.wait([task], timeout=3 * PIECE_S)
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
            if self._backend is not None:
                await self._backend.settled()

    # --- how ------------------------------------------------------------------------------------

    def _new_record(self, backend: Backend) -> RequestRecord:
        made = own_record(backend, self._services.clock.now())
        self._record = made
        return made

    async def _in_one(self, backend: Backend, endpoint: Endpoint, request: UpstreamRequest) -> bool:
        from anyclaude_tui.proxy.warm_request import WarmRun, for_warming

        warm = replace(request, body=for_warming(request.body))
        record = self._new_record(backend)
        done = await WarmRun(self._services, endpoint, warm, record).run()
        self._speeds.note(record)
        return done

    async def _in_pieces(
        self, backend: Backend, endpoint: Endpoint, request: UpstreamRequest
    ) -> bool:
        """Each piece about PIECE_S long, by the speed of those before it."""
        from anyclaude_tui.proxy.warm_request import WarmRun, for_warming, pieces

        stops = endpoint.warms != "unstopped"
        if stops and await self._read_already(backend, endpoint, request):
            return True
        found = list(pieces(request.body))
        total, read, bytes_per_s = found[-1].size_bytes, 0, FIRST_PIECE_BYTES / PIECE_S
        while read < total and not self._stop:
            most = read + bytes_per_s * PIECE_S
            ahead = [piece for piece in found if piece.size_bytes > read]
            piece = next((p for p in reversed(ahead) if p.size_bytes <= most), ahead[0])
            record, began = self._new_record(backend), time.monotonic()
            if why := await backend.not_loaded():
                record.reason = why
                return False
            warm = replace(request, body=for_warming(piece.body))
            if not await WarmRun(self._services, endpoint, warm, record).run():
                return False
            self._speeds.note(record)
            took_s = max(0.05, time.monotonic() - began)
            bytes_per_s = (piece.size_bytes - read) / took_s
            read = piece.size_bytes
            tokens = self._tokens()
            self._warmth = replace(
                self._warmth, done_tokens=tokens, total_tokens=int(tokens * total / max(1, read))
            )
        return read >= total

    async def _read_already(
        self, backend: Backend, endpoint: Endpoint, request: UpstreamRequest
    ) -> bool:
        """True if the server has it in its cache: then all of it takes no longer than a piece. A
        piece would cost a server with one cache for a conversation what lies behind it."""
        try:
            return await asyncio.wait_for(self._in_one(backend, endpoint, request), PIECE_S)
        except TimeoutError:
            return False

    def _tokens(self) -> int:
        """The tokens that the last run read, as its server counted them."""
        if self._record is None:
            return 0
        attempt = self._record.attempt
        known = attempt.prompt_tokens.value or attempt.prefill_total_tokens
        return int(known or 0)

    def _close(self) -> None:
        """One line in the journal."""
        record = self._record
        if record is None:
            return
        record.ended_at = self._services.clock.now()
        record.phase = Phase.ENDED
        record.outcome = record.outcome or Outcome.CANCELLED
        read = self._warmth.done_tokens
        record.why = f"warming: {read:,} tokens were read before anybody asked"
        self._services.hub.end(record)
