"""The verdict on what the simulated server really did, in each known situation.

Each situation is measured once, over HTTP; twenty seeds of noise are then put on the
measured times, and every one must be named rightly.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from aiohttp import web

from anyclaude_tui.compare.diagnosis.causes import Cause, Scenario
from anyclaude_tui.compare.diagnosis.verdict import judge
from anyclaude_tui.compare.measuring.comparer import Comparer
from anyclaude_tui.compare.samples import Comparison, Prefix, Sample, Way
from anyclaude_tui.compare.workload import ALL_CELLS, Workload, from_prompt, long_text
from anyclaude_tui.config.settings import BackendSettings, Limits, Settings
from anyclaude_tui.figures import Figure
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.metrics import RequestView

SEEDS = range(20)
NOISE = 0.04
CELLS = tuple(cell for cell in ALL_CELLS if cell != (Way.DIRECT, Prefix.WARM))
USUAL = "prefill_tokens_per_s=10000,decode_tokens_per_s=400,reasoning_tokens=20,load_s=0"


def workload(tokens: int = 1600, max_tokens: int = 512) -> Workload:
    """A prompt of so many tokens that lets the model think, and is answered in about 20."""
    made = from_prompt("Say hello.", max_tokens=max_tokens)
    body = {**made.body, "system": long_text(tokens), "thinking": {"type": "adaptive"}}
    return Workload(made.name, body, cells=CELLS)


def settings(a: str, b: str) -> Settings:
    """Two simulated backends, a and b, of these profiles over the usual one."""
    return Settings(
        backends={
            name: BackendSettings(kind="simulator", profile=f"fast,{USUAL},{more}".rstrip(","))
            for name, more in (("a", a), ("b", b))
        }
    )


async def measured(
    home: Path, a: str, b: str, /, work: Workload | None = None, runs: int = 2, **lend: Session
) -> Comparison:
    comparer = Comparer(
        settings(a, b), home, ["a", "b"], [work or workload()], runs=runs, lend=lend
    )
    return await comparer.run()


Measure = Callable[[], Awaitable[Comparison]]
ATTEMPTS = 3
"""Real time is measured here: a machine that stops one of the processes for longer than the
difference that is looked for makes another verdict. A wrong verdict is wrong every time."""


async def check(measure: Measure, cause: Cause, scenario: Scenario | None) -> None:
    """The verdict on what is measured, and under twenty seeds of noise."""
    for _ in range(ATTEMPTS - 1):
        comparison = await measure()
        with suppress(AssertionError):
            check_once(comparison, cause, scenario)
            return
    check_once(await measure(), cause, scenario)


def check_once(comparison: Comparison, cause: Cause, scenario: Scenario | None) -> None:
    assert [sample.view.reason for sample in comparison.samples if not sample.ok] == []
    for seed in SEEDS:
        noisy = with_noise(comparison, seed) if seed else comparison
        verdict = judge(noisy)
        assert (verdict.cause, verdict.scenario) == (cause, scenario), (seed, verdict)


def with_noise(comparison: Comparison, seed: int) -> Comparison:
    random = Random(seed)
    samples = tuple(_stretched(sample, random) for sample in comparison.samples)
    return dataclasses.replace(comparison, samples=samples)


def _stretched(sample: Sample, random: Random) -> Sample:
    """All times of a run stretched by one factor, and its speeds with them."""
    factor = random.lognormvariate(0.0, NOISE)
    view: RequestView = sample.view
    changes: dict[str, Any] = {
        name: getattr(view, name) * factor for name in ("elapsed_s", "queue_s")
    }
    for name in ("load_s", "prefill_s", "ttft_s", "first_text_s", "decode_s"):
        changes[name] = _times(getattr(view, name), factor)
    for name in ("tokens_per_s", "prefill_tokens_per_s"):
        changes[name] = _times(getattr(view, name), 1 / factor)
    return dataclasses.replace(sample, view=dataclasses.replace(view, **changes))


def _times(figure: Figure, factor: float) -> Figure:
    if figure.value is None:
        return figure
    return dataclasses.replace(figure, value=figure.value * factor)


async def test_slow_prefill(tmp_path: Path) -> None:
    await check(
        lambda: measured(tmp_path, "", "prefill_tokens_per_s=3000"), Cause.PREFILL, Scenario.BACKEND
    )


async def test_slow_decode(tmp_path: Path) -> None:
    await check(
        lambda: measured(tmp_path, "", "decode_tokens_per_s=80"), Cause.DECODE, Scenario.BACKEND
    )


async def test_long_thinking(tmp_path: Path) -> None:
    await check(
        lambda: measured(tmp_path, "", "reasoning_tokens=140"), Cause.THINKING, Scenario.BACKEND
    )


async def test_two_equal_models(tmp_path: Path) -> None:
    take = partial(measured, tmp_path, "", "", runs=3)
    await check(take, Cause.EQUAL, None)


async def test_a_huge_prompt(tmp_path: Path) -> None:
    quick, work = "prefill_tokens_per_s=40000", workload(18_000, max_tokens=30)
    await check(
        lambda: measured(tmp_path, quick, quick, work=work), Cause.CONTEXT, Scenario.CONTEXT
    )


async def test_a_lost_prefix(tmp_path: Path) -> None:
    slower = "prefill_tokens_per_s=5000"
    await check(
        lambda: measured(tmp_path, slower, f"{slower},cached_prompts=0", work=workload()),
        Cause.CACHE,
        Scenario.CONTEXT,
    )


class SlowProxy(Session):
    """A session whose proxy is reached through a relay that dawdles."""

    slow_url = ""

    @property
    def url(self) -> str:
        """See Session."""
        return self.slow_url or super().url


@asynccontextmanager
async def dawdling(target: Session, delay_s: float) -> AsyncIterator[str]:
    """A relay before the session's proxy that holds every request back for `delay_s`."""
    real = target.url

    async def relay(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        await asyncio.sleep(delay_s)
        async with (
            aiohttp.ClientSession() as http,
            http.post(real + request.path, data=body, headers=_headers(request)) as answer,
        ):
            response = web.StreamResponse(
                status=answer.status, headers={"request-id": answer.headers["request-id"]}
            )
            await response.prepare(request)
            while data := await answer.content.readany():
                await response.write(data)
            await response.write_eof()
            return response

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/messages", relay)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _headers(request: web.Request) -> dict[str, str]:
    return {"Authorization": request.headers["Authorization"]}


@asynccontextmanager
async def running(kind: type[Session], made: Settings, home: Path, name: str) -> AsyncIterator[Any]:
    session = kind(made, home=home, backend=name)
    await session.start()
    try:
        await session.ready()
        yield session
    finally:
        await session.stop()


async def test_a_slow_proxy(tmp_path: Path) -> None:
    made = settings("", "")
    async with (
        running(SlowProxy, made, tmp_path, "a") as a,
        running(SlowProxy, made, tmp_path, "b") as b,
        dawdling(a, 0.3) as slow_a,
        dawdling(b, 0.3) as slow_b,
    ):
        a.slow_url, b.slow_url = slow_a, slow_b
        take = partial(measured, tmp_path, "", "", a=a, b=b)
        await check(take, Cause.PROXY, Scenario.PROXY)


async def test_a_slow_proxy_on_one_side(tmp_path: Path) -> None:
    made = settings("", "")
    async with (
        running(SlowProxy, made, tmp_path, "b") as b,
        dawdling(b, 0.5) as slow,
    ):
        b.slow_url = slow
        take = partial(measured, tmp_path, "", "", b=b)
        await check(take, Cause.PROXY, Scenario.PROXY)


async def hog(session: Session) -> None:
    """Keeps the session's only slot busy, as a second Claude Code would."""
    body = dict(from_prompt('[[simulate {"output_tokens": 160}]]').body)
    headers = {"Authorization": f"Bearer {session.token}"}
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.post(
                f"{session.url}/v1/messages", json=body, headers=headers
            ) as answer:
                await answer.read()


async def test_a_busy_queue(tmp_path: Path) -> None:
    made = settings("", "slots=1")

    async def measure() -> Comparison:
        async with running(Session, made, tmp_path, "b") as b:
            # One only: a comparison's runs come last in the queue, so two would never let it in.
            hogging = asyncio.create_task(hog(b))
            try:
                return await measured(tmp_path, "", "slots=1", b=b)
            finally:
                hogging.cancel()
                with suppress(asyncio.CancelledError):
                    await hogging

    await check(measure, Cause.QUEUE, Scenario.BACKEND)


async def scripted(session: Session, scripts: list[dict[str, Any]]) -> None:
    """Tell the simulated server what to do with its next requests."""
    url = session.switchboard.peek(Role.MAIN).backend.endpoint.url
    base = url.removesuffix("/v1/chat/completions")
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{base}/x_simulator", json={"next": scripts}) as answer,
    ):
        assert answer.status == 200


Prepare = Callable[[Session], Awaitable[None]]


async def loaded(tmp_path: Path, prepare: Prepare) -> Comparison:
    made = settings("", "")
    async with running(Session, made, tmp_path, "b") as b:
        await prepare(b)
        return await measured(tmp_path, "", "", b=b)


async def test_a_load_at_each_request(tmp_path: Path) -> None:
    await check(
        lambda: loaded(tmp_path, lambda b: scripted(b, [{"load_s": 0.5}] * 9)),
        Cause.LOAD,
        Scenario.BACKEND,
    )


async def test_a_cold_load_the_first_time(tmp_path: Path) -> None:
    await check(
        lambda: loaded(tmp_path, lambda b: scripted(b, [{"load_s": 1.5}])),
        Cause.LOAD,
        Scenario.BACKEND,
    )


async def test_a_failed_run_does_not_spoil_the_verdict(tmp_path: Path) -> None:
    made = Settings(
        limits=Limits(retries=0), backends=settings("", "decode_tokens_per_s=80").backends
    )
    async with running(Session, made, tmp_path, "b") as b:
        await scripted(b, [{}, {"fault": "cut", "after": 3}])
        comparer = Comparer(made, tmp_path, ["a", "b"], [workload()], runs=2, lend={"b": b})
        found = await comparer.run()
    assert [sample.ok for sample in found.samples if sample.target == "b"].count(False) == 1
    assert judge(found).cause is Cause.DECODE
