"""A fake `vllm-mlx serve`, as a real process, for tests.

Written from docs/protocol/vllm-mlx.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from aiohttp import web


async def health(_: web.Request) -> web.Response:
    return web.json_response({"status": "healthy", "model_loaded": True, "engine_type": "batched"})


async def chat(request: web.Request) -> web.Response:
    body: dict[str, Any] = await request.json()
    name = request.app[NAME]
    if body["model"] != name:
        detail = f"The model `{body['model']}` does not exist. Available model: `{name}`"
        return web.json_response({"detail": detail}, status=404)
    if any(message["role"] == "system" for message in body["messages"][1:]):
        return web.json_response({"detail": "template error"}, status=500)
    message = {"role": "assistant", "content": "x"}
    return web.json_response({"choices": [{"index": 0, "message": message}]})


async def status(_: web.Request) -> web.Response:
    running = {
        "request_id": "1",
        "status": "running",
        "phase": "generation",
        "prompt_tokens": 11,
        "completion_tokens": 33,
        "cached_tokens": 4,
    }
    return web.json_response({"requests": [running]})


NAME = web.AppKey("name", str)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model")
    for text in ("served-model-name", "host", "tool-call-parser", "reasoning-parser"):
        parser.add_argument(f"--{text}")
    for number in ("port", "max-num-seqs", "prefill-step-size", "cache-memory-mb"):
        parser.add_argument(f"--{number}", type=int)
    for flag in ("continuous-batching", "enable-auto-tool-choice", "offline"):
        parser.add_argument(f"--{flag}", action="store_true")
    given = parser.parse_args()
    assert given.continuous_batching
    if os.environ.get("FAKE_PORT_TAKEN"):
        sys.exit(3)
    app = web.Application()
    app[NAME] = given.served_model_name
    app.router.add_get("/health", health)
    app.router.add_get("/v1/status", status)
    app.router.add_post("/v1/chat/completions", chat)
    web.run_app(app, host=given.host, port=given.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
