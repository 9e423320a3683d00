"""The services that every exchange shares: one set per session, handed in, never global."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import aiohttp

from anyclaude_tui.backends.base import Backend, Endpoint
from anyclaude_tui.backends.dialect import StableFront
from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.proxy.admission import Gate
from anyclaude_tui.proxy.clock import Clock
from anyclaude_tui.proxy.conversations import Conversations
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.learnt import Learnt
from anyclaude_tui.proxy.request.token_counter import TokenCounter
from anyclaude_tui.search.searcher import Searcher
from anyclaude_tui.telemetry.events import RequestRecord, Role
from anyclaude_tui.telemetry.hub import Hub


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a request: a backend and the queue before it."""

    backend: Backend
    gate: Gate


ROLE_HEADER = "X-Anyclaude-Role"
"""The header that tells a server of ours a request's role (`mlx_server/launcher.py`)."""


_Basis = tuple[Endpoint, RequestSettings, int, StableFront]


class Router(Protocol):
    """The judge of where a request goes: the session."""

    async def route(self, role: Role) -> Route:
        """The route for new requests of this role; waits through a switch or a start.

        Raises BackendError when there is no backend that could serve.
        """

    async def recover(self, role: Role, route: Route) -> None:
        """A request failed on this route: returns when it is worth asking for one again.

        Raises BackendError when its server does not come back.
        """

    def peek(self, role: Role) -> Route:
        """The same without waiting: where they go at this moment."""


class Observer(Protocol):
    """A keeper of what was said: traces, the debug log, the prefix explainer.

    Called on the session's loop: it must return at once and do its I/O elsewhere.
    """

    def sent(
        self,
        record: RequestRecord,
        body: Mapping[str, Any],
        upstream: bytes,
        endpoint: Endpoint,
        received: bytes = b"",
    ) -> Callable[[bytes], None] | None:
        """The request, which came as `received`, goes upstream as `upstream`. Returns who
        wants the reply's bytes as the client gets them, or None: then a chunk costs nothing."""

    def ended(self, record: RequestRecord) -> None:
        """The request has ended; its last chance to write into the record."""


@dataclass(slots=True)
class Services:
    """The session's shared parts."""

    router: Router
    hub: Hub
    http: aiohttp.ClientSession
    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=Clock)
    memory: CallMemory = field(default_factory=CallMemory)
    counter: TokenCounter = field(default_factory=TokenCounter)
    learnt: Learnt = field(default_factory=Learnt)
    observers: tuple[Observer, ...] = ()
    wanted: Callable[[str], RequestSettings] = field(default=lambda name: RequestSettings())
    """The user's settings for every request to the backend of this name."""
    conversations: Conversations = field(default_factory=Conversations)
    stable_front: StableFront = "static"
    """The extent to which requests are put into the order that serves the next conversation too."""
    searcher: Searcher | None = None
    """The maker of web searches; None where there is none, not even to say so."""
    picked: Callable[[RequestRecord], Awaitable[None]] | None = None
    """Told of a request before it is routed: its model name may be another backend's."""
    models: Callable[[], Sequence[str]] = tuple
    """The model names that stand for backends, besides the active one's."""
    tools_are_offered: Callable[[], None] = field(default=lambda: None)
    """Told when a request with tools is about to be sent: a call may come back."""
    metrics: Callable[[], tuple[bytes, str]] | None = None
    """The answer of `GET /metrics`: body and content type."""
    afterwards: Callable[[Callable[[], None]], None] = field(default=lambda job: job())
    """Has a job done that no request waits for: now, or when there is time."""
    _endpoints: dict[tuple[str, Role], tuple[_Basis, Endpoint]] = field(
        default_factory=dict, repr=False
    )
    """By backend and role the last one, and what it was made from."""

    def endpoint(
        self, backend: Backend, record: RequestRecord, body: Mapping[str, Any]
    ) -> Endpoint:
        """The endpoint for a request, as the user wants it and as has been learnt. Raises
        BackendError where the backend is not ready."""
        wanted = self.conversations.settings(self.wanted(backend.name), record, body)
        basis = (backend.endpoint, wanted, self.learnt.revision, self.stable_front)
        known = self._endpoints.get((backend.name, record.role))
        if known is not None and known[0][0] is basis[0] and known[0][1:] == basis[1:]:
            return known[1]
        endpoint = self._made(backend.endpoint.asked_for(wanted), record)
        self._endpoints[backend.name, record.role] = basis, endpoint
        return endpoint

    def _made(self, asked_for: Endpoint, record: RequestRecord) -> Endpoint:
        endpoint = self.learnt.applied(asked_for)
        if endpoint.warms == "whole":  # a server of ours, which keeps main's prompt longest
            headers = {**endpoint.headers, ROLE_HEADER: str(record.role)}
            endpoint = replace(endpoint, headers=headers)
        if endpoint.dialect.stable_front == self.stable_front:
            return endpoint
        return replace(endpoint, dialect=replace(endpoint.dialect, stable_front=self.stable_front))
