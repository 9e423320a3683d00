"""A kind of backend that does not exist, in one file: its class and its row.

As a program it is anyclaude-tui with that kind added. What answers is our simulator.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import Endpoint, Tool
from anyclaude_tui.backends.http_client import Client
from anyclaude_tui.backends.supervision.supervised import NotServingError, SupervisedBackend
from anyclaude_tui.config.kinds import KINDS, Kind, ModelChoice, Rest

CHAT = "/v1/chat/completions"


class MadeUpBackend(SupervisedBackend):
    """A server that is started with one model, which need not exist."""

    kind = "made_up"

    @classmethod
    def tools(cls) -> Sequence[Tool]:
        """See Backend."""
        return (Tool(cls.kind, "Made-up server", sys.executable, "it is here"),)

    def command(self, port: int) -> Sequence[str]:
        """See SupervisedBackend."""
        module = "anyclaude_tui.backends.simulator.server"
        return [sys.executable, "-P", "-m", module, "--port", str(port), *self.settings.args]

    async def connect(self, client: Client) -> Endpoint:
        """See SupervisedBackend."""
        model = self.settings.model or ""
        answer = await http.short_chat(client, CHAT, model, timeout_s=60)
        if answer.status_code != 200:
            raise NotServingError(http.words(answer))
        return Endpoint(self.base_url + CHAT, model, window_tokens=self.settings.context_window)


ROW = Kind(
    name="made_up",
    title="Made-up server",
    backend=f"{__name__}:MadeUpBackend",
    rest=Rest.MODEL,
    example="/path/to/model",
    required=True,
    started=True,
    choice=ModelChoice.STARTED,
    model_format="made-up",
    prefix_cached=True,
)

if __name__ == "__main__":
    from anyclaude_tui.cli.main import main

    KINDS[ROW.name] = ROW
    sys.exit(main())
