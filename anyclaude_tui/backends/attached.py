"""A server that runs already: asked and watched when a request fails, never stopped."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from anyclaude_tui.backends import http
from anyclaude_tui.backends.address import address
from anyclaude_tui.backends.base import (
    Backend,
    BackendError,
    BackendState,
    BackendStatus,
    Endpoint,
    Finding,
    value_of,
)
from anyclaude_tui.backends.http_client import Client, HttpError
from anyclaude_tui.backends.slots.source import of_setting
from anyclaude_tui.config.settings import BackendSettings

T = TypeVar("T")

RECOVER_S = 60.0
RECOVER_POLL_S = 1.0
LOADING_S = 900.0
"""So long is waited for a server that says that it loads its model."""


class AttachedBackend(Backend):
    """A server at a URL, which somebody else started."""

    def __init__(self, name: str, settings: BackendSettings, home: Path, url: str) -> None:
        """Raises BackendError when `url` is none."""
        super().__init__(name)
        self.settings = settings
        self.home = home
        try:
            self._address = address(url)
        except ValueError as error:
            raise BackendError(f"{name}: {error}: correct its url") from None
        self.base_url = self._address.base
        """The server's base URL; may be shown."""
        self.query = self._address.query
        """The query string of every request's URL; may hold a key."""
        self.warnings: tuple[str, ...] = ()
        self.template: tuple[tuple[str, str], ...] = ()
        """See BackendStatus."""
        self.remedy_words = ""
        self._state = BackendState.STOPPED
        self._reason = ""
        self._endpoint: Endpoint | None = None

    @abstractmethod
    async def connect(self, client: Client) -> Endpoint:
        """Ask it what it is, and that it answers. Raises BackendError, or HttpError."""

    @abstractmethod
    async def answers(self, client: Client) -> None:
        """A cheap question to see that it is there. Raises like `connect`."""

    async def before_start(self) -> None:
        """Do what makes the server answer before it is asked: nothing here. Raises BackendError."""

    async def look(self) -> Sequence[Finding]:
        """See Backend: it is asked as `examine` says."""
        return await self._ask(self.examine)

    async def examine(self, client: Client) -> Sequence[Finding]:
        """Ask the server about itself: findings for the doctor. Raises like `connect`."""
        await self.answers(client)
        return (Finding(f"answers at {self.base_url}"),)

    def client(self) -> Client:
        """A client with what the server wants to know of who asks."""
        return http.client(self.base_url, headers=self.headers(), query=self.query)

    def headers(self) -> Mapping[str, str]:
        """The headers of every request: the key, else user and password of the URL; and the user's
        own. Raises BackendError."""
        key = key_of(self.settings)
        ours = {"authorization": f"Bearer {key}"} if key else self._address.headers
        return {**ours, **headers_of(self.settings)}

    async def start(self) -> None:
        """See Backend."""
        if self._state is BackendState.READY:
            return
        self._set(BackendState.STARTING)
        self.generation += 1
        try:
            await self.before_start()
            self._endpoint = await self._connected()
        except BackendError as error:
            self._set(BackendState.FAILED, str(error))
            raise
        except BaseException:
            self._set(BackendState.STOPPED)
            raise
        self._set(BackendState.READY)

    def _set(self, state: BackendState, reason: str = "") -> None:
        self._state, self._reason = state, reason
        self.on_change()

    async def _connected(self) -> Endpoint:
        """Connect, and wait for a server that still loads its model."""
        until = time.monotonic() + LOADING_S
        while True:
            try:
                return await self._ask(self.connect)
            except http.StillLoading as error:
                if time.monotonic() > until:
                    raise
                self._set(BackendState.LOADING, str(error))
                await asyncio.sleep(RECOVER_POLL_S)

    async def stop(self) -> None:
        """Let go of it; it goes on running."""
        self._endpoint = None
        self._set(BackendState.STOPPED)

    async def recover(self) -> None:
        """See Backend: asks again until it answers, for a minute."""
        until = time.monotonic() + RECOVER_S
        while True:
            try:
                if self._endpoint is None:
                    self._endpoint = await self._ask(self.connect)
                else:
                    await self.renew()
            except BackendError as error:
                if self._state is not BackendState.DEGRADED:
                    self.generation += 1
                given_up = time.monotonic() > until
                self._set(BackendState.FAILED if given_up else BackendState.DEGRADED, str(error))
                if given_up:
                    raise
                await asyncio.sleep(RECOVER_POLL_S)
            else:
                self._set(BackendState.READY)
                return

    async def renew(self) -> None:
        """See Backend."""
        if (endpoint := self._endpoint) is not None:
            before = (endpoint, self.generation)
            self._endpoint = await self._ask(lambda client: self.renewed(client, endpoint))
            if (self._endpoint, self.generation) != before:
                self.on_change()

    async def renewed(self, client: Client, endpoint: Endpoint) -> Endpoint:
        """The endpoint as it is now; raises like `connect`."""
        await self.answers(client)
        return endpoint

    @property
    def server(self) -> str:
        """The name of the server's program; "" where it is not known."""
        return ""

    async def _ask(self, question: Callable[[Client], Awaitable[T]]) -> T:
        try:
            async with self.client() as client:
                return await question(client)
        except HttpError as error:
            raise http.unreachable(self.base_url, error) from None

    def status(self) -> BackendStatus:
        """See Backend."""
        endpoint, settings = self._endpoint, self.settings
        return BackendStatus(
            name=self.name,
            kind=self.kind,
            state=self._state,
            reason=self._reason,
            model=(endpoint.label or endpoint.model or None) if endpoint else settings.model,
            url=self.base_url,
            window_tokens=endpoint.window_tokens if endpoint else settings.context_window,
            slots=endpoint.slots if endpoint else of_setting(settings.slots),
            server=self.server,
            simulated=self.simulated,
            warnings=self.warnings,
            template=self.template,
            remedy=self.remedy_words,
            model_sampling=endpoint.model_sampling if endpoint else {},
        )

    @property
    def endpoint(self) -> Endpoint:
        """See Backend."""
        if self._endpoint is None or self._state is BackendState.FAILED:
            raise BackendError(f"{self.name} is {self._state}: {self._reason or 'start it first'}")
        return self._endpoint

    async def check_chat(self, client: Client, model: str, timeout_s: float) -> tuple[str, ...]:
        """A short chat; the warning where the server fails at it. Raises like `connect` when it
        is not answered, or refused."""
        path = "/v1/chat/completions"
        answer = await http.short_chat(client, path, model, timeout_s=timeout_s)
        http.refuse_loading(self.base_url, answer)
        if answer.status_code == 500:  # what it fails at may be this one question
            return (
                f"it failed at a short chat ({http.words(answer)}): see its own log if requests "
                "fail too",
            )
        if answer.status_code != 200:
            raise BackendError(
                f"{self.base_url} refused a short chat with model {model!r} "
                f"(HTTP {answer.status_code}): {http.words(answer)}"
            )
        return ()


def key_of(settings: BackendSettings) -> str | None:
    """The API key; `env:NAME` is read from the environment. Raises BackendError when unset."""
    return None if settings.api_key is None else value_of(settings.api_key, "api_key")


def headers_of(settings: BackendSettings) -> dict[str, str]:
    """The user's own headers, their names in lower case. Raises BackendError like `key_of`."""
    given = settings.headers.items()
    return {name.lower(): value_of(value, f"headers.{name}") for name, value in given}
