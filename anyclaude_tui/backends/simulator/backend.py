"""The built-in simulated backend: a supervised server like any other, without a model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import BackendError, Endpoint, Finding, ModelInfo
from anyclaude_tui.backends.dialect import mlx_lm_dialect
from anyclaude_tui.backends.http_client import Client
from anyclaude_tui.backends.simulator.plan import KEY_VARIABLE, parse_profile
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.backends.supervision.supervised import NotServingError, SupervisedBackend
from anyclaude_tui.config.settings import BackendSettings


class SimulatorBackend(SupervisedBackend):
    """`simulator/server.py` in a child process."""

    kind = "simulator"
    simulated = True
    key_variable = KEY_VARIABLE

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home)
        self._spec = settings.profile or "fast"
        try:
            self._profile = parse_profile(self._spec)
        except ValueError as error:
            raise BackendError(str(error)) from None

    @property
    def model_name(self) -> str:
        """See SupervisedBackend."""
        return self._profile.model

    def command(self, port: int) -> Sequence[str]:
        """See SupervisedBackend."""
        module = "anyclaude_tui.backends.simulator.server"
        return [sys.executable, "-P", "-m", module, "--port", str(port), "--profile", self._spec]

    async def connect(self, client: Client) -> Endpoint:
        """See SupervisedBackend."""
        path = "/v1/chat/completions"
        answer = await http.short_chat(client, path, self._profile.model, timeout_s=60)
        if answer.status_code != 200:
            raise NotServingError(http.words(answer))
        return Endpoint(
            url=self.base_url + path,
            model=self._profile.model,
            dialect=mlx_lm_dialect(),  # it speaks mlx_lm's
            window_tokens=self.settings.context_window or self._profile.window_tokens,
            slots=decide(set_to=self.settings.slots, said=self._profile.slots),
        )

    async def look(self) -> Sequence[Finding]:
        """See Backend."""
        return (Finding("simulated: no model, made-up words"),)

    async def models(self) -> Sequence[ModelInfo]:
        """The one simulated model."""
        return (ModelInfo(self._profile.model, self._profile.window_tokens, loaded=True),)
