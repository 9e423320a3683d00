"""A service that speaks the Anthropic Messages API itself: requests pass through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from anyclaude_tui.backends import http
from anyclaude_tui.backends.address import is_local
from anyclaude_tui.backends.attached import AttachedBackend, headers_of, key_of
from anyclaude_tui.backends.base import BackendError, Dialect, Endpoint, Finding, ModelInfo
from anyclaude_tui.config.settings import BackendSettings

DEFAULT_URL = "https://api.anthropic.com"
VERSION = "2023-06-01"
"""The `anthropic-version` that every request must carry (Messages API documentation)."""
SLOTS = 8
WINDOW_TOKENS = 200_000
"""Of the models at `DEFAULT_URL`; other servers of this API have windows of their own."""


class AnthropicBackend(AttachedBackend):
    """A Messages API at a URL."""

    kind = "anthropic"

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home, settings.url or DEFAULT_URL)

    def headers(self) -> Mapping[str, str]:
        """See AttachedBackend: this API has its own header for the key."""
        key = key_of(self.settings)
        own = {"x-api-key": key} if key else {}
        ours = {**self._address.headers, "anthropic-version": VERSION, **own}
        return {**ours, **headers_of(self.settings)}

    async def connect(self, client: httpx.AsyncClient) -> Endpoint:
        """See AttachedBackend. A list of models costs nothing, a chat would."""
        if not self._knows_us() and not is_local(self.base_url):
            raise BackendError(
                f"{self.base_url} needs a key: set api_key for {self.name}, "
                'for example api_key = "env:ANTHROPIC_API_KEY"'
            )
        await self.answers(client)
        window = WINDOW_TOKENS if self.base_url == DEFAULT_URL else None
        return Endpoint(
            url=f"{self.base_url}/v1/messages",
            model=self.settings.model or "",  # empty: the name that the client asked for
            native=True,
            headers=self.headers(),
            query=self.query,
            dialect=Dialect(late_system="system", images=True, stop=True),
            window_tokens=self.settings.context_window or window,
            slots=self.settings.slots or SLOTS,
        )

    async def answers(self, client: httpx.AsyncClient) -> None:
        """See AttachedBackend."""
        answer = await client.get("/v1/models")
        if answer.status_code in (401, 403):
            raise BackendError(
                f"{self.base_url} refused the key (HTTP {answer.status_code}): "
                f"{http.words(answer)}: correct api_key for {self.name}"
            )
        if answer.status_code >= 500:
            raise BackendError(
                f"{self.base_url} has a fault of its own (HTTP {answer.status_code}): "
                f"{http.words(answer)}: try again later"
            )

    async def examine(self, client: httpx.AsyncClient) -> Sequence[Finding]:
        """See AttachedBackend."""
        await self.answers(client)
        return (Finding(f"answers at {self.base_url} (Messages API)"),)

    async def models(self) -> Sequence[ModelInfo]:
        """See Backend; empty where the service has no list."""
        async with self.client() as client:
            found = await http.get_object(client, "/v1/models")
        return tuple(
            ModelInfo(id=str(item["id"]), detail=str(item.get("display_name") or ""))
            for item in http.parts(found.get("data"))
            if "id" in item
        )

    def _knows_us(self) -> bool:
        """Whether it is told who asks, in whichever way."""
        settings = self.settings
        told = key_of(settings) or self._address.headers or self.query or settings.headers
        return bool(told)
