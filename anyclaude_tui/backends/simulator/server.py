"""A simulated model server: real HTTP, real timing, no model.

It speaks what mlx_lm.server speaks (docs/protocol/mlx-lm.md), paced by a profile, so that the
program runs on a machine without a model and tests know exactly what happened. Tests
script it: see `simulator_plan.Script`; `POST /x_simulator {"next": [SCRIPT…]}` scripts the
coming requests in order, `GET /x_simulator` tells what was done, DELETE forgets it.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
import signal
import sys
from collections import deque
from dataclasses import asdict
from typing import Any

import msgspec
from aiohttp import web

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.simulator.plan import (
    KEY_VARIABLE,
    Profile,
    Script,
    make_plan,
    parse_profile,
)
from anyclaude_tui.backends.simulator.reply import Engine, PrefixCache, Record, Reply

DEFAULT_PORT = 8099
RECORDS_KEPT = 10_000
_THREAD_DIED = {"error": "generation thread died"}


class Simulator:
    """The server's state and its routes."""

    def __init__(self, profile: Profile, key: str = "") -> None:
        """`key`: who does not send it is told nothing by the model; empty: anybody is."""
        self.profile = profile
        self._wanted = f"Bearer {key}".encode() if key else b""
        self._engine = Engine(profile)
        self._scripts: deque[Script] = deque()
        self._records: deque[Record] = deque(maxlen=RECORDS_KEPT)

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=256 * 1024 * 1024)
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/chat/completions", self._chat)
        app.router.add_get("/x_simulator", self._tell)
        app.router.add_post("/x_simulator", self._be_told)
        app.router.add_delete("/x_simulator", self._forget)
        return app

    async def _health(self, _: web.Request) -> web.Response:
        if not self._engine.thread_alive:
            return web.json_response({"status": "unavailable"}, status=503)
        return web.json_response({"status": "ok"})

    async def _models(self, _: web.Request) -> web.Response:
        window = self.profile.window_tokens  # under vLLM's name for it
        model = {"id": self.profile.model, "object": "model", "max_model_len": window}
        return web.json_response({"object": "list", "data": [model]})

    async def _tell(self, _: web.Request) -> web.Response:
        records = [asdict(record) for record in self._records]
        return web.json_response({"profile": asdict(self.profile), "requests": records})

    async def _be_told(self, request: web.Request) -> web.Response:
        try:
            scripts = msgspec.convert((await request.json())["next"], list[Script])
        except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
            return web.json_response({"error": str(error)}, status=400)
        self._scripts.extend(scripts)
        return web.json_response({"queued": len(self._scripts)})

    async def _forget(self, _: web.Request) -> web.Response:
        self._records.clear()
        self._scripts.clear()
        self._engine.cache = PrefixCache(self.profile.cached_prompts)
        return web.json_response({})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        given = request.headers.get("authorization", "").encode()
        if self._wanted and not hmac.compare_digest(given, self._wanted):
            return web.json_response({"error": "the key is missing or wrong"}, status=401)
        try:
            body = msgspec.json.decode(await request.read(), type=dict[str, Any])
            script = Script.of_request(body, request.headers.get("x-simulator"))
            if script is None:
                script = self._scripts.popleft() if self._scripts else Script()
            plan = make_plan(body, self.profile, script)
        except msgspec.MsgspecError as error:
            return web.json_response({"error": f"Invalid request: {error}"}, status=400)
        record = self._engine.measure(body, script)
        await asyncio.sleep(script.delay_s)
        if script.status is not None:
            return web.json_response({"error": script.message}, status=script.status)
        if not self._engine.thread_alive:
            return web.json_response(_THREAD_DIED, status=404)
        reply = Reply(self._engine, request, body, script, plan, record)
        try:
            return await (reply.stream() if body.get("stream") else reply.whole())
        except (asyncio.CancelledError, ConnectionError):
            record.outcome = "cancelled"
            raise
        finally:
            self._records.append(record)


async def serve(port: int, profile: Profile, key: str = "") -> int:
    """Serve on loopback until SIGTERM or SIGINT; with a `key` those who have it. Returns the exit
    code."""
    machine.allow_open_files()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # handler_cancellation: a client that leaves frees its slot at once.
    app = Simulator(profile, key).app()
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError as error:
            print(f"port {port} cannot be used: {error.strerror}; give another", file=sys.stderr)
            return 1
        port = runner.addresses[0][1]
        print(
            f"simulated model server ({profile.name}: {profile.model}) on "
            f"http://127.0.0.1:{port}/v1",
            file=sys.stderr,
            flush=True,
        )
        await stop.wait()
    finally:
        await runner.cleanup()
    return 0


def run(port: int, profile: str) -> int:
    """Serve as a process (`anyclaude-tui simulate`). Returns the exit code."""
    try:
        chosen = parse_profile(profile)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return asyncio.run(serve(port, chosen, os.environ.get(KEY_VARIABLE, "")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--profile", default="fast")
    arguments = parser.parse_args()
    sys.exit(run(arguments.port, arguments.profile))
