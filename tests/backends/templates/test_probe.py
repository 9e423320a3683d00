"""Who is asked about a template: its text in a bounded child, and servers that render or count.

The servers are FAKES over real HTTP, with a real template behind them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web

from anyclaude_tui import bounded
from anyclaude_tui.backends import http
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates import probe
from anyclaude_tui.backends.templates.jinja import renderer
from anyclaude_tui.backends.templates.probe import NoTemplateError, followed, of_server, of_text
from anyclaude_tui.backends.templates.profile import Profile
from anyclaude_tui.backends.templates.sources import AskedSource, CountedSource
from tests.backends.fakes import CHAT, Fake, serving
from tests.backends.templates import small

BASE = Dialect(enable_thinking=True, reasoning_history="reasoning_content")
ROUTE = "/v1/chat/completions"


class Server(Fake):
    """Renders with a template and counts its words."""

    def __init__(self, template: str, **delta: str) -> None:
        self._render = renderer(template, {})
        routes = {f"POST {ROUTE}": self._chat, "POST /apply-template": self._apply}
        super().__init__({**routes, "POST /tokenize": self._tokenize})

    def _answer(self, body: dict[str, Any], answer: Any) -> tuple[int, Any]:
        try:
            text = self._render(body)
        except Exception as error:
            return 500, {"error": {"message": f"While executing: {error}"}}
        return 200, answer(text)

    def _chat(self, body: dict[str, Any]) -> tuple[int, Any]:
        def answer(text: str) -> Any:
            return {**CHAT, "usage": {"prompt_tokens": len(text.split())}}

        return self._answer(body, answer)

    def _apply(self, body: dict[str, Any]) -> tuple[int, Any]:
        return self._answer(body, lambda text: {"prompt": text})

    def _tokenize(self, body: dict[str, Any]) -> tuple[int, Any]:
        assert "max_tokens" not in body
        return self._answer(body, lambda text: {"count": len(text.split())})


@pytest.mark.parametrize(
    ("template", "dialect"),
    [
        (small.PLAIN, {}),
        (small.ONE_CALL, {"calls": "serial"}),
        (small.SECOND_LOST, {"calls": "serial"}),
        (small.NINE, {"call_ids": "nine"}),
        (small.NO_USER_BEHIND_TOOL, {"user_after_results": "folded"}),
        (small.NOT_BOTH, {"text_beside_calls": "reasoning"}),
    ],
)
async def test_the_same_answers_from_text_from_the_server_and_counted(
    template: str, dialect: dict[str, Any]
) -> None:
    assert (await of_text(template, {}, BASE)).dialect == dialect
    async with serving(Server(template)) as fake, http.client(fake.url) as client:
        for path in (ROUTE, "/tokenize"):
            counted = await of_server(CountedSource(client, path, "m", 5), BASE)
            assert counted is not None
            assert (counted.source, counted.dialect) == ("counted", dialect)
        asked = await of_server(AskedSource(client, "m"), BASE)
        assert asked is not None
        assert asked.dialect == dialect


async def test_counting_takes_few_chats_where_all_is_well() -> None:
    async with serving(Server(small.PLAIN)) as fake, http.client(fake.url) as client:
        await of_server(CountedSource(client, ROUTE, "m", 5), BASE)
        assert len(fake.asked) <= 12
        assert all(body["max_tokens"] == 1 for body in fake.bodies(f"POST {ROUTE}"))


async def test_a_server_that_counts_nothing_or_is_gone_leaves_things_as_they_are() -> None:
    async with serving(Fake({f"POST {ROUTE}": CHAT})) as fake, http.client(fake.url) as client:
        assert await of_server(CountedSource(client, ROUTE, "m", 5), BASE) is None
        url = fake.url
        assert await of_server(CountedSource(client, "/tokenize", "m", 5), BASE) is None
        assert await of_server(AskedSource(client, "m"), BASE) is None
    async with http.client(url) as client:
        assert await of_server(CountedSource(client, ROUTE, "m", 5), BASE) is None


async def test_a_profile_is_kept_by_the_text_s_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    first = await of_text(small.EFFORT, {}, BASE)
    assert first.dialect["effort_switch"] == ("reasoning_effort", ("low", "medium", "xhigh"))
    monkeypatch.setattr(probe, "CHILD", "no.such.module")
    assert await of_text(small.EFFORT, {}, BASE) is first
    with pytest.raises(NoTemplateError):
        await of_text(small.EFFORT + " ", {}, BASE)


async def test_a_date_in_front_is_found() -> None:
    found = await of_text(small.DATE_IN_FRONT, {}, BASE)
    assert found.date_in_front
    assert "midnight" in found.warnings[0]
    assert not (await of_text(small.PLAIN, {}, BASE)).date_in_front


async def test_what_is_no_template_is_said() -> None:
    with pytest.raises(NoTemplateError, match="not a chat template"):
        await of_text("{% for %}", {}, BASE)


async def test_a_template_that_does_not_end_is_ended() -> None:
    asked = {"template": small.ENDLESS, "tokens": {}, "dialect": {}, "trims": False}
    with pytest.raises(bounded.BoundedError, match=r"not done in 0\.5 s"):
        await bounded.run(probe.CHILD, json.dumps(asked).encode(), seconds=0.5)


async def test_a_child_that_fails_or_writes_too_much_is_said(monkeypatch: Any) -> None:
    with pytest.raises(bounded.BoundedError, match="exit 1"):
        await bounded.run("no.such.module", b"")
    with pytest.raises(bounded.BoundedError, match="more than"):
        await bounded.run("this", b"", output_bytes=10)


def test_the_child_limits_itself() -> None:
    code = (
        "from anyclaude_tui.bounded import limit_myself\n"
        "limit_myself([str(2**28), '5'])\n"
        "try: bytearray(2**29)\nexcept MemoryError: raise SystemExit(7)"
    )
    ended = subprocess.run([sys.executable, "-c", code], timeout=30, check=False)
    assert ended.returncode == (7 if sys.platform == "linux" else 0)  # macOS does not keep it


@pytest.mark.parametrize(
    ("delta", "until"),
    [
        ({"content": "We "}, ("</think>", "")),
        ({"reasoning_content": "We "}, ("", "")),
        ({"reasoning": "We "}, ("", "")),
        ({"content": " "}, ("", "")),
    ],
)
async def test_who_reads_the_block_that_the_prompt_opens(delta: Any, until: Any) -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        assert (await request.json())["stream"] is True
        event = json.dumps({"choices": [{"index": 0, "delta": delta}]})
        return web.Response(body=f"data: {event}\n\ndata: [DONE]\n\n")

    profile = Profile("rendered", opens=("</think>", "</think>", ""))
    fake = Fake({})
    fake.handle = chat  # type: ignore[method-assign,assignment]
    async with serving(fake) as fake, http.client(fake.url) as client:
        how = await followed(profile, BASE, client, ROUTE, "m")
    assert how.thinks_until == until
