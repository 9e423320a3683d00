"""A service that speaks the Anthropic Messages API itself: requests pass through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from anyclaude_tui.backends import http
from anyclaude_tui.backends.address import is_local
from anyclaude_tui.backends.attached import AttachedBackend, headers_of, key_of
from anyclaude_tui.backends.base import BackendError, Endpoint, Finding, ModelInfo
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.flavours import inspect
from anyclaude_tui.backends.http_client import Client
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.config.settings import BackendSettings

DEFAULT_URL = "https://api.anthropic.com"
VERSION = "2023-06-01"
"""The `anthropic-version` that every request must carry (Messages API documentation)."""
SLOTS = 8
MESSAGES = "/v1/messages"
FIRST_ANSWER_S = 900.0
"""A server on this machine may load its model for the first question."""
WINDOW_TOKENS = 200_000
"""Of the models at `DEFAULT_URL`; other servers of this API have windows of their own."""


class AnthropicBackend(AttachedBackend):
    """A Messages API at a URL."""

    kind = "anthropic"

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home, settings.url or DEFAULT_URL)
        self._title = ""

    def headers(self) -> Mapping[str, str]:
        """See AttachedBackend: this API has its own header for the key."""
        key = key_of(self.settings)
        own = {"x-api-key": key} if key else {}
        ours = {**self._address.headers, "anthropic-version": VERSION, **own}
        return {**ours, **headers_of(self.settings)}

    async def connect(self, client: Client) -> Endpoint:
        """See AttachedBackend. A list of models costs nothing, a chat would."""
        if not self._knows_us() and not is_local(self.base_url):
            raise BackendError(
                f"{self.base_url} needs a key: set api_key for {self.name}, "
                'for example api_key = "env:ANTHROPIC_API_KEY"'
            )
        await self.answers(client)
        endpoint = Endpoint(
            url=f"{self.base_url}{MESSAGES}",
            model=self.settings.model or "",  # empty: the name that the client asked for
            native=True,
            headers=self.headers(),
            query=self.query,
            dialect=Dialect(late_system="system", images=True, stop=True),
            window_tokens=self.settings.context_window
            or (WINDOW_TOKENS if self.base_url == DEFAULT_URL else None),
            slots=decide(set_to=self.settings.slots, assumed=SLOTS),
        )
        return await self._of_known(client, endpoint) if is_local(self.base_url) else endpoint

    async def _of_known(self, client: Client, endpoint: Endpoint) -> Endpoint:
        """The endpoint of a server on this machine whose Messages endpoint is known to be good: it
        is asked by the name of its own model, and proved by a short question."""
        server = await inspect(client, self.base_url, await client.get("/v1/models"))
        if not server.known.native or not server.models:
            return endpoint
        model = next((info for info in server.models if info.loaded), server.models[0])
        model = next((info for info in server.models if info.id == endpoint.model), model)
        body = {
            "model": model.id,
            "max_tokens": http.PROBE_TOKENS,
            "messages": [{"role": "user", "content": "hi"}],
        }
        answer = await client.post(MESSAGES, body, timeout_s=FIRST_ANSWER_S)
        http.refuse_loading(self.base_url, answer)
        if answer.status_code != 200 or "content" not in http.object_of(answer):
            raise BackendError(
                f"{server.known.title} at {self.base_url} did not answer a short question on its "
                f"Messages endpoint ({http.words(answer)}): use openai:{self.base_url}"
            )
        self._title = server.known.title
        self.warnings = server.advice
        return replace(
            endpoint,
            model=model.id,
            label=model.detail,
            window_tokens=endpoint.window_tokens or model.window_tokens or server.window_tokens,
            slots=decide(
                set_to=self.settings.slots,
                said=server.slots,
                known=server.known.slots,
                assumed=SLOTS,
            ),
            dialect=replace(endpoint.dialect, late_system="folded", images=server.dialect.images),
        )

    @property
    def server(self) -> str:
        """See AttachedBackend."""
        return self._title

    async def answers(self, client: Client) -> None:
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

    async def examine(self, client: Client) -> Sequence[Finding]:
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
        """True if requests carry credentials in any form: key, address, query or own headers."""
        settings = self.settings
        told = key_of(settings) or self._address.headers or self.query or settings.headers
        return bool(told)
