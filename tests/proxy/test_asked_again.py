"""What a backend says of itself is asked again before a prompt is refused, and what it counts is
learnt. Over sockets."""

from __future__ import annotations

from anyclaude_tui.figures import Source
from tests.support.proxy import ask_body, running_proxy
from tests.support.upstream import Reply, Upstream, fail, say
from tests.support.wire import DONE, finish, text, usage

LONG = "many words " * 4000


async def test_a_window_that_has_grown_is_seen_before_a_prompt_is_refused() -> None:
    """llama-server started anew with a larger -c, at the same place."""
    async with Upstream() as upstream, running_proxy(upstream.url, window_tokens=4096) as proxy:
        asked = 0

        async def renew() -> None:
            nonlocal asked
            asked += 1
            proxy.backend.now(window_tokens=65_536)

        proxy.backend.renew = renew  # type: ignore[method-assign]
        upstream.script(say("It fits."))
        status, _ = await proxy.ask(ask_body(LONG))
        assert (status, asked) == (200, 1)
        assert proxy.last.window_tokens == 65_536


async def test_a_window_that_has_not_grown_is_asked_for_once() -> None:
    async with Upstream() as upstream, running_proxy(upstream.url, window_tokens=4096) as proxy:
        asked = 0

        async def renew() -> None:
            nonlocal asked
            asked += 1

        proxy.backend.renew = renew  # type: ignore[method-assign]
        status, body = await proxy.ask(ask_body(LONG))
        assert (status, asked) == (400, 1)
        assert b"prompt is too long" in body
        assert not upstream.requests


async def test_the_count_in_a_refusal_is_reported_and_learnt() -> None:
    """llama.cpp says how long the prompt was; the next estimate knows."""
    error = {"type": "exceed_context_size_error", "n_prompt_tokens": 20_000, "n_ctx": 16_384}
    words = "the request exceeds the available context size"
    async with Upstream() as upstream, running_proxy(upstream.url) as proxy:
        before = proxy.services.counter.estimate("real-model", 40_000)
        upstream.script(fail(400, {"error": {"code": 400, "message": words, **error}}))
        status, body = await proxy.ask(ask_body(LONG))
        assert status == 400
        assert b"20000 tokens > 16384" in body
        assert proxy.last.prompt_tokens.value == 20_000
        assert proxy.last.prompt_tokens.source is Source.REPORTED
        assert proxy.services.counter.estimate("real-model", 40_000) > 1.5 * before


async def test_a_server_that_leaves_out_a_cached_0() -> None:
    """Rapid-MLX: known once another of its replies has told."""

    def reply(**more: int) -> Reply:
        return Reply(text("Hi."), finish(), usage(100, 2, **more), DONE)

    async with Upstream() as upstream, running_proxy(upstream.url) as proxy:
        upstream.script(reply(), reply(cached=90), reply())
        seen = []
        for _ in range(3):
            await proxy.ask(ask_body())
            seen.append(proxy.last.cached_tokens)
    assert [one.value for one in seen] == [None, 90, 0]
    assert [one.source for one in seen] == [Source.UNKNOWN, Source.REPORTED, Source.ESTIMATED]
