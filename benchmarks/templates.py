"""`make bench-templates`: a new prompt behind a tool loop, on the real mlx_lm and llama.cpp.

Random-weight models of some size with chat templates of ours that keep earlier thinking only under
a switch, as Qwen3.6's, GLM-4.7's and Nemotron 3's do. Each is asked twice, without the switches, as
OpenAI's API has it, and with them, as they are sent: what stays cached of the loop, and the time to
the first token. The requests are Claude Code's, through our own translation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.registry import create
from anyclaude_tui.backends.templates.switches import KEEP_THINKING
from anyclaude_tui.config.settings import BackendSettings
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import translate
from benchmarks import random_gguf, random_models
from tests.support.chat_templates import KEEPS

ROUNDS = 12
TOKENS = 16_000
HIDDEN = 512
LAYERS = 8
ENGINES = ("mlx_lm", "llama_cpp")
_REQUEST_S = 1200.0
_CHARS_PER_TOKEN = {"mlx_lm": 1.9, "llama_cpp": 1.0}
"""Of the models' small vocabularies."""


@dataclass(frozen=True)
class Answer:
    """One request; times in seconds."""

    ttft_s: float
    prompt_tokens: int
    cached_tokens: int

    @property
    def cached(self) -> float:
        """The share of the prompt that was in the cache."""
        return self.cached_tokens / max(1, self.prompt_tokens)


@dataclass(frozen=True)
class Row:
    """A new prompt behind a tool loop, without and with the switches."""

    engine: str
    template: str
    cold_s: float
    """The loop's own first reading, for comparison."""
    before: Answer
    now: Answer

    @property
    def sooner(self) -> float:
        """The factor by which its first token comes sooner."""
        return self.before.ttft_s / self.now.ttft_s


async def rows(
    folder: Path,
    *,
    engines: Sequence[str] = ENGINES,
    tokens: int = TOKENS,
    hidden: int = HIDDEN,
    layers: int = LAYERS,
) -> AsyncIterator[Row]:
    """A row for each engine and template, as they are measured."""
    for engine in engines:
        if engine == "mlx_lm":
            model = random_models.make(folder / "mlx", "sliding", hidden, layers)
        else:
            model = random_gguf.make(folder / "model.gguf", hidden, layers)
        for name, template in KEEPS.items():
            yield await _row(engine, name, template, model, folder, tokens)


async def _row(
    engine: str, name: str, template: str, model: Path, folder: Path, tokens: int
) -> Row:
    file = folder / "template.jinja"
    file.write_text(template)
    given = {
        "mlx_lm": ("--chat-template", template),
        "llama_cpp": ("--chat-template-file", str(file)),
    }
    settings = BackendSettings(
        kind=engine, model=str(model), args=given[engine], context_window=random_gguf.WINDOW_TOKENS
    )
    backend = create(engine, settings, folder / "home")
    await backend.start()
    try:
        endpoint = backend.endpoint
        chars = int(tokens * _CHARS_PER_TOKEN[engine])
        forms = []
        for keeps in (False, True):
            nonce = secrets.token_hex(8)  # the one must not find what the other has cached
            loop, then = (_body(endpoint, chars, nonce, then, keeps) for then in (False, True))
            forms.append((await _ask(endpoint, loop), await _ask(endpoint, then)))
        (cold, before), (_, now) = forms
        return Row(engine, name, cold.ttft_s, before, now)
    finally:
        await backend.stop()


def _body(endpoint: Endpoint, chars: int, nonce: str, then: bool, keeps: bool) -> dict[str, Any]:
    """The chat completions body of a loop, or of the new prompt behind it."""
    result = "A line of a file. " * (chars // ROUNDS // 20)
    thinking = "I look at the next one. " * (chars // ROUNDS // 240)
    messages: list[Any] = [{"role": "user", "content": "Look at all."}]
    for number in range(ROUNDS):
        call = {"id": f"toolu_{number:024d}", "name": "Bash", "input": {"command": f"cat {number}"}}
        thought = {"type": "thinking", "thinking": f"{number}: {thinking}", "signature": "s"}
        answer = {"type": "tool_result", "tool_use_id": call["id"], "content": result}
        messages += [
            {"role": "assistant", "content": [thought, {"type": "tool_use", **call}]},
            {"role": "user", "content": [answer]},
        ]
    if then:
        messages += [
            {"role": "assistant", "content": "All is seen."},
            {"role": "user", "content": "And now?"},
        ]
    schema = {"type": "object", "properties": {"command": {"type": "string"}}}
    request = {
        "model": "m",
        "max_tokens": 2,
        "system": f"{nonce}. You are a test.",
        "thinking": {"type": "adaptive"},
        "tools": [{"name": "Bash", "description": "Runs it.", "input_schema": schema}],
        "messages": messages,
    }
    body = translate(request, endpoint, CallMemory()).body
    if not keeps:
        switches = body["chat_template_kwargs"]
        body["chat_template_kwargs"] = {k: v for k, v in switches.items() if k not in KEEP_THINKING}
    return body


async def _ask(endpoint: Endpoint, body: dict[str, Any]) -> Answer:
    """Stream it from the server itself. The first token: the first chunk with anything said."""
    began, first = time.perf_counter(), 0.0
    usage: dict[str, Any] = {}
    async with (
        httpx.AsyncClient(
            headers=dict(endpoint.headers), timeout=_REQUEST_S, trust_env=False
        ) as client,
        client.stream("POST", endpoint.url, json=body) as answer,
    ):
        if answer.status_code != 200:
            raise SystemExit(f"HTTP {answer.status_code}: {(await answer.aread()).decode()[:300]}")
        async for line in answer.aiter_lines():
            event = _event(line)
            usage = event.get("usage") or usage
            choices = event.get("choices") or [{}]
            said = choices[0].get("finish_reason") or any(
                value for key, value in (choices[0].get("delta") or {}).items() if key != "role"
            )
            if said and not first:
                first = time.perf_counter()
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Answer(first - began, usage["prompt_tokens"], cached)


def _event(line: str) -> dict[str, Any]:
    data = line.removeprefix("data:").strip()
    found = json.loads(data) if line.startswith("data:") and data != "[DONE]" else {}
    return found if isinstance(found, dict) else {}


def line(row: Row) -> str:
    """A row of the table."""
    cells = (
        row.engine,
        row.template,
        f"{row.now.prompt_tokens:,}",
        f"{row.cold_s:.1f} s",
        f"{row.before.cached:.0%}",
        f"{row.before.ttft_s:.1f} s",
        f"{row.now.cached:.1%}",
        f"{row.now.ttft_s:.2f} s",
        f"{row.sooner:.0f}×",
    )
    return f"| {' | '.join(cells)} |"


HEAD = """\
| engine | template | prompt, tokens | cold | cached before | TTFT before | cached | TTFT | sooner |
|---|---|---|---|---|---|---|---|---|"""


async def _print(options: argparse.Namespace) -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs\n\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "home").mkdir(mode=0o700)
        given = {"tokens": options.tokens, "hidden": options.hidden, "layers": options.layers}
        async for row in rows(Path(folder), engines=options.engines, **given):
            print(line(row), flush=True)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--tokens", type=int, default=TOKENS, help="of the loop")
    parser.add_argument("--hidden", type=int, default=HIDDEN, help="width of the models")
    parser.add_argument("--layers", type=int, default=LAYERS)
    asyncio.run(_print(parser.parse_args()))


if __name__ == "__main__":
    main()
