"""One answer of the simulated server, paced by the clock, and the state that answers share."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from anyclaude_tui.backends.simulator.plan import (
    CHARS_PER_TOKEN,
    Piece,
    Plan,
    Profile,
    Script,
    prompt_text,
)
from anyclaude_tui.common_prefix import common_prefix


@dataclass(slots=True)
class Record:
    """The course of one request as it was: the truth that tests compare with. Monotonic seconds."""

    prompt_tokens: int
    cached_tokens: int
    started_at: float | None = None
    first_delta_at: float | None = None
    last_delta_at: float | None = None
    output_tokens: int = 0
    chunks: int = 0
    comments: int = 0
    outcome: str = "running"


class PrefixCache:
    """The prompts seen last; what a new one shares with one of them need not be prefilled."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._prompts: OrderedDict[str, None] = OrderedDict()

    def cached_tokens(self, prompt: str) -> int:
        """Tokens of the longest common front, never the whole prompt (the last is computed)."""
        shared = max((common_prefix(prompt, seen) for seen in self._prompts), default=0)
        return max(0, min(shared // CHARS_PER_TOKEN, count_tokens(prompt) - 1))

    def add(self, prompt: str) -> None:
        """Remember a prompt; the one used longest ago is dropped."""
        self._prompts[prompt] = None
        self._prompts.move_to_end(prompt)
        while len(self._prompts) > self._size:
            self._prompts.popitem(last=False)


def count_tokens(prompt: str) -> int:
    """Simulated tokens of a prompt, at least one."""
    return max(1, -(-len(prompt) // CHARS_PER_TOKEN))


class Engine:
    """The simulated engine: its slots, its prefix cache, its load, whether its thread lives."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.slots = asyncio.Semaphore(profile.slots)
        """Requests beyond these wait, in the order in which they came."""
        self.cache = PrefixCache(profile.cached_prompts)
        self.thread_alive = True
        """False: it answers, but serves nothing any more, as mlx_lm can."""
        self._loaded_at = time.monotonic() + profile.load_s
        self._ids = 0

    async def wait_until_loaded(self) -> None:
        """The model load at the start of the process."""
        await _sleep_until(self._loaded_at)

    def next_id(self) -> str:
        """An id for a completion."""
        self._ids += 1
        return f"chatcmpl-sim-{self._ids}"

    def measure(self, body: dict[str, Any], script: Script) -> Record:
        """The record of a request that arrives now."""
        prompt = prompt_text(body)
        total = script.prompt_tokens or count_tokens(prompt)
        cached = 0 if script.no_cache else self.cache.cached_tokens(prompt)
        if script.cached_tokens is not None:
            cached = script.cached_tokens
        return Record(total, min(cached, total - 1))


class Reply:
    """One answer, paced by the clock: each token has its absolute time, so no error adds up."""

    def __init__(
        self,
        engine: Engine,
        request: web.Request,
        body: dict[str, Any],
        script: Script,
        plan: Plan,
        record: Record,
    ) -> None:
        self._engine = engine
        self._request = request
        self._body = body
        self._script = script
        self._plan = plan
        self._record = record
        self._head = {
            "id": engine.next_id(),
            "object": "chat.completion.chunk",
            "model": engine.profile.model,
            "created": 0,
        }

    async def whole(self) -> web.Response:
        """The answer in one piece, when all of its time has passed."""
        await self._engine.wait_until_loaded()
        async with self._engine.slots:
            start = await self._prefill(None)
            await _sleep_until(start + max(0, self._plan.tokens - 1) / self._decode_rate)
        message: dict[str, Any] = {"role": "assistant", "content": ""}
        for piece in self._plan.pieces:
            for key, value in piece.delta.items():
                message[key] = message[key] + value if key in message else value
        self._record.outcome = "complete"
        self._record.output_tokens = self._plan.tokens
        choice = {"index": 0, "finish_reason": self._plan.finish_reason, "message": message}
        head = {**self._head, "object": "chat.completion"}
        return web.json_response({**head, "choices": [choice], "usage": self._usage()})

    async def stream(self) -> web.StreamResponse:
        """The answer as server-sent events."""
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(self._request)
        await self._engine.wait_until_loaded()
        async with self._engine.slots:
            start = await self._prefill(response)
            going_on = await self._decode(response, start)
        if going_on:
            await self._finish(response)
            self._record.outcome = "complete"
        return response

    async def _prefill(self, response: web.StreamResponse | None) -> float:
        """Load and prefill with progress comments; returns when the first token is due."""
        script, profile, record = self._script, self._engine.profile, self._record
        record.started_at = time.monotonic()
        start = record.started_at + script.load_s
        await _sleep_until(start)
        rate = script.prefill_tokens_per_s or profile.prefill_tokens_per_s
        total = record.prompt_tokens - record.cached_tokens
        for done in [*range(profile.prefill_step, total, profile.prefill_step), total]:
            await _sleep_until(start + done / rate)
            if response is not None and script.comments:
                await response.write(f": keepalive {done}/{total}\n\n".encode())
                record.comments += 1
        if not script.no_cache:
            self._engine.cache.add(prompt_text(self._body))
        return start + total / rate

    async def _decode(self, response: web.StreamResponse, start: float) -> bool:
        """Send the pieces when they are due; False when a fault has ended the stream."""
        done = 0
        for number, piece in enumerate(self._plan.pieces):
            if self._fault_is_due(done):
                if not await self._misbehave(response):
                    return False
                start += self._script.stall_s
            # The first token comes out of prefill; a call's tokens are silence before it.
            due = done + piece.tokens - 1 + _jitter(number) * self._script.jitter
            await _sleep_until(start + due / self._decode_rate)
            await self._send(response, piece)
            done += piece.tokens
        if self._fault_is_due(done) or (self._script.fault and self._script.after > done):
            return await self._misbehave(response)
        return True

    def _fault_is_due(self, done: int) -> bool:
        script, record = self._script, self._record
        if script.fault in (None, "no_done", "no_finish") or record.outcome == "stalled":
            return False
        return done >= script.after

    async def _misbehave(self, response: web.StreamResponse) -> bool:
        """Do the fault. True when the stream goes on after it."""
        fault, record = self._script.fault, self._record
        record.outcome = str(fault)
        if fault in ("no_done", "no_finish"):
            return True
        if fault == "stall":
            record.outcome = "stalled"
            await asyncio.sleep(self._script.stall_s)
            return True
        if fault == "error":
            error = {"message": self._script.message, "type": "InternalServerError", "code": 500}
            await response.write(_event({"error": error}))
            await response.write(b"data: [DONE]\n\n")
        elif fault == "malformed":
            await response.write(b'data: {"choices": [{"delta": {"content": "half\n\n')
        elif fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault == "thread":
            self._engine.thread_alive = False
        if fault == "reset" and self._request.transport is not None:
            self._request.transport.abort()
        return False

    async def _send(self, response: web.StreamResponse, piece: Piece) -> None:
        await response.write(self._chunk({"role": "assistant", **piece.delta}, None))
        now, record = time.monotonic(), self._record
        record.first_delta_at = record.first_delta_at or now
        record.last_delta_at = now
        record.output_tokens += piece.tokens
        record.chunks += 1

    async def _finish(self, response: web.StreamResponse) -> None:
        """Finish reason, usage when asked for, [DONE]."""
        script = self._script
        if script.fault != "no_finish":
            await response.write(self._chunk({"role": "assistant"}, self._plan.finish_reason))
            self._record.chunks += 1
        if script.usage and (self._body.get("stream_options") or {}).get("include_usage"):
            usage = {**self._head, "object": "chat.completion", "choices": []}
            await response.write(_event({**usage, "usage": self._usage()}))
            self._record.chunks += 1
        if script.fault != "no_done":
            await response.write(b"data: [DONE]\n\n")

    def _chunk(self, delta: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, "finish_reason": finish, "delta": delta}
        return _event({**self._head, "choices": [choice]})

    def _usage(self) -> dict[str, Any]:
        prompt, output = self._record.prompt_tokens, self._plan.tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": self._record.cached_tokens},
        }

    @property
    def _decode_rate(self) -> float:
        return self._script.decode_tokens_per_s or self._engine.profile.decode_tokens_per_s


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def _jitter(number: int) -> float:
    """A fixed sequence in -0.5 … 0.5 that looks irregular."""
    return (number * 7919 % 101) / 100 - 0.5


async def _sleep_until(when: float) -> None:
    wait = when - time.monotonic()
    if wait > 0:
        await asyncio.sleep(wait)
