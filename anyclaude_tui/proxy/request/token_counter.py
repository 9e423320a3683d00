"""The number of tokens of a prompt: exact where something can tell, else a good estimate.

Source for the routes: llama.cpp's server README (`/tokenize`, `/apply-template`) and
vLLM's `TokenizeChatRequest`. Claude Code asks 13 to 20 times at once for `/context`
(`docs/protocol/claude-code.md`, "Endpoints and start-up"), so nothing here may be slow, and
nothing raises.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp

from anyclaude_tui import private
from anyclaude_tui.backends.address import proxy_of
from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.http_client import start_of, trusted
from anyclaude_tui.figures import Figure, estimated, measured, reported
from anyclaude_tui.proxy.request.local_tokenizer import count_locally
from anyclaude_tui.proxy.request.openai import UpstreamRequest

DEFAULT_BYTES_PER_TOKEN = 3.8
"""Before a model's own ratio is known: English and code as JSON, common tokenizers."""
_LEAST, _MOST = 1.0, 12.0
"""A ratio outside comes from something else than text, and is not learnt."""
_WEIGHT = 0.3
"""The weight of the newest prompt against those before it."""
_SMALL_BYTES = 2_000
"""Below this the template's own tokens hide the ratio."""
_MODELS_KEPT = 200
_ANSWER_BYTES = 32 * 1024 * 1024
"""The rendered prompt, or the ids of a million tokens, is less."""

ROUTE_TIMEOUT_S = 3.0
ROUTE_REST_S = 30.0
"""A tokenize route that failed is not asked again for this long."""


class TokenCounter:
    """The counts and estimates of one session. `path`: where the calibration is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._ratios: dict[str, float] = _load(path)
        self._saving = threading.Lock()
        self._resting: dict[str, float] = {}
        self._shapes: dict[str, str] = {}

    def estimate(self, model: str, request_bytes: int) -> int:
        """The number of tokens of a prompt of this size (`prompt_bytes`), estimated; at least 1."""
        ratio = self._ratios.get(model, DEFAULT_BYTES_PER_TOKEN)
        return max(1, round(request_bytes / ratio))

    def learn(self, model: str, request_bytes: int, prompt_tokens: int) -> None:
        """Take in what a prompt of this size really had, as its usage reported."""
        if request_bytes < _SMALL_BYTES or prompt_tokens < 1:
            return
        seen = request_bytes / prompt_tokens
        if not _LEAST <= seen <= _MOST:
            return
        known = self._ratios.pop(model, None)
        ratio = seen if known is None else known + _WEIGHT * (seen - known)
        self._ratios[model] = ratio  # popped and put back: the model used last stands last
        while len(self._ratios) > _MODELS_KEPT:
            del self._ratios[next(iter(self._ratios))]
        if self._path is not None and (known is None or abs(ratio - known) > 0.01 * known):
            self._keep(self._path)

    def _keep(self, path: Path) -> None:
        """Write what was learnt, off the loop: a disk may be slow."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._save(path)
        else:
            loop.run_in_executor(None, self._save, path)

    def _save(self, path: Path) -> None:
        with self._saving:  # one after the other, each with the newest figures
            _save(path, self._ratios.copy())

    async def count(
        self, endpoint: Endpoint, request: UpstreamRequest, http: aiohttp.ClientSession | None
    ) -> Figure:
        """The prompt's tokens: reported by the backend, measured here, or estimated."""
        url = f"{endpoint.url}/count_tokens" if endpoint.native else endpoint.tokenize_url
        if url and endpoint.url and http is not None:
            counted = await self._ask(endpoint, url, request, http)
            if counted is not None:
                return reported(counted)
        if endpoint.tokenizer_dir:
            count = await asyncio.to_thread(count_locally, endpoint.tokenizer_dir, request.body)
            if count is not None:
                return measured(count.tokens) if count.exact else estimated(count.tokens)
        return estimated(self.estimate(endpoint.label or endpoint.model, request.prompt_bytes))

    async def _ask(
        self, endpoint: Endpoint, url: str, request: UpstreamRequest, http: aiohttp.ClientSession
    ) -> int | None:
        """Ask the backend; None when it cannot say, and then not again for a while."""
        if time.monotonic() < self._resting.get(url, 0.0):
            return None
        try:
            async with asyncio.timeout(ROUTE_TIMEOUT_S):
                if endpoint.native:
                    count = await _count_messages(url, request.body, endpoint, http)
                else:
                    count = await self._count_rendered(url, request.body, endpoint, http)
                if count is not None:
                    return count
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            pass
        self._resting[url] = time.monotonic() + ROUTE_REST_S
        return None

    async def _count_rendered(
        self, url: str, body: dict[str, Any], endpoint: Endpoint, http: aiohttp.ClientSession
    ) -> int | None:
        """By whichever of the two routes the server has; the one that answered is remembered."""
        if self._shapes.get(url) != "text":
            count = await _count_chat(url, body, endpoint, http)
            if count is not None:
                self._shapes[url] = "chat"
                return count
        count = await _count_text(url, body, endpoint, http)
        if count is not None:
            self._shapes[url] = "text"
        return count


async def _count_messages(
    url: str, body: dict[str, Any], endpoint: Endpoint, http: aiohttp.ClientSession
) -> int | None:
    """A server of the Messages API counts itself."""
    wanted = ("model", "system", "messages", "tools", "tool_choice", "thinking", "mcp_servers")
    asked = {key: body[key] for key in wanted if key in body}
    answer = await _post(url, asked, endpoint, http)
    count = answer.get("input_tokens") if answer else None
    return count if isinstance(count, int) and count > 0 else None


async def _count_chat(
    url: str, body: dict[str, Any], endpoint: Endpoint, http: aiohttp.ClientSession
) -> int | None:
    """vLLM: the whole chat is templated and counted by the server."""
    wanted = ("model", "messages", "tools", "chat_template_kwargs")
    asked = {key: body[key] for key in wanted if key in body}
    answer = await _post(url, asked | {"add_generation_prompt": True}, endpoint, http)
    count = answer.get("count") if answer else None
    return count if isinstance(count, int) and count > 0 else None


async def _count_text(
    url: str, body: dict[str, Any], endpoint: Endpoint, http: aiohttp.ClientSession
) -> int | None:
    """llama.cpp: the server renders the chat as a text, then counts that text's tokens."""
    wanted = ("messages", "tools", "tool_choice", "chat_template_kwargs")
    asked = {key: body[key] for key in wanted if key in body}
    base = url.rsplit("/", 1)[0]
    rendered = await _post(f"{base}/apply-template", asked, endpoint, http)
    prompt = rendered.get("prompt") if rendered else None
    if not isinstance(prompt, str):
        return None
    text = {"content": prompt, "add_special": True, "parse_special": True}
    answer = await _post(url, text, endpoint, http)
    tokens = answer.get("tokens") if answer else None
    return len(tokens) if isinstance(tokens, list) and tokens else None


async def _post(
    url: str, body: dict[str, Any], endpoint: Endpoint, http: aiohttp.ClientSession
) -> dict[str, Any] | None:
    query = endpoint.query or None
    headers = {"Accept-Encoding": "identity", **endpoint.headers}
    async with http.post(
        url, json=body, headers=headers, params=query, proxy=proxy_of(url), ssl=trusted(url)
    ) as response:
        if response.status != 200:
            return None
        data = await start_of(response, _ANSWER_BYTES + 1)
    if len(data) > _ANSWER_BYTES:
        return None
    answer = json.loads(data)
    return answer if isinstance(answer, dict) else None


def _load(path: Path | None) -> dict[str, float]:
    """The calibration as it was kept; empty when there is none that can be used."""
    if path is None:
        return {}
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {
        model: float(ratio)
        for model, ratio in kept.items()
        if isinstance(ratio, (int, float)) and _LEAST <= ratio <= _MOST
    }


def _save(path: Path, ratios: dict[str, float]) -> None:
    """Replace the file as a whole; a full disk costs the calibration, not a request."""
    made = {model: round(ratio, 4) for model, ratio in ratios.items()}
    with contextlib.suppress(OSError):
        private.write(path, json.dumps(made, indent=1).encode())
