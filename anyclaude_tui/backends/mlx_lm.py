"""mlx_lm.server in a child process of ours, with its readiness and death traps.

It is started by `mlx_server/launcher.py`, which keeps more of its prompt cache.
Sources: docs/protocol/mlx-lm.md, docs/prompt-cache.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from anyclaude_tui import private
from anyclaude_tui.backends import http, machine, prompt_cache
from anyclaude_tui.backends.base import (
    BackendError,
    BackendStatus,
    CacheFacts,
    Endpoint,
    Finding,
    Tool,
)
from anyclaude_tui.backends.dialect import MLX_LM_MODEL, MLX_SLOTS, Dialect, mlx_lm_dialect
from anyclaude_tui.backends.http_client import Client
from anyclaude_tui.backends.mlx_model import CHAT, MlxModelBackend
from anyclaude_tui.backends.mlx_server import launcher
from anyclaude_tui.backends.mlx_server.launcher import KEEP
from anyclaude_tui.backends.models import memory
from anyclaude_tui.backends.models.on_disk import hub_folder
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.backends.supervision import exits
from anyclaude_tui.backends.supervision.python import has_package, python_of
from anyclaude_tui.backends.supervision.supervised import NotServingError
from anyclaude_tui.config.settings import BackendSettings

PREFILL_STEP_TOKENS = 512
"""One progress comment per step; with the server's own 2048 a slow model is silent for a minute."""
CACHED_PROMPTS = 64
"""The bytes are the limit; with the server's own 10 prompts a dozen small ones drive out the main
conversation."""
LAUNCHER = Path(launcher.__file__)


def install(python: str | None = None) -> str:
    """The command that installs it for a Python; on Linux mlx alone has no backend."""
    extra = "" if machine.MACOS else " 'mlx[cpu]'"
    return f"{shlex.quote(python or sys.executable)} -m pip install mlx-lm{extra}"


INSTALL = install()


class MlxLmBackend(MlxModelBackend):
    """`python -m mlx_lm server`, with a prompt cache that keeps more."""

    kind = "mlx_lm"

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home)
        self._cache = CacheFacts()
        self._stops = False
        """A prefill of its that is stopped keeps what it has read."""
        self._log.heard = self._heard

    @classmethod
    def tools(cls) -> Sequence[Tool]:
        """See Backend."""
        spec = find_spec("mlx_lm")
        return (Tool(cls.kind, "mlx-lm", spec.origin if spec else None, INSTALL),)

    async def look(self) -> Sequence[Finding]:
        """See Backend; and that its Python has mlx_lm."""
        python = self.settings.python
        if not await asyncio.to_thread(has_package, python, "mlx_lm"):
            place = f" for {python}" if python else ""
            raise BackendError(f"mlx_lm is not installed{place}: {install(python)}")
        return await super().look()

    async def check(self) -> tuple[str, ...]:
        """See MlxModelBackend; and a folder that the server misses."""
        warnings = await super().check()
        # A missing cache folder makes /v1/models answer 200 with an empty body.
        hub = hub_folder({**os.environ, **self.settings.env})
        with contextlib.suppress(OSError):
            await asyncio.to_thread(private.make, hub)
        return warnings

    def command(self, port: int) -> Sequence[str]:
        """See SupervisedBackend."""
        cache_bytes = memory.prompt_cache_bytes(self.files, self.settings.context_window)
        return [
            *_launched(self.settings.launcher),
            python_of(self.settings.python),
            *(("-m", "mlx_lm", "server") if self.settings.launcher else (str(LAUNCHER),)),
            *("--model", self.model),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--prefill-step-size", str(PREFILL_STEP_TOKENS)),
            *("--prompt-cache-size", str(CACHED_PROMPTS)),
            *("--prompt-cache-bytes", str(cache_bytes)),
            *self.settings.args,  # the last word on a flag is the user's
        ]

    def environment(self) -> Mapping[str, str]:
        """See SupervisedBackend; asked before each start."""
        self._cache, self._stops = CacheFacts(), False
        if self.settings.launcher:  # its other machines have no file of ours
            return super().environment()
        safe = {"PYTHONSAFEPATH": "1"}  # as -P, which Pythons before 3.11 do not know
        kept = {}
        if self.cache_policy.disk:
            try:
                kept[KEEP] = prompt_cache.given(self.home, self.name, self.cache_policy)
            except OSError as error:  # others may write there: nothing is kept
                self._cache = CacheFacts(off=str(error))
        return {**super().environment(), **safe, **kept}

    async def restart(self) -> None:
        """See Backend: what is kept on disk is forgotten too."""
        await self.stop()
        await asyncio.to_thread(prompt_cache.clear, self.home, self.name)
        await self.start()

    def status(self) -> BackendStatus:
        """See Backend."""
        return replace(super().status(), cache=self._cache)

    @property
    def endpoint(self) -> Endpoint:
        """See Backend. What the launcher tells may be read after the first answer."""
        return replace(super().endpoint, warms="whole" if self._stops else "")

    def _heard(self, line: str) -> None:
        """A line of its output: those of our launcher tell what the cache does."""
        name, facts = prompt_cache.told(line)
        if name == "on":
            self._stops = facts.get("warms") is True
            self.on_change()
        self._cache = prompt_cache.after(self._cache, name, facts)

    @property
    def plain_dialect(self) -> Dialect:
        """See MlxModelBackend."""
        return mlx_lm_dialect()

    async def connect(self, client: Client) -> Endpoint:
        """See SupervisedBackend. The port opens, and /health says 200, before the load."""
        answer = await self.chat(client, MLX_LM_MODEL)
        if answer.status_code != 200:
            raise NotServingError(self._why_not(f"the model was not loaded ({http.words(answer)})"))
        return Endpoint(
            url=self.base_url + CHAT,
            model=MLX_LM_MODEL,
            label=self.model_name,
            dialect=await self.followed(client, MLX_LM_MODEL),
            rendering=await self.rendering(),
            window_tokens=self.window_tokens,
            slots=decide(set_to=self.settings.slots, known=MLX_SLOTS),
            tokenizer_dir=self.files.tokenizer_dir if self.files else None,
            model_sampling=self.files.sampling if self.files else {},
        )

    async def still_serves(self, client: Client) -> None:
        """See SupervisedBackend: 503 means that the generation thread has died."""
        answer = await client.get("/health")
        if answer.status_code == 503:
            raise NotServingError(self._why_not("generation thread died"))

    def explain_exit(self, reason: str, tail: Sequence[str]) -> str:
        """See SupervisedBackend."""
        text = "\n".join(tail[-20:])
        if "No module named" in text and ("mlx_lm" in text or "mlx" in text):
            python = self.settings.python or sys.executable
            return f"mlx_lm is not installed for {python}: {install(python)}"
        if "libmlx" in text:
            return f"mlx cannot be loaded: {install(self.settings.python)}"
        return reason

    def _why_not(self, said: str) -> str:
        """The server's own words are few: the log says why."""
        last = exits.last_error(self._log.tail())
        hint = self.explain_exit("", self._log.tail())
        return hint or (f"{said}: {last}" if last and last not in said else said)


def _launched(launcher: Sequence[str]) -> Sequence[str]:
    """The words before the command. mlx.launch takes flags behind the command for its own (it ends
    at `--host`: "could match --hosts, --hostfile", mlx 0.32): `--` tells them apart."""
    is_mlx = bool(launcher) and Path(launcher[0]).name == "mlx.launch"
    return (*launcher, "--") if is_mlx and "--" not in launcher else launcher
